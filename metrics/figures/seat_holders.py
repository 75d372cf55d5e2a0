"""Who held a seat at the end of each day, as sets of people, so that they can be met with who was active.

A seat is held from the day on which GitHub says it was granted until the first complete list that does not
show it. Where it was granted anew meanwhile, the lists in between tell. Of the days before the first seat
list nothing is known: whoever had lost a seat by then is in no list.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain, groupby
from typing import NamedTuple

from django.db.models import Count, F, Min, Q, QuerySet
from django.db.models.functions import TruncDate
from pyroaring import BitMap

from metrics.figures.scope import Scope
from metrics.models import TeamRoster
from metrics.periods import Period
from seats.models import Account, Seat, SeatObservation, SeatRoster
from seats.policy_sql import midnight

DAY = timedelta(days=1)
# GitHub's date of the grant is none, or not that of the first one.
GRANTED_ANEW = Q(created_at=None) | Q(created_at__gt=F("first_seen_at"))


class Spell(NamedTuple):
    """That a person held a seat at the end of each day from `first` to `last`; None: still does."""

    user_key: int
    first: date
    last: date | None

    def covers(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class SeatHolders:
    """The people who held a seat on the days of a period. `since`: the day of the first seat list.

    `days` are those on which that changed, in order, `held` who held one from each of them on: so many
    sets, however many the seats. `spells` are told one by one: of people with several seats, or with one
    that was granted anew. `rosters` bounds all to the members of a team, by day; None: to nobody.
    """

    since: date | None
    days: Sequence[date] = ()
    held: Sequence[BitMap] = ()
    spells: Sequence[Spell] = ()
    rosters: Mapping[date, BitMap] | None = None

    def on(self, day: date) -> BitMap | None:
        """Who held a seat at the end of the day; None: nobody told."""
        if self.since is None or day < self.since:
            return None
        place = bisect_right(self.days, day)
        plain = self.held[place - 1] if place else BitMap()
        holders = plain | BitMap(spell.user_key for spell in self.spells if spell.covers(day))
        if self.rosters is None:
            return holders
        return holders & self.rosters[day] if day in self.rosters else None


def seat_holders(scope: Scope, period: Period) -> SeatHolders:
    """Of an enterprise: who held a seat in it, each person once. Of an organization: a seat it granted.

    Of a team: its members of the day who held a seat anywhere in the enterprise. At most ten queries.
    """
    payer = scope.account if scope.team is None else scope.account.parent or scope.account
    since = first_listed_on(payer)
    if since is None:
        return SeatHolders(None)
    seats = Seat.objects.of_family(payer).order_by()
    begin, end = midnight(period.first + DAY), midnight(period.last + DAY)
    plain = seats.exclude(GRANTED_ANEW).filter(Q(ended_at=None) | Q(ended_at__gte=begin))
    at_first = list(plain.filter(created_at__lt=begin).values_list("user_id", flat=True))
    granted = _by_day(plain.filter(created_at__gte=begin, created_at__lt=end), "created_at")
    ended = _by_day(plain.filter(created_at__lt=end, ended_at__lt=end), "ended_at")
    several = _several([at_first, *granted.values()])
    held = BitMap(at_first) - several
    days, sets = [period.first], [held]
    for day in sorted({*granted, *ended}):
        # Whose seat ended on the day it was granted on held none at its end.
        held = (held | BitMap(granted.get(day, ())) - several) - BitMap(ended.get(day, ()))
        days.append(day)
        sets.append(held)
    spells = [
        Spell(user_key, _day(created_at), _last_day(ended_at))
        for user_key, created_at, ended_at in plain.filter(user_id__among=set(several)).values_list(
            "user_id", "created_at", "ended_at"
        )
        if created_at is not None
    ]
    spells += _as_listed(seats.filter(GRANTED_ANEW))
    return SeatHolders(since, days, sets, spells, _rosters(scope, period))


def _by_day(seats: QuerySet[Seat], moment: str) -> dict[date, list[int]]:
    """Whose seats these are, by the UTC day of a moment; read by columns, since rows of many are slow."""
    keys = list(seats.order_by(moment, "pk").values_list("user_id", flat=True))
    days = seats.annotate(on=TruncDate(moment, tzinfo=UTC)).values_list("on")
    found: dict[date, list[int]] = {}
    begin = 0
    for day, count in days.annotate(seats=Count("pk")).order_by("on"):
        found[day] = keys[begin : begin + count]
        begin += count
    return found


def _several(keys: Sequence[Sequence[int]]) -> BitMap:
    """The people who are there more than once."""
    if sum(map(len, keys)) == len(BitMap.union(*map(BitMap, keys))):
        return BitMap()
    counts = Counter(chain.from_iterable(keys))
    return BitMap([key for key, count in counts.items() if count > 1])


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


def _rosters(scope: Scope, period: Period) -> Mapping[date, BitMap] | None:
    if scope.team is None:
        return None
    rows = TeamRoster.objects.filter(team=scope.team, day__range=(period.first, period.last))
    return {
        day: BitMap.deserialize(bytes(members))
        for day, members in rows.order_by().values_list("day", "members")
    }


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _last_day(ended_at: datetime | None) -> date | None:
    """The last day at whose end a seat was held that a list shows no more."""
    return None if ended_at is None else _day(ended_at) - DAY
