"""Breakdowns of the days that have one, and their sums.

People whom GitHub knows from its servers alone have counters and no breakdown, and older lines lack whole
arrays. A day on which things were counted and none of them has a name is unknown by that name, not nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date

from metrics.figures.broken_down import Breakdown, Dimension, Sums, breakdown
from metrics.figures.counted import total
from metrics.figures.days import DayTotals, day_totals
from metrics.figures.scope import Scope
from metrics.models.counters import COUNTERS
from metrics.periods import Period

ASKED = COUNTERS.index("user_initiated_interaction_count")
# Completions have no model, so they say nothing of whether models should be there.
# https://docs.github.com/copilot/reference/copilot-usage-metrics/copilot-usage-metrics
WITHOUT_COMPLETIONS: frozenset[Dimension] = frozenset({"language_model", "model_feature"})


def told(scope: Scope, period: Period, dimension: Dimension, *, in_sum: bool = False) -> Breakdown:
    """The breakdown without the days that have counters and no entry; a day without use stays, empty.

    `in_sum`: only sums of all days are asked for.
    """
    whole = breakdown(scope, period, dimension, in_sum=in_sum)
    empty = whole.empty_days()
    if not empty:
        return whole
    totals = day_totals(scope, Period(min(empty), max(empty)))
    return whole.without({day for day in empty if not _is_quiet(totals.get(day), dimension)})


def _is_quiet(totals: DayTotals | None, dimension: Dimension) -> bool:
    if totals is None:
        return False
    deciding = totals.counters[ASKED : ASKED + 1] if dimension in WITHOUT_COMPLETIONS else totals.counters
    return all(value == 0 for value in deciding)


def told_days(breakdown: Breakdown, days: Iterable[date]) -> list[date]:
    """Those of the days that the breakdown tells of."""
    return [day for day in days if day in breakdown.days]


def is_told(breakdown: Breakdown, days: Collection[date]) -> bool:
    """Whether the breakdown tells of each of these days, and there are any."""
    return bool(days) and all(day in breakdown.days for day in days)


def counted(breakdown: Breakdown, counter: str, days: Iterable[date]) -> int | None:
    """A counter over days, all names together: 0 where none was used, None unless all days are told."""
    wanted = list(days)
    if not is_told(breakdown, wanted):
        return None
    return sum_of_counts(breakdown.counts(counter, days=wanted).values())


def counted_by(breakdown: Breakdown, *by: str, days: Iterable[date]) -> Mapping[tuple[str, ...], Sums]:
    """The counters by name over those of the days that are told."""
    return breakdown.totals(*by, days=told_days(breakdown, days))


def sum_of(sums: Iterable[Sums], counter: str) -> int | None:
    """A counter of several names together: 0 of no name at all, None where none of them says it."""
    return sum_of_counts(getattr(each, counter) for each in sums)


def sum_of_counts(counts: Iterable[int | None]) -> int | None:
    """The same of what several names have of one counter."""
    several = list(counts)
    return total(several) if several else 0
