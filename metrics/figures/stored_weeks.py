"""The stored weeks of a long window: what they say in detail."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from functools import cache, cached_property
from typing import cast

from django.db import connection

from metrics.breakdowns import DamagedBlob
from metrics.figures.dimensions import NAMES, Dimension
from metrics.figures.entries import Names, Sums, WeekEntries
from metrics.figures.scope import Scope
from metrics.models import WeekTotals
from metrics.periods import WEEK, Period
from metrics.week_parts import NAMED, NAMED_DAYS, Named, Totals, named_days_of, named_of
from metrics.whole_weeks import is_by_weeks, monday_of, mondays, week_of
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
        named: Named | None = None,
    ) -> None:
        """`named`: the same by each name alone, where that is stored."""
        self.named = named
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
    scope: Scope, period: Period, dimensions: Collection[Dimension], *, in_sum: bool = False
) -> dict[int, dict[Dimension, Week]]:
    """By week the breakdowns of an account's weeks that stand, in a period that is read by weeks."""
    return {
        week: {cast("Dimension", name): _week(cast("Dimension", name), part) for name, part in parts.items()}
        for week, parts in stored_totals(scope, period, dimensions, in_sum=in_sum).items()
    }


def named_weeks(
    scope: Scope, period: Period, dimensions: Collection[Dimension]
) -> dict[int, dict[Dimension, Week]]:
    """The same of weeks that are stored by each name alone as well; other sums are read when asked for."""
    found: dict[int, dict[Dimension, Week]] = {}
    whole = cache(lambda: stored_weeks(scope, period, dimensions))

    def later(week: int, dimension: Dimension) -> Week:
        return Week(
            stored.told,
            stored.filled,
            lambda: whole()[week][dimension].whole,
            lambda: whole()[week][dimension].working,
            stored,
        )

    for week, _, blob in stored_blobs(scope, period, [NAMED]):
        with suppress(DamagedBlob, KeyError):
            by_dimension = named_of(blob)
            for dimension in dimensions:
                stored = by_dimension[dimension]
                found.setdefault(week, {})[dimension] = later(week, dimension)
    weeks = mondays(period)
    if len(found) < (week_of(weeks.last) - week_of(weeks.first) + 1):
        # Some are not over, or not stored so yet.
        found |= {week: parts for week, parts in whole().items() if week not in found}
    return {week: parts for week, parts in found.items() if len(parts) == len(dimensions)}


def named_days(
    scope: Scope, period: Period, dimensions: Collection[Dimension]
) -> dict[int, dict[date, dict[Dimension, Named]]]:
    """By week that stands its days by each name alone; of weeks that reach into a period read by days."""
    if scope.team is not None or is_by_weeks(len(period), in_sum=False):
        return {}
    found: dict[int, dict[date, dict[Dimension, Named]]] = {}
    for week, blob in blobs_beside(scope, period, NAMED_DAYS):
        with suppress(DamagedBlob):
            monday = monday_of(week)
            found[week] = {
                day: {
                    dimension: by_dimension[dimension]
                    for dimension in dimensions
                    if dimension in by_dimension
                }
                for number, by_dimension in named_days_of(blob).items()
                if (day := monday + timedelta(days=number)) in period
            }
    return found


def _week(dimension: Dimension, part: Totals) -> Week:
    names = NAMES[dimension]
    return Week(
        part.told,
        part.filled,
        lambda: WeekEntries(names, *part.whole()),
        lambda: WeekEntries(names, *part.working()),
    )


def stored_totals(
    scope: Scope, period: Period, parts: Collection[str], *, in_sum: bool = False
) -> dict[int, dict[str, Totals]]:
    """The same as it is stored, for any of its parts; a week without one of them is left out."""
    found: dict[int, dict[str, Totals]] = {}
    for week, part, blob in stored_blobs(scope, period, parts, in_sum=in_sum):
        try:
            found.setdefault(week, {})[part] = Totals(blob)
        except DamagedBlob:
            continue
    return {week: some for week, some in found.items() if len(some) == len(parts)}


def stored_blobs(
    scope: Scope, period: Period, parts: Collection[str], *, in_sum: bool = False
) -> Iterator[tuple[int, str, bytes | memoryview]]:
    if scope.team is not None or not parts or not is_by_weeks(len(period), in_sum=in_sum):
        return
    within = mondays(period)
    wanted = ", ".join(["%s"] * len(parts))
    for monday, part, blob in _rows(scope, f"part IN ({wanted})", [*parts], within.first, within.last):
        yield week_of(monday), part, blob


def blobs_beside(scope: Scope, period: Period, part: str) -> Iterator[tuple[int, bytes | memoryview]]:
    """A part that tells of days one by one, of every week with a day in the period."""
    first = period.first - timedelta(days=min(WEEK - 1, period.first.toordinal() - 1))
    for monday, _, blob in _rows(scope, "part = %s", [part], first, period.last):
        yield week_of(monday), blob


def _rows(
    scope: Scope, wanted: str, values: Sequence[str], first: date, last: date
) -> Iterator[tuple[date, str, bytes | memoryview]]:
    """Monday, part and blob of the weeks with a Monday from the first to the last day."""
    table, blob = map(connection.ops.quote_name, (WeekTotals._meta.db_table, "blob"))
    with bytes_as_they_are(), connection.cursor() as cursor:
        # As text, since many panels ask it.
        cursor.execute(
            f"SELECT monday, part, {blob} FROM {table} WHERE account_id = %s"  # noqa: S608 - names and marks
            f" AND {wanted} AND monday BETWEEN %s AND %s",
            [scope.account.pk, *values, str(first), str(last)],
        )
        stored = cursor.fetchall()
    for monday, part, told in stored:
        # SQLite knows no days.
        yield date.fromisoformat(monday) if isinstance(monday, str) else monday, part, told
