"""Use by editor, feature, language and model: GitHub's five breakdowns of a day.

They overlap: never add different ones together, and none need add up to the day's own counters.
https://docs.github.com/en/copilot/reference/copilot-usage-metrics/copilot-usage-metrics
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any, Literal, NamedTuple

from metrics import breakdowns
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
        columns = list(zip(*several, strict=True))
        return cls(*map(total, columns))


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
        asked = self.days if days is None else [day for day in dict.fromkeys(days) if day in self.days]
        return self._added(by, asked)

    def by_day(self, *by: str) -> Mapping[date, Mapping[Names, Sums]]:
        """The same for each covered day by itself."""
        return {day: self._added(by, [day]) for day in self.days}

    def only(self, **names: str | Collection[str]) -> Breakdown:
        """What has one of these names: `only(feature="code_completion")`."""
        wanted = [
            (
                self.names.index(name),
                {one.casefold() for one in ([values] if isinstance(values, str) else values)},
            )
            for name, values in names.items()
        ]
        return Breakdown(
            self.names,
            {
                day: {
                    key: sums
                    for key, sums in entries.items()
                    if all(key[place] in values for place, values in wanted)
                }
                for day, entries in self.days.items()
            },
        )

    def _added(self, by: Names, days: Iterable[date]) -> dict[Names, Sums]:
        places = [self.names.index(name) for name in by]
        found: dict[Names, list[Sums]] = defaultdict(list)
        for day in days:
            for key, sums in self.days[day].items():
                found[tuple(key[place] for place in places)].append(sums)
        return {key: Sums.of(several) for key, several in found.items()}


def breakdown(scope: Scope, period: Period, dimension: Dimension) -> Breakdown:
    """The breakdown of every covered day of the period, in order; {} where the day has none.

    An account's day is from GitHub's own record where there is one, else added up from its people; a
    team's is always added up. A day whose record is damaged is left out.
    """
    names = NAMES[dimension]
    days: dict[date, Mapping[Names, Sums]] = {}
    for day, _, row in rows_of_days(scope, period, ["blob"]):
        entries = _array(row, f"totals_by_{dimension}")
        if entries is not None:
            days[day] = _entries(names, entries)
    return Breakdown(names, days)


def language_by_ide(
    scope: Scope, period: Period, days: Iterable[date] | None = None
) -> dict[tuple[str, str], int]:
    """By language and editor: on how many person-days both were used. Only of days told person by person.

    Over the days of the period, or those of `days`.
    """
    asked = None if days is None else set(days)
    found: dict[tuple[str, str], int] = defaultdict(int)
    for day, _, row in rows_of_days(scope, period, ["blob"], computed=True):
        if asked is None or day in asked:
            for entry in _array(row, "user_days_by_language_ide") or []:
                found[entry["language"].casefold(), entry["ide"].casefold()] += entry["user_days"]
    return dict(found)


def _array(row: tuple[Any, ...] | None, key: str) -> list[dict[str, Any]] | None:
    if row is None or row[0] is None:
        return []
    try:
        return breakdowns.unpack(row[0]).get(key) or []
    except breakdowns.DamagedBlob:
        return None


def _entries(names: Names, entries: list[dict[str, Any]]) -> Mapping[Names, Sums]:
    found: dict[Names, list[Sums]] = defaultdict(list)
    for entry in entries:
        key = tuple((entry.get(name) or "unknown").casefold() for name in names)
        found[key].append(Sums(*(entry.get(name) for name in COUNTERS)))
    return {key: Sums.of(several) for key, several in found.items()}
