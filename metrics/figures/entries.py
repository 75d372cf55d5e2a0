"""Entries of breakdowns as they are read, of a day or a week, and how they are added up by name."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import repeat
from operator import attrgetter, itemgetter
from typing import NamedTuple, Self

import msgspec

from metrics.figures.counted import total
from metrics.models.counters import COUNTERS

Names = tuple[str, ...]
# The seven counters, in the order of COUNTERS.
Row = Sequence[int | None]

# As GitHub calls what a client does not tell.
UNKNOWN = "unknown"


class Sums(NamedTuple):
    """GitHub's seven counters, added up; None where nobody said one."""

    user_initiated_interaction_count: int | None = None
    code_generation_activity_count: int | None = None
    code_acceptance_activity_count: int | None = None
    loc_suggested_to_add_sum: int | None = None
    loc_suggested_to_delete_sum: int | None = None
    loc_added_sum: int | None = None
    loc_deleted_sum: int | None = None

    @classmethod
    def of(cls, several: Iterable[Row]) -> Sums:
        """Several of them, added up counter by counter."""
        return cls(*map(_total, zip(*several, strict=True)))


def _total(values: Sequence[int | None]) -> int | None:
    return total(values) if None in values else sum(values)  # type: ignore[arg-type]


class Entry(msgspec.Struct, gc=False):
    """An entry of any of the five arrays, as it was sent; a name that its array does not have is None."""

    ide: str | None = None
    feature: str | None = None
    language: str | None = None
    model: str | None = None
    user_initiated_interaction_count: int | None = None
    code_generation_activity_count: int | None = None
    code_acceptance_activity_count: int | None = None
    loc_suggested_to_add_sum: int | None = None
    loc_suggested_to_delete_sum: int | None = None
    loc_added_sum: int | None = None
    loc_deleted_sum: int | None = None


_counters = attrgetter(*COUNTERS)


class Folded(dict[str | None, str]):
    """Names as figures spell them, each folded once."""

    def __missing__(self, name: str | None) -> str:
        self[name] = folded = (name or UNKNOWN).casefold()
        return folded


class Entries(Mapping[Names, Sums]):
    """Entries as they were read. Only who asks for all names at once has them added up by name:
    a year of days is half a million numbers, and most questions ask for few sums of them.
    """

    names: Names

    @abstractmethod
    def column(self, name: str) -> Iterable[str]:
        """Each entry's name, folded."""

    @abstractmethod
    def rows(self) -> Iterable[Row]:
        """Each entry's counters."""

    def counts(self, place: int) -> Iterable[int | None]:
        """Each entry's counter at this place."""
        return map(itemgetter(place), self.rows())

    @abstractmethod
    def only(self, wanted: Mapping[str, Collection[str]]) -> Self:
        """The entries with one of the wanted names."""

    def named(self, by: Names) -> Iterator[Names]:
        """Each entry's names, of these dimensions."""
        return zip(*map(self.column, by), strict=True) if by else repeat(())

    @cached_property
    def _sums(self) -> dict[Names, Sums]:
        return added([self], self.names, self.names)

    def __getitem__(self, key: Names) -> Sums:
        return self._sums[key]

    def __iter__(self) -> Iterator[Names]:
        return iter(self._sums)

    def __len__(self) -> int:
        return len(self._sums)

    def __repr__(self) -> str:
        return repr(self._sums)


class DayEntries(Entries):
    def __init__(self, names: Names, entries: Sequence[Entry], folded: Folded) -> None:
        self.names = names
        self.entries = entries
        self._folded = folded

    def column(self, name: str) -> Iterable[str]:
        return map(self._folded.__getitem__, map(attrgetter(name), self.entries))

    def rows(self) -> Iterable[Row]:
        return map(_counters, self.entries)

    def counts(self, place: int) -> Iterable[int | None]:
        return map(attrgetter(COUNTERS[place]), self.entries)

    def only(self, wanted: Mapping[str, Collection[str]]) -> DayEntries:
        kept: Sequence[Entry] = self.entries
        for name, values in wanted.items():
            name_of, folded = attrgetter(name), self._folded
            kept = [entry for entry in kept if folded[name_of(entry)] in values]
        return DayEntries(self.names, kept, self._folded)

    def __bool__(self) -> bool:
        return bool(self.entries)


class WeekEntries(Entries):
    """Added up over days, so no two have the same names."""

    def __init__(self, names: Names, columns: Sequence[Sequence[str]], rows: Sequence[Row]) -> None:
        self.names = names
        self._columns = columns
        self._rows = rows

    def column(self, name: str) -> Iterable[str]:
        return self._columns[self.names.index(name)]

    def rows(self) -> Iterable[Row]:
        return self._rows

    def only(self, wanted: Mapping[str, Collection[str]]) -> WeekEntries:
        kept: Iterable[int] = range(len(self._rows))
        for name, values in wanted.items():
            column = self._columns[self.names.index(name)]
            kept = [number for number in kept if column[number] in values]
        numbers = list(kept)
        columns = [[column[number] for number in numbers] for column in self._columns]
        return WeekEntries(self.names, columns, [self._rows[number] for number in numbers])

    def __bool__(self) -> bool:
        return bool(self._rows)


def added(several: Iterable[Mapping[Names, Sums]], names: Names, by: Names) -> dict[Names, Sums]:
    """The sums of several days or weeks by some of the names."""
    places = [names.index(name) for name in by]
    found: dict[Names, list[Row]] = defaultdict(list)
    for each in several:
        if isinstance(each, Entries):
            for key, row in zip(each.named(by), each.rows(), strict=False):
                found[key].append(row)
        else:
            for key, sums in each.items():
                found[tuple([key[place] for place in places])].append(sums)
    return {key: Sums.of(rows) if len(rows) > 1 else Sums(*rows[0]) for key, rows in found.items()}


def counted(
    several: Iterable[Mapping[Names, Sums]], names: Names, by: Names, place: int
) -> dict[Names, int | None]:
    """The same of one counter alone, by its place among them."""
    places = [names.index(name) for name in by]
    found: dict[Names, list[int | None]] = defaultdict(list)
    for each in several:
        if isinstance(each, Entries):
            for key, count in zip(each.named(by), each.counts(place), strict=False):
                found[key].append(count)
        else:
            for key, sums in each.items():
                found[tuple([key[at] for at in places])].append(sums[place])
    return {key: _total(values) if len(values) > 1 else values[0] for key, values in found.items()}


def only(
    entries: Mapping[Names, Sums], names: Names, wanted: Mapping[str, Collection[str]]
) -> Mapping[Names, Sums]:
    """What of these has one of the wanted names."""
    if isinstance(entries, Entries):
        return entries.only(wanted)
    places = {name: names.index(name) for name in wanted}
    return {
        key: sums
        for key, sums in entries.items()
        if all(key[places[name]] in values for name, values in wanted.items())
    }
