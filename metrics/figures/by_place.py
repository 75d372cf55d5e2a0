"""Use by the department or the cost centre that people belonged to on each day.

Who moved counts where they were on the day itself. People without a place are told apart, never left out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

from django.db.models import Q, Sum
from pyroaring import BitMap

from metrics.figures.broken_down import Sums
from metrics.figures.counted import sums
from metrics.figures.distinct import DaySets, day_sets_of, union
from metrics.figures.grouped import ACTIVE, Use, Uses, in_batches
from metrics.figures.persons import total_credits
from metrics.figures.scope import Scope
from metrics.models import UserDay
from metrics.models.counters import COUNTERS
from metrics.periods import Period, on
from seats.models import Assignment, CostCentre, Department

Place = Literal["department", "cost_centre"]
# From so many people on, a place is added up by the database.
PEOPLE_A_QUERY = 50
NOWHERE: Mapping[Place, str] = {"department": "(no department)", "cost_centre": "(no cost centre)"}

# Who is where: bitmaps by the place's key, None for those without one.
Members = Mapping[int | None, BitMap]


def by_place(
    scope: Scope, parts: Sequence[Period], place: Place, kinds: Collection[str], *, with_counters: bool
) -> Uses:
    """A group per department or cost centre with anybody active, of the days told person by person.

    Who has no cost centre of their own is with the account's, where it has one. Few queries; with counters
    one more for every place, and two for every day on which somebody moved; of a team one for every day.
    """
    found: Uses = {}
    for batch in in_batches(parts):
        found |= _batch(scope, batch, place, kinds, with_counters=with_counters)
    return found


def _batch(
    scope: Scope, parts: Sequence[Period], place: Place, kinds: Collection[str], *, with_counters: bool
) -> Uses:
    period = Period(parts[0].first, parts[-1].last)
    sets = day_sets_of(scope, period, {ACTIVE, *kinds})
    told = sets[ACTIVE]
    where = _Where(scope, period, union(told, told) or BitMap(), place)
    names = _names(place, where.keys)
    found: Uses = {}
    for part in parts:
        days = [day for day in part if day in told]
        groups: dict[int | None, _Group] = defaultdict(_Group)
        runs = _with_people(where, days, sets, groups, one_by_one=scope.team is not None)
        # Of a team's day only who was in it counts, of an account's everybody.
        spans = (
            _together(runs)
            if scope.team is None
            else ((run, _among(told[run[0]], members)) for run, members in runs)
        )
        for span, members in spans:
            for key, spent, counters in _sums(scope, span, members) if with_counters else ():
                groups[key].add(spent, counters)
        for key, group in groups.items():
            if group.people:
                found[(names[key], key or 0), part] = group.use(len(days))
    return found


def _with_people(
    where: _Where,
    days: Sequence[date],
    sets: Mapping[str, DaySets],
    groups: dict[int | None, _Group],
    *,
    one_by_one: bool,
) -> Iterator[tuple[list[date], Members]]:
    """Runs of days on which nobody moved, and who was where; who of them did what goes into their groups."""
    for run in where.runs(days, one_by_one=one_by_one):
        members = where.members(run[0])
        there = {kind: union(by_day, run) or BitMap() for kind, by_day in sets.items()}
        for key, users in members.items():
            if not users.isdisjoint(there[ACTIVE]):
                groups[key].add_people(users, run, sets, there)
        yield run, members


@dataclass(slots=True)
class _Group:
    """What is known so far of a group in a stretch."""

    people: dict[str, BitMap] = field(default_factory=dict)
    user_days: int = 0
    sums: Sums = field(default_factory=Sums)
    spent: Decimal | None = None

    def add_people(
        self, users: BitMap, run: Sequence[date], sets: Mapping[str, DaySets], there: Mapping[str, BitMap]
    ) -> None:
        """These people, on a run of days; `there` is everybody of all its days."""
        for kind, everybody in there.items():
            self.people[kind] = self.people.get(kind, BitMap()) | (everybody & users)
        self.user_days += sum(users.intersection_cardinality(sets[ACTIVE][day]) for day in run)

    def add(self, spent: Decimal | None, counters: Sequence[int | None]) -> None:
        """A person's credits and counters over some days."""
        self.sums = Sums.of((self.sums, counters))
        self.spent = total_credits((self.spent, spent))

    def use(self, days: int) -> Use:
        people = {kind: len(users) for kind, users in self.people.items()}
        return Use(days, self.user_days, people, self.sums, self.spent)


def _together(runs: Iterable[tuple[list[date], Members]]) -> Iterator[tuple[list[date], Members]]:
    """The same people and places over as many days as they stayed: most people never move."""
    days: list[date] = []
    staying: dict[date, BitMap] = {}
    before: Members = {}
    for run, members in runs:
        moved = _moved(before, members)
        for since, users in list(staying.items()):
            if gone := users & moved:
                yield [day for day in days if since <= day], _among(gone, before)
                staying[since] = users - moved
        days += run
        staying[run[0]] = moved
        before = members
    for since, users in staying.items():
        if users:
            yield [day for day in days if since <= day], _among(users, before)


