"""The one way by which anybody tells seats that a person is alive.

Evidence belongs to the person, from whichever account it comes, and our memory of it only moves
forward: a null never erases a date we saw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import TypeVar

from django.db import transaction

from portal.bulk import update_rows
from seats.models import Evidence

# How many ids go into one query: below every database's limit on parameters.
CHUNK = 500

T = TypeVar("T")
History = Callable[[date], Mapping[int, Mapping[str, date]]]
_histories: list[History] = []


def note(source: str, days: Mapping[int, date]) -> set[int]:
    """Remember that `source` saw these people (by key) on these days; returns whose memory moved."""
    moved: set[int] = set()
    for keys in chunks(sorted(days)):
        with transaction.atomic():
            known = {row.user_id: row for row in Evidence.objects.filter(source=source, user_id__in=keys)}
            new = [
                Evidence(user_id=key, source=source, last_on=days[key]) for key in keys if key not in known
            ]
            later = [row for key, row in known.items() if days[key] > row.last_on]
            for row in later:
                row.last_on = days[row.user_id]
            Evidence.objects.bulk_create(new)
            update_rows(later, ["last_on"])
            moved.update(row.user_id for row in (*new, *later))
    return moved


def replace(source: str, days: Mapping[int, date | None]) -> None:
    """Set what `source` says of these people, forward or back; None: it says nothing.

    For facts that moved from one person to another, when a login turned out to be somebody else's.
    """
    for keys in chunks(sorted(days)):
        with transaction.atomic():
            Evidence.objects.filter(source=source, user_id__in=keys).delete()
            Evidence.objects.bulk_create(
                Evidence(user_id=key, source=source, last_on=day)
                for key in keys
                if (day := days[key]) is not None
            )


def tell_history(history: History) -> History:
    """Register a function that tells, for a past day, the newest evidence per person and source up to it."""
    _histories.append(history)
    return history


def histories() -> Sequence[History]:
    return tuple(_histories)


def chunks(keys: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
