"""`team-metrics`: GitHub's own join of people and teams, day by day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.core.management import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.metrics import stored
from tests.reports import begin_the_audit, rows_of

pytestmark = pytest.mark.django_db

DAY = date(2026, 5, 7)
NEXT = DAY + timedelta(days=1)


def short(row: dict[str, str]) -> tuple[str, str, str]:
    return row["slug"], row["active_users"], row["user_days"]


def test_the_example_github_publishes_comes_out() -> None:
    """https://docs.github.com/copilot/reference/copilot-usage-metrics/team-level-metrics"""
    acme = stored.organization()
    both, one = stored.person(1, "octocat"), stored.person(2, "monalisa")
    stored.use(
        acme,
        DAY,
        {
            both: {"code_acceptance_activity_count": 12, "loc_added_sum": 88},
            one: {"code_acceptance_activity_count": 7, "loc_added_sum": 24},
        },
    )
    stored.roster(acme, DAY, {"frontend": [both, one], "backend": [both]})

    found = {
        row["slug"]: (row["active_users"], row["code_acceptance_activity_count"], row["loc_added_sum"])
        for row in rows_of("team-metrics", "--organization", "acme")
    }
    assert found == {
        "backend": ("1", "12", "88"),
        "frontend": ("2", "19", "112"),
        "(unattributed)": ("0", "0", "0"),
    }


def test_leading_columns_are_those_of_the_contract() -> None:
    acme = stored.organization(parent=stored.enterprise())
    ana = stored.person(1)
    stored.use(acme, DAY, {ana: {}})
    teams = stored.roster(acme, DAY, {"frontend": [ana]})
    [row, rest] = rows_of("team-metrics")
    assert list(row)[:6] == ["team_id", "slug", "organization", "enterprise", "active_users", "user_days"]
    assert row["team_id"] == str(teams["frontend"].github_id)
    assert (row["organization"], row["enterprise"]) == ("acme", "octo")
    assert (rest["team_id"], rest["slug"]) == ("", "(unattributed)")


def test_membership_counts_as_of_each_day_and_people_once_per_period() -> None:
    acme = stored.organization()
    mover, stayer = stored.person(1), stored.person(2)
    work = {"user_initiated_interaction_count": 5}
    stored.roster(acme, DAY, {"old": [mover, stayer]})
    stored.roster(acme, NEXT, {"old": [stayer], "new": [mover]})
    stored.use(acme, DAY, {mover: work, stayer: work})
    stored.use(acme, NEXT, {mover: work, stayer: work})

    assert [short(row) for row in rows_of("team-metrics")] == [
        ("new", "1", "1"),
        ("old", "2", "3"),
        ("(unattributed)", "0", "0"),
    ]
    assert [short(row) for row in rows_of("team-metrics", "--from", str(NEXT), "--to", str(NEXT))] == [
        ("new", "1", "1"),
        ("old", "1", "1"),
        ("(unattributed)", "0", "0"),
    ]


def test_the_last_row_holds_the_user_days_without_a_team_row_that_day() -> None:
    acme = stored.organization()
    ana, lone = stored.person(1), stored.person(2)
    stored.roster(acme, DAY, {"frontend": [ana]})
    stored.use(acme, DAY, {ana: {"loc_added_sum": 1}, lone: {"loc_added_sum": 10}})
    stored.use(acme, NEXT, {ana: {"loc_added_sum": 100}, lone: {"loc_added_sum": 1000}})
    last = rows_of("team-metrics")[-1]
    assert short(last) == ("(unattributed)", "2", "3")
    assert last["loc_added_sum"] == "1110"


def test_a_silent_team_is_shown_with_nothing_and_an_unknown_counter_stays_empty() -> None:
    acme = stored.organization()
    ana, silent = stored.person(1), stored.person(2)
    stored.roster(acme, DAY, {"loud": [ana], "silent": [silent]})
    stored.use(acme, DAY, {ana: {"loc_added_sum": None, "user_initiated_interaction_count": 3}})
    [loud, quiet, _] = rows_of("team-metrics")
    assert (loud["loc_added_sum"], loud["user_initiated_interaction_count"]) == ("", "3")
    assert short(quiet) == ("silent", "0", "0")
    assert quiet["loc_added_sum"] == "0"


def test_an_organization_and_its_enterprise_stand_side_by_side() -> None:
    octo = stored.enterprise()
    acme = stored.organization(parent=octo)
    ana = stored.person(1)
    for account in (octo, acme):
        stored.use(account, DAY, {ana: {}})
        stored.roster(account, DAY, {"frontend": [ana]})
    assert [(row["organization"], row["slug"]) for row in rows_of("team-metrics")] == [
        ("", "frontend"),
        ("", "(unattributed)"),
        ("acme", "frontend"),
        ("acme", "(unattributed)"),
    ]
    assert {row["organization"] for row in rows_of("team-metrics", "--enterprise", "octo")} == {""}


def test_an_organizations_team_is_none_of_its_enterprise() -> None:
    octo = stored.enterprise()
    acme = stored.organization(parent=octo)
    stored.use(acme, DAY, {stored.person(1): {}})
    stored.roster(acme, DAY, {"frontend": [stored.person(1)]})
    with pytest.raises(CommandError, match="no team 'frontend' in octo"):
        rows_of("team-metrics", "--enterprise", "octo", "--team", "frontend")


def test_one_team_can_be_asked_for() -> None:
    acme = stored.organization()
    ana = stored.person(1)
    stored.use(acme, DAY, {ana: {}})
    stored.roster(acme, DAY, {"frontend": [ana], "backend": [ana]})
    assert [row["slug"] for row in rows_of("team-metrics", "--team", "backend")] == ["backend"]


def test_queries_do_not_grow_with_people_teams_or_days() -> None:
    begin_the_audit()
    acme = stored.organization()

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            rows_of("team-metrics", "--organization", "acme")
        return len(captured)

    people = [stored.person(number) for number in range(1, 41)]
    stored.roster(acme, DAY, {"small": people[:2]})
    stored.use(acme, DAY, {user: {} for user in people[:2]})
    few = queries()
    for offset in range(1, 6):
        day = DAY + timedelta(days=offset)
        stored.roster(acme, day, {f"team-{n}": people[n::8] for n in range(8)})
        stored.use(acme, day, {user: {} for user in people})
    assert queries() == few