def _moved(before: Members, after: Members) -> BitMap:
    """Who is in another place than before; at first everybody."""
    moved = BitMap()
    for key, users in after.items():
        if before.get(key) is not users:
            moved |= users - before.get(key, BitMap())
    return moved


def _among(people: BitMap, members: Members) -> Members:
    return {key: some for key, users in members.items() if (some := users & people)}


def _sums(
    scope: Scope, days: Sequence[date], members: Members
) -> Iterator[tuple[int | None, Decimal | None, Sequence[int | None]]]:
    """By place, credits and counters of its people over these days; of few people one by one.

    The database adds up a place at a time, unless that were a query for a handful of people each.
    """
    rows = UserDay.objects.filter(on(days), account=scope.account).order_by()
    if sum(map(len, members.values())) > PEOPLE_A_QUERY * len(members):
        for key, users in members.items():
            spent, *counters = (
                rows.filter(user__among=users).aggregate(spent=Sum("ai_credits_used"), **sums()).values()
            )
            yield key, spent, counters
        return
    place = {user: key for key, users in members.items() for user in users}
    groups = rows.filter(user__among=place).values("user_id").annotate(spent=Sum("ai_credits_used"), **sums())
    for user, spent, *counters in groups.values_list("user_id", "spent", *COUNTERS):
        yield place[user], spent, counters


def _names(place: Place, keys: Iterable[int | None]) -> Mapping[int | None, str]:
    known = [key for key in keys if key is not None]
    rows = (Department if place == "department" else CostCentre)._default_manager.in_bulk(known)
    return {None: NOWHERE[place], **{key: str(row) for key, row in rows.items()}}


class _Where:
    """Who belongs where on any day; worked out anew only for days on which somebody moved.

    Held as sets of people who came and went on the same days, not as a stay of each person.
    """

    def __init__(self, scope: Scope, period: Period, people: BitMap, place: Place) -> None:
        self._people = people
        self._otherwise = scope.account.cost_centre_id if place == "cost_centre" else None
        self._stays = _stays(period, people, place)
        self.keys = {stay.key for stay in self._stays} | {self._otherwise, None}
        self._starts = [stay.starts_on for stay in self._stays]
        # By day: who came to a place on it, or is there no more.
        self._movers: dict[date, BitMap] = defaultdict(BitMap)
        for stay in self._stays:
            self._movers[stay.starts_on] |= stay.users
            if stay.ends_on is not None:
                self._movers[stay.ends_on + timedelta(days=1)] |= stay.users
        self._moves = sorted(self._movers)
        self._known: Members = {}
        self._number = 0

    def runs(self, days: Sequence[date], *, one_by_one: bool) -> Iterator[list[date]]:
        """Successive days on which nobody moved, and none of which is left out."""
        run: list[date] = []
        for day in days:
            follows = run and day == run[-1] + timedelta(days=1)
            if run and (one_by_one or not follows or day in self._movers):
                yield run
                run = []
            run.append(day)
        if run:
            yield run

    def members(self, day: date) -> Members:
        """Of the people asked about: who was where on this day. Days come in order."""
        number = bisect_right(self._moves, day)
        if not self._known:
            self._known = self._placed({}, self._people, day)
        elif number > self._number:
            moved = BitMap.union(*(self._movers[move] for move in self._moves[self._number : number]))
            self._known = self._placed(self._known, moved, day)
        self._number = number
        return self._known

    def _placed(self, members: Members, moved: BitMap, day: date) -> Members:
        """These members, and those who moved where they are on this day; untouched sets stay the same."""
        placed = {key: users if users.isdisjoint(moved) else users - moved for key, users in members.items()}
        elsewhere = moved
        # Of several places that hold, the one that began last.
        for stay in reversed(self._stays[: bisect_right(self._starts, day)]):
            if not elsewhere:
                break
            if stay.ends_on is None or day <= stay.ends_on:
                self._add(placed, stay.key, stay.users & elsewhere)
                elsewhere = elsewhere - stay.users
        self._add(placed, None, elsewhere)
        return placed

    def _add(self, members: dict[int | None, BitMap], key: int | None, users: BitMap) -> None:
        key = self._otherwise if key is None else key
        if users:
            members[key] = members.get(key, BitMap()) | users


class _Stay(NamedTuple):
    """Who came to a place on the same day and left it on the same day; both days belong to it."""

    starts_on: date
    ends_on: date | None
    key: int | None
    users: BitMap


def _stays(period: Period, people: BitMap, place: Place) -> list[_Stay]:
    """Where these people were in the period, by the day on which they came; one query."""
    held = Assignment.objects.filter(
        Q(ends_on=None) | Q(ends_on__gte=period.first), starts_on__lte=period.last, user__among=people
    )
    found: dict[tuple[date, date | None, int | None], BitMap] = {}
    rows = held.order_by("starts_on", "pk").values_list("starts_on", "ends_on", f"{place}_id", "user_id")
    for *stay, user in rows.iterator():
        found.setdefault(tuple(stay), BitMap()).add(user)
    return [_Stay(*stay, users) for stay, users in found.items()]
