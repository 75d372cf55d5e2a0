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
# Sets of people are held, a bit for each, and what one chunk of rows needs.
MORE_MB = 64


def measure(folder: Path, results: Results, say: Console) -> None:
    server = os.environ.get("BENCHMARK_SERVER", SERVER)
    with portal(folder, server, *FEW, say) as few, portal(folder, server, *MANY, say) as many:
        compare(few, many, names(few), results, say)


def names(environment: dict[str, str]) -> list[str]:
    command = (sys.executable, "-m", "tests.benchmarks.report_files")
    return list(json.loads(timed(command, environment).output))


def ask(environment: dict[str, str], name: str, query: str) -> dict[str, Any]:
    command = (sys.executable, "-m", "tests.benchmarks.report_files", name, query)
    return dict(json.loads(timed(command, environment).output))


# Beside every report as it is: those of which an option makes another one.
FURTHER = (
    ("custom", "grouping=team"),
    ("custom", "grouping=department"),
    ("custom", "grouping=language&granularity=day"),
    ("language-metrics", "by=day"),
    ("user-metrics", "team=team-3"),
)


def compare(
    few: dict[str, str], many: dict[str, str], wanted: list[str], results: Results, say: Console
) -> None:
    asked = [*((name, "") for name in wanted), *(each for each in FURTHER if each[0] in wanted)]
    for name, query in asked:
        small, large = ask(few, name, query), ask(many, name, query)
        what = f"{name} {query}".strip()
        for file_format, at_large in large["formats"].items():
            at_small = small["formats"][file_format]
            more = at_large["peak_mb"] - at_small["peak_mb"]
            results.add(
                f"{what}, {file_format}",
                f"first byte {at_large['first_ms']:.0f} ms, {at_large['rows']:,} rows in "
                f"{at_large['seconds']:.1f} s, {at_small['peak_mb']:.0f} → {at_large['peak_mb']:.0f} MiB; "
                f"the page counts {large['count']:,}",
                f"≤ {FIRST_BYTE_MS} ms, ≤ {MORE_MB} MiB more, equal, no formula",
                met=at_large["first_ms"] <= FIRST_BYTE_MS
                and more <= MORE_MB
                and _is_same(name, at_large["rows"], large["count"])
                and not at_large["formulas"],
            )
        say.print(f"{what}: {large['count']:,} rows, page {large['page_ms']:.0f} ms")


def _is_same(name: str, rows: int, counted: int) -> bool:
    """Whether the file has the rows of the page; each file taken adds one to the log of who took what."""
    return rows == counted or (name == "audit" and counted < rows <= counted + 3)
