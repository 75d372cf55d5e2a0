"""The one way by which anybody tells seats that a person is alive.

Evidence belongs to the person, from whichever account it comes, and our memory of it only moves
forward: a null never erases a date we saw.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from django.db import transaction
from django.utils import timezone

from portal.bulk import insert_rows, update_values
from seats.models import Account, Evidence

# How many ids go into one query: below every database's limit on parameters.
CHUNK = 500

# Of how many people evidence is held at once while it is noted.
NOTED_AT_ONCE = 10_000

KNOWN = ("user_id", "pk", "last_on")

T = TypeVar("T")
History = Callable[[date, Collection[int] | None], Mapping[int, Mapping[str, date]]]
_histories: list[History] = []


@dataclass(frozen=True, slots=True)
class SourceLiveness:
    """Whether a source still tells of an account's people: silence is no idleness.

    `told_on` are the days of which it has told whole, quiet ones included, `flawed_on` those of them of which
    something could not be read; `last_heard_on` is the newest on which it told of anybody. `is_off`: it is
    refused since. `says` tells how it stands, in a sentence.
    """

    source: str
    last_heard_on: date | None
    told_on: frozenset[date] = frozenset()
    flawed_on: frozenset[date] = frozenset()
    is_off: bool = False
    says: str = ""


Liveness = Callable[[Account], Iterable[SourceLiveness]]
PassiveSigns = Callable[[date, Collection[int]], Mapping[int, date]]
_liveness: list[Liveness] = []
_passive: list[PassiveSigns] = []


def note(source: str, days: Mapping[int, date]) -> set[int]:
    """Remember that `source` saw these people (by key) on these days; returns whose memory moved."""
    # Of two clocks one is ahead: a day that has not begun here would count only when it has.
    today = timezone.now().date()
    moved: set[int] = set()
    with transaction.atomic():
        for keys in chunks(sorted(days), NOTED_AT_ONCE):
            moved |= _note(source, {key: min(days[key], today) for key in keys})
    return moved


def _note(source: str, days: Mapping[int, date]) -> set[int]:
    with transaction.atomic():
        rows = Evidence.objects.filter(source=source, user_id__among=days).order_by()
        known = {user_id: (pk, last_on) for user_id, pk, last_on in rows.values_list(*KNOWN)}
        new = [(key, source, day) for key, day in sorted(days.items()) if key not in known]
        later = [(key, days[key], pk) for key, (pk, last_on) in known.items() if days[key] > last_on]
        inserted = insert_rows(Evidence, ["user_id", "source", "last_on"], new, ignore_conflicts=True)
        update_values(Evidence, ["last_on"], sorted((day, pk) for _, day, pk in later))
        if inserted < len(new):
            # Another import noted some of these people just now: on top of that only a later day counts.
            _note(source, {key: day for key, _, day in new})
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
    """Register a function that tells the newest evidence per person and source up to a past day.

    It is given the day and the people's keys, or None for everybody.
    """
    _histories.append(history)
    return history


def histories() -> Sequence[History]:
    return tuple(_histories)


def tell_liveness(liveness: Liveness) -> Liveness:
    """Register a function that tells, for an account, how alive a source of evidence is."""
    _liveness.append(liveness)
    return liveness


def liveness_of(account: Account) -> list[SourceLiveness]:
    """How alive each source is that may tell of the holders of this account's seats, its lists aside."""
    return [source for tell in _liveness for source in tell(account)]


def tell_passive(signs: PassiveSigns) -> PassiveSigns:
    """Register a function that tells who was met since a day without doing anything, and when last.

    It is given the day and the people's keys.
    """
    _passive.append(signs)
    return signs


def passive_since(day: date, user_ids: Collection[int]) -> dict[int, date]:
    """The newest day on or after `day` on which each of these people was met without doing anything."""
    newest: dict[int, date] = {}
    for tell in _passive:
        for user_id, met_on in tell(day, user_ids).items():
            newest[user_id] = max(met_on, newest.get(user_id, met_on))
    return newest


def chunks(keys: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
