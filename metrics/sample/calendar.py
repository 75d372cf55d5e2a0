"""Which days a company works, and the dates its reports turn on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

DAY = timedelta(days=1)
MONDAY, THURSDAY = 0, 3
FIXED_HOLIDAYS = {(1, 1), (5, 1), (12, 24), (12, 25), (12, 26), (12, 31)}


def days_between(first: date, last: date) -> Iterator[date]:
    """Every day from `first` to `last`, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def is_holiday(day: date) -> bool:
    """The days off of a made-up company: a few fixed ones, Labor Day and Thanksgiving with its Friday."""
    if (day.month, day.day) in FIXED_HOLIDAYS:
        return True
    if day.month == 9 and day.weekday() == MONDAY and day.day <= 7:
        return True
    thanksgiving = _nth(day.year, 11, THURSDAY, 4)
    return day in (thanksgiving, thanksgiving + DAY)


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def next_cycle(day: date) -> date:
    """The first day of the next billing cycle: the first of the next month."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def at(day: date, hour: float) -> datetime:
    """A moment on a UTC day, to the second."""
    return datetime.combine(day, time(), UTC) + timedelta(seconds=round(hour * 3600))


def stamp(moment: datetime) -> str:
    """As the API writes a moment."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
