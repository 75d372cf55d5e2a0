"""`python -m tests.fake_github`, for people and for benchmarks."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parent.parent.parent


@contextmanager
def started(*options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.fake_github", "--seats", "60", "--teams", "4", "--days", "5"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_it_says_what_to_paste_and_ends_when_told() -> None:
    with started() as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(12)]
        text = "".join(said)
        assert "connect --enterprise octo-enterprise --token-env GITHUB_TOKEN --api-url http://127" in text
        assert "sync_github --enterprise octo-enterprise" in text
        assert "Token          fake-token" in text
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_a_script_gets_a_line_of_json_and_trouble_when_it_wants_it() -> None:
    with started("--json", "--trouble", "502", "--rate", "1", "--latency", "1", "--token", "x") as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["enterprises"] == ["octo-enterprise"]
        assert told["rows"]["octo-enterprise"] >= 60
        answer = requests.get(f"{told['url']}/user", headers={"Authorization": "Bearer x"}, timeout=5)
        assert answer.status_code == 502
        process.terminate()
        assert process.wait(60) == 0
