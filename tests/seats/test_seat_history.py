"""Accounts and people that prove to be one: what was decided about their seats goes on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from portal.models import AuditEntry
from seats.accounts import merge
from seats.activity_seats import settle, settle_logins
from seats.models import (
    Account,
    ActivityLine,
    GitHubUser,
    InactivityPolicy,
    Notice,
    RemovalTask,
    Revocation,
    RevocationBatch,
    Seat,
    SeatCall,
    SeatRequest,
    SeatReview,
    Team,
    UserLogin,
)
from seats.reclaim.frozen import FROZEN_ANEW, digest_of
from seats.seat_history import JOINED, follow
from tests.seats.holding import NOON, ago, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

State, ReviewState = Revocation.State, SeatReview.State


def seat_of(account: Account, user: GitHubUser, **fields: Any) -> Seat:
    values = {"first_seen_at": ago(90), "last_seen_at": NOON, "observed_at": NOON, **fields}
    return Seat.objects.create(account=account, user=user, **values)


def review_of(seat: Seat, state: str = ReviewState.FLAGGED) -> SeatReview:
    is_open = state in SeatReview.OPEN
    return SeatReview.objects.create(
        seat=seat, open_key=seat.pk if is_open else None, state=state, verdict="idle", reason="idle",
        opened_on=NOON.date(),
    )  # fmt: skip


def batch_of(account: Account, *rows: Revocation, **fields: Any) -> RevocationBatch:
    batch = RevocationBatch.objects.create(account=account, seats_held=9, **fields)
    for row in rows:
        row.batch = batch
        row.live_key = row.seat_id if row.state in Revocation.LIVE else None
        row.save()
    batch.digest = digest_of(batch, rows)
    batch.save()
    return batch


def row_of(seat: Seat, state: str = State.PROPOSED, **fields: Any) -> Revocation:
    return Revocation(seat=seat, state=state, login=seat.user.login, verdict="idle", reason="idle", **fields)


def call_of(account: Account) -> SeatCall:
    return SeatCall.objects.create(
        action="revoke", account=account, path="p", state="answered", answered_at=NOON
    )


@pytest.fixture
def ana(db: None) -> GitHubUser:
    return GitHubUser.objects.create(github_id=1, login="ana")


@pytest.fixture
def by_id(db: None) -> Account:
    """Known by a number alone."""
    return Account.objects.create(kind="organization", github_id=900)


@pytest.fixture
def by_login(db: None) -> Account:
    return organization("acme")


# --- Accounts ---------------------------------------------------------------------------------


def test_what_was_decided_about_a_seat_of_the_account_that_goes_is_the_others(
    by_id: Account, by_login: Account, ana: GitHubUser
) -> None:
    gone, stays = seat_of(by_login, ana), seat_of(by_id, ana)
    review = review_of(gone, ReviewState.REVOKED)
    call = call_of(by_login)
    batch = batch_of(
        by_login,
        row_of(gone, State.REVOKED, review=review, call=call, revoked_at=NOON),
        state="done",
        approved_at=NOON,
    )
    team = Team.objects.create(account=by_id, github_id=7, slug="web")
    RemovalTask.objects.create(seat=gone, team=team, open_key=f"{gone.pk}:{team.pk}")

    merge(by_login, into=by_id)

    assert list(Seat.objects.all()) == [stays]
    row, task = Revocation.objects.get(), RemovalTask.objects.get()
    review.refresh_from_db()
    batch.refresh_from_db()
    call.refresh_from_db()
    assert (row.seat, row.live_key, row.state, row.review) == (stays, stays.pk, "revoked", review)
    assert (review.seat, review.open_key) == (stays, stays.pk)
    assert (task.seat, task.open_key) == (stays, f"{stays.pk}:{team.pk}")
    assert (batch.account, call.account) == (by_id, by_id)


def test_the_selection_is_frozen_anew_under_the_new_numbers(
    by_id: Account, by_login: Account, ana: GitHubUser
) -> None:
    seat_of(by_id, ana)
    batch = batch_of(by_login, row_of(seat_of(by_login, ana)))
    was = batch.digest
    forged = batch_of(by_login, row_of(seat_of(by_login, GitHubUser.objects.create(github_id=2, login="b"))))
    RevocationBatch.objects.filter(pk=forged.pk).update(digest="f" * 64)

    merge(by_login, into=by_id)

    batch.refresh_from_db()
    forged.refresh_from_db()
    assert batch.digest == digest_of(batch, batch.revocations.all()) != was
    assert forged.digest == "f" * 64, "what was changed before stays to be seen"
    told = AuditEntry.objects.filter(action=FROZEN_ANEW).order_by("sequence")
    assert {entry.subject for entry in told} == {batch.subject}
    steps = [(entry.detail["was"], entry.detail["digest"]) for entry in told]
    assert (steps[0][0], steps[-1][1]) == (was, batch.digest)


def test_tasks_policies_and_notices_of_a_team_known_twice_go_on(
    by_id: Account, by_login: Account, ana: GitHubUser
) -> None:
    seat = seat_of(by_id, ana)
    gone = Team.objects.create(account=by_login, github_id=7, slug="web")
    stays = Team.objects.create(account=by_id, github_id=7, slug="web")
    RemovalTask.objects.create(seat=seat, team=gone, open_key=f"{seat.pk}:{gone.pk}")
    InactivityPolicy.objects.create(team=gone, idle_days=45)

    merge(by_login, into=by_id)

    task, policy = RemovalTask.objects.get(), InactivityPolicy.objects.get(team__isnull=False)
    assert (task.team, task.open_key) == (stays, f"{seat.pk}:{stays.pk}")
    assert (policy.team, policy.scope_key, policy.idle_days) == (stays, f"team:{stays.pk}", 45)


def test_what_both_accounts_had_is_kept_once(by_id: Account, by_login: Account) -> None:
    for account, days in ((by_id, 30), (by_login, 60)):
        InactivityPolicy.objects.create(account=account, idle_days=days)
        SeatRequest.objects.create(account=account, login="eve", reason="New")
    SeatRequest.objects.create(account=by_login, login="fay", reason="New")

    merge(by_login, into=by_id)

    assert InactivityPolicy.objects.get(account=by_id).idle_days == 30
    states = {(one.login, one.state, one.open_key) for one in SeatRequest.objects.all()}
    assert states == {
        ("eve", "waiting", f"{by_id.pk}:eve"),
        ("eve", "withdrawn", None),
        ("fay", "waiting", f"{by_id.pk}:fay"),
    }


# --- One review, one batch at a time ----------------------------------------------------------


@pytest.mark.parametrize(
    ("of_gone", "of_stays", "goes_on"),
    [
        (ReviewState.NOTIFIED, ReviewState.FLAGGED, "gone"),
        (ReviewState.FLAGGED, ReviewState.FLAGGED, "stays"),
        (ReviewState.FLAGGED, ReviewState.APPROVED, "stays"),
        (ReviewState.REVOKED, ReviewState.APPROVED, "gone"),
        (ReviewState.KEPT, ReviewState.FLAGGED, "stays"),
    ],
)
def test_of_two_open_reviews_the_one_goes_on_that_has_come_farther(
    by_id: Account, by_login: Account, ana: GitHubUser, of_gone: str, of_stays: str, goes_on: str
) -> None:
    gone, stays = seat_of(by_login, ana), seat_of(by_id, ana)
    reviews = {"gone": review_of(gone, of_gone), "stays": review_of(stays, of_stays)}

    follow(gone, stays)

    assert SeatReview.objects.open().get() == reviews[goes_on]
    assert set(SeatReview.objects.values_list("seat", flat=True)) == {stays.pk}
    assert SeatReview.objects.open().get().open_key == stays.pk


@pytest.mark.parametrize("asked", ["gone", "stays", "neither"])
def test_of_two_batches_the_one_has_the_seat_that_asked_for_it(
    by_id: Account, by_login: Account, ana: GitHubUser, asked: str
) -> None:
    seats = {"gone": seat_of(by_login, ana), "stays": seat_of(by_id, ana)}
    call = call_of(by_login)
    for name, seat in seats.items():
        row = row_of(seat, State.INTENDED, call=call) if name == asked else row_of(seat)
        batch_of(seat.account, row, state="approved", approved_at=NOON)
    told = {row.login + str(row.batch_id): row.pk for row in Revocation.objects.all()}
    assert len(told) == 2

    follow(seats["gone"], seats["stays"])

    live = Revocation.objects.get(live_key=seats["stays"].pk)
    assert (live.state == State.INTENDED) == (asked != "neither")
    [dropped] = Revocation.objects.exclude(pk=live.pk)
    assert (dropped.state, dropped.live_key, dropped.says) == ("dropped", None, JOINED)
    assert dropped.seat == live.seat == seats["stays"]


def test_a_batch_has_each_seat_once(by_login: Account, ana: GitHubUser) -> None:
    provisional = GitHubUser.objects.create(login="ana", provisional_key="ana")
    gone, stays = seat_of(by_login, provisional), seat_of(by_login, ana)
    batch = batch_of(by_login, row_of(gone, State.LEFT_OUT), row_of(stays))

    follow(gone, stays)

    assert [(row.seat, row.state) for row in batch.revocations.all()] == [(stays, "proposed")]
    batch.refresh_from_db()
    assert batch.digest == digest_of(batch, batch.revocations.all())


# --- Seats that only reports know -------------------------------------------------------------


def bare_seat(account: Account, user: GitHubUser) -> Seat:
    return seat_of(account, user, observed_at=None)


def test_a_seat_that_reports_know_no_more_leaves_what_was_decided_to_the_persons_own(
    by_login: Account, ana: GitHubUser
) -> None:
    enterprise = Account.objects.create(kind="enterprise", login="acme-inc")
    Account.objects.filter(pk=by_login.pk).update(parent=enterprise)
    gone, stays = bare_seat(enterprise, ana), seat_of(by_login, ana)
    stays.observations.create(observed_at=NOON)
    review = review_of(gone)
    batch_of(enterprise, row_of(gone, State.LEFT_OUT))

    settle([enterprise])

    assert list(Seat.objects.all()) == [stays]
    review.refresh_from_db()
    assert review.seat == Revocation.objects.get().seat == stays


def test_a_seat_that_was_once_proposed_ends_instead_of_being_forgotten(
    by_login: Account, ana: GitHubUser
) -> None:
    gone = bare_seat(by_login, ana)
    ben = bare_seat(by_login, GitHubUser.objects.create(github_id=2, login="ben"))
    batch_of(by_login, row_of(gone, State.LEFT_OUT))

    for _ in range(2):
        settle([by_login])

    assert list(Seat.objects.all()) == [gone]
    gone.refresh_from_db()
    assert gone.ended_at is not None
    assert gone.ended_at - NOON < timedelta(seconds=1)
    assert not Seat.objects.filter(pk=ben.pk).exists()


def test_a_person_known_by_login_alone_leaves_all_to_whom_it_proves_to_be(
    by_login: Account, ana: GitHubUser
) -> None:
    provisional = GitHubUser.objects.create(login="ana", provisional_key="ana")
    UserLogin.objects.create(
        user=ana, login="ana", login_key="ana", first_seen_on=ago(90).date(), last_seen_on=NOON.date()
    )
    ActivityLine.objects.create(
        account=by_login, user=provisional, login="ana", login_key="ana", report_time=ago(3)
    )
    gone, stays = bare_seat(by_login, provisional), seat_of(by_login, ana)
    stays.observations.create(observed_at=NOON)
    review = review_of(gone)
    Notice.objects.create(user=provisional, review=review, once_key=f"review:{review.pk}")
    batch_of(by_login, row_of(gone, State.LEFT_OUT))

    settle_logins(["ana"])

    assert list(Seat.objects.all()) == [stays]
    assert not GitHubUser.objects.provisional().exists()
    review.refresh_from_db()
    assert (review.seat, Revocation.objects.get().seat) == (stays, stays)
    assert Notice.objects.get().user == ana
