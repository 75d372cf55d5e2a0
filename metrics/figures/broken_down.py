"""Use by editor, feature, language and model: GitHub's five breakdowns of a day.

They overlap: never add different ones together, and none need add up to the day's own counters.
https://docs.github.com/en/copilot/reference/copilot-usage-metrics/copilot-usage-metrics
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache, cached_property
from itertools import repeat
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import msgspec

from metrics.breakdowns import DamagedBlob, payload
from metrics.figures.counted import total
from metrics.figures.scope import Scope
from metrics.figures.told import rows_of_days
from metrics.models.counters import COUNTERS
from metrics.periods import Period

Dimension = Literal["ide", "feature", "language_feature", "language_model", "model_feature"]
Names = tuple[str, ...]

NAMES: Mapping[Dimension, Names] = {
    "ide": ("ide",),
    "feature": ("feature",),
    "language_feature": ("language", "feature"),
    "language_model": ("language", "model"),
    "model_feature": ("model", "feature"),
}
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
    def of(cls, several: Iterable[tuple[int | None, ...]]) -> Sums:
        """Several of them, added up counter by counter."""
        return cls(*map(total, zip(*several, strict=True)))


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
_counter = tuple(attrgetter(name) for name in COUNTERS)


def _sums(several: Sequence[Entry | Sums]) -> Sums:
    if len(several) == 1:
        return Sums._make(_counters(several[0]))
    return Sums(*(_total(list(map(counter, several))) for counter in _counter))


def _total(values: list[int | None]) -> int | None:
    return total(values) if None in values else sum(values)  # type: ignore[arg-type]


class _Folded(dict[str | None, str]):
    """Names as figures spell them, each folded once."""

    def __missing__(self, name: str | None) -> str:
        self[name] = folded = (name or UNKNOWN).casefold()
        return folded


class _Day(Mapping[Names, Sums]):
    """A day's entries as they were read. Only who asks for all names at once has them added up by name:
    a year of days is half a million numbers, and most questions ask for few sums of them.
    """

    def __init__(self, names: Names, entries: Sequence[Entry], folded: _Folded) -> None:
        self.names = names
        self.entries = entries
        self._folded = folded

    def named(self, by: Names) -> Iterator[Names]:
        """Each entry's names, of these dimensions."""
        if not by:
            return repeat((), len(self.entries))
        columns = (map(self._folded.__getitem__, map(attrgetter(name), self.entries)) for name in by)
        return zip(*columns, strict=True)

    def only(self, wanted: Mapping[str, Collection[str]]) -> _Day:
        kept: Sequence[Entry] = self.entries
        for name, values in wanted.items():
            name_of, folded = attrgetter(name), self._folded
            kept = [entry for entry in kept if folded[name_of(entry)] in values]
        return _Day(self.names, kept, self._folded)

    @cached_property
    def _sums(self) -> dict[Names, Sums]:
        return _added([self], self.names, self.names)

    def __getitem__(self, key: Names) -> Sums:
        return self._sums[key]

    def __iter__(self) -> Iterator[Names]:
        return iter(self._sums)

    def __len__(self) -> int:
        return len(self._sums)

    def __bool__(self) -> bool:
        return bool(self.entries)

    def __repr__(self) -> str:
        return repr(self._sums)


def _added(days: Iterable[Mapping[Names, Sums]], names: Names, by: Names) -> dict[Names, Sums]:
    """The sums of several days by some of the names."""
    places = [names.index(name) for name in by]
    found: dict[Names, list[Entry | Sums]] = defaultdict(list)
    for day in days:
        if isinstance(day, _Day):
            for key, entry in zip(day.named(by), day.entries, strict=True):
                found[key].append(entry)
        else:
            for key, sums in day.items():
                found[tuple([key[place] for place in places])].append(sums)
    return {key: _sums(several) for key, several in found.items()}


