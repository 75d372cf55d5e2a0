"""The dashboards on PostgreSQL, with 2,000 and with 100,000 people and a year of days each.

Every page and every panel is asked through Django's test client, in alternation with a view that does nothing
but know who is there. The databases are made anew and dropped afterwards.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.benchmarks.measured import MANAGE, Results, timed

# People and their teams.
FEW, MANY = (2_000, 40), (100_000, 400)
GROWS, TIMES_BARE = 2.0, 10.0
SERVER = "postgres://root@127.0.0.1:5432"
ROUNDS = 7
# The usual 28 days, and all there is.
PERIODS = ("", "period=365")


def measure(folder: Path, rounds: int, results: Results, say: Console) -> None:
    server = os.environ.get("BENCHMARK_SERVER", SERVER)
    with portal(folder, server, *FEW, say) as few, portal(folder, server, *MANY, say) as many:
        for query in PERIODS:
            compare(few, many, query, ROUNDS * rounds, results, say)


def compare(
    few: dict[str, str], many: dict[str, str], query: str, rounds: int, results: Results, say: Console
) -> None:
    small, large = ask(few, rounds, query), ask(many, rounds, query)
    period = query or "28 days"
    for name, at_large in large.items():
        at_small = small[name]
        if at_small["status"] != 200 or at_large["status"] != 200:
            results.add(f"{name}, {period}", f"{at_small['status']}, {at_large['status']}", "200", met=False)
            continue
        grows = at_large["ms"] / at_small["ms"]
        counts = f"{at_small['queries']} → {at_large['queries']}"
        results.add(
            f"{name}, {period}",
            f"{at_small['ms']:.0f} → {at_large['ms']:.0f} ms: {grows:.2f}; "
            f"{at_large['ratio']:.1f} of a bare view; {counts} queries",
            f"≤ {GROWS:.0f}, ≤ {TIMES_BARE:.0f}, equal",
            met=grows <= GROWS
            and at_large["ratio"] <= TIMES_BARE
            and at_small["queries"] == at_large["queries"],
        )
    say.print(f"{period}: {len(large)} pages and panels")


def ask(environment: dict[str, str], rounds: int, query: str) -> dict[str, Any]:
    command = (sys.executable, "-m", "tests.benchmarks.dashboard_pages", str(rounds), "", query)
    return dict(json.loads(timed(command, environment).output))


@contextmanager
def portal(folder: Path, server: str, people: int, teams: int, say: Console) -> Iterator[dict[str, str]]:
    """The environment of a portal with so many people and a year of their days."""
    name = f"portal_benchmark_{people}"
    environment = {
        name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")
    } | {
        "ENV_FILE": os.devnull,
        "SECRET_KEY": "only-for-benchmarks-0123456789-abcdefghijklmnopqrstuvwxyz",
        "DATABASE_URL": f"{server}/{name}",
        "DATA_DIR": str(folder / name),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "ALLOWED_HOSTS": "testserver",
        "HTTPS": "false",
    }
    statement = ("psql", "--quiet", f"{server}/postgres", "--command")
    subprocess.run([*statement, f"DROP DATABASE IF EXISTS {name}"], check=True)
    subprocess.run([*statement, f"CREATE DATABASE {name}"], check=True)
    try:
        timed([*MANAGE, "migrate", "--verbosity", "0", "--skip-checks"], environment)
        filled = timed(
            (sys.executable, "-m", "tests.benchmarks.large_company", str(people), str(teams)), environment
        )
        say.print(f"{people:,} people filled in within {filled.seconds:.0f} s")
        yield environment
    finally:
        subprocess.run([*statement, f"DROP DATABASE IF EXISTS {name}"], check=True)
