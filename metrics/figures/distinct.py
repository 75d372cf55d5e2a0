"""Distinct people of a day, of trailing days, of a period. Sets of people, since counts never add up.

Sets that these functions return are shared: never change one in place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property

from pyroaring import BitMap

from metrics.figures.scope import Scope
from metrics.figures.sets_read import Kinds
from metrics.figures.stored_periods import family_of, stored_counts, stored_months, stored_steps
from metrics.figures.stored_sets import ACTIVE, StoredSets
from metrics.figures.windows import ActiveUsers
from metrics.models import DayUsers
from metrics.period_steps import are_usual, from_month, month_steps
from metrics.periods import MONTH, WEEK, Period
from seats.models import Account

DaySets = Mapping[date, BitMap]


class _Sets(Mapping[date, BitMap]):
    """Who did one thing on each covered day; unions over many days are made of weeks where they can be."""

    def __init__(self, stored: StoredSets, kind: str) -> None:
        self._stored = stored
        self._kind = kind
        self._nobody = BitMap()

    @cached_property
    def _days(self) -> dict[date, None]:
        return dict.fromkeys(self._stored.covered)

    def union(self, days: Iterable[date]) -> BitMap:
        return self._stored.unions(days)(self._kind)

    def user_days(self, days: Sequence[date]) -> int:
        if len(days) == len(self._days):
            return self._stored.user_days(self._kind)
        return sum(len(self[day]) for day in days)

    def open_for(self, several: Iterable[Iterable[date]]) -> None:
        self._stored.open_for(several)

    def __getitem__(self, day: date) -> BitMap:
        if day not in self._days:
            raise KeyError(day)
        return self._stored.by_day.get(self._kind, {}).get(day, self._nobody)

    def __contains__(self, day: object) -> bool:
        return day in self._days

    def __iter__(self) -> Iterator[date]:
        return iter(self._days)

    def __len__(self) -> int:
        return len(self._days)

    def __repr__(self) -> str:
        return repr(dict(self))


def day_sets(scope: Scope, period: Period, kind: str = ACTIVE, *, in_sum: bool = False) -> DaySets:
    """Who did this on each covered day of the period, in order; an empty set where nobody did.

    `kind` is one of DayUsers: a flag ("active", "chat" …) or what was used ("language:python", "phase:2").
    Covered is a day told person by person, for a team also by its membership of that day.
    """
    return day_sets_of(scope, period, [kind], in_sum=in_sum)[kind]


def day_sets_of(
    scope: Scope, period: Period, kinds: Collection[str], *, in_sum: bool = False
) -> dict[str, DaySets]:
    """The same for several kinds at once, by kind; as many queries as for one.

    `in_sum` says that only unions of many days are asked for, which are read faster.
    """
    stored = StoredSets(
        scope,
        period,
        Kinds(names=list(kinds)),
        in_detail=_needs_detail(kinds),
        in_sum=in_sum,
        families={family_of(kind) for kind in kinds},
    )
    return {kind: _Sets(stored, kind) for kind in kinds}


def day_sets_by_name(scope: Scope, period: Period, prefix: str) -> dict[str, DaySets]:
    """The same for every kind that begins so ("language:", "phase:"), by the name that follows.

    Names with most person-days come first, equal ones by name; a name nobody used is not there.
    """
    stored = StoredSets(scope, period, Kinds(prefixes=[prefix]), in_detail=True)
    return {kind.removeprefix(prefix): _Sets(stored, kind) for kind in _ranked(stored, prefix)}


def kinds(scope: Scope, period: Period, prefix: str) -> list[str]:
    """The names that follow this prefix in the kinds of the period: most person-days first."""
    stored = StoredSets(scope, period, Kinds(prefixes=[prefix]), in_detail=True)
    return [kind.removeprefix(prefix) for kind in _ranked(stored, prefix)]


def distinct(
    scope: Scope, period: Period, kind: str = ACTIVE, days: Iterable[date] | None = None
) -> int | None:
    """Distinct people over the period, or over some `days`; None unless every one of them is covered."""
    people = people_of(scope, period, kind, days)
    return None if people is None else len(people)


def people_of(
    scope: Scope, period: Period, kind: str = ACTIVE, days: Iterable[date] | None = None
) -> BitMap | None:
    """Those people themselves, by their keys."""
    return union(day_sets(scope, period, kind, in_sum=True), period if days is None else days)


def people_by_name(
    scope: Scope, period: Period, prefix: str, days: Iterable[date] | None = None
) -> dict[str, BitMap] | None:
    """The people of every kind that begins so, by the name that follows; most people first.

    Over the period, or over some `days`; None unless every one of them is covered.
    """
    stored = StoredSets(
        scope, period, Kinds(prefixes=[prefix]), in_detail=True, in_sum=True, families=[prefix]
    )
    asked = set(period if days is None else days)
    if not asked.issubset(stored.covered):
        return None
    everybody = stored.unions(asked)
    people = {
        kind.removeprefix(prefix): users
        for kind in stored.kinds()
        if kind.startswith(prefix) and (users := everybody(kind))
    }
    return dict(sorted(people.items(), key=lambda each: (-len(each[1]), each[0])))


def union(sets: DaySets, days: Iterable[date]) -> BitMap | None:
    """Everybody of these days; None unless every one of them is told."""
    asked = list(days)
    if any(day not in sets for day in asked):
        return None
    if isinstance(sets, _Sets):
        return sets.union(asked)
    return BitMap.union(*(sets[day] for day in asked)) if asked else BitMap()


def user_days(sets: DaySets, days: Sequence[date]) -> int:
    """On how many of these days people did it, added up; of days that are told, none of them twice."""
    return sets.user_days(days) if isinstance(sets, _Sets) else sum(len(sets[day]) for day in days)


def open_for(sets: DaySets, several: Iterable[Iterable[date]]) -> None:
    """Say of which days unions will be asked for, where these are many and none of whole weeks."""
    if isinstance(sets, _Sets):
        sets.open_for(several)


def distinct_on(sets: DaySets, days: Iterable[date]) -> int | None:
    """How many people that is."""
    users = union(sets, days)
    return None if users is None else len(users)


def counts_over(
    scope: Scope, period: Period, kinds: Collection[str], several: Sequence[Sequence[date]]
) -> dict[str, list[int | None]]:
    """By kind how many people did it over each of several collections of days of a period, in order.

    None unless every one of its days is covered. The usual steps of a usual period are stored.
    """
    families = {family_of(kind) for kind in kinds}
    if len(families) == 1 and are_usual(period, several):
        stored = stored_steps(scope, period, families.pop())
        if stored is not None:
            in_detail = _needs_detail(kinds)
            return {kind: stored.counts(kind, in_detail=in_detail) for kind in kinds}
    sets = day_sets_of(scope, period, kinds)
    return {kind: [distinct_on(sets[kind], days) for days in several] for kind in kinds}


def counts_by_name(
    scope: Scope, period: Period, prefix: str, several: Sequence[Sequence[date]]
) -> dict[str, list[int | None]]:
    """The same for every kind that begins so, by the name that follows, in the order of day_sets_by_name."""
    stored = stored_steps(scope, period, prefix) if are_usual(period, several) else None
    if stored is not None:
        user_days = {kind: days for kind, (days, _) in stored.kinds.items() if days}
        return {
            kind.removeprefix(prefix): stored.counts(kind, in_detail=True) for kind in _by_number(user_days)
        }
    sets = day_sets_by_name(scope, period, prefix)
    return {name: [distinct_on(each, days) for days in several] for name, each in sets.items()}


def counts_by_month(
    scope: Scope, period: Period, kinds: Collection[str]
) -> tuple[list[Period], dict[str, list[int | None]]]:
    """The calendar months of a period, the first from its first day on; by kind how many did it in each.

    `kinds` have no name. The last month ends with the period.
    """
    months = month_steps(period)
    if (stored := stored_months(scope, period)) is not None:
        in_detail = _needs_detail(kinds)
        return months, {kind: stored.counts(kind, in_detail=in_detail) for kind in kinds}
    sets = day_sets_of(scope, from_month(period), kinds)
    for some in sets.values():
        open_for(some, months)
    return months, {kind: [distinct_on(sets[kind], month) for month in months] for kind in kinds}


def _needs_detail(kinds: Collection[str]) -> bool:
    return not set(kinds).issubset(DayUsers.TEAM_KINDS)


def trailing(scope: Scope, period: Period, kind: str = ACTIVE) -> Mapping[date, ActiveUsers]:
    """Daily, weekly (7 days) and monthly (28 days) distinct people of every day of the period.

    Each is None where not every day of its window is covered.
    """
    if (stored := stored_counts(scope, period, [str(kind)])) is not None:
        return {day: ActiveUsers(*counts) for day, counts in zip(period, stored[0], strict=True)}
    reach = Period(period.first - timedelta(days=MONTH - 1), period.last)
    sets = day_sets(scope, reach, kind)
    counts = trailing_counts([sets.get(day) for day in reach])
    return {day: count for day, count in zip(reach, counts, strict=True) if day in period}


def active_users(account: Account, day: date, *, kind: str = ACTIVE) -> ActiveUsers:
    """The same of an account as of one day."""
    return trailing(Scope(account), Period(day, day), kind)[day]


def trailing_counts(sets: Sequence[BitMap | None]) -> Iterator[ActiveUsers]:
    """Those counts for successive days, of sets as they are told; None: nothing is known of that day."""
    daily = (None if users is None else len(users) for users in sets)
    return map(ActiveUsers, daily, _windows(sets, WEEK), _windows(sets, MONTH))


def trailing_unions(sets: Sequence[BitMap | None], length: int) -> Iterator[BitMap | None]:
    """Everybody of each set and those before it, `length` together; None where one of them is, or is none."""
    for halves in _halves(sets, length):
        yield None if halves is None else halves[0] | halves[1]


def _windows(sets: Sequence[BitMap | None], length: int) -> Iterator[int | None]:
    """How many people are in each day's set or those of the days before it, `length` days together."""
    for halves in _halves(sets, length):
        yield None if halves is None else halves[0].union_cardinality(halves[1])


