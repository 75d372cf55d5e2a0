"""Counting in days on which people work. Without a calendar every day is one."""

from __future__ import annotations

from datetime import date, timedelta

from seats.models import WorkingCalendar

ONE_DAY = timedelta(days=1)


class WorkingDays:
    """The working days of a calendar; its holidays are read once."""

    def __init__(self, calendar: WorkingCalendar | None) -> None:
        self.calendar = calendar
        self.holidays: frozenset[date] = frozenset()
        if calendar is not None and calendar.pk is not None:
            self.holidays = frozenset(calendar.holidays.values_list("day", flat=True))

    def is_working(self, day: date) -> bool:
        if self.calendar is None:
            return True
        return self.calendar.works_on_weekday(day) and day not in self.holidays

    def after(self, start: date, days: int) -> date:
        """The working day that is so many working days after `start`, which itself does not count.

        None after it is `start`, whether or not people work on it.
        """
        if self.calendar is None:
            return start + timedelta(days=days)
        day, left = start, days
        while left > 0:
            day += ONE_DAY
            left -= self.is_working(day)
        return day


def is_working_day(calendar: WorkingCalendar | None, day: date) -> bool:
    return WorkingDays(calendar).is_working(day)


def add_working_days(calendar: WorkingCalendar | None, start: date, days: int) -> date:
    """See `WorkingDays.after`."""
    return WorkingDays(calendar).after(start, days)
