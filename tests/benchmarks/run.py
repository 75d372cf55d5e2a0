"""Measures the portal's own commands and pages against yardsticks of the same run, and prints one table.

Times depend on the machine and on what else it does: only the ratios mean something. Each pair is measured
in alternation, `--rounds` times; the table shows the median of the pairwise ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks import dashboards, lines, reports, sync, uploads
from tests.benchmarks.measured import MEGABYTE, Portal, Results, Run, timed

SEATS = (100, 20_000)
SIZE = "SELECT pg_database_size(current_database())"


def answer(run: Run) -> dict[str, int]:
    return dict(json.loads(run.output.splitlines()[-1]))


def yardstick(path: Path, folder: Path, url: str = "") -> Run:
    """S, into a database of its own; or COPY, where the URL of a PostgreSQL is given."""
    if url:
        return timed((sys.executable, "-m", "tests.benchmarks.yardstick", str(path), url), dict(os.environ))
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / "yardstick.sqlite3"
    for leftover in folder.glob("yardstick.sqlite3*"):
        leftover.unlink()
    return timed(
        (sys.executable, "-m", "tests.benchmarks.yardstick", str(path), str(database)), dict(os.environ)
    )


def measure_imports_on_postgresql(
    folder: Path, url: str, people: int, rounds: int, results: Results, say: Console
) -> None:
    """The command, against COPY of the same lines; the database is empty before, and empty again after."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as server:
        tables = server.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        if tables != (0,):
            raise SystemExit(
                f"{url.rpartition('/')[2]} is not empty; give a database to be filled and emptied."
            )
        usage = folder / "users.ndjson"
        count = lines.write_usage(usage, people, lines.WINDOW)
        ratios, sizes = [], []
        for _ in range(rounds):
            floor = yardstick(usage, folder, url)
            portal = Portal(folder / "portal", url)
            before = server.execute(SIZE).fetchone() or (0,)
            first = portal.take_in(usage)
            assert answer(first)["rows_new"] == count
            after = server.execute(SIZE).fetchone() or (0,)
            ratios.append(first.seconds / floor.seconds)
            sizes.append((after[0] - before[0]) / count)
            server.execute("DROP SCHEMA public CASCADE")
            server.execute("CREATE SCHEMA public")
            say.print(f"COPY {floor.seconds:.1f} s, import_reports {first.seconds:.1f} s")
    ratio, speed = statistics.median(ratios), count / first.seconds
    results.add(
        f"import of {count:,} lines into PostgreSQL, against COPY",
        f"{first.seconds:.1f} s, {speed:,.0f} lines/s, {ratio:.2f}",
        "≤ 3, ≥ 8,000 lines/s",
        met=ratio <= 3 and speed >= 8000,
    )
    results.add("its peak memory", f"{first.peak:,.0f} MiB", "≤ 250 MB", met=first.peak <= 250)
    per_row = statistics.median(sizes)
    results.add("bytes per user-day in the database", f"{per_row:,.0f}", "≤ 1,200", met=per_row <= 1200)


def measure_imports(folder: Path, people: int, rounds: int, results: Results, say: Console) -> None:
    usage = folder / "users.ndjson"
    count = lines.write_usage(usage, people, lines.WINDOW)
    size = usage.stat().st_size
    say.print(f"{count:,} lines, {size / MEGABYTE:,.0f} MiB, {size // count:,} bytes a line")
    ratios, firsts = [], []
    for _ in range(rounds):
        s = yardstick(usage, folder / "s")
        portal = Portal(folder / "portal")
        first = portal.take_in(usage)
        assert answer(first)["rows_new"] == count
        ratios.append(first.seconds / s.seconds)
        firsts.append(first)
        say.print(f"S {s.seconds:.1f} s, import_reports {first.seconds:.1f} s")
    ratio = statistics.median(ratios)
    first = firsts[-1]
    results.add(
        f"import of {count:,} lines, against S",
        f"{first.seconds:.1f} s, {count / first.seconds:,.0f} lines/s, {ratio:.2f} S",
        "≤ 3 S, aim 2 S",
        met=ratio <= 3,
    )
    _measure_again(folder, portal, usage, count, first, results)
    per_row = portal.settled_size() / portal.count("metrics_userday")
    results.add("bytes per user-day in the database", f"{per_row:,.0f}", "≤ 1,200", met=per_row <= 1200)
    _measure_flatness(folder, people, first, results)


