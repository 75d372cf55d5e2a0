"""Every report as a file on PostgreSQL, with 2,000 and with 100,000 people and a year of days each.

Asked through the address its page links to. The databases are made anew and dropped afterwards.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.benchmarks.dashboards import FEW, MANY, SERVER, portal
from tests.benchmarks.measured import Results, timed

FIRST_BYTE_MS = 1000
# Keys of the rows are held, and what one chunk of them needs.
MORE_MB = 64


def measure(folder: Path, results: Results, say: Console) -> None:
    server = os.environ.get("BENCHMARK_SERVER", SERVER)
    with portal(folder, server, *FEW, say) as few, portal(folder, server, *MANY, say) as many:
        compare(few, many, names(few), results, say)


def names(environment: dict[str, str]) -> list[str]:
    command = (sys.executable, "-m", "tests.benchmarks.report_files")
    return list(json.loads(timed(command, environment).output))


def ask(environment: dict[str, str], name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.report_files", name]
    if name in WITH_PERIOD:
        command.append("period=last-28-days")
    return dict(json.loads(timed(command, environment).output))


# Over 28 days, as on a dashboard: all other reports are asked as they are.
WITH_PERIOD = ("user-metrics", "users-low-acceptance")


def compare(
    few: dict[str, str], many: dict[str, str], wanted: list[str], results: Results, say: Console
) -> None:
    for name in wanted:
        small, large = ask(few, name), ask(many, name)
        for file_format, at_large in large["formats"].items():
            at_small = small["formats"][file_format]
            more = at_large["peak_mb"] - at_small["peak_mb"]
            results.add(
                f"{name}, {file_format}",
                f"first byte {at_large['first_ms']:.0f} ms, {at_large['rows']:,} rows in "
                f"{at_large['seconds']:.1f} s, {at_small['peak_mb']:.0f} → {at_large['peak_mb']:.0f} MiB; "
                f"the page counts {large['count']:,}",
                f"≤ {FIRST_BYTE_MS} ms, ≤ {MORE_MB} MiB more, equal, no formula",
                met=at_large["first_ms"] <= FIRST_BYTE_MS
                and more <= MORE_MB
                and at_large["rows"] == large["count"]
                and not at_large["formulas"],
            )
        say.print(f"{name}: {large['count']:,} rows, page {large['page_ms']:.0f} ms")