class Breakdown:
    """One breakdown of each covered day of a period. `names` are its dimensions, in the keys' order.

    Names are folded (`casefold`). Where several names of a day fold to one, they are one.
    """

    def __init__(self, names: Names, days: Mapping[date, Mapping[Names, Sums]]) -> None:
        self.names = names
        self.days = days

    def totals(self, *by: str, days: Iterable[date] | None = None) -> dict[Names, Sums]:
        """By the names of these dimensions, in this order: the sums over days and the other dimensions.

        Over the covered days of the period, or those of `days`. Without dimensions the one key is ().
        """
        asked = self.days if days is None else dict.fromkeys(days)
        return _added((self.days[day] for day in asked if day in self.days), self.names, by)

    def by_day(self, *by: str) -> Mapping[date, Mapping[Names, Sums]]:
        """The same for each covered day by itself."""
        return {day: _added([entries], self.names, by) for day, entries in self.days.items()}

    def only(self, **names: str | Collection[str]) -> Breakdown:
        """What has one of these names: `only(feature="code_completion")`. No day is left out."""
        wanted = {
            name: {one.casefold() for one in ([values] if isinstance(values, str) else values)}
            for name, values in names.items()
        }
        places = {name: self.names.index(name) for name in wanted}
        kept: dict[date, Mapping[Names, Sums]] = {}
        for day, entries in self.days.items():
            if isinstance(entries, _Day):
                kept[day] = entries.only(wanted)
            else:
                kept[day] = {
                    key: sums
                    for key, sums in entries.items()
                    if all(key[places[name]] in values for name, values in wanted.items())
                }
        return Breakdown(self.names, kept)


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
    asked, folded = tuple(dimensions), _Folded()
    days: dict[Dimension, dict[date, Mapping[Names, Sums]]] = {dimension: {} for dimension in asked}
    for day, _, row in rows_of_days(scope, period, ["blob"]):
        for dimension, entries in _told(row, asked).items():
            days[dimension][day] = _Day(NAMES[dimension], entries, folded)
    return {dimension: Breakdown(NAMES[dimension], told) for dimension, told in days.items()}


def _told(row: tuple[Any, ...] | None, dimensions: tuple[Dimension, ...]) -> dict[Dimension, list[Entry]]:
    """The arrays of the blob in a row that can be read, empty where the day has none."""
    if row is None:
        return {dimension: [] for dimension in dimensions}
    text = _text(row)
    return {} if text is None else _arrays(text, dimensions)


def _arrays(text: bytes, dimensions: tuple[Dimension, ...]) -> dict[Dimension, list[Entry]]:
    try:
        record = _decoder(dimensions).decode(text)
    except msgspec.DecodeError:
        if len(dimensions) == 1:
            return {}
        # One of another shape leaves the others.
        return {name: found for one in dimensions for name, found in _arrays(text, (one,)).items()}
    return {dimension: getattr(record, dimension) or [] for dimension in dimensions}


@cache
def _decoder(dimensions: tuple[Dimension, ...]) -> msgspec.json.Decoder[Any]:
    """Decodes these arrays of a record, and passes over the rest of it."""
    fields = [
        (name, list[Entry] | None, msgspec.field(name=f"totals_by_{name}", default=None))
        for name in dimensions
    ]
    return msgspec.json.Decoder(msgspec.defstruct("Record", fields))


def _text(row: tuple[Any, ...]) -> bytes | None:
    """The record in a row; None where it is damaged, or the day was not added up in detail yet."""
    try:
        return None if row[0] is None else payload(row[0])
    except DamagedBlob:
        return None


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
    asked = None if days is None else set(days)
    folded = _Folded()
    found: dict[tuple[str, str], int] = defaultdict(int)
    for day, _, row in rows_of_days(scope, period, ["blob"], computed=True):
        if row is None or (asked is not None and day not in asked):
            continue
        for entry in _used_together(row):
            found[folded[entry.language], folded[entry.ide]] += entry.user_days
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))


def _used_together(row: tuple[Any, ...]) -> Sequence[_UserDays]:
    text = _text(row)
    try:
        return () if text is None else _together.decode(text).user_days_by_language_ide or ()
    except msgspec.DecodeError:
        return ()
