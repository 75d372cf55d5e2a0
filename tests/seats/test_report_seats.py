"""`seats`, `inactive-seats` and `activity`: who holds a seat, who does not use it, who was last seen when."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.models import ReportFile
from portal.reports import registry
from portal.reports.base import ReportQuery
from seats import activity_report, roster
from seats.activity_report import ReportedActivity
from seats.models import Account, Revocation, RevocationBatch, Seat, SeatReview, Team, TeamMembership
from seats.reclaim.flag import flag, keep, review
from seats.roster import ReportedGrant, Roster
from tests.reports import begin_the_audit, exported, rows_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TODAY = NOON.date()


def ago(days: int) -> datetime:
    return NOON - timedelta(days=days)


def grant(
    number: int, login: str, used: int | None = None, created: int = 300, **fields: Any
) -> ReportedGrant:
    """A seat last used `used` days ago and granted `created` days ago."""
    return ReportedGrant(
        number=number,
        assignee_id=number,
        assignee_login=login,
        created_at=ago(created),
        last_activity_at=None if used is None else ago(used),
        **{"plan_type": "business", **fields},
    )


def listing(*grants: ReportedGrant, account: Account, at: datetime = NOON) -> None:
    roster.apply(Roster(account, at, grants, is_complete=True, is_confirmed=True))


@pytest.fixture
def acme() -> Account:
    octo = Account.objects.create(kind="enterprise", login="octo")
    return Account.objects.create(kind="organization", login="acme", parent=octo, github_id=501)


def verdicts(name: str = "seats", *options: str) -> dict[str, str]:
    return {row["login"]: row["verdict"] for row in rows_of(name, *options)}


# --- seats ------------------------------------------------------------------------------------


def test_a_seat_is_a_row_with_everything_that_is_known(acme: Account) -> None:
    listing(
        grant(
            7,
            "ana",
            used=3,
            plan_type="enterprise",
            team_id=9,
            team_slug="frontend",
            team_name="Frontend",
            team_is_enterprise=False,
            last_activity_editor="vscode/1.99",
            last_authenticated_at=ago(4),
        ),
        account=acme,
    )
    [row] = rows_of("seats")
    assert row == {
        "organization": "acme",
        "enterprise": "octo",
        "login": "ana",
        "user_id": "7",
        "plan_type": "enterprise",
        "assigning_team": "frontend",
        "granted_by": "team",
        "created_at": "2026-01-24T12:00:00Z",
        "last_activity_at": "2026-11-17T12:00:00Z",
        "last_activity_editor": "vscode/1.99",
        "last_authenticated_at": "2026-11-16T12:00:00Z",
        "pending_cancellation_date": "",
        "last_evidence_on": "2026-11-17",
        "last_evidence_source": "seat",
        "verdict": "active",
        "monthly_cost": "39.00",
        "currency": "USD",
    }


def test_an_unknown_plan_costs_an_unknown_amount(acme: Account) -> None:
    listing(grant(1, "ana", used=3, plan_type="unknown"), account=acme)
    [row] = rows_of("seats")
    assert (row["monthly_cost"], row["currency"]) == ("", "")


def test_money_is_a_number_in_ndjson(acme: Account) -> None:
    listing(grant(1, "ana", used=3), account=acme)
    out = exported("seats", "--format", "ndjson")
    assert '"monthly_cost":19.00,' in out
    assert json.loads(out)["pending_cancellation_date"] is None


def test_rows_are_in_order_of_account_and_login(acme: Account) -> None:
    lone = Account.objects.create(kind="organization", login="Lone", github_id=502)
    listing(grant(1, "zoe", 1), grant(2, "Ben", 1), grant(3, "ana", 1), account=acme)
    listing(grant(4, "max", 1), account=lone)
    assert [row["login"] for row in rows_of("seats")] == ["max", "ana", "Ben", "zoe"]
    assert list(verdicts("seats", "--organization", "acme")) == ["ana", "Ben", "zoe"]
    assert list(verdicts("seats", "--enterprise", "octo")) == ["ana", "Ben", "zoe"]


def test_a_team_is_its_members_and_those_it_granted_a_seat(acme: Account) -> None:
    in_team = {"team_id": 9, "team_slug": "frontend", "team_is_enterprise": False}
    listing(grant(1, "member", 1), grant(2, "granted", 1, **in_team), grant(3, "other", 1), account=acme)
    member = Seat.objects.get(user__login="member").user
    TeamMembership.objects.create(team=Team.objects.get(github_id=9), user=member, seen_on=TODAY)
    assert set(verdicts("seats", "--team", "frontend")) == {"member", "granted"}
    assert {row["login"] for row in rows_of("activity", "--team", "frontend")} == {"member", "granted"}


def test_rows_picked_by_hand_are_the_only_ones(acme: Account) -> None:
    listing(grant(1, "ana", 1), grant(2, "ben", 1), account=acme)
    picked = ReportQuery(only=frozenset({Seat.objects.get(user__login="ben").pk}))
    for name in ("seats", "activity"):
        report = registry.get(name)
        place = [column.name for column in report.columns(picked)].index("login")
        assert [row[place] for row in report.rows(picked)] == ["ben"]


def test_a_past_day_is_told_as_it_was_known_then(acme: Account) -> None:
    listing(grant(1, "ana", used=50), grant(2, "gone", used=45), account=acme, at=ago(40))
    listing(grant(1, "ana", used=2), account=acme)
    past = str(TODAY - timedelta(days=15))
    assert verdicts() == {"ana": "active"}
    assert verdicts("seats", "--as-of", past) == {"ana": "idle", "gone": "active"}
    assert verdicts("inactive-seats", "--as-of", past) == {"ana": "idle"}


def test_prices_are_those_of_the_day_asked(acme: Account) -> None:
    listing(grant(1, "ana", used=1000, created=1100, plan_type="enterprise"), account=acme, at=ago(1000))
    [row] = rows_of("seats", "--as-of", str(ago(999).date()))
    assert row["monthly_cost"] == ""


# --- inactive-seats ---------------------------------------------------------------------------


def test_only_idle_and_never_used_seats_are_inactive(acme: Account) -> None:
    listing(
        grant(1, "active", used=30),
        grant(2, "idle", used=31),
        grant(3, "never-used", created=60),
        grant(4, "new", created=5),
        grant(5, "leaving", used=80, pending_cancellation_date=date(2026, 12, 1)),
        account=acme,
    )
    rows = {row["login"]: row for row in rows_of("inactive-seats")}
    assert {login: row["verdict"] for login, row in rows.items()} == {
        "idle": "idle",
        "never-used": "never_used",
    }
    assert list(rows["idle"])[17:19] == ["days_idle", "reason"]
    assert rows["idle"]["days_idle"] == "31"
    assert "2026-10-20" in rows["idle"]["reason"]
    assert rows["never-used"]["days_idle"] == ""


def test_what_was_decided_follows_the_columns_that_were_there_before(acme: Account, olga: Any) -> None:
    listing(grant(1, "ana", used=60), grant(2, "ben", used=60), grant(3, "cleo", used=60), account=acme)
    seats = {seat.user.login: seat for seat in Seat.objects.all()}
    review(account=acme)
    SeatReview.objects.filter(seat=seats["ben"]).update(
        state="notified", notified_at=NOON, notice_ends_on=date(2026, 11, 27)
    )
    keep([seats["ana"].reviews.get()], olga, "A pilot.", date(2027, 1, 31))
    SeatReview.objects.filter(seat=seats["cleo"]).delete()

    rows = {row["login"]: list(row.values())[19:] for row in rows_of("inactive-seats")}

    assert list(rows_of("inactive-seats")[0])[19:] == [
        "review_state", "opened_on", "notified_on", "notice_ends_on", "answer", "kept_until", "decision",
        "batch", "decided_by",
    ]  # fmt: skip
    assert rows == {
        "ana": ["kept", "2026-11-20", "", "", "", "2027-01-31", "A pilot.", "", "olga"],
        "ben": ["notified", "2026-11-20", "2026-11-20", "2026-11-27", "", "", "", "", ""],
        "cleo": [""] * 9,
    }


def test_what_was_decided_later_is_not_known_on_a_past_day(acme: Account, olga: Any) -> None:
    listing(grant(1, "ana", used=60), account=acme, at=ago(10))
    [seat] = Seat.objects.all()
    flag([seat], olga, "Left the project.")
    known = seat.reviews.get()
    told_at, approved_at = ago(5), ago(3)
    SeatReview.objects.update(opened_on=ago(8).date(), notified_at=told_at, notice_ends_on=ago(4).date())
    batch = RevocationBatch.objects.create(
        account=acme, state="approved", seats_held=1, proposed_at=ago(4), approved_at=approved_at,
        approved_by=olga, approval_reason="All are told.",
    )  # fmt: skip
    Revocation.objects.create(batch=batch, seat=seat, review=known, live_key=seat.pk)
    SeatReview.objects.update(state="approved")

    def told_as_of(days: int) -> list[str]:
        [row] = rows_of("inactive-seats", "--as-of", str(ago(days).date()))
        return [row[name] for name in ("review_state", "notified_on", "batch", "decided_by")]

    assert told_as_of(9) == ["", "", "", ""]
    assert told_as_of(7) == ["flagged", "", "", ""]
    assert told_as_of(5) == ["notified", str(told_at.date()), "", ""]
    assert told_as_of(4) == ["notified", str(told_at.date()), str(batch.pk), ""]
    assert told_as_of(3) == ["approved", str(told_at.date()), str(batch.pk), "olga"]
    assert told_as_of(0) == ["approved", str(told_at.date()), str(batch.pk), "olga"]


def test_days_override_every_policy(acme: Account) -> None:
    listing(grant(1, "ana", used=20), grant(2, "ben", used=70), account=acme)
    assert set(verdicts("inactive-seats", "--days", "10")) == {"ana", "ben"}
    assert set(verdicts("inactive-seats", "--days", "69")) == {"ben"}
    assert set(verdicts("inactive-seats", "--days", "70")) == set()


def test_queries_do_not_grow_with_seats(acme: Account) -> None:
    begin_the_audit()
    names = ("seats", "inactive-seats", "activity")

    def queries() -> list[int]:
        counts = []
        for name in names:
            with CaptureQueriesContext(connection) as captured:
                exported(name)
            counts.append(len(captured))
        return counts

    listing(grant(1, "user-1", 50), account=acme, at=ago(1))
    few = queries()
    listing(*(grant(number, f"user-{number}", 50) for number in range(1, 60)), account=acme)
    assert queries() == few


# --- activity ---------------------------------------------------------------------------------


def told(account: Account, at: datetime, *logins: str, used: datetime | None = None) -> None:
    file = ReportFile.objects.create(
        source="command", kind="activity-report", name="a.csv", sha256=f"{at.timestamp():064.0f}", size=1
    )
    lines = [
        ReportedActivity(
            number=number,
            login=login,
            report_time=at,
            last_authenticated_at=None,
            last_activity_at=used,
            last_surface_used="VS Code 1.99",
        )
        for number, login in enumerate(logins, 1)
    ]
    activity_report.apply(account, lines, file)
    activity_report.settle(account)


def test_activity_has_githubs_columns_and_the_newest_thing_known(acme: Account) -> None:
    listing(
        grant(1, "ana", used=9, last_activity_editor="vim"), grant(2, "ben", used=8), account=acme, at=ago(5)
    )
    told(acme, ago(3), "ana", used=ago(4))
    told(acme, ago(6), "ben", used=ago(7))
    ana, ben = rows_of("activity")
    assert list(ana.values()) == [
        "2026-11-17T12:00:00Z",
        "ana",
        "",
        "2026-11-16T12:00:00Z",
        "VS Code 1.99",
    ]
    assert (ben["report_time"], ben["last_activity_at"]) == ("2026-11-15T12:00:00Z", "2026-11-12T12:00:00Z")


def test_an_enterprises_activity_report_speaks_of_its_organizations_seats(acme: Account) -> None:
    listing(grant(1, "ana", used=9), account=acme, at=ago(5))
    assert acme.parent is not None
    told(acme.parent, ago(3), "ana", used=ago(4))
    row = next(row for row in rows_of("activity", "--organization", "acme") if row["login"] == "ana")
    assert row["last_surface_used"] == "VS Code 1.99"


def test_seats_known_by_an_activity_report_alone_are_there(acme: Account) -> None:
    told(acme, ago(3), "ana", used=ago(4))
    [row] = rows_of("activity")
    assert (row["login"], row["report_time"]) == ("ana", "2026-11-17T12:00:00Z")
    [seat] = rows_of("seats")
    assert (seat["user_id"], seat["verdict"], seat["monthly_cost"]) == ("", "active", "")
