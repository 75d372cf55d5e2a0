"""Take in what was downloaded from GitHub: any supported file, folder or archive."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from metrics.formats.sources import expand, passed_over_in_words, shown
from metrics.ingest import intake
from metrics.ingest.options import ROW_COUNTS, FileOutcome, Options

# Rejects listed for people; --json lists every one.
SHOWN_REJECTS = 10


class Command(BaseCommand):
    help = (
        "Take in files downloaded from GitHub: per-user usage, organization and enterprise usage (1 and 28 "
        "days), user-teams, repositories, days of the older metrics and usage APIs, seat lists, activity "
        "reports, and bills (AI usage, premium requests, metered usage). What a file is, is told from its "
        "content. Exit status 0: all is in; 1: some lines or files were refused; 2: nothing was taken in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH", type=Path, help="a file, folder or archive")
        scope = parser.add_mutually_exclusive_group()
        scope.add_argument(
            "--organization", metavar="L", default="", help="the organization the files are of"
        )
        scope.add_argument("--enterprise", metavar="S", default="", help="the enterprise the files are of")
        parser.add_argument(
            "--team", metavar="SLUG", default="",
            help="the team the days of the older systems are of (answers of the team variants)",
        )  # fmt: skip
        parser.add_argument(
            "--taken-at", metavar="TIME", type=instant,
            help="when a file that does not say so itself was saved: a seat list, an older activity report, "
            "a bill, days of the older systems (ISO 8601)",
        )  # fmt: skip
        parser.add_argument(
            "--complete", action="store_true",
            help="whoever is not in the file is not there: seats it does not list end",
        )  # fmt: skip
        parser.add_argument("--dry-run", action="store_true", help="count, but write nothing")
        parser.add_argument(
            "--retry-rejected",
            action="store_true",
            help="try the rejected lines of files taken in before again",
        )
        parser.add_argument("--json", action="store_true", help="the last line of output is one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        check_tables()
        given = Options(
            organization=options["organization"],
            enterprise=options["enterprise"],
            team=options["team"],
            taken_at=options["taken_at"],
            complete=options["complete"],
            dry_run=options["dry_run"],
            retry_rejected=options["retry_rejected"],
        )
        passed_over: list[Path] = []
        paths = expand(options["paths"], passed_over)
        if passed_over:
            self.stderr.write(passed_over_in_words([str(path) for path in passed_over]))
        outcomes = self._take_in(paths, given)
        self._tell(outcomes, given)
        if options["json"]:
            self.stdout.write(json.dumps(as_json(outcomes), ensure_ascii=False))
        if all(outcome.is_refused for outcome in outcomes):
            raise SystemExit(2)
        if not all(outcome.is_clean for outcome in outcomes):
            raise SystemExit(1)

    def _take_in(self, paths: list[Path], options: Options) -> list[FileOutcome]:
        outcomes: list[FileOutcome] = []
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        console = Console(stderr=True)
        with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
            for path in paths:
                name = shown(path.name)
                task = bar.add_task(name, total=None)

                def show(records: int, _rejected: int, task: Any = task, name: str = name) -> None:
                    bar.update(task, description=f"{name}: {records:,} records")

                outcomes += intake.take_in(path, options=options, progress=show, settle_after=False)
                bar.remove_task(task)
            intake.join_pages(outcomes, options)
            if not options.dry_run and not all(outcome.is_refused for outcome in outcomes):
                task = bar.add_task("Adding up days", total=None)
                intake.settle(lambda done, total: bar.update(task, completed=done, total=total))
        return outcomes

    def _tell(self, outcomes: list[FileOutcome], options: Options) -> None:
        for outcome in outcomes:
            name = f"{outcome.path}/{outcome.member}" if outcome.member else outcome.path
            if outcome.is_refused:
                self.stderr.write(f"{name}: {outcome.error}")
                continue
            counts = ", ".join(
                f"{number:,} {label.removeprefix('rows_')}"
                for label, number in outcome.counts.as_dict().items()
            )
            would = " (dry run: nothing was written)" if options.dry_run else ""
            self.stdout.write(f"{name}: {outcome.kind}: {counts}{would}")
            for note in outcome.notes:
                self.stdout.write(f"  {note}")
            if outcome.ended:
                self.stdout.write(f"  {len(outcome.ended)} seats ended: {_some(outcome.ended)}")
            if outcome.removed:
                self.stdout.write(f"  {len(outcome.removed)} removed: {_some(outcome.removed)}")
            for line, reason in outcome.rejected[:SHOWN_REJECTS]:
                self.stderr.write(f"{name}, line {line}: {reason}")
            if len(outcome.rejected) > SHOWN_REJECTS:
                self.stderr.write(
                    f"{name}: and {len(outcome.rejected) - SHOWN_REJECTS:,} more rejected lines"
                )
        if not outcomes:
            self.stderr.write("There is no file to take in.")


def instant(text: str) -> datetime:
    """A time given on the command line, in UTC unless it says otherwise; the future is not believed."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text!r} is no time: write 2026-09-30T12:00:00Z.", returncode=2) from error
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if at > datetime.now(UTC):
        raise CommandError(f"{text} lies in the future.", returncode=2)
    return at.astimezone(UTC)


def as_json(outcomes: list[FileOutcome]) -> dict[str, Any]:
    """What scripts read: a record per file, and the totals."""
    totals: Counter[str] = Counter(dict.fromkeys(ROW_COUNTS, 0))
    for outcome in outcomes:
        totals.update(outcome.counts.as_dict())
    return {"files": [outcome.as_json() for outcome in outcomes], **totals}


def check_tables() -> None:
    """Say what to do where the database has no tables yet."""
    if "portal_reportfile" not in connection.introspection.table_names():
        raise CommandError("The database has no tables yet: run `manage.py migrate` first.", returncode=2)


def _some(names: list[str]) -> str:
    more = len(names) - SHOWN_REJECTS
    return ", ".join(names[:SHOWN_REJECTS]) + (f" and {more:,} more" if more > 0 else "")
