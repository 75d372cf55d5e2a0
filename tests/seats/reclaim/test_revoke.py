"""The door: what was approved is read, checked again, asked for once, and written down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from portal import jobs
from portal.github import transport
from portal.models import AuditEntry, Connection, Job
from seats import evidence
from seats.models import (
    Account,
    Exemption,
    GitHubUser,
    InactivityPolicy,
    Notice,
    Revocation,
    RevocationBatch,
    Seat,
    SeatCall,
    SeatReview,
)
from seats.policy_sql import today
from seats.reclaim import (
    answers,
    calls,
    executing,
    flag,
    links,
    live_account,
    revoke,
    settling,
    taking,
)
from seats.reclaim.chain import chain_of
from seats.reclaim.live_account import LiveAccount
from seats.reclaim.refusals import Refused
from seats.sync import steps
from tests.fake_github import FakeGitHub, Organization, Request, State, Trouble, seat
from tests.seats.reclaim.approved import (
    DELETE,
    E_DELETE,
    ONE,
    admin,
    approved_batch,
    asked_to_end,
    at_work,
    brakes_of,
    idle_people,
    idle_seat,
    is_write,
    pending,
    policy,
    revocation_of,
    settled_later,
    somebody,
    states,
    trail,
)
from tests.seats.sync.running import done

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "no_pause")]


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """That writes go out at most one a second is specified elsewhere."""
    monkeypatch.setattr(transport, "_BETWEEN_WRITES", 0.0)


def carry_out(batch: RevocationBatch, by: Any = None) -> Job:
    """Execute, and have both the batch and the job as they are afterwards."""
    job = revoke.execute_here(batch, by or admin())
    batch.refresh_from_db()
    return job


# --- As it should be --------------------------------------------------------------------------


def test_what_was_approved_is_taken_back(github: FakeGitHub, octo: Organization, account: Account) -> None:
    idle_people(octo, 3)
    batch = approved_batch(account)
    github.forget()

    job = carry_out(batch)

    assert (job.state, job.error) == (Job.State.DONE, "")
    assert batch.state == RevocationBatch.State.DONE
    assert asked_to_end(github) == [["user-1", "user-2", "user-3"]]
    assert pending(octo) == ["user-1", "user-2", "user-3"]
    assert set(states(batch).values()) == {"revoked"}
    for one in batch.revocations.all():
        assert str(one.pending_cancellation_date) == "2026-12-01"
        assert one.review is not None
        assert one.review.state == SeatReview.State.REVOKED
        assert chain_of(one) == []
    asked = [request.operation for request in github.requests]
    assert asked[: asked.index(DELETE)].count(ONE) == 3, "each is read before it is asked for"
    call = SeatCall.objects.get()
    assert (call.state, call.status, call.seats_changed) == ("answered", 200, 3)
    assert job.tally["revoked"] == 3

    assert trail(call.subject) == ["seats to be taken back", "seats taken back"]
    intent, answer = (
        entry.detail for entry in AuditEntry.objects.filter(subject=call.subject).order_by("sequence")
    )
    keys = sorted(batch.revocations.values_list("pk", flat=True))
    assert (intent["revocations"], intent["logins"]) == (keys, ["user-1", "user-2", "user-3"])
    assert answer["answer"] == {"status": 200, "seats_cancelled": 3, "asked": 3, "said": ""}
    assert answer["revocations"] == {"revoked": keys}
    assert trail(batch.subject)[-2:] == ["batch execution began", "batch execution ended"]

    github.forget()
    with pytest.raises(Refused, match="only a batch that is approved"):
        carry_out(batch)
    assert github.requests == []


def test_what_an_enterprise_granted_is_taken_back_at_the_enterprise(
    state: State, github: FakeGitHub, connection: Connection, octo: Organization
) -> None:
    big = state.enterprise("big", 77, organizations=[octo])
    enterprise = Account.objects.create(kind="enterprise", login="big", connection=connection)
    for number in (1, 2):
        big.seats.append(idle_seat(octo.member(f"user-{number}", number)))
    octo.seats.append(at_work(octo.member("busy", 9000)))
    big.seats.append(at_work(octo.member("busy", 9000)))
    batch = approved_batch(enterprise)
    github.forget()

    carry_out(batch)

    assert states(batch) == {"user-1": "revoked", "user-2": "revoked"}
    assert asked_to_end(github, E_DELETE) == [["user-1", "user-2"]]
    assert [request.path for request in github.calls() if request.method == "DELETE"] == [
        "/enterprises/big/copilot/billing/selected_users"
    ]


def test_what_an_enterprise_ends_at_once_is_not_looked_for_in_its_whole_list_after_each_call(
    state: State,
    github: FakeGitHub,
    connection: Connection,
    octo: Organization,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a hundred thousand seats that is a thousand pages for fifty of them."""
    monkeypatch.setattr(taking, "CHUNK", 1)
    monkeypatch.setattr(live_account, "FEW", 0)
    big = state.enterprise("big", 77, organizations=[octo])
    enterprise = Account.objects.create(kind="enterprise", login="big", connection=connection)
    for number in range(1, 4):
        big.seats.append(idle_seat(octo.member(f"user-{number}", number)))
    big.seats.append(at_work(octo.member("busy", 9000)))
    batch = approved_batch(enterprise)
    github.forget()

    def end_at_once(request: Request) -> None:
        big.seats[:] = [row for row in big.seats if row["pending_cancellation_date"] is None]

    github.before_answer = end_at_once

    carry_out(batch)

    assert set(states(batch).values()) == {"revoked"}
    assert len(asked_to_end(github, E_DELETE)) == 3
    assert len(github.calls("GET /enterprises/{enterprise}/copilot/billing/seats")) == 1


