"""Who held a seat at the end of each day, as sets of people, so that they can be met with who was active.

A seat is held from the day on which GitHub says it was granted until the first complete list that does not
show it. Where it was granted anew meanwhile, the lists in between tell. Of the days before the first seat
list nothing is known: whoever had lost a seat by then is in no list.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from pyroaring import BitMap

from metrics.figures.scope import Scope
from metrics.figures.seat_sets import Sets, Spell, held_by
from metrics.models import TeamRoster
from metrics.periods import Period


class _Plain:
    """Of whom one grant and at most one end is told: who held a seat, put together as far as it is asked."""

    def __init__(self, granted: Sets, ended: Sets) -> None:
        self._granted, self._ended = granted, ended
        self._granted_on, self._ended_on = sorted(granted), sorted(ended)
        # As of which days it was asked for, in order, and the answers.
        self._days: list[date] = []
        self._held: list[BitMap] = []

    def on(self, day: date) -> BitMap:
        place = bisect_right(self._days, day)
        before = self._held[place - 1] if place else BitMap()
        since = self._days[place - 1] if place else None
        if since == day:
            return before
        granted = BitMap.union(before, *_between(self._granted, self._granted_on, since, day))
        # Whose seat ended on the day it was granted on held none at its end.
        held = granted - BitMap.union(BitMap(), *_between(self._ended, self._ended_on, since, day))
        self._days.insert(place, day)
        self._held.insert(place, held)
        return held


def _between(sets: Sets, days: Sequence[date], after: date | None, until: date) -> Iterator[BitMap]:
    begin = 0 if after is None else bisect_right(days, after)
    return (sets[day] for day in days[begin : bisect_right(days, until)])


@dataclass(frozen=True, slots=True)
class SeatHolders:
    """The people who held a seat on the days of a period. `since`: the day of the first seat list.

    `spells` are told one by one: of people with several seats, or with one that was granted anew. `rosters`
    bounds all to the members of a team, by day; None: to nobody.
    """

    since: date | None
    plain: _Plain = field(default_factory=lambda: _Plain({}, {}))
    spells: Sequence[Spell] = ()
    rosters: Mapping[date, BitMap] | None = None

    def on(self, day: date) -> BitMap | None:
        """Who held a seat at the end of the day; None: nobody told."""
        if self.since is None or day < self.since:
            return None
        holders = self.plain.on(day) | BitMap(spell.user_key for spell in self.spells if spell.covers(day))
        if self.rosters is None:
            return holders
        return holders & self.rosters[day] if day in self.rosters else None


def seat_holders(scope: Scope, period: Period) -> SeatHolders:
    """Of an enterprise: who held a seat in it, each person once. Of an organization: a seat it granted.

    Of a team: its members of the day who held a seat anywhere in the enterprise. Three queries at most, where
    no seat changed since these sets were last asked for.
    """
    held = held_by(scope.account if scope.team is None else scope.account.parent or scope.account)
    if held.since is None:
        return SeatHolders(None)
    return SeatHolders(held.since, _Plain(held.granted, held.ended), held.spells, _rosters(scope, period))


def _rosters(scope: Scope, period: Period) -> Mapping[date, BitMap] | None:
    if scope.team is None:
        return None
    rows = TeamRoster.objects.filter(team=scope.team, day__range=(period.first, period.last))
    return {
        day: BitMap.deserialize(bytes(members))
        for day, members in rows.order_by().values_list("day", "members")
    }
