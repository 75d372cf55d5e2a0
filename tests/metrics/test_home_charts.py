"""Use on the home page: one account at a time, gaps for what is not known, dashes for what may change."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from metrics.charts import daily
from metrics.figures import DayTotals
from metrics.models import ReportDay, ScopeDay
from portal.models import ReportFile
from seats.models import Account

TODAY = date(2026, 11, 20)


def totals(ago: int, users: int | None, interactions: int | None = 5) -> DayTotals:
    counters = (interactions, 10, 4, None, None, None, None)
    return DayTotals(1, TODAY - timedelta(days=ago), "report", users, None, None, counters)


def young(day: date) -> bool:
    return day >= TODAY - timedelta(days=3)


def chart_of(*days: DayTotals) -> Any:
    return daily.active_users(days, young, lambda day: f"/days/{day}", "acme")


# --- The chart --------------------------------------------------------------------------------


def test_settled_days_are_drawn_through_and_young_ones_dashed_from_there() -> None:
    chart = chart_of(totals(6, 10), totals(5, 11), totals(3, 12), totals(2, 13))

    settled, provisional = chart.series
    assert (settled.values, settled.dashed) == ([10, 11, None, None], False)
    assert (provisional.values, provisional.dashed) == ([None, 11, 12, 13], True)


def test_what_is_not_known_is_a_gap_and_not_nothing() -> None:
    chart = chart_of(totals(6, 10), totals(5, None), totals(4, 0))

    assert chart.series[0].values == [10, None, 0]
    assert [[cell.text for cell in row[:2]] for row in chart.rows] == [
        ["2026-11-16", "0"],
        ["2026-11-15", "–"],
        ["2026-11-14", "10"],
    ]


def test_the_table_says_which_days_may_still_change() -> None:
    assert [row[2].text for row in chart_of(totals(6, 10), totals(1, 10)).rows] == ["provisional", ""]


def test_the_rate_is_acceptances_over_generations() -> None:
    chart = daily.interactions([totals(6, 10), totals(5, 9, None)], young, str, "acme")

    assert [[cell.text for cell in row[1:5]] for row in chart.rows] == [
        ["–", "10", "4", "40.0%"],
        ["5", "10", "4", "40.0%"],
    ]


def test_what_is_drawn_has_axes_and_a_legend() -> None:
    chart = chart_of(totals(6, 10), totals(1, 11))
    options, data = json.loads(chart.options()), json.loads(chart.data())

    assert options["plugins"]["legend"]["display"] is True
    assert options["scales"]["y"]["beginAtZero"] is True
    assert data["labels"] == ["Nov 14", "Nov 19"]
    assert [dataset["label"] for dataset in data["datasets"]] == ["Active users", "Active users, provisional"]


# --- The page ---------------------------------------------------------------------------------


@pytest.fixture
def acme(clock: object, db: None) -> Account:
    return Account.objects.create(kind="organization", login="acme")


def report(account: Account, days: int, users: int) -> None:
    """An account's own report of the days up to yesterday."""
    file = ReportFile.objects.create(
        source="upload", kind="organization-1-day", name="acme.ndjson", sha256="0" * 64, size=1
    )
    for ago in range(1, days + 1):
        day = TODAY - timedelta(days=ago)
        ScopeDay.objects.create(
            account=account,
            day=day,
            source="report",
            daily_active_users=users + ago,
            weekly_active_users=2 * users,
            monthly_active_users=3 * users,
            user_initiated_interaction_count=10,
            code_generation_activity_count=20,
            code_acceptance_activity_count=5,
        )
        ReportDay.objects.create(
            account=account, report="scope", day=day, file=file, observed_at="2026-11-20T06:00:00Z"
        )


def panels(client: Client, query: str = "") -> dict[str, Any]:
    return {getattr(panel, "title", "scope"): panel for panel in client.get(f"/?{query}").context["panels"]}


def test_the_newest_28_covered_days_are_summed_up(olga_client: Client, acme: Account) -> None:
    report(acme, days=40, users=100)

    found = panels(olga_client)

    assert {figure.label: figure.value for figure in found["Use in acme"].figures} == {
        "Daily active users": "101",
        "Weekly active users": "200",
        "Monthly active users": "300",
        "Interactions": "280",
        "Acceptance rate": "25.0%",
    }
    assert len(found["Daily active users"].rows) == 28
    assert "28 covered days, 2026-10-23 to 2026-11-19 (UTC)" in found["Daily active users"].note
    assert "as of 2026-11-20 from acme.ndjson" in found["Daily active users"].note
    assert "GitHub may still change these days" in found["Daily active users"].note


def test_a_number_leads_to_the_days_it_counts(olga_client: Client, acme: Account) -> None:
    report(acme, days=40, users=100)
    found = panels(olga_client)

    summed, one_day = found["Use in acme"].figures[3].url, found["Daily active users"].rows[0][0].url

    assert olga_client.get(summed).context["cl"].result_count == 28
    assert olga_client.get(one_day).context["cl"].result_count == 1


def test_people_are_never_added_up_over_accounts(olga_client: Client, acme: Account) -> None:
    report(acme, days=3, users=100)
    report(Account.objects.create(kind="enterprise", login="octo"), days=3, users=500)

    assert "Use in octo" in panels(olga_client)
    assert "One account at a time" in panels(olga_client)["Use in octo"].note
    alone = panels(olga_client, f"account={acme.pk}")
    assert alone["Use in acme"].figures[0].value == "101"


def test_an_account_without_a_usage_report_says_so(olga_client: Client, acme: Account) -> None:
    report(Account.objects.create(kind="enterprise", login="octo"), days=3, users=500)

    assert "No usage report" in panels(olga_client, f"account={acme.pk}")["Use in acme"].text


def test_use_needs_a_permission(noa_client: Client, acme: Account) -> None:
    report(acme, days=3, users=100)

    assert panels(noa_client) == {}
