"""Say what is wrong with this portal and what to do about it."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal.probes import Finding, all_findings


class Command(BaseCommand):
    help = "Check configuration, database, files and worker. Exit code 0: all fine; 1: there are problems."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="End with one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = all_findings()
        problems = [finding for finding in findings if not finding.is_fine]
        for finding in findings:
            self._say(finding)
        self.stdout.write(f"{len(problems)} problems." if problems else "All is well.")
        if options["json"]:
            self.stdout.write(
                json.dumps({"ok": not problems, "findings": [finding.as_json() for finding in findings]})
            )
        if problems:
            sys.exit(1)

    def _say(self, finding: Finding) -> None:
        if finding.is_fine:
            self.stdout.write(f"{self.style.SUCCESS('ok')}       {finding.probe}: {finding.says}")
        else:
            self.stdout.write(f"{self.style.ERROR('problem')}  {finding.probe}: {finding.says}")
            self.stdout.write(f"         → {finding.remedy}")
