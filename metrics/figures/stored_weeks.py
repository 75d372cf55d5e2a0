"""The stored weeks of a long window: what they say in detail."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from typing import cast

from metrics.breakdowns import DamagedBlob
from metrics.figures.dimensions import NAMES, Dimension
from metrics.figures.entries import Names, Sums, WeekEntries
from metrics.figures.scope import Scope
from metrics.models import WeekTotals
from metrics.periods import Period
from metrics.week_parts import Totals
from metrics.whole_weeks import LONG, mondays, week_of
from portal.bytes_as_they_are import bytes_as_they_are

Make = Callable[[Mapping[Names, Sums]], Mapping[Names, Sums]]


class Week:
    """One breakdown of a week: its days that are told, those with any entry, and their sums."""

    def __init__(
        self,
        told: int,
        filled: int,
        whole: Callable[[], Mapping[Names, Sums]],
        working: Callable[[], Mapping[Names, Sums]],
    ) -> None:
        self.told = told
        self.filled = filled
        self._whole = whole
        self._working = working

    @cached_property
    def whole(self) -> Mapping[Names, Sums]:
        return self._whole()

    @cached_property
    def working(self) -> Mapping[Names, Sums]:
        """The same of Monday to Friday."""
        return self._working()

    def made(self, make: Make) -> Week:
        return Week(self.told, self.filled, lambda: make(self.whole), lambda: make(self.working))


def stored_weeks(
    scope: Scope, period: Period, dimensions: Collection[Dimension]
) -> dict[int, dict[Dimension, Week]]:
    """By week the breakdowns of an account's weeks that stand, in a period that is long."""
    return {
        week: {cast("Dimension", name): _week(cast("Dimension", name), part) for name, part in parts.items()}
        for week, parts in stored_totals(scope, period, dimensions).items()
    }


def _week(dimension: Dimension, part: Totals) -> Week:
    names = NAMES[dimension]
    return Week(
        part.told,
        part.filled,
        lambda: WeekEntries(names, *part.whole()),
        lambda: WeekEntries(names, *part.working()),
    )


def stored_totals(scope: Scope, period: Period, parts: Collection[str]) -> dict[int, dict[str, Totals]]:
    """The same as it is stored, for any of its parts; a week without one of them is left out."""
    found: dict[int, dict[str, Totals]] = {}
    for week, part, blob in stored_blobs(scope, period, parts):
        try:
            found.setdefault(week, {})[part] = Totals(blob)
        except DamagedBlob:
            continue
    return {week: some for week, some in found.items() if len(some) == len(parts)}


def stored_blobs(
    scope: Scope, period: Period, parts: Collection[str]
) -> Iterator[tuple[int, str, bytes | memoryview]]:
    if scope.team is not None or len(period) <= LONG:
        return
    within = mondays(period)
    rows = WeekTotals.objects.filter(
        account=scope.account, part__in=list(parts), monday__range=(within.first, within.last)
    )
    with bytes_as_they_are():
        stored = list(rows.order_by().values_list("monday", "part", "blob"))
    for monday, part, blob in stored:
        yield week_of(monday), part, blob
