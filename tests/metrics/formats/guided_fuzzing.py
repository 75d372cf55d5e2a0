"""Damage lines of one format wherever that leads to code not reached before.

    python -m tests.metrics.formats.guided_fuzzing users-1-day 60

Takes the format and for how many seconds; the extra `fuzz` installs what it needs. What it finds interesting
is kept below the folder that FUZZ_CORPUS names, and begun with the next time.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["metrics.formats", "portal.github.fields", "portal.github.records"]):
    from tests.metrics.formats.fuzzing import FORMATS, check, check_as_file


def main(name: str, seconds: str) -> None:
    fmt = FORMATS[name]

    def damaged(content: bytes) -> None:
        check(fmt, fmt.header + content)
        check_as_file(fmt.header + content)

    with tempfile.TemporaryDirectory() as temporary:
        corpus = Path(os.environ.get("FUZZ_CORPUS") or temporary) / name
        corpus.mkdir(parents=True, exist_ok=True)
        for number, line in enumerate(fmt.good):
            (corpus / f"good-{number}").write_bytes(line + b"\n")
        found = f"-artifact_prefix={temporary}/"
        limits = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=20", "-rss_limit_mb=2048"]
        atheris.Setup([sys.argv[0], str(corpus), found, *limits], damaged)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
