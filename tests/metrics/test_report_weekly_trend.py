"""`weekly-trend`: the figures of GitHub's guide."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.models import LegacyDay
from seats.models import Account
from tests.metrics import stored
from tests.metrics.report_files import take
from tests.reports import begin_the_audit, rows_of

pytestmark = pytest.mark.django_db

FIRST = date(2026, 1, 5)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def older(
    account: Account,
    days: Iterable[int],
    active: int | None = 10,
    engaged: int | None = 8,
    *,
    api: str = "metrics",
    team: str = "",
) -> None:
    """Days of an older system, the same each day but for `active`, which grows by one a day."""
    for number in days:
        LegacyDay.objects.create(
            account=account,
            team_slug=team,
            api=api,
            day=day(number),
            total_active_users=None if active is None else active + number,
            total_engaged_users=None if api == "usage" else engaged,
            file=stored.report_file("legacy-metrics"),
            observed_at=stored.midnight(day(number)),
            content_hash=b"",
            blob=b"",
        )


def told(*options: str, columns: str = "week days total_active_users source") -> list[tuple[str, ...]]:
    return [tuple(row[name] for name in columns.split()) for row in rows_of("weekly-trend", *options)]


def guide(days: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the guide's script prints, for any number of weeks: it knows four."""
    weeks: list[dict[str, Any]] = []
    for place, entry in enumerate(days):
        if place % 7 == 0:
            weeks.append({"days": 0, "active": 0, "engaged": 0})
        weeks[-1]["days"] += 1
        weeks[-1]["active"] += entry["total_active_users"]
        weeks[-1]["engaged"] += entry["total_engaged_users"]
    return [
        {
            "days": str(week["days"]),
            "total_active_users": str(week["active"]),
            "total_engaged_users": str(week["engaged"]),
            "avg_active_users": f"{week['active'] / week['days']:.2f}",
            "avg_engaged_users": f"{week['engaged'] / week['days']:.2f}",
        }
        for week in weeks
    ]


# The guide's own example: four weeks, the last of six days.
ACTIVE = """
    28 26 25 24 24 24 23
    24 23 23 23 23 22 22
    20 20 19 19 19 19 18
    25 24 24 24 23 23
"""
ENGAGED = """
    28 26 25 24 24 24 23
    22 22 22 22 21 21 21
    18 18 18 18 17 17 17
    22 22 22 22 22 22
"""


def test_columns_are_those_of_the_contract() -> None:
    older(stored.organization(parent=stored.enterprise()), [0])
    [row] = rows_of("weekly-trend")
    assert list(row) == [
        "week",
        "first_day",
        "last_day",
        "days",
        "total_active_users",
        "total_engaged_users",
        "avg_active_users",
        "avg_engaged_users",
        "source",
        "organization",
        "enterprise",
    ]
    assert (row["organization"], row["enterprise"]) == ("acme", "octo")


def test_the_guides_own_example_comes_out(tmp_path: Path) -> None:
    saved = [
        {"date": str(day(n)), "total_active_users": int(active), "total_engaged_users": int(engaged)}
        for n, (active, engaged) in enumerate(zip(ACTIVE.split(), ENGAGED.split(), strict=True))
    ]
    (tmp_path / "copilotMetricsData.json").write_text(json.dumps(saved, indent=2))
    take(tmp_path / "copilotMetricsData.json", organization="acme")
    figures = "days total_active_users total_engaged_users avg_active_users avg_engaged_users"
    assert told(columns=figures) == [
        ("7", "174", "174", "24.86", "24.86"),
        ("7", "160", "151", "22.86", "21.57"),
        ("7", "134", "123", "19.14", "17.57"),
        ("6", "143", "132", "23.83", "22.00"),
    ]
    assert told(columns="week first_day last_day source")[3] == (
        "4",
        str(day(21)),
        str(day(26)),
        "legacy_metrics",
    )


@pytest.mark.parametrize("count", [1, 6, 7, 8, 28, 29, 35, 100])
def test_any_number_of_days_gives_the_guides_figures(tmp_path: Path, count: int) -> None:
    saved = [
        # Days of an archive are not always in order, and some are missing.
        {
            "date": str(day((n * 37) % 101)),
            "total_active_users": (n * 7919) % 1009,
            "total_engaged_users": (n * 31) % 97,
        }
        for n in range(count)
    ]
    (tmp_path / "saved").write_text(json.dumps(saved))
    take(tmp_path / "saved", organization="acme")
    expected = guide(sorted(saved, key=lambda entry: entry["date"]))
    rows = rows_of("weekly-trend")
    assert [{name: row[name] for name in expected[0]} for row in rows] == expected
    assert [row["week"] for row in rows] == [str(n + 1) for n in range(len(expected))]


def test_days_that_are_missing_are_no_entries() -> None:
    older(stored.organization(), [0, 1, 2, 10, 11, 40, 41, 42])
    assert told(columns="first_day last_day days total_active_users") == [
        (str(day(0)), str(day(41)), "7", str(70 + 105)),
        (str(day(42)), str(day(42)), "1", "52"),
    ]


