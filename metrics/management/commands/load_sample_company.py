"""Make a sample company as GitHub-shaped files, and take them in through the pipeline of every other file."""

from __future__ import annotations

import json
import shutil
from argparse import ArgumentParser
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from metrics.ingest import intake
from metrics.ingest.options import FileOutcome, Options
from metrics.periods import MONTH
from metrics.sample import Company, SampleFile, write_files
from portal.models import AuditEntry, ReportFile
from seats import verdicts
from seats.models import Exemption, GitHubUser, Seat
from seats.reclaim.flag import review
from seats.recorded_days import record_past

LOADED = "sample company loaded"
FOLDER = "sample-company-"
# Fewer people than this cannot play all the parts.
FEWEST_PEOPLE = 60
EXEMPTIONS = (
    ("Board member: keeps a seat for demonstrations.", None),
    ("On leave, comes back next quarter.", 60),
)


class Command(BaseCommand):
    help = (
        "Fill the portal with a made-up company, so that every page has something to show. Its files are "
        "made and taken in once: a second run finds nothing to do."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--people", type=int, default=400, metavar="N", help="how many ever hold a seat")
        parser.add_argument("--days", type=int, default=90, metavar="N", help="days, the last one yesterday")
        parser.add_argument("--seed", type=int, default=7, metavar="N", help="another number, other people")
        parser.add_argument("--json", action="store_true", help="the last line of output is one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["people"] < FEWEST_PEOPLE or options["days"] < 1:
            raise CommandError(
                f"A company has at least {FEWEST_PEOPLE} people and one day of history.", returncode=2
            )
        if AuditEntry.objects.filter(action=LOADED).exists():
            self.stdout.write("The sample company is here already.")
            self._conclude({"files": 0, "rows_new": 0}, options)
            return
        self._refuse_real_data()
        outcomes = self._load(options)
        for outcome in outcomes:
            if not outcome.is_clean:
                self.stderr.write(f"{outcome.path}: {outcome.error or outcome.rejected[:3]}")
        counted = {
            "files": len(outcomes),
            "rows_new": sum(outcome.counts.rows_new for outcome in outcomes),
            "seats": Seat.objects.held().count(),
            "inactive": Seat.objects.inactive().count(),
        }
        self.stdout.write(
            f"{counted['files']} files with {counted['rows_new']:,} new rows taken in: "
            f"{counted['seats']:,} seats, {counted['inactive']:,} of them inactive."
        )
        self._conclude(counted, options)

    def _conclude(self, counted: dict[str, int], options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(counted))

    def _refuse_real_data(self) -> None:
        """Made-up people never mix with real ones."""
        if ReportFile.objects.exclude(source=ReportFile.Source.SAMPLE).exists():
            raise CommandError(
                "This portal holds files of a real account: load the sample into a database of its own.",
                returncode=2,
            )

    def _load(self, options: dict[str, Any]) -> list[FileOutcome]:
        folder = _folder()
        last_day = date.fromisoformat(folder.name.removeprefix(FOLDER))
        company = Company(last_day, options["seed"], options["people"], days=options["days"])
        self.stdout.write(
            f"Making {company.people} people of {company.enterprise.name}, {company.days} days to {last_day}."
        )
        outcomes = self._take_in(write_files(company, folder))
        exempt(company)
        verdicts.refresh()
        self._record_days(company)
        review(verdicts.today(), None)
        AuditEntry.objects.record(LOADED, detail={"people": company.people, "last_day": str(last_day)})
        shutil.rmtree(folder)
        return outcomes

    def _take_in(self, files: list[SampleFile]) -> list[FileOutcome]:
        outcomes: list[FileOutcome] = []
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task("Taking in files", total=len(files))
            for file in files:
                outcomes += intake.take_in(
                    file.path,
                    source=ReportFile.Source.SAMPLE,
                    options=options_of(file),
                    settle_after=False,
                )
                bar.advance(task)
            adding = bar.add_task("Adding up days", total=None)
            intake.settle(lambda done, total: bar.update(adding, completed=done, total=total))
        return outcomes

    def _record_days(self, company: Company) -> None:
        """As a portal would have that had been there; the last day as well, which ended before the load."""
        days = min(company.days, MONTH)
        for back in reversed(range(days)):
            record_past(company.last_day - timedelta(days=back))


def options_of(file: SampleFile) -> Options:
    """What is said of a file when it is taken in."""
    return Options(
        organization=file.organization,
        enterprise=file.enterprise,
        taken_at=file.taken_at,
        complete=file.is_complete,
    )


def exempt(company: Company) -> None:
    """Exempt the executives, each for a reason of its own."""
    for person, (reason, days) in zip(company.executives, EXEMPTIONS, strict=False):
        user = GitHubUser.objects.filter(github_id=person.id).first()
        if user and not user.exemptions.filter(reason=reason).exists():
            until = verdicts.today() + timedelta(days=days) if days else None
            Exemption.objects.create(user=user, reason=reason, starts_on=company.last_day, until=until)


def _folder() -> Path:
    """Where the files are made: an interrupted run's folder, with its last day, or a new one."""
    root = Path(settings.DATA_DIR)
    root.mkdir(parents=True, exist_ok=True)
    unfinished = sorted(root.glob(f"{FOLDER}????-??-??"))
    if unfinished:
        return unfinished[-1]
    folder = root / f"{FOLDER}{verdicts.today() - timedelta(days=1)}"
    folder.mkdir()
    return folder
