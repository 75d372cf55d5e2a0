"""Which seats get onto somebody's desk, and how they leave it again."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.models import AuditEntry
from seats import evidence, verdicts
from seats.models import (
    Account,
    Exemption,
    InactivityPolicy,
    Revocation,
    RevocationBatch,
    Seat,
    SeatCall,
    SeatReview,
)
from seats.reclaim.flag import flag, keep, keep_no_longer, review
from tests.seats.holding import NOON, grant, hold, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

TODAY = NOON.date()
State = SeatReview.State


@pytest.fixture
def acme() -> Account:
    return organization("acme")


@pytest.fixture
def ida(acme: Account) -> Seat:
    """Idle for 60 days."""
    return hold(acme, grant(1, "ida", used=60))[0]


def flagged(seat: Seat, **fields: Any) -> SeatReview:
    review()
    SeatReview.objects.filter(seat=seat).update(**fields)
    return SeatReview.objects.get(seat=seat)


def used(seat: Seat, day: date) -> None:
    evidence.note("usage_report", {seat.user_id: day})
    verdicts.refresh()


def asked_of_github(known: SeatReview) -> None:
    """GitHub was asked to end the seat, and nobody knows what came of it."""
    account = known.seat.account
    batch = RevocationBatch.objects.create(
        account=account, state="executing", seats_held=1, approved_at=timezone.now()
    )
    Revocation.objects.create(
        batch=batch,
        seat=known.seat,
        review=known,
        live_key=known.seat_id,
        state=Revocation.State.INTENDED,
        call=SeatCall.objects.create(action="revoke", account=account, path="/orgs/acme"),
    )


# --- Closing by itself ------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.FLAGGED, State.NOTIFIED, State.APPROVED, State.FAILED])
def test_a_person_who_comes_back_to_life_leaves_the_desk_and_the_evidence_is_named(
    ida: Seat, state: str
) -> None:
    known = flagged(ida, state=state)
    used(ida, TODAY - timedelta(days=1))

    assert review()["closed"] == 1

    known.refresh_from_db()
    assert (known.state, known.open_key) == (State.REACTIVATED, None)
    assert known.decision == "Used on 2026-11-19, by a usage report."
    assert known.closed_at == NOON


def test_a_seat_exempt_from_now_on_leaves_the_desk_as_kept(ida: Seat) -> None:
    known = flagged(ida)
    Exemption.objects.create(user=ida.user, reason="On leave.", starts_on=TODAY)

    review()

    known.refresh_from_db()
    assert known.state == State.KEPT
    assert "On leave." in known.decision
    assert known.kept_until is None, "The exemption keeps it, as long as it holds."


def test_a_seat_somebody_else_cancelled_leaves_the_desk_and_the_day_is_named(
    acme: Account, ida: Seat
) -> None:
    known = flagged(ida)
    later = NOON + timedelta(hours=1)
    hold(acme, grant(1, "ida", used=60, pending_cancellation_date=date(2026, 12, 1)), at=later)

    review()

    known.refresh_from_db()
    assert known.state == State.ENDED
    assert "2026-12-01" in known.decision


def test_a_review_ends_with_its_seat_in_the_scope_asked_for_alone(acme: Account, ida: Seat) -> None:
    known = flagged(ida)
    hold(acme, grant(2, "ann", used=1), at=NOON + timedelta(hours=1))

    assert review(account=organization("zeta"))["closed"] == 0
    assert review(account=acme, dry_run=True)["closed"] == 1
    assert review(account=acme)["closed"] == 1

    known.refresh_from_db()
    assert known.state == State.ENDED
    assert AuditEntry.objects.filter(action="seats reviewed", detail__closed=1).exists()


def test_a_seat_that_was_taken_back_is_left_to_whoever_verifies_it(acme: Account, ida: Seat) -> None:
    known = flagged(ida, state=State.REVOKED)
    used(ida, TODAY)
    assert review()["closed"] == 0

    hold(acme, grant(2, "ann", used=1), at=NOON + timedelta(hours=1))
    assert review()["closed"] == 0

    known.refresh_from_db()
    assert known.state == State.REVOKED


def test_while_github_has_not_answered_a_review_stays_open(olga: Any, ida: Seat) -> None:
    known = flagged(ida, state=State.APPROVED)
    asked_of_github(known)
    used(ida, TODAY)

    assert review()["closed"] == 0
    assert keep([known], olga, "A pilot.") == 0
    known.refresh_from_db()
    assert known.state == State.APPROVED


def test_a_seat_flagged_by_hand_stays_until_something_newer_is_known(olga: Any, acme: Account) -> None:
    [ann] = hold(acme, grant(1, "ann", used=2))
    flag([ann], olga, "Left the project.")
    assert review()["closed"] == 0

    with time_machine.travel(NOON + timedelta(days=2), tick=False):
        used(ann, TODAY + timedelta(days=1))
        assert review()["closed"] == 1

    assert SeatReview.objects.get().decision == "Used on 2026-11-21, by a usage report."


def test_who_used_it_after_the_notice_and_is_idle_again_is_told_anew(ida: Seat) -> None:
    told_at = NOON - timedelta(days=45)
    known = flagged(ida, state=State.NOTIFIED, notified_at=told_at, opened_on=told_at.date())
    used(ida, TODAY - timedelta(days=40))

    review()
    review()

    known.refresh_from_db()
    assert (known.state, known.decision) == (
        State.REACTIVATED,
        "Last used on 2026-10-11, 40 days ago, by a usage report.",
    )
    anew = SeatReview.objects.open().get()
    assert (anew.state, anew.notified_at) == (State.FLAGGED, None)


def test_what_a_day_to_come_put_on_the_desk_leaves_it_again(acme: Account) -> None:
    hold(acme, grant(1, "ida", used=1))

    assert review(TODAY + timedelta(days=40))["opened"] == 1
    assert review()["closed"] == 1

    assert SeatReview.objects.get().state == State.REACTIVATED


def test_a_past_day_says_nothing_of_a_review_opened_since(ida: Seat) -> None:
    known = flagged(ida)

    assert review(TODAY - timedelta(days=50))["closed"] == 0

    known.refresh_from_db()
    assert known.is_open


# --- Keeping ----------------------------------------------------------------------------------


def test_a_kept_seat_is_left_alone_as_long_as_its_policy_says(olga: Any, ida: Seat) -> None:
    InactivityPolicy.objects.update(keep_days=10)
    known = flagged(ida)

    assert keep([known], olga, "On a pilot.") == 1

    known.refresh_from_db()
    assert (known.state, known.decision, known.decided_by) == (State.KEPT, "On a pilot.", olga)
    assert known.kept_until == date(2026, 11, 30)
    with time_machine.travel(NOON + timedelta(days=10), tick=False):
        assert review()["opened"] == 0
        assert review(dry_run=True)["opened"] == 0
    with time_machine.travel(NOON + timedelta(days=11), tick=False):
        assert review()["opened"] == 1


def test_keeping_many_is_one_entry_in_the_audit_that_names_them(olga: Any, acme: Account) -> None:
    hold(acme, *(grant(number, f"user-{number}", used=60) for number in range(1, 8)))
    review()
    SeatReview.objects.filter(seat__user__login="user-1").update(state=State.REVOKED)

    assert keep(SeatReview.objects.all(), olga, "Year's end.", date(2027, 1, 31)) == 6

    kept = SeatReview.objects.filter(state=State.KEPT)
    assert set(kept.values_list("kept_until", flat=True)) == {date(2027, 1, 31)}
    entry = AuditEntry.objects.get(action="seats kept")
    assert (entry.detail["seats"], entry.detail["reason"], entry.detail["until"]) == (
        6,
        "Year's end.",
        "2027-01-31",
    )
    assert sorted(entry.detail["reviews"]) == sorted(kept.values_list("pk", flat=True))


def test_a_decision_to_keep_can_be_taken_back_and_the_seat_is_on_the_desk_again(olga: Any, ida: Seat) -> None:
    known = flagged(ida)
    keep([known], olga, "The wrong one.", date(2027, 6, 30))

    assert keep_no_longer(SeatReview.objects.all(), olga, "A mistake.") == 1

    anew = SeatReview.objects.open().get()
    assert (anew.seat, anew.reason, anew.opened_by) == (ida, "A mistake.", olga)
    assert not SeatReview.objects.keeping(TODAY).exists()
    entry = AuditEntry.objects.get(action="seats kept no longer")
    assert (entry.subject, entry.detail["reason"]) == (f"review:{known.pk}", "A mistake.")


def test_what_the_person_answered_is_not_for_others_to_take_back(olga: Any, ida: Seat) -> None:
    known = flagged(ida, answer="needed", answered_at=NOON)
    keep([known], None, "The person answered.")

    assert keep_no_longer(SeatReview.objects.all(), olga, "A mistake.") == 0
    assert SeatReview.objects.keeping(TODAY).exists()


def test_a_kept_seat_that_is_used_again_is_kept_no_longer_and_on_nobodys_desk(olga: Any, ida: Seat) -> None:
    keep([flagged(ida)], olga, "A pilot.")
    used(ida, TODAY)

    assert keep_no_longer(SeatReview.objects.all(), olga, "A mistake.") == 1
    assert not SeatReview.objects.open().exists()


# --- Many, and at once ------------------------------------------------------------------------


def test_it_asks_as_many_queries_for_three_hundred_seats_as_for_three(acme: Account) -> None:
    def queries_of_a_round() -> list[int]:
        asked = []
        for _ in range(2):
            with CaptureQueriesContext(connection) as captured:
                review()
            asked.append(len(captured))
            evidence.note(
                "usage_report", dict.fromkeys(Seat.objects.values_list("user_id", flat=True), TODAY)
            )
        return asked

    hold(acme, *(grant(number, f"user-{number}", used=60) for number in range(1, 4)))
    few = queries_of_a_round()
    evidence.replace("usage_report", dict.fromkeys(Seat.objects.values_list("user_id", flat=True)))
    hold(acme, *(grant(number, f"user-{number}", used=61) for number in range(1, 301)))
    many = queries_of_a_round()

    # Everybody opened in the first round and closed in the second.
    assert SeatReview.objects.count() == 303
    assert not SeatReview.objects.open().exists()
    # Many rows are written in slices.
    assert [after - before <= 2 for before, after in zip(few, many, strict=True)] == [True, True]


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_open_one_review_a_seat(acme: Account) -> None:
    hold(acme, *(grant(number, f"user-{number}", used=60) for number in range(1, 41)))
    gate = threading.Barrier(2, timeout=30)
    counts: list[Counter[str]] = []

    def run() -> None:
        try:
            gate.wait()
            counts.append(review())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(count["opened"] for count in counts) == 40
    assert SeatReview.objects.open().count() == 40
