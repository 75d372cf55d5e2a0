"""The dashboards on PostgreSQL, with 2,000 and with 100,000 people and a year of days each.

Every page and every panel is asked through Django's test client, in alternation with a view that does nothing
but know who is there. The databases are made anew and dropped afterwards.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
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
    """Cold and warm: growth with the size, against a bare view, and against an empty page of this admin."""
    small, large = ask(few, rounds, query), ask(many, rounds, query)
    period = query or "28 days"
    met: Counter[str] = Counter()
    for name, at_large in large.items():
        at_small = small[name]
        if at_small["status"] != 200 or at_large["status"] != 200:
            results.add(f"{name}, {period}", f"{at_small['status']}, {at_large['status']}", "200", met=False)
            continue
        # Ratios to the bare view of the same run: the two runs are not of the same moment.
        cold, warm = at_large["ratio"] / at_small["ratio"], at_large["warm_ratio"] / at_small["warm_ratio"]
        of_empty = at_large["ratio"] / large["empty"]["ratio"]
        is_met = {
            "growth": cold <= GROWS,
            "growth, warm": warm <= GROWS,
            "bare view": at_large["ratio"] <= TIMES_BARE,
            "bare view, warm": at_large["warm_ratio"] <= TIMES_BARE,
            "empty page": of_empty <= TIMES_BARE,
            "queries": at_small["queries"] == at_large["queries"],
        }
        met.update(what for what, is_one in is_met.items() if is_one)
        results.add(
            f"{name}, {period}",
            f"{at_small['ms']:.0f} → {at_large['ms']:.0f} ms: {cold:.2f}; "
            f"{at_large['ratio']:.1f} of a bare view, {of_empty:.1f} of an empty page; "
            f"warm {at_large['warm_ratio']:.1f}; {at_small['queries']} → {at_large['queries']} queries",
            f"≤ {GROWS:.0f}, ≤ {TIMES_BARE:.0f}, equal",
            met=is_met["growth"] and is_met["bare view"] and is_met["queries"],
        )
    told = ", ".join(f"{what} {count}" for what, count in met.items())
    say.print(f"{period}: of {len(large)} pages and panels met: {told}")


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
