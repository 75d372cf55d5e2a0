"""`audit`: who did what, when, to what."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from portal.models import AuditEntry
from portal.reports import registry
from portal.reports.base import Cells, Column, Report, ReportQuery, Row

AT_ONCE = 1000


@registry.register
class Audit(Report):
    """The entries as they stand; what was erased from them is empty. `verify_audit` checks the chain."""

    name = "audit"
    title = "Audit log"
    question = "Who did what, when, and to what?"
    subject = "System"
    order = "sequence"
    permission = "portal.view_auditentry"
    options = frozenset({"--from", "--to"})
    takes_scope = False

    def columns(self, query: ReportQuery) -> list[Column]:
        return [
            Column("sequence", "", Cells.NUMBER, definition="Place in the chain, from 1 on without a gap."),
            Column("at", "", Cells.MOMENT, "UTC", "When it was written."),
            Column("action", definition="What was done."),
            Column("subject", definition="What it was done to: its kind and key."),
            Column("actor", definition="User name at that time; portal: by itself."),
            Column("actor_id", definition="Key of the user."),
            Column("detail", definition="What else is known, as JSON."),
            Column("entry_hash", definition="The entry's link in the chain."),
            Column("previous_hash", definition="The link before it."),
            Column("erased_at", "", Cells.MOMENT, "UTC", "When personal fields were erased; empty: never."),
        ]

    def rows(self, query: ReportQuery) -> Iterator[Row]:
        entries, after = _entries(query), 0
        # A page at a time: some drivers would fetch the whole log at once.
        while page := list(entries.filter(sequence__gt=after)[:AT_ONCE]):
            for entry in page:
                yield (
                    entry.sequence,
                    entry.at,
                    entry.action,
                    entry.subject,
                    entry.actor_name,
                    entry.actor_id_text,
                    json.dumps(entry.detail, ensure_ascii=False, sort_keys=True) if entry.detail else "",
                    entry.entry_hash,
                    entry.previous_hash,
                    entry.erased_at,
                )
            after = page[-1].sequence

    def rows_behind(self, query: ReportQuery, rows: Sequence[Row], user: Any) -> Sequence[str]:
        """The entry itself, which leads to what it was done to."""
        sequences = [number for number, *_ in rows if isinstance(number, int)]
        keys = dict(AuditEntry.objects.filter(sequence__in=sequences).values_list("sequence", "pk"))
        return [reverse("admin:portal_auditentry_change", args=[keys[number]]) for number in sequences]

    def count(self, query: ReportQuery) -> int:
        return _entries(query).count()


def _entries(query: ReportQuery) -> QuerySet[AuditEntry]:
    entries = AuditEntry.objects.order_by("sequence")
    if query.first_day:
        entries = entries.filter(at__gte=datetime.combine(query.first_day, time(), UTC))
    if query.last_day:
        entries = entries.filter(at__lt=datetime.combine(query.last_day + timedelta(days=1), time(), UTC))
    return entries
