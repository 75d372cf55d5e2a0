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
from metrics.figures.entries import Folded, Names, Sums, added, only
from metrics.figures.scope import Scope
from metrics.figures.stored_weeks import Week, stored_totals, stored_weeks
from metrics.figures.told import rows_of_days
from metrics.periods import Period
from metrics.week_parts import TOGETHER
from metrics.whole_weeks import cut, days_in, runs

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

    def __init__(self, names: Names, days: Days, weeks: Mapping[int, Week] | None = None) -> None:
        self.names = names
        self.days = days
        self._weeks = weeks or {}
        self._held = {week: stored.filled for week, stored in self._weeks.items()}

    def totals(self, *by: str, days: Iterable[date] | None = None) -> dict[Names, Sums]:
        """By the names of these dimensions, in this order: the sums over days and the other dimensions.

        Over the covered days of the period, or those of `days`. Without dimensions the one key is ().
        """
        asked: Iterable[date] = self.days
        if days is not None:
            asked = (day for day in dict.fromkeys(days) if day in self.days)
        return added(self._parts(asked), self.names, by)

    def _parts(self, days: Iterable[date]) -> Iterator[Mapping[Names, Sums]]:
        if self._weeks:
            whole, working, days = cut(days, self._held)
            yield from (self._weeks[week].whole for week in whole)
            yield from (self._weeks[week].working for week in working)
        yield from (self.days[day] for day in days)

    def by_day(self, *by: str) -> Days:
        """The same for each covered day by itself."""
        return {day: added([entries], self.names, by) for day, entries in self.days.items()}

    def by(self, *names: str) -> Breakdown:
        """The breakdown by these of its names alone, for who asks for their sums again and again."""
        return self._made(names, lambda entries: added([entries], self.names, names))

    def only(self, **names: str | Collection[str]) -> Breakdown:
        """What has one of these names: `only(feature="code_completion")`. No day is left out."""
        wanted = {
            name: {one.casefold() for one in ([values] if isinstance(values, str) else values)}
            for name, values in names.items()
        }
        return self._made(self.names, lambda entries: only(entries, self.names, wanted))

    def empty_days(self) -> list[date]:
        """The days that are told and have no entry."""
        if not isinstance(self.days, _DaysWhenAsked):
            return [day for day, entries in self.days.items() if not entries]
        return [day for day in self.days if not self.days.is_filled(day)]

    def without(self, days: Collection[date]) -> Breakdown:
        """The breakdown without some of its empty days."""
        if not isinstance(self.days, _DaysWhenAsked):
            kept = {day: entries for day, entries in self.days.items() if day not in days}
            return Breakdown(self.names, kept, self._weeks)
        return Breakdown(self.names, self.days.without(days), self._weeks)

    def _made(self, names: Names, make: Callable[[Mapping[Names, Sums]], Mapping[Names, Sums]]) -> Breakdown:
        weeks = {week: stored.made(make) for week, stored in self._weeks.items()}
        if isinstance(self.days, _DaysWhenAsked):
            return Breakdown(names, self.days.made(make), weeks)
        return Breakdown(names, {day: make(entries) for day, entries in self.days.items()}, weeks)


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


def breakdown(scope: Scope, period: Period, dimension: Dimension) -> Breakdown:
    """The breakdown of every covered day of the period, in order; {} where the day has none.

    An account's day is from GitHub's own record where there is one, else added up from its people; a
    team's is always added up. A day whose record is damaged, or not added up so far yet, is left out.
    """
    return breakdowns_of(scope, period, [dimension])[dimension]


def breakdowns_of(
    scope: Scope, period: Period, dimensions: Iterable[Dimension]
) -> dict[Dimension, Breakdown]:
    """Several breakdowns of the same days, each day read once."""
    asked = tuple(dimensions)
    weeks = stored_weeks(scope, period, asked)
    stretches = runs(weeks)
    reading = _Reading(scope, asked)
    reading.read(period, stretches)
    found: dict[Dimension, Breakdown] = {}
    for dimension in asked:
        days: Days = reading.days[dimension]
        own = {week: parts[dimension] for week, parts in weeks.items()}
        if own:
            days = _DaysWhenAsked(_told(days, own), reading.entries_of(dimension, stretches))
        found[dimension] = Breakdown(NAMES[dimension], days, own)
    return found


def _told(days: Days, weeks: Mapping[int, Week]) -> dict[date, bool]:
    told = {day: bool(entries) for day, entries in days.items()}
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
    weeks = stored_totals(scope, period, [TOGETHER])
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
