"""Use by editor, feature, language and model: GitHub's five breakdowns of a day.

They overlap: never add different ones together, and none need add up to the day's own counters.
https://docs.github.com/en/copilot/reference/copilot-usage-metrics/copilot-usage-metrics
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

import msgspec

from metrics.breakdowns import DamagedBlob, payload
from metrics.figures.dimensions import NAMES, Dimension, entries_told
from metrics.figures.entries import Folded, Names, Sums, WeekEntries, added, counted, only
from metrics.figures.scope import Scope
from metrics.figures.stored_periods import stored_sums
from metrics.figures.stored_weeks import Week, named_days, named_weeks, stored_totals, stored_weeks
from metrics.figures.told import rows_of_days
from metrics.models.counters import COUNTERS
from metrics.period_parts import Summed
from metrics.periods import Period
from metrics.week_parts import TOGETHER, Named
from metrics.whole_weeks import cut, days_in, is_by_weeks, runs

__all__ = [
    "NAMES",
    "Breakdown",
    "Dimension",
    "Names",
    "Sums",
    "breakdown",
    "breakdowns_of",
    "language_by_ide",
]

Days = Mapping[date, Mapping[Names, Sums]]


class Breakdown:
    """One breakdown of each covered day of a period. `names` are its dimensions, in the keys' order.

    Names are folded (`casefold`). Where several names of a day fold to one, they are one. `weeks` say what
    their days say, so that sums over many days are made of few; days are read when they are looked at.
    """

    def __init__(
        self,
        names: Names,
        days: Days,
        weeks: Mapping[int, Week] | None = None,
        by_name: Mapping[str, ByName] | None = None,
    ) -> None:
        self.names = names
        self.days = days
        self._weeks = weeks or {}
        # The sums by one of the names, where they are stored so.
        self._by_name = by_name or {}
        self._held = {week: stored.filled for week, stored in self._weeks.items()}

    def totals(self, *by: str, days: Iterable[date] | None = None) -> dict[Names, Sums]:
        """By the names of these dimensions, in this order: the sums over days and the other dimensions.

        Over the covered days of the period, or those of `days`. Without dimensions the one key is ().
        """
        return added(self._parts(self._asked(days), by), self.names, by)

    def counts(self, counter: str, *by: str, days: Iterable[date] | None = None) -> dict[Names, int | None]:
        """The same of one counter, which takes a part of the time."""
        return counted(self._parts(self._asked(days), by), self.names, by, COUNTERS.index(counter))

    def _asked(self, days: Iterable[date] | None) -> Iterable[date]:
        return self.days if days is None else (day for day in dict.fromkeys(days) if day in self.days)

    def _parts(self, days: Iterable[date], by: Sequence[str]) -> Iterator[Mapping[Names, Sums]]:
        # Of all names together any of them tells.
        by_name = self._by_name.get(by[0] if by else self.names[0]) if len(by) <= 1 else None
        if self._weeks:
            whole, working, days = cut(days, self._held)
            for week in whole:
                found = by_name.of_week(week) if by_name is not None else None
                yield self._weeks[week].whole if found is None else found
            yield from (self._weeks[week].working for week in working)
        for day in days:
            found = by_name.of_day(day) if by_name is not None else None
            yield self.days[day] if found is None else found

    def by_day(self, *by: str) -> Days:
        """The same for each covered day by itself."""
        return {day: added([entries], self.names, by) for day, entries in self.days.items()}

    def by(self, *names: str) -> Breakdown:
        """The breakdown by these of its names alone, for who asks for their sums again and again."""
        kept = {name: self._by_name[name] for name in names if name in self._by_name}
        return self._made(names, lambda entries: added([entries], self.names, names), kept)

    def only(self, **names: str | Collection[str]) -> Breakdown:
        """What has one of these names: `only(feature="code_completion")`. No day is left out."""
        wanted = _folded(names)
        # By another name than the one that is asked for they do not tell.
        kept = {name: self._by_name[name].only(wanted) for name in wanted if name in self._by_name}
        return self._made(
            self.names, lambda entries: only(entries, self.names, wanted), kept if len(wanted) == 1 else {}
        )

    def empty_days(self) -> list[date]:
        """The days that are told and have no entry."""
        if not isinstance(self.days, _DaysWhenAsked):
            return [day for day, entries in self.days.items() if not entries]
        return [day for day in self.days if not self.days.is_filled(day)]

    def without(self, days: Collection[date]) -> Breakdown:
        """The breakdown without some of its empty days."""
        if not isinstance(self.days, _DaysWhenAsked):
            kept = {day: entries for day, entries in self.days.items() if day not in days}
            return Breakdown(self.names, kept, self._weeks, self._by_name)
        return Breakdown(self.names, self.days.without(days), self._weeks, self._by_name)

    def _made(
        self,
        names: Names,
        make: Callable[[Mapping[Names, Sums]], Mapping[Names, Sums]],
        by_name: Mapping[str, ByName],
    ) -> Breakdown:
        weeks = {week: stored.made(make) for week, stored in self._weeks.items()}
        if isinstance(self.days, _DaysWhenAsked):
            return Breakdown(names, self.days.made(make), weeks, by_name)
        return Breakdown(names, {day: make(entries) for day, entries in self.days.items()}, weeks, by_name)


class ByName:
    """The sums by one name alone, of the weeks and days of which they are stored."""

    def __init__(
        self,
        name: str,
        weeks: Mapping[int, Named],
        days: Mapping[date, Named],
        wanted: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self._name = name
        self._weeks = weeks
        self._days = days
        self._wanted = wanted
        # Most weeks are asked for twice: in the sum of all days, and by themselves.
        self.of_week = cache(self._of_week)

    def _of_week(self, week: int) -> Mapping[Names, Sums] | None:
        return self._entries(self._weeks.get(week))

    def of_day(self, day: date) -> Mapping[Names, Sums] | None:
        return self._entries(self._days.get(day))

    def only(self, wanted: Mapping[str, Collection[str]]) -> ByName:
        if self._wanted is not None:
            wanted = {self._name: set(self._wanted[self._name]) & set(wanted[self._name])}
        return ByName(self._name, self._weeks, self._days, wanted)

    def _entries(self, stored: Named | None) -> Mapping[Names, Sums] | None:
        if stored is None:
            return None
        names, rows = stored.rows(self._name)
        entries = WeekEntries((self._name,), [names], rows)
        return entries if self._wanted is None else entries.only(self._wanted)


class _OfPeriod(Breakdown):
    """The breakdown of a usual period, whose sums are stored; whatever else is asked is read when it is."""

    def __init__(
        self,
        names: Names,
        told: Mapping[date, bool],
        whole: Callable[[], Mapping[Names, Sums]],
        in_parts: Callable[[], Breakdown],
    ) -> None:
        """`told`: by day in order, whether it has any entry; `whole`: the sums of all of them."""
        self._told = told
        self._whole = cache(whole)
        self._in_parts = cache(in_parts)
        super().__init__(names, _DaysWhenAsked(told, lambda day: self._in_parts().days[day]))

    def totals(self, *by: str, days: Iterable[date] | None = None) -> dict[Names, Sums]:
        if (days := self._part_of(days)) is None:
            return added([self._whole()], self.names, by)
        return self._in_parts().totals(*by, days=days)

    def counts(self, counter: str, *by: str, days: Iterable[date] | None = None) -> dict[Names, int | None]:
        if (days := self._part_of(days)) is None:
            return counted([self._whole()], self.names, by, COUNTERS.index(counter))
        return self._in_parts().counts(counter, *by, days=days)

    def _part_of(self, days: Iterable[date] | None) -> Collection[date] | None:
        """The days; None where they are all that has any entry."""
        asked = None if days is None else dict.fromkeys(days)
        if asked is None or all(day in asked for day, is_filled in self._told.items() if is_filled):
            return None
        return asked

    def by_day(self, *by: str) -> Days:
        return self._in_parts().by_day(*by)

    def by(self, *names: str) -> Breakdown:
        return _OfPeriod(
            names,
            self._told,
            lambda: added([self._whole()], self.names, names),
            lambda: self._in_parts().by(*names),
        )

    def only(self, **names: str | Collection[str]) -> Breakdown:
        wanted = _folded(names)
        return _OfPeriod(
            self.names,
            self._told,
            lambda: only(self._whole(), self.names, wanted),
            lambda: self._in_parts().only(**names),
        )

    def without(self, days: Collection[date]) -> Breakdown:
        told = {day: is_filled for day, is_filled in self._told.items() if day not in days}
        return _OfPeriod(self.names, told, self._whole, lambda: self._in_parts().without(days))


def _folded(names: Mapping[str, str | Collection[str]]) -> dict[str, set[str]]:
    return {
        name: {one.casefold() for one in ([values] if isinstance(values, str) else values)}
        for name, values in names.items()
    }


class _DaysWhenAsked(Mapping[date, Mapping[Names, Sums]]):
    """Days of which it is known that they are told; what they say is read when the first is looked at."""

    def __init__(self, told: Mapping[date, bool], entries: Callable[[date], Mapping[Names, Sums]]) -> None:
        """`told`: by day in order, whether it has any entry."""
        self._told = told
        self._entries = entries

    def is_filled(self, day: date) -> bool:
        return self._told[day]

    def without(self, days: Collection[date]) -> _DaysWhenAsked:
        return _DaysWhenAsked(
            {day: is_filled for day, is_filled in self._told.items() if day not in days}, self._entries
        )

    def made(self, make: Callable[[Mapping[Names, Sums]], Mapping[Names, Sums]]) -> _DaysWhenAsked:
        entries = self._entries
        return _DaysWhenAsked(self._told, cache(lambda day: make(entries(day))))

    def __getitem__(self, day: date) -> Mapping[Names, Sums]:
        if day not in self._told:
            raise KeyError(day)
        return self._entries(day)

    def __contains__(self, day: object) -> bool:
        return day in self._told

    def __iter__(self) -> Iterator[date]:
        return iter(self._told)

    def __len__(self) -> int:
        return len(self._told)


def breakdown(scope: Scope, period: Period, dimension: Dimension, *, in_sum: bool = False) -> Breakdown:
    """The breakdown of every covered day of the period, in order; {} where the day has none.

    An account's day is from GitHub's own record where there is one, else added up from its people; a
    team's is always added up. A day whose record is damaged, or not added up so far yet, is left out.
    """
    return breakdowns_of(scope, period, [dimension], in_sum=in_sum)[dimension]


def breakdowns_of(
    scope: Scope, period: Period, dimensions: Iterable[Dimension], *, in_sum: bool = False
) -> dict[Dimension, Breakdown]:
    """Several breakdowns of the same days, each day read once.

    `in_sum` says that the sums of all days are asked for, not each day or week: that is read faster.
    """
    asked = tuple(dimensions)
    # Where days or weeks are shown one by one, sums of all of them are had from those.
    stored = stored_sums(scope, period, asked) if in_sum else None
    if stored is None:
        return _in_parts(scope, period, asked, in_sum=in_sum)
    in_parts = cache(lambda: _in_parts(scope, period, asked, in_sum=in_sum))
    return {dimension: _of_period(dimension, stored[dimension], in_parts) for dimension in asked}


def _of_period(
    dimension: Dimension, stored: Summed, in_parts: Callable[[], Mapping[Dimension, Breakdown]]
) -> Breakdown:
    names = NAMES[dimension]
    return _OfPeriod(
        names,
        {day: day in stored.filled for day in stored.told},
        lambda: WeekEntries(names, *stored.rows()),
        lambda: in_parts()[dimension],
    )


def _in_parts(
    scope: Scope, period: Period, asked: tuple[Dimension, ...], *, in_sum: bool
) -> dict[Dimension, Breakdown]:
    """Of weeks and days."""
    named: Mapping[int, Mapping[date, Mapping[Dimension, Named]]] = {}
    if in_sum or scope.team is not None or not is_by_weeks(len(period), in_sum=True):
        weeks = stored_weeks(scope, period, asked, in_sum=in_sum)
    else:
        weeks = named_weeks(scope, period, asked)
        named = named_days(scope, period, asked)
    # Of weeks whose days are known by name some days may lie beyond the period.
    stretches = runs({*weeks, *named})
    reading = _Reading(scope, asked)
    reading.read(period, stretches)
    found: dict[Dimension, Breakdown] = {}
    for dimension in asked:
        days: Days = reading.days[dimension]
        own = {week: parts[dimension] for week, parts in weeks.items()}
        of_days = {
            day: by_dimension[dimension]
            for some in named.values()
            for day, by_dimension in some.items()
            if dimension in by_dimension
        }
        if own or named:
            within = [_within(some, period) for some in stretches]
            days = _DaysWhenAsked(_told(days, own, of_days), reading.entries_of(dimension, within))
        of_weeks = {week: stored.named for week, stored in own.items() if stored.named is not None}
        by_name = {name: ByName(name, of_weeks, of_days) for name in NAMES[dimension]}
        found[dimension] = Breakdown(NAMES[dimension], days, own, by_name if of_weeks or of_days else None)
    return found


def _within(some: Period, period: Period) -> Period:
    return Period(max(some.first, period.first), min(some.last, period.last))


def _told(days: Days, weeks: Mapping[int, Week], named: Mapping[date, Named]) -> dict[date, bool]:
    told = {day: bool(entries) for day, entries in days.items()}
    told |= {day: bool(stored.filled) for day, stored in named.items()}
    for week, stored in weeks.items():
        filled = set(days_in(week, stored.filled))
        told |= {day: day in filled for day in days_in(week, stored.told)}
    return dict(sorted(told.items()))


class _Reading:
    """Days as they are read, several breakdowns of each at once."""

    def __init__(self, scope: Scope, dimensions: tuple[Dimension, ...]) -> None:
        self.scope = scope
        self.dimensions = dimensions
        self.days: dict[Dimension, dict[date, Mapping[Names, Sums]]] = {each: {} for each in dimensions}
        self._folded = Folded()
        self._all_read = False

    def read(self, period: Period, but: Sequence[Period] = ()) -> None:
        for day, _, row in rows_of_days(self.scope, period, ["blob"], but=but):
            for dimension, entries in entries_told(row, self.dimensions, self._folded).items():
                self.days[dimension][day] = entries

    def entries_of(
        self, dimension: Dimension, others: Sequence[Period]
    ) -> Callable[[date], Mapping[Names, Sums]]:
        """What a day says; whoever asks for one of the others asks for more of them."""
        days = self.days[dimension]

        def entries(day: date) -> Mapping[Names, Sums]:
            if day not in days and not self._all_read:
                self._all_read = True
                for period in others:
                    self.read(period)
            return days.get(day, {})

        return entries


class _UserDays(msgspec.Struct, gc=False):
    language: str | None = None
    ide: str | None = None
    user_days: int = 0


class _Together(msgspec.Struct):
    user_days_by_language_ide: list[_UserDays] | None = None


_together = msgspec.json.Decoder(_Together)


def language_by_ide(
    scope: Scope, period: Period, days: Iterable[date] | None = None
) -> dict[tuple[str, str], int]:
    """By language and editor: on how many person-days both were used. Only of days told person by person.

    Over the days of the period, or those of `days`; most person-days first.
    """
    asked = set(period if days is None else days)
    found: dict[tuple[str, str], int] = defaultdict(int)
    if asked.issuperset(period) and (stored := stored_sums(scope, period, [TOGETHER])) is not None:
        (languages, ides), rows = stored[TOGETHER].rows()
        return {
            (language, ide): row[0] or 0 for language, ide, row in zip(languages, ides, rows, strict=True)
        }
    weeks = stored_totals(scope, period, [TOGETHER], in_sum=True)
    whole, working, _ = cut(asked, {week: parts[TOGETHER].filled for week, parts in weeks.items()})
    taken = [weeks[week][TOGETHER].whole() for week in whole]
    taken += [weeks[week][TOGETHER].working() for week in working]
    for (languages, ides), rows in taken:
        for language, ide, row in zip(languages, ides, rows, strict=True):
            found[language, ide] += row[0] or 0
    for day, entries in days_together(scope, period, but=runs([*whole, *working])):
        if day in asked:
            for names, user_days in entries.items():
                found[names] += user_days
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))


def days_together(
    scope: Scope, period: Period, but: Sequence[Period] = ()
) -> Iterator[tuple[date, dict[tuple[str, str], int]]]:
    """The days told person by person, without those of `but`: by language and editor, how many used both."""
    folded = Folded()
    for day, _, row in rows_of_days(scope, period, ["blob"], computed=True, but=but):
        found: dict[tuple[str, str], int] = defaultdict(int)
        for entry in _used_together(row) if row is not None else ():
            found[folded[entry.language], folded[entry.ide]] += entry.user_days
        yield day, found


def _used_together(row: tuple[Any, ...]) -> Sequence[_UserDays]:
    try:
        return () if row[0] is None else _together.decode(payload(row[0])).user_days_by_language_ide or ()
    except (DamagedBlob, msgspec.DecodeError):
        return ()
