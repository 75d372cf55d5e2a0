"""Prove that the audit trail is whole: nothing changed, nothing missing, decisive rows in line with it."""

from __future__ import annotations

import json
import re
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.audit_witnesses import contradictions
from portal.models import AuditEntry, AuditHead
from portal.models.audit import GENESIS
from portal.models.audit_chain import ALTERED

HASH = re.compile(r"[0-9a-f]{64}")
KEYS = (
    "Entries count as altered, too, when the key they were signed with is gone: if it was replaced, add the "
    "old one at the end of AUDIT_KEYS."
)


class Command(BaseCommand):
    help = (
        "Check the audit trail. Prints how many entries there are and the hash of the last: keep it "
        "elsewhere, and --head proves later that nothing up to it was rewritten. "
        "Exit code 0: it holds; 1: it does not, with every place."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--head", metavar="HASH", help="a hash printed earlier, still to be in the chain")
        parser.add_argument("--json", action="store_true", help="the last line of output is one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        earlier: str | None = options["head"]
        if earlier is not None and not HASH.fullmatch(earlier):
            raise CommandError("--head takes a hash as this command prints it: 64 hex digits.", returncode=2)
        head = AuditHead.objects.filter(pk=1).first()
        entries, last_hash = AuditEntry.objects.count(), head.last_hash if head else GENESIS
        broken = []
        for found in _problems(earlier):
            broken.append(found)
            self.stdout.write(f"{self.style.ERROR('broken')}  {found['place']}: {found['says']}.")
        if any(found["says"] == ALTERED for found in broken):
            self.stdout.write(f"        → {KEYS}")
        self.stdout.write(f"{entries:,} entries. Head: {last_hash}")
        self.stdout.write(_outcome(len(broken), earlier))
        if options["json"]:
            answer = {"ok": not broken, "entries": entries, "head": last_hash, "broken": broken}
            self.stdout.write(json.dumps(answer))
        if broken:
            sys.exit(1)


def _problems(earlier: str | None) -> Iterator[dict[str, Any]]:
    for found in AuditEntry.objects.broken_links():
        yield {
            "place": found.place, "sequence": found.sequence, "until": found.until, "says": found.says,
        }  # fmt: skip
    if earlier is not None and not AuditEntry.objects.includes(earlier):
        yield {
            "place": f"head {earlier}", "sequence": None, "until": None,
            "says": "no entry has this hash: the chain was cut or rewritten since, or this is another portal",
        }  # fmt: skip
    for row in contradictions():
        yield {"place": row.place, "sequence": None, "until": None, "says": row.says}


def _outcome(problems: int, earlier: str | None) -> str:
    if problems:
        return "The trail does not hold: 1 problem." if problems == 1 else f"{problems:,} problems."
    return "The trail holds, and goes on from the head you gave." if earlier else "The trail holds."