def test_many_are_asked_for_in_calls_of_fifty(
    github: FakeGitHub, octo: Organization, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "CHUNK", 2)
    idle_people(octo, 5)
    batch = approved_batch(account)
    told: list[str] = []

    with steps.here(on_progress=lambda done, total, note: told.append(note)):
        carry_out(batch)

    assert (told[0], told[-1]) == ("0 of 5 seats", "5 of 5 seats")
    assert asked_to_end(github) == [["user-1", "user-2"], ["user-3", "user-4"], ["user-5"]]
    assert set(states(batch).values()) == {"revoked"}


# --- Who may ----------------------------------------------------------------------------------


def test_it_takes_a_permission_of_its_own(github: FakeGitHub, octo: Organization, account: Account) -> None:
    idle_people(octo, 1)
    batch = approved_batch(account)
    github.forget()

    # Nor does the portal by itself: it did not propose this one.
    for by in (somebody("approve_revocationbatch", "propose_revocationbatch"), None):
        with pytest.raises(Refused) as caught:
            revoke.execute(batch, by)
        assert caught.value.brakes == ("missing_permission",)
    assert github.requests == []
    assert carry_out(batch, somebody("execute_revocationbatch", name="exa")).state == Job.State.DONE


def test_a_permission_lost_before_the_worker_comes_is_lost(
    github: FakeGitHub, octo: Organization, account: Account
) -> None:
    idle_people(octo, 1)
    batch = approved_batch(account)
    rita = somebody("execute_revocationbatch")
    job = revoke.execute(batch, rita)
    rita.user_permissions.clear()

    revoke_in_worker(job)

    assert job.state == Job.State.FAILED
    assert "rita may not take back" in job.error
    assert asked_to_end(github) == []


def revoke_in_worker(job: Job) -> None:
    from seats import tasks

    tasks.execute_batch(job.pk)
    job.refresh_from_db()


def test_an_approval_grows_old(
    github: FakeGitHub, octo: Organization, account: Account, clock: time_machine.Coordinates
) -> None:
    idle_people(octo, 1)
    batch = approved_batch(account)
    clock.shift(timedelta(days=8))

    job = carry_out(batch)

    assert job.state == Job.State.FAILED
    assert batch.state == RevocationBatch.State.EXPIRED
    assert asked_to_end(github) == []
    assert revocation_of(batch, "user-1").live_key is None


def test_rows_changed_behind_the_approval_stop_it(
    github: FakeGitHub, octo: Organization, account: Account
) -> None:
    idle_people(octo, 2)
    batch = approved_batch(account, ["user-1"])
    other = Seat.objects.get(user__login="user-2")
    Revocation.objects.filter(batch=batch).update(seat=other, live_key=other.pk, login="user-2")

    job = carry_out(batch)

    assert "not those that were frozen" in job.error
    assert (batch.state, asked_to_end(github)) == (RevocationBatch.State.STOPPED, [])


