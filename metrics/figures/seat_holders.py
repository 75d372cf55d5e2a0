"""Who held a seat at the end of each day, as sets of people, so that they can be met with who was active.

A seat is held from the day on which GitHub says it was granted until the first complete list that does not
show it. Where it was granted anew meanwhile, the lists in between tell. Of the days before the first seat
list nothing is known: whoever had lost a seat by then is in no list.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pyroaring import BitMap

from metrics.figures.scope import Scope
from metrics.figures.seat_sets import Held, Spell, held_by
from metrics.models import TeamRoster
from metrics.periods import Period


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

    Of a team: its members of the day who held a seat anywhere in the enterprise. Three queries at most, where
    no seat changed since these sets were last asked for.
    """
    held = held_by(scope.account if scope.team is None else scope.account.parent or scope.account)
    if held.since is None:
        return SeatHolders(None)
    days, sets = _over(held, period)
    return SeatHolders(held.since, days, sets, held.spells, _rosters(scope, period))


def _over(held: Held, period: Period) -> tuple[list[date], list[BitMap]]:
    """The days from the first of the period on at which it changes who held a seat, and who then did."""
    before = [users for day, users in held.granted.items() if day <= period.first]
    gone = [users for day, users in held.ended.items() if day <= period.first]
    now = BitMap().union(*before) - BitMap().union(*gone)
    days, sets = [period.first], [now]
    nobody = BitMap()
    for day in sorted({*held.granted, *held.ended}):
        if period.first < day <= period.last:
            # Whose seat ended on the day it was granted on held none at its end.
            now = (now | held.granted.get(day, nobody)) - held.ended.get(day, nobody)
            days.append(day)
            sets.append(now)
    return days, sets


def _rosters(scope: Scope, period: Period) -> Mapping[date, BitMap] | None:
    if scope.team is None:
        return None
    rows = TeamRoster.objects.filter(team=scope.team, day__range=(period.first, period.last))
    return {
        day: BitMap.deserialize(bytes(members))
        for day, members in rows.order_by().values_list("day", "members")
    }
