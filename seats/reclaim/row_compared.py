"""A row beside what the audit says of it: each field that differs is a contradiction."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model

from portal.audit_witnesses import Contradiction
from portal.models import AuditEntry

# A row and the entry about it are written in one breath.
ONE_BREATH = timedelta(minutes=2)


class RowCompared:
    """A comparison of one row: each field that differs is a contradiction."""

    def __init__(self, place: str) -> None:
        self._place = place

    def same(self, what: str, row: Any, said: Any) -> Iterator[Contradiction]:
        if row != said:
            yield Contradiction(self._place, f"{what} is {shown(row)}, and the audit says {shown(said)}")

    def among(self, what: str, row: str, said: Collection[str]) -> Iterator[Contradiction]:
        if row not in said:
            named = " or ".join(sorted(said))
            yield Contradiction(self._place, f"{what} is {row}, and the audit says {named}")

    def at_once(self, what: str, row: datetime | None, said: datetime | None) -> Iterator[Contradiction]:
        if row is None or said is None or abs(row - said) > ONE_BREATH:
            yield from self.same(what, row, said)

    def person(self, what: str, key: int | None, entry: AuditEntry) -> Iterator[Contradiction]:
        """A person whose account was deleted is named by the audit alone."""
        told = entry.actor_id_text
        if key is None and told and not get_user_model().objects.filter(pk=told).exists():
            return
        yield from self.same(what, str(key or ""), told)

    def wrong(self, says: str) -> Iterator[Contradiction]:
        yield Contradiction(self._place, says)


def shown(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return str(value) if value not in (None, "") else "empty"
