"""Asking a report as a script would, and reading its answer."""

from __future__ import annotations

import csv
import io
from typing import Any

from django.core.management import call_command

from portal.models import AuditEntry


def begin_the_audit() -> None:
    """Exports are noted: the first entry of all costs queries of its own, and would be counted with them."""
    AuditEntry.objects.record("audit begun")


def exported(name: str, *options: str) -> str:
    """What `export_report` writes to stdout."""
    out = io.StringIO()
    call_command("export_report", name, *options, stdout=out)
    return out.getvalue()


def rows_of(name: str, *options: str) -> list[dict[str, Any]]:
    """The lines of the CSV, by column."""
    return list(csv.DictReader(io.StringIO(exported(name, *options), newline="")))
