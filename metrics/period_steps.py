"""The steps in which a period is usually shown, and the months that it touches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from itertools import groupby

from metrics.periods import Period
from metrics.whole_weeks import LONG, week_of

# Longer periods are shown by weeks: they are read so as well.
DAILY_UP_TO = LONG


def are_read_by_weeks(period: Period) -> bool:
    return len(period) > DAILY_UP_TO


def usual_steps(period: Period) -> list[Period]:
    """Day by day; a long period by weeks from Monday on, the first and last of them maybe cut."""
    return _cut(period, week_of if are_read_by_weeks(period) else date.toordinal)


def are_usual(period: Period, several: Sequence[Sequence[date]]) -> bool:
    """Whether these days, put together so, are the usual steps of the period, each whole."""
    steps = usual_steps(period)
    return len(steps) == len(several) and all(
        len(days) == len(step) and (days[0], days[-1]) == (step.first, step.last)
        for step, days in zip(steps, several, strict=True)
    )


def month_steps(period: Period) -> list[Period]:
    """Its calendar months, the first one from its first day on: some of it may lie before the period."""
    return _cut(from_month(period), lambda day: (day.year, day.month))


def from_month(period: Period) -> Period:
    """The period and what lies before it in its first month."""
    return Period(period.first.replace(day=1), period.last)


def _cut(period: Period, step_of: Callable[[date], object]) -> list[Period]:
    steps = (list(days) for _, days in groupby(period, key=step_of))
    return [Period(days[0], days[-1]) for days in steps]