def _halves(sets: Sequence[BitMap | None], length: int) -> Iterator[tuple[BitMap, BitMap] | None]:
    """Two sets with everybody of each set and those before it, `length` together; of the moment.

    The sets are cut into blocks as long as a window. A window is then the end of one block and the start
    of the next: unions that grow set by set, so that each costs three of them however long the window.
    """
    before: list[BitMap] = []
    nobody = BitMap()
    known = 0
    for start in range(0, len(sets), length):
        block = sets[start : start + length]
        so_far = BitMap()
        for place, users in enumerate(block, start=1):
            known = 0 if users is None else known + 1
            so_far |= users or nobody
            if known < length:
                yield None
            else:
                yield (nobody if place == length else before[place]), so_far
        before = _ends(block)


def _ends(block: Sequence[BitMap | None]) -> list[BitMap]:
    """Per place: everybody from there to the end of the block."""
    ends = [BitMap()]
    for users in reversed(block):
        ends.append(ends[-1] | users if users else ends[-1])
    return ends[:0:-1]


def _ranked(stored: StoredSets, prefix: str) -> list[str]:
    """The kinds with this prefix: most person-days first, equal ones by name."""
    person_days = {kind: stored.user_days(kind) for kind in stored.kinds() if kind.startswith(prefix)}
    return _by_number({kind: days for kind, days in person_days.items() if days})


def _by_number(person_days: Mapping[str, int]) -> list[str]:
    return sorted(person_days, key=lambda kind: (-person_days[kind], kind))
