"""Fetch everything from GitHub now, in the foreground."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from metrics.management.commands.import_reports import check_tables
from metrics.sync.foreground import STEP_NAMES, Foreground, Result
from metrics.sync.usage import Asked
from portal.models import Job
from seats.models import Account

# Notes and endings listed for people; --json has them all.
SHOWN = 5
SUMMED = (
    "requests",
    "pages",
    "downloads",
    "rows_seen",
    "rows_new",
    "rows_changed",
    "rows_unchanged",
    "rows_ended",
    "rows_rejected",
)


class Command(BaseCommand):
    help = (
        "Fetch from GitHub what is missing or may have changed, in the foreground: all that GitHub still "
        "has, newest days first. It waits where GitHub asks to wait. Exit status 0: all is in; 1: something "
        "could not be had; 2: nothing was done."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        account = parser.add_mutually_exclusive_group()
        account.add_argument("--organization", metavar="L", default="", help="this organization only")
        account.add_argument(
            "--enterprise",
            metavar="S",
            default="",
            help="this enterprise only, with its organizations",
        )
        parser.add_argument(
            "--only", metavar="STEPS", type=step_names, help=f"some of {','.join(STEP_NAMES)}"
        )
        parser.add_argument(
            "--since",
            metavar="DAY",
            type=day,
            help="days of use from this one on, also where GitHub is known to have none",
        )
        parser.add_argument("--until", metavar="DAY", type=day, help="days of use up to this one")
        parser.add_argument("--json", action="store_true", help="the last line of output is one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        check_tables()
        since, until = options["since"], options["until"]
        if since and until and since > until:
            raise CommandError("--since lies after --until.", returncode=2)
        asked = Asked(since, until, is_whole=not (since or until))
        foreground = Foreground(
            organization=options["organization"],
            enterprise=options["enterprise"],
            asked=asked,
            console=Console(stderr=True),
        )
        if not foreground.accounts():
            raise CommandError(self._unconnected(options), returncode=2)
        results = foreground.run(options["only"])
        for result in results:
            self._tell(result)
        if options["json"]:
            self.stdout.write(json.dumps(as_json(results), ensure_ascii=False))
        if not any(result.is_done for result in results):
            sys.exit(2)
        if not all(result.is_done for result in results):
            sys.exit(1)

    def _unconnected(self, options: dict[str, Any]) -> str:
        for kind in Account.Kind.values:
            if login := options[kind]:
                command = f"manage.py connect --{kind} {login} …"
                return f"The {kind} {login} is not connected to GitHub: run `{command}` first."
        return "Nothing is connected to GitHub: run `manage.py connect` first."

    def _tell(self, result: Result) -> None:
        name = f"{result.account}: {result.step}"
        if result.error:
            self.stderr.write(f"{name}: {result.error}")
        tally = result.tally
        counts = ", ".join(f"{tally[key]:,} {key.removeprefix('rows_')}" for key in SUMMED if tally.get(key))
        self.stdout.write(f"{name}: {result.state}: {counts or 'nothing to do'}")
        for note in tally.get("notes", [])[:SHOWN]:
            self.stdout.write(f"  {note}")
        if restated := tally.get("restated"):
            days = sorted({line["day"] for line in restated})
            self.stdout.write(f"  GitHub restated {len(days)} days: {', '.join(days)}")
        if ended := tally.get("ended"):
            more = f" and {len(ended) - SHOWN:,} more" if len(ended) > SHOWN else ""
            number = tally.get("rows_ended", len(ended))
            self.stdout.write(f"  {number:,} ended: {', '.join(ended[:SHOWN])}{more}")


def step_names(text: str) -> list[str]:
    """The steps named on the command line, in the order in which they run."""
    named = {name.strip() for name in text.split(",") if name.strip()}
    if unknown := sorted(named - set(STEP_NAMES)):
        raise CommandError(
            f"{unknown[0]!r} is no step of a sync: there are {', '.join(STEP_NAMES)}.", returncode=2
        )
    if not named:
        raise CommandError(f"--only wants some of {', '.join(STEP_NAMES)}.", returncode=2)
    return [name for name in STEP_NAMES if name in named]


def day(text: str) -> date:
    """A day given on the command line."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text!r} is no day: write 2026-09-30.", returncode=2) from error


def as_json(results: list[Result]) -> dict[str, Any]:
    """What scripts read: a record per account with its steps, and the totals."""
    accounts: dict[tuple[str, str], dict[str, Any]] = {}
    totals = dict.fromkeys(SUMMED, 0)
    for result in results:
        account = accounts.setdefault(
            (result.kind, result.account), {result.kind: result.account, "steps": {}}
        )
        account["steps"][result.step] = {**result.tally, "state": result.state, "error": result.error}
        for name in SUMMED:
            totals[name] += int(result.tally.get(name) or 0)
    states = {state: sum(1 for result in results if result.state == state) for state in Job.State.values}
    return {"accounts": list(accounts.values()), **totals, "states": states}
