"""Working calendars in the admin: days of the week, holidays, and what becomes of both."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from portal.models import AuditEntry
from seats.models import Holiday, InactivityPolicy, WorkingCalendar
from tests.counting import queries_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

CALENDARS = "/seats/workingcalendar/"


def form(*holidays: str, **fields: Any) -> dict[str, Any]:
    days = dict.fromkeys(WorkingCalendar.WEEKDAYS[:5], "on")
    inline = {f"holidays-{number}-day": day for number, day in enumerate(holidays)}
    counted = {"holidays-TOTAL_FORMS": len(holidays), "holidays-INITIAL_FORMS": 0}
    return {"name": "Office", **days, **inline, **counted, **fields}


def test_a_calendar_comes_with_its_holidays_and_both_are_recorded(olga_client: Client) -> None:
    answer = olga_client.post(f"{CALENDARS}add/", form("2026-12-25", "2026-12-26"))

    assert answer.status_code == 302
    calendar = WorkingCalendar.objects.get()
    assert [str(row.day) for row in calendar.holidays.all()] == ["2026-12-25", "2026-12-26"]
    entries = AuditEntry.objects.filter(subject=f"calendar:{calendar.pk}").order_by("sequence")
    assert [entry.action for entry in entries] == ["calendar added", "calendar holidays changed"]
    assert entries[1].detail["added"] == ["2026-12-25", "2026-12-26"]


def test_a_calendar_without_a_working_day_is_refused(olga_client: Client) -> None:
    without = dict.fromkeys(WorkingCalendar.WEEKDAYS, "")

    page = olga_client.post(f"{CALENDARS}add/", form(**without)).content.decode()

    assert "Choose at least one working day." in page
    assert not WorkingCalendar.objects.exists()


def test_one_day_is_no_holiday_twice(olga_client: Client) -> None:
    page = olga_client.post(f"{CALENDARS}add/", form("2026-12-25", "2026-12-25")).content.decode()

    assert "correct the duplicate data" in page
    assert not WorkingCalendar.objects.exists()


def test_the_list_tells_days_the_next_holiday_and_who_goes_by_it(olga_client: Client) -> None:
    calendar = WorkingCalendar.objects.create(name="Office", friday=False)
    for day in ("2026-11-19", "2026-12-25", "2026-12-26"):
        Holiday.objects.create(calendar=calendar, day=day)
    InactivityPolicy.objects.update(working_calendar=calendar)

    page = olga_client.get(CALENDARS)

    [row] = page.context["cl"].result_list
    assert (str(row.coming_on), row.used_by) == ("2026-12-25", 1)
    assert "Mon, Tue, Wed, Thu<" in page.content.decode()
    link = f"/seats/holiday/?calendar__id__exact={calendar.pk}"
    assert link in page.content.decode()
    assert olga_client.get(link).context["cl"].result_count == 3


def test_a_calendar_that_is_deleted_leaves_its_policies_without_one(olga_client: Client) -> None:
    calendar = WorkingCalendar.objects.create(name="Office")
    InactivityPolicy.objects.update(working_calendar=calendar)

    olga_client.post(f"{CALENDARS}{calendar.pk}/delete/", {"post": "yes"})

    assert InactivityPolicy.objects.get().working_calendar is None


def test_the_lists_ask_as_many_queries_for_forty_rows(olga_client: Client) -> None:
    def add(number: int) -> None:
        calendar = WorkingCalendar.objects.create(name=f"Office {number}")
        Holiday.objects.create(calendar=calendar, day="2026-12-25")

    add(0)
    few = [queries_of(olga_client, url) for url in (CALENDARS, "/seats/holiday/")]
    for number in range(1, 41):
        add(number)

    assert [queries_of(olga_client, url) for url in (CALENDARS, "/seats/holiday/")] == few


def test_whoever_may_only_look_changes_nothing(vic_client: Client) -> None:
    assert vic_client.get(CALENDARS).status_code == 200
    assert vic_client.post(f"{CALENDARS}add/", form()).status_code == 403
