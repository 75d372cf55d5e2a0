"""`feature-metrics`, `language-metrics`, `model-metrics`, `ide-metrics` and `client-versions`."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.models import ReportDay, ScopeDay
from seats.models import Account
from tests.metrics import stored
from tests.metrics.dashboards.using import cell, day, line, server_only
from tests.reports import begin_the_audit, rows_of

pytestmark = pytest.mark.django_db

COMPLETION = cell("code_completion", language="python", generations=10, acceptances=4)
CHAT = cell("chat_panel_agent_mode", language="Python", model="gpt-5.4", requests=3, added=7)


@pytest.fixture
def acme() -> Account:
    return stored.organization(parent=stored.enterprise())


def told(rows: list[dict[str, Any]], *columns: str) -> list[tuple[str, ...]]:
    return [tuple(row[column] for column in columns) for row in rows]


def test_columns(acme: Account) -> None:
    stored.use(acme, day(0), {stored.person(1): line(COMPLETION)})
    [row] = rows_of("feature-metrics")
    assert list(row)[:7] == [
        "feature", "organization", "enterprise", "team", "days", "active_users", "user_days",
    ]  # fmt: skip
    assert list(row)[-1] == "acceptance_rate"
    assert (row["organization"], row["enterprise"], row["team"]) == ("acme", "octo", "")


def test_counters_are_added_up_by_name_and_people_counted_once(acme: Account) -> None:
    ann, bob = stored.person(1), stored.person(2)
    stored.use(acme, day(0), {ann: line(COMPLETION, CHAT), bob: line(COMPLETION)})
    stored.use(acme, day(1), {ann: line(COMPLETION)})

    rows = rows_of("feature-metrics")

    assert told(rows, "feature", "days", "active_users", "user_days", "code_generation_activity_count") == [
        ("chat_panel_agent_mode", "2", "1", "1", "0"),
        ("code_completion", "2", "2", "3", "30"),
    ]
    assert told(rows, "acceptance_rate") == [("",), ("0.4000",)]


def test_a_language_spelled_two_ways_is_one(acme: Account) -> None:
    stored.use(acme, day(0), {stored.person(1): line(COMPLETION, CHAT)})
    assert told(rows_of("language-metrics"), "language", "loc_added_sum", "active_users") == [
        ("python", "7", "1")
    ]


def test_completions_have_no_model(acme: Account) -> None:
    stored.use(acme, day(0), {stored.person(1): line(COMPLETION, CHAT)})
    assert told(rows_of("model-metrics"), "model", "user_initiated_interaction_count") == [("gpt-5.4", "3")]


def test_by_day_each_row_is_of_one_day(acme: Account) -> None:
    ann, bob = stored.person(1), stored.person(2)
    stored.use(acme, day(0), {ann: line(COMPLETION), bob: line(COMPLETION)})
    stored.use(acme, day(1), {ann: line(COMPLETION)})
    assert told(rows_of("ide-metrics", "--by", "day"), "ide", "day", "days", "active_users") == [
        ("vscode", str(day(0)), "1", "2"),
        ("vscode", str(day(1)), "1", "1"),
    ]


def test_a_day_of_counters_without_names_is_not_among_the_days(acme: Account) -> None:
    ann = stored.person(1)
    stored.use(acme, day(0), {ann: line(COMPLETION)})
    stored.use(acme, day(1), {ann: server_only(5)})
    assert told(rows_of("feature-metrics"), "days") == [("1",)]


def test_a_team_is_of_its_own_days(acme: Account) -> None:
    ann, bob = stored.person(1), stored.person(2)
    for number in (0, 1):
        stored.use(acme, day(number), {ann: line(COMPLETION), bob: line(COMPLETION)})
    stored.roster(acme, day(0), {"data": [ann]})

    rows = rows_of("feature-metrics", "--team", "data")

    assert told(rows, "team", "days", "active_users", "code_generation_activity_count") == [
        ("data", "1", "1", "10")
    ]


def test_the_account_s_own_report_tells_counters_and_no_people(acme: Account) -> None:
    stored.use(acme, day(0), {stored.person(1): line(COMPLETION)})
    ScopeDay.objects.update(source="report")
    ReportDay.objects.update(report="scope")
    assert told(rows_of("feature-metrics"), "active_users", "code_generation_activity_count") == [("", "10")]


def test_queries_do_not_grow_with_people_or_names(acme: Account) -> None:
    begin_the_audit()

    def queries(number: int) -> int:
        cells = [
            cell("code_completion", language=f"language-{each}", generations=1) for each in range(number)
        ]
        stored.use(acme, day(number), {stored.person(each): line(*cells) for each in range(number)})
        with CaptureQueriesContext(connection) as caught:
            rows_of("language-metrics")
        return len(caught)

    assert queries(1) == queries(9)


def test_clients_say_whose_newest_they_are_and_what_is_outdated(acme: Account) -> None:
    old, new = ("1.104.0", "copilot-chat", "0.31.0"), ("1.110.0", "copilot-chat", "0.36.0")
    ann, bob = stored.person(1), stored.person(2)
    stored.use(
        acme, day(0), {ann: line(CHAT, clients={"vscode": new}), bob: line(CHAT, clients={"vscode": old})}
    )

    rows = rows_of("client-versions")

    assert told(rows, "ide", "ide_version", "users", "state", "tells_lines") == [
        ("vscode", "1.110.0", "1", "newest", "true"),
        ("vscode", "1.104.0", "1", "outdated", "true"),
    ]
    assert rows[0]["last_day"] == str(day(0))
