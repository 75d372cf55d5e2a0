"""How soon people use the seat they were granted: by month of assignment, from grant to first use.

Assigned is whom GitHub says a seat was granted to (`created_at`, which is the last grant; of several seats
the first). First use is the first day from then on with a line of the person in a usage report. A day that
was not taken in may have been it: from there on the day stays unknown.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec
from pyroaring import BitMap

from metrics.figures.distinct import day_sets
from metrics.figures.rates import ratio
from metrics.figures.scope import Scope
from metrics.figures.seat_sets import granted_by, stored
from metrics.models import SeatSets, TeamRoster
from metrics.periods import Period
from seats.models import Team
from seats.savings import first_of, months

DAY = timedelta(days=1)
# Whoever uses a seat within so many days is activated.
ACTIVATED_WITHIN = 30
COHORTS = 12


@dataclass(slots=True)
class Cohort:
    """The people to whom a seat was granted in a month.

    `after` counts by days from grant to first use, where the day is known. `undated`: used, but the day of
    the first use may have been one that was not taken in. `unused`: no use seen, and every day since was
    taken in. `unknown`: no use seen, and some day was not.
    """

    month: date
    assigned: int = 0
    after: dict[int, int] = field(default_factory=dict)
    undated: int = 0
    unused: int = 0
    unknown: int = 0
    # For how many days from the grant on each of them is followed without a gap, at least.
    followed: int | None = None
    # Whether it was a day that was not taken in that cut this short for somebody.
    has_gap: bool = False

    @property
    def used(self) -> int:
        """Who has used it so far."""
        return sum(self.after.values()) + self.undated

    def within(self, days: int) -> int | None:
        """Who used it within so many days; None where that cannot be said of each yet."""
        if self.followed is not None and self.followed < days:
            return None
        return sum(count for after, count in self.after.items() if after <= days)

    @property
    def activation_rate(self) -> Decimal | None:
        """The share who used it within 30 days; None while those are not over, or not all taken in."""
        return ratio(self.within(ACTIVATED_WITHIN), self.assigned)

    @property
    def half_after(self) -> int | None:
        """After how many days half of them had used it; None where they have not, or it cannot be said."""
        if not self.assigned:
            return None
        users = 0
        for days in sorted(self.after):
            users += self.after[days]
            if users * 2 >= self.assigned:
                return days if self.within(days) is not None else None
        return None

    def follow(self, days: int) -> None:
        self.followed = days if self.followed is None else min(self.followed, days)


def cohorts(scope: Scope, last: date) -> list[Cohort]:
    """The twelve months up to that of `last`, the oldest first; months without a grant are there, empty.

    Of an organization the seats it granted itself; of an enterprise those of its organizations, too; of a
    team those of its newest members, whoever granted them. Of an account they are stored until use or a seat
    changes, and are two queries then: a year's days are read for them.
    """
    if scope.team is not None:
        return _cohorts(scope, last)
    written = stored(
        scope.account,
        SeatSets.Kind.FIRST_USE,
        lambda: msgspec.msgpack.encode(_cohorts(scope, last)),
        {"last": last.toordinal()},
    )
    return msgspec.msgpack.decode(written, type=list[Cohort])


def _cohorts(scope: Scope, last: date) -> list[Cohort]:
    first = first_of(last)
    for _ in range(COHORTS - 1):
        first = first_of(first - DAY)
    made = {month: Cohort(month) for month in months(first, last)}
    # Of a team's members every use counts, also that of days on which they were in no team or another.
    sets = dict(day_sets(Scope(scope.account), Period(first, last)))
    granted = _granted(scope, Period(first, last))
    gaps = [day for day in Period(first, last) if day not in sets]
    ever = BitMap().union(*sets.values())
    days = _Days(sets, gaps, ever, last)
    for day, people in granted.people.items():
        _follow(made[first_of(day)], day, people, days, granted.without_evidence.get(day, BitMap()))
    return list(made.values())


@dataclass(frozen=True, slots=True)
class _Granted:
    """To whom a seat was granted on each day; and of those who saw no use of it by any evidence."""

    people: Mapping[date, BitMap]
    without_evidence: Mapping[date, BitMap]


def _granted(scope: Scope, period: Period) -> _Granted:
    """Each person on the day of the first grant."""
    granted = granted_by(scope.account if scope.team is None else scope.account.parent or scope.account)
    members = None if scope.team is None else _newest_members(scope.team, period.last)
    people = {day: users for day, users in granted.first.items() if day in period}
    if members is not None:
        people = {day: users & members for day, users in people.items()}
    return _Granted(people, granted.silent)


def _newest_members(team: Team, until: date) -> BitMap:
    roster = TeamRoster.objects.filter(team=team, day__lte=until).order_by("-day").first()
    return BitMap() if roster is None else roster.user_keys


class _Days(NamedTuple):
    """Who was active on each day that was taken in, the days that were not, and who was on any."""

    sets: Mapping[date, BitMap]
    gaps: Sequence[date]
    ever: BitMap
    last: date


def _follow(cohort: Cohort, granted: date, people: BitMap, days: _Days, silent: BitMap) -> None:
    """Follow those who were granted a seat on one day, until each has used it or the days are over."""
    cohort.assigned += len(people)
    # Whoever was active on no day at all need not be looked for on each.
    waiting, never = people & days.ever, people - days.ever
    gap: int | None = None
    last = days.last
    for number, day in enumerate(Period(granted, last)):
        if not waiting:
            break
        if day not in days.sets:
            gap = number if gap is None else gap
            continue
        users = days.sets[day]
        if found := waiting.intersection_cardinality(users):
            waiting = waiting - users
            if gap is None:
                cohort.after[number] = cohort.after.get(number, 0) + found
            else:
                cohort.undated += found
    if never and gap is None:
        place = bisect_left(days.gaps, granted)
        gap = (days.gaps[place] - granted).days if place < len(days.gaps) else None
    waiting = waiting | never
    cohort.has_gap |= gap is not None
    if waiting or gap is not None:
        cohort.follow((gap if gap is not None else (last - granted).days + 1) - 1)
    unseen = waiting.intersection_cardinality(silent)
    # Other evidence says that they used it, and not when first.
    cohort.undated += len(waiting) - unseen
    if gap is None:
        cohort.unused += unseen
    else:
        cohort.unknown += unseen
