"""Whose seats were granted and ended on which day: sets of people, stored until a seat changes.

Seats are read one by one only where that happened since. How many there are then changes little of how long
a page takes: there are as many sets as days.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

import msgspec
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Min, Q, QuerySet, TextField
from django.db.models.functions import Cast
from pyroaring import BitMap

from metrics.models import SeatSets
from portal.bytes_as_they_are import bytes_as_they_are
from portal.stamps import stamps, unwatched, was_read, watching
from seats.figures import SeatDates, seat_dates
from seats.models import Account, Seat, SeatObservation, SeatRoster

DAY = timedelta(days=1)
# GitHub's date of the grant is none, or not that of the first one.
GRANTED_ANEW = Q(created_at=None) | Q(created_at__gt=F("first_seen_at"))

# Another number whenever the sets are made or written otherwise: older ones are then out of date.
LAYOUT = 1
LAYOUT_STAMP = "layout"

Sets = Mapping[date, BitMap]


class Spell(NamedTuple):
    """That a person held a seat at the end of each day from `first` to `last`; None: still does."""

    user_key: int
    first: date
    last: date | None

    def covers(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)


class Held(NamedTuple):
    """Who held a seat: by the day of the grant, by the day from which on lists show it no more.

    `spells` are told one by one: of people with several seats, or with one that was granted anew. `since` is
    the day of the first seat list.
    """

    since: date | None
    granted: Sets
    ended: Sets
    spells: Sequence[Spell]


class Granted(NamedTuple):
    """Whom a seat was granted to, each on the day of the first grant that is told of.

    `silent` are those of whom no use is known from the day of a grant on, by the day of that grant.
    """

    first: Sets
    silent: Sets


def held_by(payer: Account) -> Held:
    """Of an enterprise the seats of its organizations as well. At most two queries where none changed."""
    written = stored(payer, SeatSets.Kind.HELD, lambda: _write_held(_held(payer)))
    return _read_held(written)


def granted_by(payer: Account) -> Granted:
    """The same seats."""
    return _read_granted(stored(payer, SeatSets.Kind.GRANTED, lambda: _write_granted(_granted(payer))))


def dates_of(payer: Account) -> SeatDates:
    """How many seats there are by day, of the same seats."""
    made = stored(payer, SeatSets.Kind.DATES, lambda: msgspec.msgpack.encode(seat_dates(payer)))
    return msgspec.msgpack.decode(made, type=SeatDates)


def holders_of(payer: Account) -> BitMap:
    """Who holds a seat now, of the same seats. As long as no seat changed, at most two queries."""
    made = stored(payer, SeatSets.Kind.HOLDING, lambda: _holding(payer).serialize())
    return BitMap.deserialize(made)


# --- Stored -----------------------------------------------------------------------------------


def stored(
    payer: Account, kind: SeatSets.Kind, make: Callable[[], bytes], about: Mapping[str, int] | None = None
) -> bytes:
    """What is stored, or made anew if a table it was made of was written to since.

    `about`: what else it is of, by names that no table has.
    """
    # What was written within a transaction may yet be undone.
    if connection.in_atomic_block:
        return make()
    others = {LAYOUT_STAMP: LAYOUT, **(about or {})}
    now = {**stamps(), **others}
    with unwatched(), bytes_as_they_are():
        # The stamps as text: what is sent as it is stored can be no JSON.
        rows = SeatSets.objects.filter(account=payer, kind=kind).order_by()
        row = rows.values_list(Cast("stamps", TextField()), "sets").first()
    if row is not None:
        of_then: dict[str, int] = msgspec.json.decode(row[0])
        if all(now.get(table) == number for table, number in of_then.items()):
            was_read(of_then.keys() - others.keys())
            return bytes(row[1])
    with watching() as tables:
        made = make()
    if tables <= now.keys():
        known = {name: now[name] for name in (*tables, *others)}
        # Somebody else may do the same at this moment, or nobody may write here at all.
        with unwatched(), suppress(DatabaseError), transaction.atomic():
            SeatSets.objects.update_or_create(
                account=payer, kind=kind, defaults={"stamps": known, "sets": made}
            )
    return made


def _write_held(held: Held) -> bytes:
    spells = [(spell.user_key, spell.first, spell.last) for spell in held.spells]
    return msgspec.msgpack.encode((held.since, _packed(held.granted), _packed(held.ended), spells))


def _read_held(written: bytes) -> Held:
    since, granted, ended, spells = msgspec.msgpack.decode(
        written,
        type=tuple[date | None, dict[date, bytes], dict[date, bytes], list[tuple[int, date, date | None]]],
    )
    return Held(since, _unpacked(granted), _unpacked(ended), [Spell(*spell) for spell in spells])


def _write_granted(granted: Granted) -> bytes:
    return msgspec.msgpack.encode((_packed(granted.first), _packed(granted.silent)))


def _read_granted(written: bytes) -> Granted:
    first, silent = msgspec.msgpack.decode(written, type=tuple[dict[date, bytes], dict[date, bytes]])
    return Granted(_unpacked(first), _unpacked(silent))


def _packed(sets: Sets) -> dict[date, bytes]:
    return {day: sets[day].serialize() for day in sorted(sets)}


def _unpacked(sets: Mapping[date, bytes]) -> Sets:
    return {day: BitMap.deserialize(users) for day, users in sets.items()}


# --- From the seats themselves ----------------------------------------------------------------


def _held(payer: Account) -> Held:
    since = first_listed_on(payer)
    if since is None:
        return Held(None, {}, {}, [])
    seats = Seat.objects.of_family(payer).order_by()
    plain = [
        (user_key, created_at, ended_at)
        for user_key, created_at, ended_at in seats.exclude(GRANTED_ANEW).values_list(
            "user_id", "created_at", "ended_at"
        )
        if created_at is not None
    ]
    several = {key for key, count in Counter(key for key, _, _ in plain).items() if count > 1}
    granted: dict[date, list[int]] = defaultdict(list)
    ended: dict[date, list[int]] = defaultdict(list)
    spells = []
    for user_key, created_at, ended_at in plain:
        if user_key in several:
            spells.append(Spell(user_key, _day(created_at), _last_day(ended_at)))
            continue
        granted[_day(created_at)].append(user_key)
        if ended_at is not None:
            ended[_day(ended_at)].append(user_key)
    spells += _as_listed(seats.filter(GRANTED_ANEW))
    return Held(since, _as_sets(granted), _as_sets(ended), spells)


def _granted(payer: Account) -> Granted:
    seats = Seat.objects.of_family(payer).order_by()
    first: dict[int, date] = {}
    silent: dict[date, list[int]] = defaultdict(list)
    for user_key, created_at, last_used_on in seats.values_list("user_id", "created_at", "last_used_on"):
        if created_at is None:
            continue
        on = _day(created_at)
        if user_key not in first or on < first[user_key]:
            first[user_key] = on
        if last_used_on is None or last_used_on < on:
            silent[on].append(user_key)
    people: dict[date, list[int]] = defaultdict(list)
    for user_key, on in first.items():
        people[on].append(user_key)
    return Granted(_as_sets(people), _as_sets(silent))


def _holding(payer: Account) -> BitMap:
    return BitMap(Seat.objects.held().of_family(payer).order_by().values_list("user_id", flat=True))


def _as_sets(keys: Mapping[date, Sequence[int]]) -> Sets:
    return {day: BitMap(some) for day, some in keys.items()}


def first_listed_on(account: Account) -> date | None:
    """The day of the first seat list that tells of the account, or of one of its organizations."""
    told = SeatRoster.objects.filter(
        Q(account=account) | Q(account_id=account.parent_id) | Q(account__parent=account)
    )
    first: datetime | None = told.aggregate(first=Min("observed_at"))["first"]
    return None if first is None else _day(first)


def _as_listed(seats: QuerySet[Seat]) -> Iterator[Spell]:
    """From one list to another, of seats whose last grant is not the first; few of them."""
    observations = SeatObservation.objects.filter(seat__in=seats.values("pk"))
    listed: dict[int, list[tuple[datetime, bool, str | None]]] = {}
    rows = observations.order_by("seat_id", "observed_at").values_list(
        "seat_id", "observed_at", "is_present", "state"
    )
    for seat, several in groupby(rows, key=lambda row: row[0]):
        listed[seat] = [(at, here, state.get("created_at")) for _, at, here, state in several]
    for seat, user_key, seen_at, ended_at in seats.values_list("pk", "user_id", "first_seen_at", "ended_at"):
        if seat not in listed:
            # Known from activity reports alone.
            yield Spell(user_key, _day(seen_at), _last_day(ended_at))
            continue
        yield from _spells(user_key, listed[seat])


def _spells(user_key: int, listed: Iterable[tuple[datetime, bool, str | None]]) -> Iterator[Spell]:
    begun: date | None = None
    is_first = True
    for at, is_here, created_at in listed:
        if is_here and begun is None:
            begun = _day(at)
            if is_first and created_at:
                begun = min(begun, _day(datetime.fromisoformat(created_at)))
        elif not is_here and begun is not None:
            yield Spell(user_key, begun, _last_day(at))
            begun = None
        is_first = False
    if begun is not None:
        yield Spell(user_key, begun, None)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _last_day(ended_at: datetime | None) -> date | None:
    """The last day at whose end a seat was held that a list shows no more."""
    return None if ended_at is None else _day(ended_at) - DAY
