"""`users-low-acceptance`: who asks Copilot and takes little of it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from metrics import figures
from tests.metrics import stored
from tests.reports import begin_the_audit, rows_of

DAY = date(2026, 10, 1)


def counted(interactions: int | None, generated: int | None, accepted: int | None) -> dict[str, int | None]:
    return {
        "user_initiated_interaction_count": interactions,
        "code_generation_activity_count": generated,
        "code_acceptance_activity_count": accepted,
    }


def listed(*options: str) -> dict[str, str]:
    return {row["user_login"]: row["acceptance_rate"] for row in rows_of("users-low-acceptance", *options)}


@pytest.mark.django_db
def test_columns_are_those_of_the_contract() -> None:
    ana = stored.person(1, "ana")
    acme = stored.organization(parent=stored.enterprise())
    stored.roster(acme, DAY, {"web": [ana], "api": [ana]})
    stored.use(acme, DAY, {ana: counted(5, 12, 1)})
    [row] = rows_of("users-low-acceptance")
    assert list(row.items())[:7] == [
        ("user_id", "1"),
        ("user_login", "ana"),
        ("teams", "api;web"),
        ("user_initiated_interaction_count", "5"),
        ("code_generation_activity_count", "12"),
        ("code_acceptance_activity_count", "1"),
        ("acceptance_rate", "0.0833"),
    ]


@pytest.mark.django_db
def test_interactions_and_no_acceptance_or_a_rate_below_are_listed() -> None:
    people = {
        "accepts-enough": counted(9, 100, 10),
        "just-below": counted(9, 1000, 99),
        "accepts-nothing": counted(9, 100, 0),
        "only-chats": counted(9, 0, 0),
        "says-nothing-of-acceptances": counted(9, 5, None),
        "never-asks": counted(0, 100, 0),
        "says-nothing-of-interactions": counted(None, 100, 0),
        "accepts-what-was-not-counted": counted(9, 0, 3),
    }
    stored.use(
        stored.organization(),
        DAY,
        {stored.person(number, login): columns for number, (login, columns) in enumerate(people.items(), 1)},
    )
    assert listed() == {
        "just-below": "0.0990",
        "accepts-nothing": "0.0000",
        "only-chats": "",
        "says-nothing-of-acceptances": "",
    }
    assert set(listed("--below", "0")) == {"accepts-nothing", "only-chats", "says-nothing-of-acceptances"}
    assert "accepts-enough" in listed("--below", "0.11")


@pytest.mark.django_db
def test_days_are_summed_before_dividing() -> None:
    acme, ana = stored.organization(), stored.person(1, "ana")
    stored.use(acme, DAY, {ana: counted(1, 1, 1)})
    stored.use(acme, DAY + timedelta(days=1), {ana: counted(1, 99, 0)})
    assert listed() == {"ana": "0.0100"}
    assert listed("--to", str(DAY)) == {}


@pytest.mark.django_db
def test_teams_are_those_of_the_period_and_a_team_bounds_the_days() -> None:
    acme, ana = stored.organization(), stored.person(1, "ana")
    for number, team in enumerate(["old", "new"]):
        day = DAY + timedelta(days=number)
        stored.roster(acme, day, {team: [ana]})
        stored.use(acme, day, {ana: counted(1, 10, 0)})
    [row] = rows_of("users-low-acceptance")
    assert row["teams"] == "new;old"
    [row] = rows_of("users-low-acceptance", "--from", str(DAY + timedelta(days=1)))
    assert row["teams"] == "new"
    [row] = rows_of("users-low-acceptance", "--team", "old")
    assert row["code_generation_activity_count"] == "10"


@pytest.mark.django_db
def test_queries_do_not_grow_with_people_or_teams() -> None:
    begin_the_audit()
    acme = stored.organization()

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            rows_of("users-low-acceptance")
        return len(captured)

    people = [stored.person(number) for number in range(1, 60)]
    stored.roster(acme, DAY, {"one": people[:1]})
    stored.use(acme, DAY, {people[0]: counted(1, 1, 0)})
    few = queries()
    stored.roster(acme, DAY + timedelta(days=1), {f"team-{n}": people[n::5] for n in range(5)})
    stored.use(acme, DAY + timedelta(days=1), {user: counted(1, 1, 0) for user in people})
    assert queries() == few


@given(st.integers(0, 10**12), st.integers(1, 10**12))
def test_the_acceptance_rate_is_the_quotient(accepted: int, generated: int) -> None:
    rate = figures.acceptance_rate(accepted, generated)
    assert rate is not None
    assert abs(rate * generated - accepted) < Decimal("1e-9")
    assert (rate < Decimal("0.1")) == (accepted * 10 < generated)


@given(st.none() | st.integers(0, 10**12))
def test_there_is_no_rate_of_nothing_or_of_the_unknown(count: int | None) -> None:
    assert figures.acceptance_rate(count, 0) is None
    assert figures.acceptance_rate(count, None) is None
    assert figures.acceptance_rate(None, count) is None


@given(st.lists(st.none() | st.integers(0, 10**9)))
def test_a_sum_is_unknown_only_when_every_part_is(values: list[int | None]) -> None:
    known = [value for value in values if value is not None]
    assert figures.total(values) == (sum(known) if known else None)
