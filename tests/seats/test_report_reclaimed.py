"""`reclaimed-seats`: what was taken back, who decided it, and what became of it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.reports import registry
from portal.reports.base import ReportQuery
from seats.models import Account, Revocation, RevocationBatch, Seat
from tests.reports import exported, rows_of
from tests.seats.batches import batch_of, left_out, taken_back
from tests.seats.holding import NOON, grant, hold, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def acme() -> Account:
    return organization("acme", parent=Account.objects.create(kind="enterprise", login="octo"))


@pytest.fixture
def seats(acme: Account) -> list[Seat]:
    return hold(acme, grant(1, "ana", 60), grant(2, "ben", 60), grant(3, "cem", 60))


def test_a_seat_taken_back_is_a_row_with_its_whole_story(acme: Account, seats: list[Seat], olga: Any) -> None:
    batch = batch_of(acme, seats[:1], by=olga, state="done", approval_reason="Asked twice.")
    taken_back(batch, "ana")
    Revocation.objects.update(
        state="came_back", live_key=None, verified_at=NOON, came_back_at=NOON, came_back_by="team web"
    )

    [row] = rows_of("reclaimed-seats")

    assert row == {
        "organization": "acme",
        "enterprise": "octo",
        "login": "ana",
        "user_id": "1",
        "plan_type": "business",
        "granted_by": "direct",
        "batch": str(batch.pk),
        "state": "came_back",
        "verdict": "idle",
        "reason": "Last use was 60 days ago; the policy allows 30.",
        "last_evidence_on": "2026-09-21",
        "last_evidence_source": "seat",
        "proposed_by": "olga",
        "proposed_at": "2026-11-20T12:00:00Z",
        "approved_by": "olga",
        "approved_at": "2026-11-20T12:00:00Z",
        "revoked_at": "2026-11-20T12:00:00Z",
        "pending_cancellation_date": "2026-12-01",
        "verified_at": "2026-11-20T12:00:00Z",
        "came_back_at": "2026-11-20T12:00:00Z",
        "came_back_by": "team web",
        "reinstated_at": "",
        "monthly_saving": "19.00",
        "currency": "USD",
        "brake": "",
        "github_said": "200 OK",
        "approval_reason": "Asked twice.",
        "second_approved_by": "",
        "reinstated_by": "",
        "says": "",
    }


def test_a_seat_left_out_says_which_brake_and_why(acme: Account, seats: list[Seat]) -> None:
    batch = batch_of(acme, [])
    left_out(batch, seats[1], "exempt", "Parental leave until March.")

    [row] = rows_of("reclaimed-seats")

    assert (row["state"], row["brake"], row["says"]) == ("left_out", "exempt", "Parental leave until March.")


def test_what_github_refused_is_in_its_own_words(acme: Account, seats: list[Seat]) -> None:
    batch = batch_of(acme, seats[:1])
    Revocation.objects.update(state="failed", live_key=None, brake="github_refuses", says="Validation Failed")

    [row] = rows_of("reclaimed-seats")

    assert (batch.pk, row["github_said"], row["says"]) == (int(row["batch"]), "Validation Failed", "")


def test_the_portal_is_named_where_the_policy_decided(acme: Account, seats: list[Seat]) -> None:
    batch_of(acme, seats[:1], state="approved", is_automatic=True)

    [row] = rows_of("reclaimed-seats")

    assert (row["proposed_by"], row["approved_by"]) == ("portal", "portal")


def test_days_ask_for_when_it_was_taken_back_else_proposed(acme: Account, seats: list[Seat]) -> None:
    batch = batch_of(acme, seats[:2], state="done", proposed_at=datetime(2026, 11, 1, 23, 59, tzinfo=UTC))
    taken_back(batch, "ana")

    def logins(*options: str) -> list[str]:
        return [row["login"] for row in rows_of("reclaimed-seats", *options)]

    assert logins("--from", "2026-11-20") == ["ana"]
    assert logins("--to", "2026-11-01") == ["ben"]
    assert logins("--from", "2026-11-02", "--to", "2026-11-19") == []
    assert logins("--from", "2026-11-01", "--to", "2026-11-20") == ["ana", "ben"]


def test_an_enterprise_asks_for_its_organizations_and_rows_come_by_batch_and_login(
    acme: Account, seats: list[Seat]
) -> None:
    other = organization("other")
    batch_of(acme, reversed(seats[:2]))
    batch_of(other, hold(other, grant(9, "zoe", 60)))
    batch_of(acme, seats[2:])

    assert [row["login"] for row in rows_of("reclaimed-seats")] == ["ana", "ben", "zoe", "cem"]
    assert [row["login"] for row in rows_of("reclaimed-seats", "--enterprise", "octo")] == [
        "ana",
        "ben",
        "cem",
    ]
    assert [row["login"] for row in rows_of("reclaimed-seats", "--organization", "other")] == ["zoe"]


def test_programs_get_amounts_and_days_with_their_types(acme: Account, seats: list[Seat]) -> None:
    batch_of(acme, seats[:1])

    row = json.loads(exported("reclaimed-seats", "--format", "ndjson"))

    assert row["monthly_saving"] == 19.0
    assert row["pending_cancellation_date"] is None
    assert date.fromisoformat(row["last_evidence_on"]) == date(2026, 9, 21)


def test_it_is_asked_in_two_queries_however_many_seats(acme: Account, seats: list[Seat]) -> None:
    batch_of(acme, seats)
    report = registry.get("reclaimed-seats")

    with CaptureQueriesContext(connection) as asked:
        assert len(list(report.rows(ReportQuery()))) == 3

    # Their keys in order, then they themselves.
    assert len(asked) == 2
    assert RevocationBatch.objects.count() == 1
