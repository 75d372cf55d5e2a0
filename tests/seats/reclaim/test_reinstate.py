"""Undo: what was taken back is given back while its cycle lasts, by calls written down as all are."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from portal.github import transport
from portal.models import Connection, Job
from seats import tasks
from seats.models import Account, Revocation, RevocationBatch, Seat, SeatCall, SeatReview
from seats.reclaim import flag, reinstate, revoke, verify
from seats.reclaim.chain import chain_of
from seats.reclaim.refusals import Refused
from tests.fake_github import FakeGitHub, Organization, State, Trouble
from tests.seats.reclaim.approved import (
    DELETE,
    POST,
    admin,
    approved_batch,
    asked_to_end,
    at_work,
    idle_people,
    idle_seat,
    is_write,
    pending,
    revocation_of,
    settled_later,
    somebody,
    states,
    trail,
)
from tests.seats.sync.running import done

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

E_POST = "POST /enterprises/{enterprise}/copilot/billing/selected_users"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """That writes go out at most one a second is specified elsewhere."""
    monkeypatch.setattr(transport, "_BETWEEN_WRITES", 0.0)


@pytest.fixture
def taken(github: FakeGitHub, octo: Organization, account: Account) -> RevocationBatch:
    """A batch of three seats, all taken back."""
    idle_people(octo, 3)
    batch = approved_batch(account)
    revoke.execute_here(batch, admin())
    github.forget()
    batch.refresh_from_db()
    return batch


def give_back(batch: RevocationBatch, *logins: str, by: Any = None) -> Job:
    rows = batch.revocations.filter(login__in=logins) if logins else batch.revocations.all()
    return reinstate.reinstate_here(rows.select_related("batch"), by or admin(), "A mistake.")


def test_a_seat_is_given_back(github: FakeGitHub, octo: Organization, taken: RevocationBatch) -> None:
    job = give_back(taken, "user-1", "user-3")

    assert (job.state, job.error) == (Job.State.DONE, "")
    assert pending(octo) == ["user-2"]
    assert asked_to_end(github, POST) == [["user-1", "user-3"]]
    assert github.calls(DELETE) == []
    assert states(taken) == {"user-1": "reinstated", "user-2": "revoked", "user-3": "reinstated"}
    one = revocation_of(taken, "user-1")
    assert (one.reinstated_by, one.live_key) == (admin(), None)
    assert one.reinstated_at is not None
    assert one.reinstate_call is not None
    assert (one.reinstate_call.action, one.reinstate_call.state) == ("grant", "answered")
    assert trail(one.reinstate_call.subject) == ["seats to be given", "seats given"]
    assert trail(taken.subject)[-1] == "seats given back"
    assert chain_of(one) == []


def test_whoever_gives_a_seat_back_decides_that_it_stays(
    octo: Organization, account: Account, taken: RevocationBatch, clock: time_machine.Coordinates
) -> None:
    give_back(taken)

    review = revocation_of(taken, "user-1").review
    assert review is not None
    assert (review.state, review.decision, review.decided_by) == ("kept", "A mistake.", admin())
    assert review.kept_until == date(2026, 11, 20) + timedelta(days=90)
    clock.shift(timedelta(hours=2))
    done("seats", account)
    flag.review(account=account, dry_run=False)
    assert not SeatReview.objects.open().filter(seat__user__login__startswith="user-").exists()


def test_also_after_the_next_list_has_borne_it_out(
    octo: Organization, account: Account, taken: RevocationBatch, clock: time_machine.Coordinates
) -> None:
    clock.shift(timedelta(hours=2))
    done("seats", account)
    assert set(states(taken).values()) == {"verified"}

    give_back(taken, "user-2")

    assert states(taken)["user-2"] == "reinstated"
    assert chain_of(revocation_of(taken, "user-2")) == []
    clock.shift(timedelta(hours=2))
    done("seats", account)
    verify.after_roster(account)
    assert states(taken) == {"user-1": "verified", "user-2": "reinstated", "user-3": "verified"}


def test_it_takes_a_permission_of_its_own_and_a_reason(
    github: FakeGitHub, octo: Organization, taken: RevocationBatch
) -> None:
    for by, reason, brake in (
        (somebody("execute_revocationbatch"), "A mistake.", "missing_permission"),
        (None, "A mistake.", "missing_permission"),
        (admin(), "  ", "not_confirmed"),
    ):
        with pytest.raises(Refused) as caught:
            reinstate.reinstate(taken.revocations.select_related("batch"), by, reason)
        assert caught.value.brakes == (brake,)
    assert github.requests == []


def test_when_the_cycle_is_over_it_is_too_late(
    github: FakeGitHub, octo: Organization, taken: RevocationBatch, clock: time_machine.Coordinates
) -> None:
    clock.move_to("2026-12-01T00:00:01Z")

    with pytest.raises(Refused, match="its cycle is over"):
        give_back(taken)

    assert github.requests == []


def test_a_seat_that_somebody_has_given_back_already_is_left_to_the_next_list(
    github: FakeGitHub, octo: Organization, taken: RevocationBatch
) -> None:
    octo.seats[0]["pending_cancellation_date"] = None

    job = give_back(taken, "user-1", "user-2")

    assert asked_to_end(github, POST) == [["user-2"]]
    assert states(taken)["user-1"] == "revoked"
    assert "it is not cancelled" in job.tally["notes"][0]


def test_a_seat_under_a_login_that_changed_hands_is_not_given_to_somebody_else(
    state: State, github: FakeGitHub, octo: Organization, taken: RevocationBatch
) -> None:
    state.delete_user(octo.members[0])
    octo.seats.append(idle_seat(octo.member("user-1", 77), pending_cancellation_date="2026-12-01"))

    give_back(taken, "user-1")

    assert asked_to_end(github, POST) == []
    assert pending(octo) == ["user-1", "user-2", "user-3"]


def test_what_an_enterprise_took_back_at_once_is_granted_anew(
    state: State, github: FakeGitHub, connection: Connection, octo: Organization
) -> None:
    big = state.enterprise("big", 77, organizations=[octo])
    enterprise = Account.objects.create(kind="enterprise", login="big", connection=connection)
    ada = octo.member("ada", 1)
    big.seats += [idle_seat(ada), at_work(octo.member("busy", 9000))]
    batch = approved_batch(enterprise)
    revoke.execute_here(batch, admin())
    del big.seats[0]

    give_back(batch, "ada")

    assert states(batch) == {"ada": "reinstated"}
    assert asked_to_end(github, E_POST) == [["ada"]]


def test_a_seat_that_went_to_somebody_else_under_the_login_is_not_given_back(
    state: State, github: FakeGitHub, connection: Connection, octo: Organization
) -> None:
    """Where GitHub shows no seat of theirs, the login alone says who is meant."""
    big = state.enterprise("big", 77, organizations=[octo])
    enterprise = Account.objects.create(kind="enterprise", login="big", connection=connection)
    ada = octo.member("ada", 1)
    big.seats += [idle_seat(ada), at_work(octo.member("busy", 9000))]
    batch = approved_batch(enterprise)
    revoke.execute_here(batch, admin())
    del big.seats[0]
    ada["login"] = "ada-the-first"
    octo.member("ada", 2)

    job = give_back(batch, "ada")

    assert states(batch) == {"ada": "revoked"}
    assert "Is the login theirs?" in job.tally["notes"][0]
    assert not SeatReview.objects.filter(state=SeatReview.State.KEPT).exists()


def test_a_refusal_is_told_in_githubs_words(
    github: FakeGitHub, octo: Organization, taken: RevocationBatch
) -> None:
    octo.stubborn = {"user-1"}

    job = give_back(taken, "user-1")

    assert states(taken)["user-1"] == "revoked"
    assert "The user cannot be changed" in job.tally["notes"][0]
    octo.stubborn = set()
    give_back(taken, "user-1")
    assert states(taken)["user-1"] == "reinstated"


@pytest.mark.parametrize("kind", ["500", "500-late", "reset-midway"])
def test_an_answer_that_is_lost_is_found_out_by_reading(
    github: FakeGitHub, octo: Organization, taken: RevocationBatch, kind: Any
) -> None:
    github.trouble = Trouble(kind, times=1, where=is_write)

    job = give_back(taken, "user-1")

    assert job.state == Job.State.QUEUED
    assert SeatCall.objects.latest("pk").state == SeatCall.State.INTENDED
    settled_later()
    Job.objects.update(run_after=None)
    tasks.give_back(job.pk)
    assert states(taken)["user-1"] == "reinstated"
    assert len(asked_to_end(github, POST)) == (2 if kind == "500" else 1)


def test_a_batch_that_is_being_executed_comes_first(
    github: FakeGitHub, octo: Organization, account: Account, taken: RevocationBatch
) -> None:
    Job.objects.create(kind=revoke.KIND, subject=taken.subject, live_key=f"{revoke.KIND}:{taken.subject}")
    RevocationBatch.objects.update(state="executing")

    job = give_back(taken)

    assert job.state == Job.State.QUEUED
    assert asked_to_end(github, POST) == []


def test_a_batch_whose_execution_only_waits_keeps_nobody_from_undoing_it(
    github: FakeGitHub, octo: Organization, account: Account, taken: RevocationBatch
) -> None:
    """It may wait until the cycle is over, and with it the time to undo."""
    Job.objects.create(
        kind=revoke.KIND,
        subject=taken.subject,
        live_key=f"{revoke.KIND}:{taken.subject}",
        run_after=timezone.now() + timedelta(minutes=5),
    )
    RevocationBatch.objects.update(state="executing")

    assert give_back(taken).state == Job.State.DONE
    assert set(states(taken).values()) == {"reinstated"}


def test_only_what_was_taken_back_can_be_given_back(taken: RevocationBatch) -> None:
    one = revocation_of(taken, "user-1")
    assert reinstate.can_be_given_back(one)
    for state in set(Revocation.State) - {Revocation.State.REVOKED, Revocation.State.VERIFIED}:
        one.state = state
        assert not reinstate.can_be_given_back(one)


def test_an_answer_is_true_even_where_github_still_shows_the_seat_as_it_was(
    github: FakeGitHub, octo: Organization, account: Account, taken: RevocationBatch
) -> None:
    """Lists lag: a seat that was given back is not found to be taken back by one that is older."""
    give_back(taken, "user-1")
    seat = Seat.objects.get(user__login="user-1")
    Seat.objects.filter(pk=seat.pk).update(last_seen_at=timezone.now())

    verify.after_roster(account)

    assert states(taken)["user-1"] == "reinstated"
