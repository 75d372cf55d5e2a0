"""The one way by which anybody tells seats that a person is alive.

Evidence belongs to the person, from whichever account it comes, and our memory of it only moves
forward: a null never erases a date we saw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import TypeVar

from django.db import transaction

from portal.bulk import insert_rows, update_values
from seats.models import Evidence

# How many ids go into one query: below every database's limit on parameters.
CHUNK = 500

KNOWN = ("user_id", "pk", "last_on")

T = TypeVar("T")
History = Callable[[date], Mapping[int, Mapping[str, date]]]
_histories: list[History] = []


def note(source: str, days: Mapping[int, date]) -> set[int]:
    """Remember that `source` saw these people (by key) on these days; returns whose memory moved."""
    if not days:
        return set()
    with transaction.atomic():
        rows = Evidence.objects.filter(source=source, user_id__among=days).order_by()
        known = {user_id: (pk, last_on) for user_id, pk, last_on in rows.values_list(*KNOWN)}
        new = [(key, source, day) for key, day in sorted(days.items()) if key not in known]
        later = [(key, days[key], pk) for key, (pk, last_on) in known.items() if days[key] > last_on]
        inserted = insert_rows(Evidence, ["user_id", "source", "last_on"], new, ignore_conflicts=True)
        update_values(Evidence, ["last_on"], sorted((day, pk) for _, day, pk in later))
        if inserted < len(new):
            # Another import noted some of these people just now: on top of that only a later day counts.
            note(source, {key: day for key, _, day in new})
    return {key for key, *_ in (*new, *later)}


def replace(source: str, days: Mapping[int, date | None]) -> None:
    """Set what `source` says of these people, forward or back; None: it says nothing.

    For facts that moved from one person to another, when a login turned out to be somebody else's.
    """
    if not days:
        return
    with transaction.atomic():
        Evidence.objects.filter(source=source, user_id__among=days).delete()
        said = [(key, source, day) for key, day in sorted(days.items()) if day is not None]
        insert_rows(Evidence, ["user_id", "source", "last_on"], said)


def tell_history(history: History) -> History:
    """Register a function that tells, for a past day, the newest evidence per person and source up to it."""
    _histories.append(history)
    return history


def histories() -> Sequence[History]:
    return tuple(_histories)


def chunks(keys: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
