"""Days on which people work: notices wait so many of them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from seats.models import Holiday, WorkingCalendar
from seats.working_days import WorkingDays, add_working_days, is_working_day

FRIDAY = date(2026, 11, 20)
SATURDAY, MONDAY, TUESDAY = date(2026, 11, 21), date(2026, 11, 23), date(2026, 11, 24)


@pytest.fixture
def office(db: None) -> WorkingCalendar:
    """Monday to Friday, except for one Monday."""
    calendar = WorkingCalendar.objects.create(name="Office")
    Holiday.objects.create(calendar=calendar, day=MONDAY, name="Founders' day")
    return calendar


def test_without_a_calendar_every_day_counts() -> None:
    assert is_working_day(None, SATURDAY)
    assert add_working_days(None, FRIDAY, 7) == FRIDAY + timedelta(days=7)


def test_weekends_and_holidays_are_no_working_days(office: WorkingCalendar) -> None:
    assert is_working_day(office, FRIDAY)
    assert not is_working_day(office, SATURDAY)
    assert not is_working_day(office, MONDAY)


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        (FRIDAY, 0, FRIDAY),
        (FRIDAY, 1, TUESDAY),
        (FRIDAY, 5, date(2026, 11, 30)),
        (SATURDAY, 0, SATURDAY),
        (SATURDAY, 1, TUESDAY),
    ],
)
def test_working_days_are_counted_from_the_day_after(
    office: WorkingCalendar, start: date, days: int, expected: date
) -> None:
    assert add_working_days(office, start, days) == expected


def test_holidays_are_read_once_for_any_number_of_days(
    office: WorkingCalendar, django_assert_num_queries: CaptureQueriesContext
) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]
        days = WorkingDays(office)
        for ago in range(100):
            days.after(FRIDAY - timedelta(days=ago), 10)


@given(
    st.sets(st.integers(0, 6), min_size=1), st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(1, 30)
)
def test_exactly_so_many_working_days_lie_between(weekdays: set[int], start: date, count: int) -> None:
    calendar = WorkingCalendar(
        **{name: number in weekdays for number, name in enumerate(WorkingCalendar.WEEKDAYS)}
    )
    days = WorkingDays(calendar)
    end = days.after(start, count)
    between = [start + timedelta(days=n) for n in range(1, (end - start).days + 1)]
    assert sum(days.is_working(day) for day in between) == count
    assert days.is_working(end)


def test_a_calendar_without_a_working_day_is_refused_by_the_database(db: None) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        WorkingCalendar.objects.create(name="Never", **dict.fromkeys(WorkingCalendar.WEEKDAYS, False))


def test_a_day_is_a_holiday_once(office: WorkingCalendar) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Holiday.objects.create(calendar=office, day=MONDAY)
