"""`daily-metrics`: an account's days."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.metrics import stored
from tests.reports import begin_the_audit, rows_of

pytestmark = pytest.mark.django_db

DAY = date(2026, 10, 1)


def day(number: int) -> date:
    return DAY + timedelta(days=number)


def active(row: dict[str, str]) -> tuple[str, str, str]:
    return row["daily_active_users"], row["weekly_active_users"], row["monthly_active_users"]


def test_columns_are_those_of_the_contract() -> None:
    stored.use(stored.organization(parent=stored.enterprise()), DAY, {stored.person(1): {}})
    [row] = rows_of("daily-metrics")
    assert list(row) == [
        "day",
        "organization",
        "enterprise",
        "daily_active_users",
        "weekly_active_users",
        "monthly_active_users",
        "user_initiated_interaction_count",
        "code_generation_activity_count",
        "code_acceptance_activity_count",
        "loc_suggested_to_add_sum",
        "loc_suggested_to_delete_sum",
        "loc_added_sum",
        "loc_deleted_sum",
        "source",
    ]
    assert (row["day"], row["organization"], row["enterprise"]) == ("2026-10-01", "acme", "octo")


def test_counters_are_summed_over_people_and_unknown_stays_empty() -> None:
    first = {"loc_added_sum": 3, "loc_deleted_sum": None, "code_generation_activity_count": None}
    second = {"loc_added_sum": 4, "loc_deleted_sum": None, "code_generation_activity_count": 5}
    stored.use(stored.organization(), DAY, {stored.person(1): first, stored.person(2): second})
    [row] = rows_of("daily-metrics")
    assert (row["loc_added_sum"], row["code_generation_activity_count"], row["loc_deleted_sum"]) == (
        "7",
        "5",
        "",
    )
    assert row["source"] == "users"


def test_weeks_and_months_count_people_once_and_only_when_every_day_is_covered() -> None:
    acme = stored.organization()
    for number in range(29):
        # The same person on even days, a new one on odd days.
        user = stored.person(1 if number % 2 == 0 else 100 + number)
        stored.use(acme, day(number), {user: {}})
    rows = rows_of("daily-metrics")
    assert active(rows[0]) == ("1", "", "")
    assert active(rows[5]) == ("1", "", "")
    assert active(rows[6]) == ("1", "4", "")
    assert active(rows[7]) == ("1", "5", "")
    assert active(rows[26]) == ("1", "4", "")
    assert active(rows[27]) == ("1", "5", "15")
    assert active(rows[28]) == ("1", "4", "15")


def test_a_gap_empties_the_windows_that_hold_it() -> None:
    acme = stored.organization()
    for number in (0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12):
        stored.use(acme, day(number), {stored.person(1): {}})
    weekly = {row["day"]: row["weekly_active_users"] for row in rows_of("daily-metrics")}
    assert weekly[str(day(10))] == ""
    assert weekly[str(day(11))] == "1"
    assert str(day(4)) not in weekly


def test_a_covered_day_without_anybody_has_no_row_and_no_gap() -> None:
    acme = stored.organization()
    for number in range(8):
        stored.use(acme, day(number), {} if number == 4 else {stored.person(1): {}})
    weekly = {row["day"]: row["weekly_active_users"] for row in rows_of("daily-metrics")}
    assert str(day(4)) not in weekly
    assert weekly[str(day(7))] == "1"


def test_a_period_asks_for_its_days_but_looks_back_for_its_windows() -> None:
    acme = stored.organization()
    for number in range(8):
        stored.use(acme, day(number), {stored.person(number + 1): {}})
    [row] = rows_of("daily-metrics", "--from", str(day(7)), "--to", str(day(7)))
    assert active(row) == ("1", "7", "")


def test_the_accounts_own_report_is_preferred_and_a_day_is_one_row() -> None:
    acme = stored.organization()
    stored.use(acme, DAY, {stored.person(1): {"loc_added_sum": 1}})
    stored.use(acme, day(1), {stored.person(1): {"loc_added_sum": 2}})
    stored.totals(
        acme, DAY, daily_active_users=9, weekly_active_users=20, monthly_active_users=None, loc_added_sum=11
    )
    first, second = rows_of("daily-metrics")
    assert (first["source"], *active(first), first["loc_added_sum"]) == ("report", "9", "20", "", "11")
    assert (second["source"], second["loc_added_sum"]) == ("users", "2")


def test_accounts_are_never_added_up() -> None:
    octo = stored.enterprise()
    ana = stored.person(1)
    accounts = [
        octo,
        stored.organization("zeta", 3, octo),
        stored.organization("acme", 4, octo),
        stored.organization("lone", 5),
    ]
    for number in (1, 0):
        for account in accounts:
            stored.use(account, day(number), {ana: {}})
    rows = [(row["day"], row["organization"], row["enterprise"]) for row in rows_of("daily-metrics")]
    one_day = [("", "octo"), ("acme", "octo"), ("lone", ""), ("zeta", "octo")]
    assert rows == [(str(day(number)), *labels) for number in (0, 1) for labels in one_day]
    only_octo = rows_of("daily-metrics", "--enterprise", "OCTO")
    assert [(row["organization"], row["daily_active_users"]) for row in only_octo] == [("", "1"), ("", "1")]


def test_queries_do_not_grow_with_people_or_days() -> None:
    begin_the_audit()
    acme = stored.organization()

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            rows_of("daily-metrics")
        return len(captured)

    stored.use(acme, DAY, {stored.person(1): {}})
    few = queries()
    for number in range(1, 12):
        stored.use(acme, day(number), {stored.person(user): {} for user in range(1, 20)})
    assert queries() == few
