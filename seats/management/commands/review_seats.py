"""Evaluate the policies: how does every seat stand, and which need a person's eyes?"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from seats import verdicts
from seats.models import Account
from seats.models.seat import Verdict
from seats.reclaim.flag import review


class Command(BaseCommand):
    help = "Evaluate the inactivity policies and open or close reviews."

    def add_arguments(self, parser: ArgumentParser) -> None:
        scope = parser.add_mutually_exclusive_group()
        scope.add_argument("--organization", metavar="L", help="only this organization's seats")
        scope.add_argument(
            "--enterprise", metavar="S", help="only this enterprise's, its organizations included"
        )
        parser.add_argument(
            "--as-of", metavar="DAY", type=date.fromisoformat, help="a UTC day; default today"
        )
        parser.add_argument("--dry-run", action="store_true", help="count, but change nothing")
        parser.add_argument("--json", action="store_true", help="the last line of output is one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        account = self._account(options["organization"], options["enterprise"])
        day = options["as_of"] or verdicts.today()
        if not options["dry_run"]:
            verdicts.refresh()
        counts = review(day, account, dry_run=options["dry_run"])
        said = "would be " if options["dry_run"] else ""
        self.stdout.write(f"As of {day}: {sum(counts[verdict] for verdict in Verdict.values)} seats")
        for verdict in Verdict:
            self.stdout.write(f"  {verdict.label:<22}{counts[verdict.value]:>8}")
        self.stdout.write(f"{counts['opened']} reviews {said}opened, {counts['closed']} {said}closed.")
        if options["json"]:
            answer = {"as_of": day.isoformat(), **counts, "dry_run": options["dry_run"]}
            self.stdout.write(json.dumps(answer))

    def _account(self, organization: str | None, enterprise: str | None) -> Account | None:
        login = organization or enterprise
        if not login:
            return None
        kind = Account.Kind.ORGANIZATION if organization else Account.Kind.ENTERPRISE
        account = Account.objects.named(kind, login).first()
        if account is None:
            known = ", ".join(found.label for found in Account.objects.filter(kind=kind)) or "none yet"
            raise CommandError(f"There is no {kind} {login}; known: {known}.", returncode=2)
        return account