def _measure_again(
    folder: Path, portal: Portal, usage: Path, count: int, first: Run, results: Results
) -> None:
    """The same lines once more: as the same file under another name, and as another file."""
    renamed, turned = folder / "the same.json", folder / "reordered.ndjson"
    renamed.hardlink_to(usage)
    lines.reordered(usage, turned)
    for path, what in ((renamed, "the same file, another name"), (turned, "the same lines, another file")):
        again = portal.take_in(path)
        counts = answer(again)
        written = counts["rows_new"] + counts["rows_changed"]
        assert counts["rows_unchanged"] == count, counts
        ratio = again.seconds / first.seconds
        results.add(
            f"{what}, against the first time",
            f"{again.seconds:.1f} s, {ratio:.2f}, {written} rows written",
            "≤ 0.5, 0 rows",
            met=ratio <= 0.5 and written == 0,
        )
        path.unlink()


def _measure_flatness(folder: Path, people: int, first: Run, results: Results) -> None:
    """A tenth of the days, of as many people."""
    usage = folder / "short.ndjson"
    count = lines.write_usage(usage, people, lines.WINDOW // 10 + 1)
    short = Portal(folder / "short").take_in(usage)
    results.add("peak memory of the import", f"{first.peak:,.0f} MiB", "≤ 250 MB", met=first.peak <= 250)
    ratio = first.peak / short.peak
    results.add(
        f"the same, against {count:,} lines of as many people",
        f"{short.peak:,.0f} MiB, {ratio:.2f}",
        "≤ 1.2",
        met=ratio <= 1.2,
    )


def measure_pages(folder: Path, results: Results, say: Console) -> None:
    measured: dict[int, dict[str, dict[str, float]]] = {}
    for seats in SEATS:
        portal = Portal(folder / f"{seats}-seats")
        roster = folder / f"{seats}-seats.json"
        lines.write_seats(roster, seats)
        taken = portal.take_in(roster, "--organization", lines.ORGANIZATION.login, "--complete")
        say.print(f"{seats:,} seats taken in within {taken.seconds:.1f} s")
        asked = portal.run(sys.executable, "-m", "tests.benchmarks.pages")
        measured[seats] = json.loads(asked.output)
    few, many = (measured[seats] for seats in SEATS)
    for page in ("home", "seats"):
        for seats, pages in measured.items():
            ratio = pages[page]["ms"] / pages["empty"]["ms"]
            results.add(
                f"{page} page at {seats:,} seats, against an empty page",
                f"{pages[page]['ms']:.0f} ms, {ratio:.2f}, {pages[page]['queries']:.0f} queries",
                "",
            )
        results.add(
            f"queries of the {page} page, {SEATS[0]:,} → {SEATS[1]:,} seats",
            f"{few[page]['queries']:.0f} → {many[page]['queries']:.0f}",
            "no more",
            met=many[page]["queries"] <= few[page]["queries"],
        )


def show(results: Results) -> None:
    table = Table("measure", "result", "goal", "")
    for row in results.rows:
        table.add_row(*row)
    Console(width=120).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--lines", type=int, default=280_000, help="per-user lines (28 days of people)")
    parser.add_argument("--rounds", type=int, default=1, help="how often each pair is measured")
    parser.add_argument("--seats", type=int, default=20_000, help="seats of the sync")
    parser.add_argument(
        "--only",
        choices=("imports", "pages", "sync", "dashboards", "reports", "uploads"),
        help="measure only these",
    )
    parser.add_argument(
        "--database", default="", help="for imports or uploads: DATABASE_URL of an empty database"
    )
    options = parser.parse_args()
    say, results = Console(stderr=True), Results()
    with tempfile.TemporaryDirectory(prefix="portal-benchmarks-") as name:
        folder = Path(name)
        people = max(options.lines // lines.WINDOW, 1)
        if options.only == "imports" and options.database:
            measure_imports_on_postgresql(folder, options.database, people, options.rounds, results, say)
        elif options.only in (None, "imports"):
            measure_imports(folder, people, options.rounds, results, say)
        if options.only in (None, "pages"):
            measure_pages(folder, results, say)
        if options.only in (None, "sync"):
            sync.measure(folder, options.seats, options.rounds, results, say)
        if options.only == "uploads":
            uploads.measure(folder, options.lines, options.database, results, say)
        if options.only == "dashboards":
            # Not with the others: it needs a PostgreSQL server.
            dashboards.measure(folder, options.rounds, results, say)
        if options.only == "reports":
            reports.measure(folder, results, say)
    show(results)
