"""The seat sync against the bare fetch of the same pages, from a fake GitHub in a process of its own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.benchmarks.measured import MANAGE, ROOT, Portal, Results

TOKEN = "benchmark-token"
ORGANIZATION = "octo"
# Latency in milliseconds, threads of the yardstick, and the goals: first sync, and one that changes nothing.
CASES = ((0, 1, 10.0, 5.0), (50, 4, 1.6, 1.3))
ROSTER_TABLES = ("seats_seat", "seats_seatgrant", "seats_seatobservation", "seats_githubuser")


@dataclass(frozen=True)
class Synced:
    """Seconds of a sync: the job (fetch, compare, write, judge), and the command with its start-up."""

    job: float
    command: float

    def __str__(self) -> str:
        return f"{self.job:.2f} s (the command {self.command:.2f} s)"


@contextmanager
def github(seats: int, latency: int) -> Iterator[dict[str, Any]]:
    """A fake GitHub with one organization of so many seats; what a script needs to know of it."""
    command = [
        sys.executable, "-m", "tests.fake_github", "--json", "--enterprise", "", "--organizations", "1",
        "--seats", str(seats), "--teams", "20", "--days", "1", "--latency", str(latency), "--token", TOKEN,
        "--limit", "100000",
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate()


def measure(folder: Path, seats: int, rounds: int, results: Results, say: Console) -> None:
    for latency, threads, first_goal, again_goal in CASES:
        with github(seats, latency) as facts:
            first, again = _ratios(folder / f"{latency}-ms", facts, threads, rounds, say)
        reader = "one thread" if threads == 1 else f"{threads} threads"
        what = f"seat sync of {seats:,} seats at {latency} ms, against a bare fetch by {reader}"
        results.add(what, f"{first:.2f}", f"≤ {first_goal}", met=first <= first_goal)
        results.add(
            "the same again, nothing changed", f"{again:.2f}", f"≤ {again_goal}", met=again <= again_goal
        )


def _ratios(
    folder: Path, facts: dict[str, Any], threads: int, rounds: int, say: Console
) -> tuple[float, float]:
    organization = facts["organizations"][0]
    firsts, agains = [], []
    for _ in range(rounds):
        portal = Portal(folder)
        portal.environment |= {
            "GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": facts["url"], "REPORT_HOSTS": "127.0.0.1",
        }  # fmt: skip
        portal.connect(organization, facts["url"])
        bare = _bare_fetch(facts["url"], organization, threads)
        first = sync_once(portal, organization)
        before = {table: portal.count(table) for table in ROSTER_TABLES}
        again = sync_once(portal, organization)
        assert {table: portal.count(table) for table in ROSTER_TABLES} == before
        firsts.append(first.job / bare)
        agains.append(again.job / bare)
        say.print(f"bare fetch {bare:.2f} s, first sync {first}, again {again}")
    return statistics.median(firsts), statistics.median(agains)


def sync_once(portal: Portal, organization: str) -> Synced:
    """Run `sync_github --only seats` as a command."""
    command = portal.run(*MANAGE, "sync_github", "--organization", organization, "--only", "seats")
    started, finished = portal.row(
        "SELECT started_at, finished_at FROM portal_job WHERE kind = 'sync-seats' AND state = 'done' "
        "ORDER BY id DESC"
    )
    job = datetime.fromisoformat(finished) - datetime.fromisoformat(started)
    return Synced(job.total_seconds(), command.seconds)


def _bare_fetch(url: str, organization: str, threads: int) -> float:
    address = f"{url}/orgs/{organization}/copilot/billing/seats"
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.bare_fetch", address, str(threads)],
        cwd=ROOT, env={**os.environ, "GITHUB_TOKEN": TOKEN}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout)
