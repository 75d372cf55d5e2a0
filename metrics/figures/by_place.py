"""Use by the department or the cost centre that people belonged to on each day.

Who moved counts where they were on the day itself. People without a place are told apart, never left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Literal

from django.db.models import Sum
from pyroaring import BitMap

from metrics.figures.broken_down import Sums
from metrics.figures.counted import sums
from metrics.figures.distinct import DaySets, day_sets_of
from metrics.figures.grouped import ACTIVE, Use, Uses
from metrics.figures.persons import total_credits
from metrics.figures.scope import Scope
from metrics.models import UserDay
from metrics.models.counters import COUNTERS
from metrics.periods import Period
from seats.assignments import Places
from seats.models import CostCentre, Department

Place = Literal["department", "cost_centre"]
NOWHERE: Mapping[Place, str] = {"department": "(no department)", "cost_centre": "(no cost centre)"}

# Who is where: bitmaps by the place's key, None for those without one.
Members = Mapping[int | None, BitMap]


def by_place(
    scope: Scope, parts: Sequence[Period], place: Place, kinds: Collection[str], *, with_counters: bool
) -> Uses:
    """A group per department or cost centre with anybody active, of the days told person by person.

    Who has no cost centre of their own is with the account's, where it has one. Few queries; with counters
    one more for every run of days on which nobody moved, of a team one for every day.
    """
    period = Period(parts[0].first, parts[-1].last)
    sets = day_sets_of(scope, period, {ACTIVE, *kinds})
    told = sets[ACTIVE]
    everybody = BitMap.union(BitMap(), *told.values())
    where = _Where(scope, period, everybody, place)
    names = _names(place, where.keys)
    found: Uses = {}
    for part in parts:
        days = [day for day in part if day in told]
        by_key: dict[int | None, Use] = {}
        counted: dict[int | None, list[tuple[Any, ...]]] = defaultdict(list)
        for run in where.runs(days, one_by_one=scope.team is not None):
            members = where.members(run[0])
            for key, users in members.items():
                if any(not users.isdisjoint(told[day]) for day in run):
                    _add_people(by_key.setdefault(key, Use(len(days))), users, run, sets)
            if not with_counters:
                continue
            of_key = {user: key for key, users in members.items() for user in users}
            among = told[run[0]] if scope.team is not None else None
            for user, *values in _sums(scope, run, among):
                counted[of_key.get(user)].append(tuple(values))
        for key, use in by_key.items():
            lines = counted[key]
            if lines:
                use.sums = Sums.of(line[1:] for line in lines)
                use.ai_credits_used = total_credits(line[0] for line in lines)
            found[(names[key], key or 0), part] = use
    return found


def _add_people(use: Use, users: BitMap, run: Sequence[date], sets: Mapping[str, DaySets]) -> None:
    for kind, by_day in sets.items():
        there = [by_day[day] & users for day in run]
        use.people[kind] = BitMap.union(use.people.get(kind, BitMap()), *there)
        if kind == ACTIVE:
            use.user_days = (use.user_days or 0) + sum(map(len, there))


def _sums(scope: Scope, run: Sequence[date], among: BitMap | None) -> Iterator[tuple[Any, ...]]:
    """Each person's key, credits and counters over a run of days; one query."""
    rows = UserDay.objects.filter(account=scope.account, day__range=(run[0], run[-1]))
    groups = rows.order_by().values("user_id").annotate(spent=Sum("ai_credits_used"), **sums())
    for row in groups.values_list("user_id", "spent", *COUNTERS).iterator():
        if among is None or row[0] in among:
            yield row


def _names(place: Place, keys: Iterable[int | None]) -> Mapping[int | None, str]:
    known = [key for key in keys if key is not None]
    rows = (Department if place == "department" else CostCentre)._default_manager.in_bulk(known)
    return {None: NOWHERE[place], **{key: str(row) for key, row in rows.items()}}


class _Where:
    """Who belongs where on any day; worked out anew only for days on which somebody moved."""

    def __init__(self, scope: Scope, period: Period, people: BitMap, place: Place) -> None:
        self._places = Places(period.first, period.last, list(people))
        self._people = people
        self._place = place
        self._otherwise = scope.account.cost_centre_id if place == "cost_centre" else None
        stays = [stay for user in people for stay in self._places.stays(user)]
        self.keys = {getattr(stay, f"{place}_id") for stay in stays} | {self._otherwise}
        ends = (stay.ends_on + timedelta(days=1) for stay in stays if stay.ends_on)
        self._moves = {*(stay.starts_on for stay in stays), *ends}
        self._known: dict[date, Members] = {}

    def runs(self, days: Sequence[date], *, one_by_one: bool) -> Iterator[list[date]]:
        """Successive days on which nobody moved, and none of which is left out."""
        run: list[date] = []
        for day in days:
            follows = run and day == run[-1] + timedelta(days=1)
            if run and (one_by_one or not follows or day in self._moves):
                yield run
                run = []
            run.append(day)
        if run:
            yield run

    def members(self, day: date) -> Members:
        """Of the people asked about: who was where on this day."""
        since = max((move for move in self._moves if move <= day), default=date.min)
        if since not in self._known:
            grouped = getattr(self._places, f"by_{self._place}")(self._people, day)
            members = {key: BitMap(users) for key, users in grouped.items()}
            if self._otherwise is not None and None in members:
                theirs = members.get(self._otherwise, BitMap())
                members[self._otherwise] = theirs | members.pop(None)
            self._known[since] = members
        return self._known[since]
