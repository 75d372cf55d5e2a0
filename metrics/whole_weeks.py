"""Windows cut into whole weeks, which are stored added up, and the days that are left.

A week is known by a number, its Monday's: weeks follow each other without gaps. Days of a week are bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from metrics.periods import WEEK, Period

WORKING = 0b0011111
WEEKEND = 0b1100000
# Longer windows are read by weeks; in shorter ones a page shows each day.
LONG = 92
# Of which only the whole is asked for, windows are read by weeks from this length on.
SUMMED = 14


def is_by_weeks(length: int, *, in_sum: bool) -> bool:
    """Whether a window of so many days is read by weeks; `in_sum`: only the whole of it is shown."""
    return length >= SUMMED if in_sum else length > LONG


def week_of(day: date) -> int:
    # The first of all days was a Monday.
    return (day.toordinal() - 1) // WEEK


def monday_of(week: int) -> date:
    return date.fromordinal(week * WEEK + 1)


def days_of(week: int) -> Period:
    return Period(monday_of(week), date.fromordinal(week * WEEK + WEEK))


def bits_of(days: Iterable[date]) -> int:
    """The days of one week as bits."""
    bits = 0
    for day in days:
        bits |= 1 << day.weekday()
    return bits


def days_in(week: int, bits: int) -> list[date]:
    first = week * WEEK + 1
    return [date.fromordinal(first + number) for number in range(WEEK) if bits >> number & 1]


def mondays(period: Period) -> Period:
    """From the first to the last Monday whose week lies in the period."""
    return Period(
        date.fromordinal(period.first.toordinal() + -period.first.weekday() % WEEK),
        date.fromordinal(max(period.last.toordinal() - WEEK + 1, 1)),
    )


def runs(weeks: Iterable[int]) -> list[Period]:
    """These weeks as stretches of days, as few as can be."""
    found: list[Period] = []
    end = None
    for week in sorted(weeks):
        days = days_of(week)
        if found and week == end:
            found[-1] = Period(found[-1].first, days.last)
        else:
            found.append(days)
        end = week + 1
    return found


class Cut(NamedTuple):
    """Weeks to take as a whole, weeks of which to take Monday to Friday, and single days."""

    whole: list[int]
    working: list[int]
    days: list[date]


def cut(days: Iterable[date], held: Mapping[int, int]) -> Cut:
    """Put days together from weeks as far as weeks hold just those; `held` are the days of each week.

    A day that a week does not hold adds nothing to it, so it does not matter whether it is asked for.
    """
    asked: dict[int, int] = {}
    by_week: dict[int, list[date]] = {}
    for day in days:
        week, number = divmod(day.toordinal() - 1, WEEK)
        asked[week] = asked.get(week, 0) | 1 << number
        by_week.setdefault(week, []).append(day)
    found = Cut([], [], [])
    for week, bits in asked.items():
        of_week = held.get(week)
        if of_week is None:
            found.days.extend(by_week[week])
        elif not of_week & ~bits:
            found.whole.append(week)
        elif not of_week & WORKING & ~bits and not of_week & WEEKEND & bits:
            found.working.append(week)
        else:
            found.days.extend(by_week[week])
    return found