# --- What changed since -----------------------------------------------------------------------


def test_whatever_has_changed_since_keeps_the_seat(
    state: State, github: FakeGitHub, octo: Organization, account: Account
) -> None:
    """Each by the brake that names it; whoever is as before is taken back all the same."""
    idle_people(octo, 8)
    batch = approved_batch(account)
    seats = {row["assignee"]["login"]: row for row in octo.seats}
    seats["user-1"]["last_activity_at"] = "2026-11-20T10:00:00Z"
    # Long ago, and yet later than whoever approved had read.
    seats["user-2"]["last_activity_at"] = (timezone.now() - timedelta(days=45)).isoformat()
    seats["user-3"]["pending_cancellation_date"] = "2026-12-01"
    octo.seats.remove(seats["user-4"])
    state.delete_user(octo.members[4])
    octo.seats.append(idle_seat(octo.member("user-5", 77)))
    # The list of an hour ago knows of a direct grant, which may stand beside the team's.
    seats["user-6"]["assigning_team"] = octo.team("Core").facts
    Exemption.objects.create(user=Seat.objects.get(user__login="user-7").user, reason="On leave.")

    carry_out(batch)

    assert brakes_of(batch) == {
        "user-1": "active_again",
        "user-2": "changed_since_proposed",
        "user-3": "pending_already",
        "user-4": "not_in_github",
        "user-5": "login_changed_hands",
        "user-6": "several_grants",
        "user-7": "exempt",
    }
    assert asked_to_end(github) == [["user-8"]]
    assert pending(octo) == ["user-3", "user-8"]
    assert batch.state == RevocationBatch.State.DONE
    assert set(batch.revocations.filter(state="refused").values_list("live_key", flat=True)) == {None}
    assert Seat.objects.get(user__login="user-1").verdict == "active"
    reviews = dict(SeatReview.objects.values_list("seat__user__login", "state"))
    assert (reviews["user-1"], reviews["user-7"], reviews["user-8"]) == (
        "reactivated",
        "notified",
        "revoked",
    )


