"""After seats were taken back: the next whole list bears it out, or says who has a seat again."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from portal.models import AuditEntry
from seats import roster
from seats.models import Account, Revocation, Seat, SeatReview
from seats.reclaim import verify
from seats.roster import Roster
from tests.seats.holding import NOON, ago, grant, hold, organization
from tests.seats.reclaim.taken import take_back

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

LATER = NOON + timedelta(minutes=20)
MUCH_LATER = NOON + timedelta(hours=2)
FIRST_OF_DECEMBER = date(2026, 12, 1)
ANA, BEN = grant(1, "ana", used=60), grant(2, "ben", used=1)
ANA_PENDING = grant(1, "ana", used=60, pending_cancellation_date=FIRST_OF_DECEMBER)


@pytest.fixture
def acme(db: None) -> Account:
    return organization()


@pytest.fixture
def ana(acme: Account) -> Seat:
    return hold(acme, ANA, BEN, at=ago(1))[0]


def test_a_list_with_the_date_bears_it_out_and_closes_the_review(acme: Account, ana: Seat) -> None:
    [row] = take_back(ana, ends_on=None)
    hold(acme, ANA_PENDING, BEN, at=LATER)

    assert verify.after_roster(acme)["verified"] == 1

    row.refresh_from_db()
    assert (row.state, row.live_key) == ("verified", None)
    assert row.pending_cancellation_date == FIRST_OF_DECEMBER
    assert (row.review.state, row.review.open_key) == (SeatReview.State.VERIFIED, None)
    entry = AuditEntry.objects.get(action="revocations verified")
    assert (entry.subject, entry.detail["revocations"]) == (row.batch.subject, [row.pk])
    assert row.pending_cancellation_date is not None
    assert entry.detail["ends_on"] == {row.pending_cancellation_date.isoformat(): [row.pk]}


def test_a_list_without_the_seat_bears_it_out_too(acme: Account, ana: Seat) -> None:
    [row] = take_back(ana)
    hold(acme, BEN, at=LATER)

    assert verify.after_roster(acme)["verified"] == 1
    row.refresh_from_db()
    assert (row.state, row.pending_cancellation_date) == ("verified", FIRST_OF_DECEMBER)


def test_a_second_look_finds_nothing_to_do(acme: Account, ana: Seat) -> None:
    take_back(ana)
    hold(acme, ANA_PENDING, BEN, at=LATER)
    verify.after_roster(acme)
    entries = AuditEntry.objects.count()

    assert set(verify.after_roster(acme).values()) == {0}
    assert AuditEntry.objects.count() == entries


def test_a_list_of_before_says_nothing(acme: Account, ana: Seat) -> None:
    take_back(ana)

    assert verify.after_roster(acme)["verified"] == 0
    assert Revocation.objects.get().state == "revoked"


def test_a_list_that_is_not_whole_says_nothing(acme: Account, ana: Seat) -> None:
    take_back(ana)
    roster.apply(Roster(acme, LATER, [ANA_PENDING], is_complete=False))

    assert verify.after_roster(acme)["verified"] == 0


def test_a_list_may_lag_for_an_hour_before_it_contradicts(acme: Account, ana: Seat) -> None:
    [row] = take_back(ana)
    hold(acme, ANA, BEN, at=LATER)
    assert set(verify.after_roster(acme).values()) == {0}

    hold(acme, ANA, BEN, at=MUCH_LATER)
    assert verify.after_roster(acme)["came_back"] == 1

    row.refresh_from_db()
    assert (row.state, row.live_key) == ("came_back", None)
    assert "without a date" in row.came_back_by
    # It is on somebody's desk again.
    assert (row.review.state, row.review.open_key) == (SeatReview.State.FAILED, ana.pk)


def test_a_list_that_was_held_back_says_nothing_of_who_is_missing(acme: Account) -> None:
    everybody = [grant(number, f"user-{number}", used=60) for number in range(1, 31)]
    seats = hold(acme, *everybody, at=ago(1))
    [row] = take_back(seats[0])
    shown = Roster(acme, MUCH_LATER, everybody[15:], is_complete=True, is_confirmed=True, is_unattended=True)
    assert roster.apply(shown).held_back == 15

    assert set(verify.after_roster(acme).values()) == {0}
    row.refresh_from_db()
    assert row.state == "revoked"


@pytest.mark.parametrize(
    ("again", "path"),
    [
        ({"created": 0}, "directly, on 2026-11-20"),
        ({"created": 0, "team_id": 7, "team_slug": "data"}, "by a team data, on 2026-11-20"),
    ],
)
def test_who_has_a_seat_again_is_told_with_the_path(
    acme: Account, ana: Seat, again: dict[str, Any], path: str
) -> None:
    [row] = take_back(ana, at=ago(1) + timedelta(minutes=1), state="verified")
    hold(acme, BEN, at=ago(1) + timedelta(hours=1))
    hold(acme, grant(1, "ana", used=0, **again), BEN, at=LATER)

    assert verify.after_roster(acme)["came_back"] == 1
    row.refresh_from_db()
    assert (row.state, row.came_back_by) == ("came_back", path)
    told = AuditEntry.objects.get(action="seats came back").detail
    assert told == {"revocations": [row.pk], "by": {str(row.pk): row.came_back_by}}


def test_who_has_a_seat_of_another_organization_of_the_enterprise_is_told_too(db: None) -> None:
    enterprise = Account.objects.create(kind="enterprise", login="octo")
    acme, zeta = (organization(login, parent=enterprise) for login in ("acme", "zeta"))
    [ana, ben] = hold(acme, ANA, BEN, at=ago(1))
    hold(zeta, grant(2, "ben", used=1), at=ago(1))
    rows = take_back(ana, ben, at=ago(1) + timedelta(minutes=1), state="verified")
    hold(acme, at=ago(1) + timedelta(hours=1))
    hold(zeta, grant(1, "ana", used=0, created=0), grant(2, "ben", used=1), at=LATER)

    assert verify.after_roster(enterprise)["came_back"] == 1

    for row in rows:
        row.refresh_from_db()
    assert (rows[0].state, rows[0].came_back_by) == ("came_back", "in zeta: directly, on 2026-11-20")
    # Ben has held that one all along.
    assert rows[1].state == "verified"


def test_organizations_of_an_enterprise_are_looked_after_with_its_list(db: None) -> None:
    enterprise = Account.objects.create(kind="enterprise", login="octo")
    acme = organization(parent=enterprise)
    [ana, _] = hold(acme, ANA, BEN, at=ago(1))
    take_back(ana)
    hold(acme, ANA_PENDING, BEN, at=LATER)

    assert verify.after_roster(enterprise)["verified"] == 1


def test_a_thousand_cost_no_more_queries_than_one(acme: Account, django_assert_max_num_queries: Any) -> None:
    people = [grant(number, f"user-{number}", used=60) for number in range(1, 41)]
    take_back(*hold(acme, *people, at=ago(1)))
    gone = [grant(n, f"user-{n}", used=60, pending_cancellation_date=FIRST_OF_DECEMBER) for n in range(1, 41)]
    hold(acme, *gone, at=LATER)

    with django_assert_max_num_queries(30):
        assert verify.after_roster(acme)["verified"] == 40