def test_weeks_are_counted_from_the_first_day_asked_for() -> None:
    older(stored.organization(), range(20))
    assert told("--from", str(day(3)), "--to", str(day(12)), columns="week first_day days") == [
        ("1", str(day(3)), "7"),
        ("2", str(day(10)), "3"),
    ]


def test_a_week_of_nobody_is_0_and_a_period_without_days_is_empty() -> None:
    acme = stored.organization()
    older(acme, [0], active=0, engaged=0)
    columns = "total_active_users total_engaged_users avg_active_users avg_engaged_users"
    assert told(columns=columns) == [("0", "0", "0.00", "0.00")]
    assert told("--from", str(day(5))) == []


def test_a_count_that_is_missing_is_not_0() -> None:
    acme = stored.organization()
    older(acme, [0, 1, 2], engaged=None)
    older(acme, [3], active=None, engaged=4)
    columns = "days total_active_users total_engaged_users avg_active_users avg_engaged_users"
    assert told(columns=columns) == [("4", "33", "4", "11.00", "4.00")]


def test_without_any_count_a_week_shows_only_its_days() -> None:
    older(stored.organization(), [0, 1], active=None, engaged=None)
    columns = "days total_active_users total_engaged_users avg_active_users avg_engaged_users"
    assert told(columns=columns) == [("2", "", "", "", "")]


def test_a_day_is_told_by_one_source_and_a_week_is_of_one() -> None:
    acme = stored.organization()
    older(acme, range(3), api="usage", active=1)
    older(acme, range(2, 11), active=100)
    for number in range(8, 16):
        stored.totals(acme, day(number), daily_active_users=1000)
    columns = "week first_day days total_active_users total_engaged_users source"
    assert told(columns=columns) == [
        ("1", str(day(0)), "2", "3", "", "legacy_usage"),
        ("2", str(day(2)), "7", str(sum(range(102, 109))), "56", "legacy_metrics"),
        ("3", str(day(9)), "2", "219", "16", "legacy_metrics"),
        ("4", str(day(11)), "5", "5000", "", "report"),
    ]


def test_what_lies_between_the_days_of_the_metrics_api_does_not_change_its_weeks() -> None:
    acme = stored.organization()
    older(acme, [0, 1, 2, 3, 5, 6, 7, 8])
    for number in (-2, -1, 4, 9, 10):
        stored.totals(acme, day(number), daily_active_users=3)
    assert told(columns="first_day last_day days source") == [
        (str(day(-2)), str(day(-1)), "2", "report"),
        (str(day(0)), str(day(7)), "7", "legacy_metrics"),
        (str(day(4)), str(day(4)), "1", "report"),
        (str(day(8)), str(day(8)), "1", "legacy_metrics"),
        (str(day(9)), str(day(10)), "2", "report"),
    ]


def test_a_day_without_a_count_yields_to_a_source_that_has_one() -> None:
    acme = stored.organization()
    older(acme, [0, 1], api="usage", active=5)
    older(acme, [0], active=None, engaged=3)
    assert told() == [("1", "2", "11", "legacy_usage")]


def test_todays_reports_give_weeks_without_engaged_users() -> None:
    acme = stored.organization()
    ana, ben = stored.person(1), stored.person(2)
    stored.use(acme, day(0), {ana: {}, ben: {}})
    stored.use(acme, day(1), {})
    stored.totals(acme, day(1), daily_active_users=9)
    stored.use(acme, day(2), {ana: {}})
    columns = "days total_active_users total_engaged_users avg_active_users avg_engaged_users source"
    assert told(columns=columns) == [("3", "12", "", "4.00", "", "report;users")]


def test_accounts_are_never_added_up() -> None:
    octo = stored.enterprise()
    acme = stored.organization(parent=octo)
    older(octo, range(8), active=50)
    older(acme, range(2), active=20)
    rows = told(columns="organization enterprise week days")
    assert rows == [("", "octo", "1", "7"), ("", "octo", "2", "1"), ("acme", "octo", "1", "2")]
    assert told("--organization", "ACME", columns="organization days") == [("acme", "2")]


def test_a_team_has_its_own_days_of_the_older_systems_and_its_members_of_today() -> None:
    acme = stored.organization()
    ana, ben = stored.person(1), stored.person(2)
    older(acme, range(3), team="front-end", active=2)
    older(acme, range(3), active=90)
    stored.use(acme, day(8), {ana: {}, ben: {}})
    stored.roster(acme, day(8), {"front-end": [ana]})
    columns = "days total_active_users source"
    assert told("--team", "Front-End", columns=columns) == [("3", "9", "legacy_metrics"), ("1", "1", "users")]


def test_a_team_known_from_the_older_systems_alone_can_be_asked_for() -> None:
    older(stored.organization(), range(3), team="dissolved")
    assert told("--team", "dissolved", columns="days") == [("3",)]
    with pytest.raises(CommandError, match="There is no team 'resolved'"):
        rows_of("weekly-trend", "--team", "resolved")


def test_queries_do_not_grow_with_days_or_accounts() -> None:
    begin_the_audit()

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            rows_of("weekly-trend")
        return len(captured)

    older(stored.organization(), range(2))
    few = queries()
    for number in range(2, 6):
        other = stored.organization(f"org-{number}", number)
        older(other, range(30))
        stored.totals(other, day(50), daily_active_users=3)
    assert queries() == few