def test_somebody_kept_while_the_seats_are_read_keeps_the_seat(
    github: FakeGitHub, octo: Organization, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last look and the call: the intent is taken back before it stands."""
    idle_people(octo, 2)
    batch = approved_batch(account)
    remaining = LiveAccount.remaining

    def keep_then_count(live: LiveAccount) -> int:
        if SeatReview.objects.filter(state=SeatReview.State.KEPT).count() == 0:
            flag.keep(SeatReview.objects.filter(seat__user__login="user-1"), admin(), "A new project.")
        return remaining(live)

    monkeypatch.setattr(LiveAccount, "remaining", keep_then_count)

    carry_out(batch)

    assert brakes_of(batch) == {"user-1": "kept"}
    assert asked_to_end(github) == [["user-2"]]
    assert SeatCall.objects.count() == 1


def exempt(user: GitHubUser) -> None:
    Exemption.objects.create(user=user, reason="On leave.", until=today() + timedelta(days=30))


def work(user: GitHubUser) -> None:
    evidence.note("usage_report", {user.pk: today()})


def ask_for_more_idle_days(user: GitHubUser) -> None:
    InactivityPolicy.objects.update(idle_days=80)


@pytest.mark.parametrize(
    ("happen", "brakes", "asked"),
    [
        (exempt, {"user-1": "exempt"}, [["user-2"]]),
        (work, {"user-1": "active_again"}, [["user-2"]]),
        (ask_for_more_idle_days, {"user-1": "active_again", "user-2": "active_again"}, []),
    ],
)
def test_what_becomes_known_while_github_is_still_counting_keeps_the_seat(
    github: FakeGitHub,
    octo: Organization,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    happen: Callable[[GitHubUser], None],
    brakes: dict[str, str],
    asked: list[list[str]],
) -> None:
    """After the last look, too: all is judged once more within the transaction that commits the intent."""
    idle_people(octo, 2)
    batch = approved_batch(account)
    remaining, happened = LiveAccount.remaining, []

    def count_meanwhile(live: LiveAccount) -> int:
        if not happened:
            happen(GitHubUser.objects.get(login="user-1"))
        happened.append(True)
        return remaining(live)

    monkeypatch.setattr(LiveAccount, "remaining", count_meanwhile)

    carry_out(batch)

    assert (brakes_of(batch), asked_to_end(github)) == (brakes, asked)
    assert set(SeatCall.objects.values_list("state", flat=True)) <= {"answered"}


def test_a_use_that_by_githubs_clock_was_after_midnight_keeps_the_seat(
    github: FakeGitHub, octo: Organization, account: Account, clock: time_machine.Coordinates
) -> None:
    """Of two clocks one is ahead: here the day of the use has not begun yet."""
    idle_people(octo, 2)
    batch = approved_batch(account)
    clock.move_to(datetime(2026, 11, 20, 23, 58, 30, tzinfo=UTC))
    octo.seats[0]["last_activity_at"] = "2026-11-21T00:00:05Z"

    carry_out(batch)

    assert brakes_of(batch) == {"user-1": "active_again"}
    assert asked_to_end(github) == [["user-2"]]


# --- What holds for the account ---------------------------------------------------------------


def test_a_brake_of_the_account_stops_the_batch(
    github: FakeGitHub, octo: Organization, account: Account, clock: time_machine.Coordinates
) -> None:
    idle_people(octo, 2)
    batch = approved_batch(account)
    clock.shift(timedelta(hours=27))

    job = carry_out(batch)

    assert (job.state, batch.state) == (Job.State.FAILED, RevocationBatch.State.STOPPED)
    assert "more than 26 hours old" in job.error
    assert batch.says == job.error
    assert asked_to_end(github) == []
    assert set(states(batch).values()) == {"proposed"}

    done("seats", account)
    carry_out(batch)

    assert batch.state == RevocationBatch.State.DONE
    assert trail(batch.subject).count("batch execution began") == 2


def test_the_last_seat_stays(github: FakeGitHub, octo: Organization, account: Account) -> None:
    """Counted at GitHub: what is known here may be more than there is."""
    idle_people(octo, 3)
    batch = approved_batch(account)
    del octo.seats[3]  # whoever was at work has left since

    job = carry_out(batch)

    assert job.state == Job.State.FAILED
    assert asked_to_end(github) == [["user-1", "user-2"]]
    assert states(batch)["user-3"] == "proposed"
    assert batch.state == RevocationBatch.State.STOPPED


def test_the_caps_of_today_hold_not_those_of_the_proposal(
    github: FakeGitHub, octo: Organization, account: Account
) -> None:
    idle_people(octo, 3)
    batch = approved_batch(account)
    policy(max_seats_per_run=2)

    job = carry_out(batch)

    assert "allows 2 seats in a run" in job.error
    assert asked_to_end(github) == [["user-1", "user-2"]]
    assert carry_out(batch).state == Job.State.FAILED, "executing it again is no new run"
    assert len(asked_to_end(github)) == 1


def test_an_access_setting_changed_since_stops_the_batch(
    github: FakeGitHub, octo: Organization, account: Account
) -> None:
    idle_people(octo, 2)
    batch = approved_batch(account)
    octo.billing["seat_management_setting"] = "assign_all"

    job = carry_out(batch)

    assert "assign_all" in job.error
    assert asked_to_end(github) == []


def test_an_organization_whose_login_changed_hands_is_left_alone(
    state: State, github: FakeGitHub, octo: Organization, account: Account
) -> None:
    idle_people(octo, 2)
    octo.billing["plan_type"] = "business"
    batch = approved_batch(account)
    Account.objects.filter(pk=account.pk).update(github_id=123456, id_key="organization:123456")

    job = carry_out(batch)

    assert "login is of the one with the id 900" in job.error
    assert asked_to_end(github) == []


def test_a_connection_that_was_switched_off_asks_nothing(
    github: FakeGitHub, octo: Organization, account: Account
) -> None:
    idle_people(octo, 1)
    batch = approved_batch(account)
    Connection.objects.update(is_active=False)
    github.forget()

    job = carry_out(batch)

    assert "switched off" in job.error
    assert (batch.state, github.requests) == (RevocationBatch.State.STOPPED, [])


def test_a_credential_of_its_own_takes_back(
    github: FakeGitHub, octo: Organization, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle_people(octo, 1)
    batch = approved_batch(account)
    monkeypatch.setenv("TOKEN_THAT_REVOKES", "another-token")
    Connection.objects.update(revoke_secret_env="TOKEN_THAT_REVOKES")

    assert "does not accept the token" in carry_out(batch).error

    github.state.token("another-token")
    assert carry_out(batch).state == Job.State.DONE


# --- When GitHub refuses ----------------------------------------------------------------------


@pytest.mark.parametrize(("late", "words"), [(False, "The user cannot be changed."), (True, "")])
def test_one_name_that_github_refuses_keeps_the_others_from_nothing(
    github: FakeGitHub, octo: Organization, account: Account, late: bool, words: str
) -> None:
    idle_people(octo, 3)
    batch = approved_batch(account)
    octo.stubborn, octo.refuses_late, octo.refusal = {"user-2"}, late, words

    carry_out(batch)

    assert batch.state == RevocationBatch.State.DONE
    assert states(batch) == {"user-1": "revoked", "user-2": "failed", "user-3": "revoked"}
    failed = revocation_of(batch, "user-2")
    assert (failed.brake, failed.live_key) == ("github_refuses", None)
    assert failed.says == words or "(422)" in failed.says
    assert failed.review is not None
    assert failed.review.state == SeatReview.State.FAILED
    singly = [["user-2"]] if late else [["user-1"], ["user-2"], ["user-3"]]
    assert asked_to_end(github) == [["user-1", "user-2", "user-3"], *singly]
    for login in ("user-1", "user-3"):
        assert chain_of(revocation_of(batch, login)) == []


def test_three_refusals_in_a_row_stop_the_batch(
    github: FakeGitHub, octo: Organization, account: Account
) -> None:
    idle_people(octo, 5)
    batch = approved_batch(account)
    octo.stubborn = {f"user-{number}" for number in range(1, 6)}

    job = carry_out(batch)

    assert "refused 3 seats in a row" in job.error
    assert batch.state == RevocationBatch.State.STOPPED
    assert list(states(batch).values()) == ["failed"] * 3 + ["proposed"] * 2
    assert len(asked_to_end(github)) == 4


def test_fewer_than_were_asked_for_are_looked_at_one_by_one(
    github: FakeGitHub, octo: Organization, account: Account
) -> None:
    idle_people(octo, 3)
    batch = approved_batch(account)
    octo.passed_over = {"user-2"}

    carry_out(batch)

    assert states(batch) == {"user-1": "revoked", "user-2": "failed", "user-3": "revoked"}
    assert "the seat goes on" in revocation_of(batch, "user-2").says
    assert asked_to_end(github) == [["user-1", "user-2", "user-3"], ["user-2"]]


def test_a_missing_permission_stops_the_batch_and_blames_no_seat(
    state: State, octo: Organization, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle_people(octo, 2)
    batch = approved_batch(account)
    state.token("reader", scopes={"read:org"})
    monkeypatch.setenv("GITHUB_TOKEN_OF_THE_TESTS", "reader")

    job = carry_out(batch)

    assert "manage_billing:copilot" in job.error
    assert batch.state == RevocationBatch.State.STOPPED
    assert set(states(batch).values()) == {"proposed"}
    assert SeatCall.objects.get().state == SeatCall.State.REFUSED
    assert pending(octo) == []


# --- When there is no answer ------------------------------------------------------------------


@pytest.fixture
def lost() -> Any:
    """Troubles of the one call that takes seats back."""
    return lambda kind, **more: Trouble(kind, times=1, where=is_write, **more)


@pytest.mark.parametrize("kind", ["500-late", "reset-midway", "html"])
def test_an_answer_that_is_lost_after_the_cancellation_is_found_out_by_reading(
    github: FakeGitHub, octo: Organization, account: Account, lost: Any, kind: str
) -> None:
    idle_people(octo, 2)
    batch = approved_batch(account)
    github.trouble = lost(kind)

    job = carry_out(batch)

    if kind != "html":
        assert pending(octo) == ["user-1", "user-2"]
    assert job.state == Job.State.QUEUED
    assert batch.state == RevocationBatch.State.EXECUTING
    assert set(states(batch).values()) == {"intended"}

    go_on(job, github)

    batch.refresh_from_db()
    assert (job.state, batch.state) == (Job.State.DONE, RevocationBatch.State.DONE)
    assert set(states(batch).values()) == {"revoked"}
    assert len(asked_to_end(github)) == (2 if kind == "html" else 1)
    assert {chain for one in batch.revocations.all() for chain in chain_of(one)} == set()


def go_on(job: Job, github: FakeGitHub) -> None:
    """The worker comes again when the time has come."""
    settled_later()
    Job.objects.filter(pk=job.pk).update(run_after=None)
    revoke_in_worker(job)


def test_who_answers_while_a_call_is_lost_keeps_the_seat_for_as_long_as_anybody(
    github: FakeGitHub, octo: Organization, account: Account, lost: Any
) -> None:
    """Nobody knew then whether the seat was gone; it was not, and the answer counts."""
    idle_people(octo, 2)
    batch = approved_batch(account)
    github.trouble = lost("500")
    job = carry_out(batch)
    review = SeatReview.objects.get(seat__user__login="user-1")
    notice = Notice.objects.create(
        review=review, user=review.seat.user, once_key="review:x", state="sent", sent_at=timezone.now()
    )
    answers.answer(links.token_of(notice, today()))

    go_on(job, github)

    assert states(batch) == {"user-1": "refused", "user-2": "revoked"}
    assert brakes_of(batch) == {"user-1": "answered_needed"}
    review.refresh_from_db()
    assert (review.state, review.kept_until) == (SeatReview.State.KEPT, today() + timedelta(days=90))
    assert trail(f"review:{review.pk}") == ["person answered", "seats kept"]


def test_a_call_that_never_arrived_is_made_after_a_look(
    github: FakeGitHub, octo: Organization, account: Account, lost: Any
) -> None:
    idle_people(octo, 2)
    batch = approved_batch(account)
    github.trouble = lost("500")
    job = carry_out(batch)
    github.forget()

    go_on(job, github)

    first_write = next(index for index, request in enumerate(github.requests) if is_write(request))
    read = [request.path for request in github.requests[:first_write] if request.operation == ONE]
    assert read == [f"/orgs/octo/members/user-{number}/copilot" for number in (1, 2, 1, 2)]
    assert set(states(batch).values()) == {"revoked"}
    assert [call.state for call in SeatCall.objects.order_by("pk")] == ["settled", "answered"]


def test_whoever_came_back_to_life_after_a_lost_call_keeps_the_seat(
    github: FakeGitHub, octo: Organization, account: Account, lost: Any
) -> None:
    idle_people(octo, 2)
    batch = approved_batch(account)
    github.trouble = lost("500")
    job = carry_out(batch)
    octo.seats[0]["last_activity_at"] = "2026-11-20T11:00:00Z"

    go_on(job, github)

    assert states(batch) == {"user-1": "refused", "user-2": "revoked"}
    assert asked_to_end(github) == [["user-1", "user-2"], ["user-2"]]


def test_a_person_who_was_renamed_after_a_lost_call_is_found_by_id(
    github: FakeGitHub, octo: Organization, account: Account, lost: Any
) -> None:
    """Under the old login GitHub shows nothing: that is no proof that the seat is gone."""
    idle_people(octo, 2)
    batch = approved_batch(account)
    github.trouble = lost("500")
    job = carry_out(batch)
    octo.members[0]["login"] = "user-one"

    go_on(job, github)

    assert asked_to_end(github)[-1] == ["user-one", "user-2"]
    assert pending(octo) == ["user-2", "user-one"]


def test_a_call_may_still_be_under_way_for_a_while(
    github: FakeGitHub, octo: Organization, account: Account, lost: Any
) -> None:
    idle_people(octo, 1)
    batch = approved_batch(account)
    github.trouble = lost("reset")
    job = carry_out(batch)
    github.forget()

    Job.objects.filter(pk=job.pk).update(run_after=None)
    revoke_in_worker(job)

    assert job.state == Job.State.QUEUED
    assert "is not known yet" in job.error
    assert not [request for request in github.requests if request.operation == ONE]


def test_a_limit_lets_the_job_wait_and_the_seats_are_read_again(
    github: FakeGitHub, octo: Organization, account: Account, lost: Any, clock: time_machine.Coordinates
) -> None:
    idle_people(octo, 2)
    batch = approved_batch(account)
    github.trouble = lost("429", retry_after=3600)

    job = carry_out(batch)

    assert job.state == Job.State.QUEUED
    clock.shift(timedelta(minutes=61))
    go_on(job, github)
    assert set(states(batch).values()) == {"revoked"}
    assert len(asked_to_end(github)) == 2
    assert github.too_early == []


def test_a_seat_under_two_batches_is_never_asked_for_twice(
    github: FakeGitHub, octo: Organization, account: Account, lost: Any
) -> None:
    """Another batch of the account finds out first what came of the one that died."""
    idle_people(octo, 2)
    first = approved_batch(account, ["user-1"])
    github.trouble = lost("reset-midway")
    job = carry_out(first)
    jobs.cancel(job, admin())
    second = approved_batch(account, ["user-2"])
    settled_later()

    carry_out(second)

    assert states(first) == {"user-1": "revoked"}
    first.refresh_from_db()
    assert first.state == RevocationBatch.State.DONE
    assert asked_to_end(github) == [["user-1"], ["user-2"]]


# --- One after the other ----------------------------------------------------------------------


def test_one_batch_of_an_account_waits_for_another(
    github: FakeGitHub, octo: Organization, account: Account
) -> None:
    idle_people(octo, 2)
    first, second = approved_batch(account, ["user-1"]), approved_batch(account, ["user-2"])
    waiting = revoke.execute(first, admin())
    executing.begin(first, admin())

    job = carry_out(second)

    assert job.state == Job.State.QUEUED
    assert f"{first} is being executed" in job.error
    assert asked_to_end(github) == []

    revoke_in_worker(waiting)
    go_on(job, github)

    assert asked_to_end(github) == [["user-1"], ["user-2"]]


def test_a_batch_that_waits_itself_keeps_no_other_waiting(
    github: FakeGitHub, octo: Organization, account: Account
) -> None:
    """For GitHub's limit, say, or for a list that is never whole: the others would wait without end."""
    idle_people(octo, 2)
    first, second = approved_batch(account, ["user-1"]), approved_batch(account, ["user-2"])
    waiting = revoke.execute(first, admin())
    executing.begin(first, admin())
    Job.objects.filter(pk=waiting.pk).update(run_after=timezone.now() + timedelta(minutes=5))

    job = carry_out(second)

    assert (job.state, job.error) == (Job.State.DONE, "")
    assert asked_to_end(github) == [["user-2"]]
    go_on(waiting, github)
    first.refresh_from_db()
    assert first.state == RevocationBatch.State.DONE
    assert asked_to_end(github) == [["user-2"], ["user-1"]]


def test_the_same_batch_has_one_job(octo: Organization, account: Account) -> None:
    idle_people(octo, 1)
    batch = approved_batch(account)

    assert revoke.execute(batch, admin()) == revoke.execute(batch, admin("another"))


# --- Stopping ---------------------------------------------------------------------------------


def test_somebody_stops_it_between_two_calls(
    github: FakeGitHub, octo: Organization, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle_people(octo, 3)
    batch = approved_batch(account)
    monkeypatch.setattr(taking, "CHUNK", 1)
    monkeypatch.setattr(jobs, "BEAT_EVERY_SECONDS", 0.0)

    def press(done: int, total: int | None, note: str) -> None:
        if done == 1:
            Job.objects.filter(kind=revoke.KIND).update(cancel_requested=True)

    with steps.here(on_progress=press):
        job = carry_out(batch)

    assert (job.state, batch.state) == (Job.State.CANCELLED, RevocationBatch.State.STOPPED)
    assert (batch.says, asked_to_end(github)) == ("Somebody stopped it.", [["user-1"]])

    carry_out(batch)

    assert batch.state == RevocationBatch.State.DONE
    assert asked_to_end(github) == [["user-1"], ["user-2"], ["user-3"]]


def test_a_long_execution_goes_on_in_another_run(
    github: FakeGitHub, octo: Organization, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue ends what takes longer than half an hour."""
    idle_people(octo, 2)
    batch = approved_batch(account)
    monkeypatch.setattr(taking, "CHUNK", 1)
    monkeypatch.setattr(taking, "RUN_SECONDS", 0.0)

    job = carry_out(batch)

    assert (job.state, batch.state) == (Job.State.QUEUED, RevocationBatch.State.EXECUTING)
    assert asked_to_end(github) == [["user-1"]]
    go_on(job, github)
    assert job.state == Job.State.DONE
    assert asked_to_end(github) == [["user-1"], ["user-2"]]
    assert trail(batch.subject).count("batch execution began") == 1


def test_nobody_is_asked_for_by_a_look_that_has_grown_old(
    github: FakeGitHub, octo: Organization, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle_people(octo, 1)
    batch = approved_batch(account)
    monkeypatch.setattr(taking, "FRESH_SECONDS", -1.0)
    github.forget()

    job = carry_out(batch)

    assert "changed each time" in job.error
    assert len(github.calls(ONE)) == taking.TRIES
    assert asked_to_end(github) == []


def test_an_execution_that_was_given_to_another_worker_sends_nothing_more(
    github: FakeGitHub, octo: Organization, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that slept through its own burial must not wake up and ask."""
    idle_people(octo, 2)
    batch = approved_batch(account)
    sent = calls.carry_out

    def sleep_first(call: SeatCall, client: Any, **more: Any) -> SeatCall:
        Job.objects.filter(kind=revoke.KIND).update(attempts=99)
        return sent(call, client, **more)

    monkeypatch.setattr(calls, "carry_out", sleep_first)

    carry_out(batch)

    assert asked_to_end(github) == []
    assert set(states(batch).values()) == {"intended"}


def test_an_intent_that_was_settled_meanwhile_is_not_sent(
    github: FakeGitHub, octo: Organization, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle_people(octo, 2)
    batch = approved_batch(account)
    sent = calls.carry_out

    def settle_first(call: SeatCall, client: Any, **more: Any) -> SeatCall:
        calls.settle(call, "Somebody else read it.", done=False)
        return sent(call, client, **more)

    monkeypatch.setattr(calls, "carry_out", settle_first)

    carry_out(batch)

    assert asked_to_end(github) == []


def test_a_job_that_ends_without_a_word_leaves_no_batch_executing(
    octo: Organization, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle_people(octo, 1)
    batch = approved_batch(account)

    def break_down(*args: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(settling, "settle_all", break_down)

    job = carry_out(batch)

    assert (job.state, batch.state) == (Job.State.FAILED, RevocationBatch.State.STOPPED)
    assert "we did not expect" in batch.says


# --- A dry run --------------------------------------------------------------------------------


@pytest.mark.parametrize("ask_github", [False, True])
def test_a_dry_run_says_what_would_be_and_writes_nothing(
    github: FakeGitHub, octo: Organization, account: Account, ask_github: bool
) -> None:
    idle_people(octo, 2)
    batch = approved_batch(account)
    Exemption.objects.create(user=Seat.objects.get(user__login="user-1").user, reason="On leave.")
    octo.seats[1]["last_activity_at"] = "2026-11-20T10:00:00Z"
    github.forget()
    audit = AuditEntry.objects.count()

    foreseen = revoke.dry_run(batch, ask_github=ask_github)

    assert {one.login: refusal and refusal.brake for one, refusal in foreseen} == {
        "user-1": "exempt",
        "user-2": "active_again" if ask_github else None,
    }
    assert Seat.objects.get(user__login="user-2").verdict == "idle"
    assert not [request for request in github.requests if is_write(request)]
    assert bool(github.requests) == ask_github
    assert AuditEntry.objects.count() == audit
    assert set(states(batch).values()) == {"proposed"}


def test_a_dry_run_foresees_caps_and_the_last_seat(octo: Organization, account: Account) -> None:
    idle_people(octo, 3)
    batch = approved_batch(account)
    policy(max_seats_per_run=1)

    assert [refusal and refusal.brake for _, refusal in revoke.dry_run(batch)] == [
        None,
        "cap_run_count",
        "cap_run_count",
    ]


def test_names_are_those_of_today_not_those_of_the_proposal(
    github: FakeGitHub, octo: Organization, account: Account, clock: time_machine.Coordinates
) -> None:
    idle_people(octo, 1)
    octo.seats.append(seat(octo.member("other", 500)))
    batch = approved_batch(account, ["user-1"])
    octo.members[0]["login"] = "User-One"
    clock.shift(timedelta(minutes=5))
    done("seats", account)

    carry_out(batch)

    assert asked_to_end(github) == [["User-One"]]
