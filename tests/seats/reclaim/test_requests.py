"""Seats that were asked for: a line, oldest first, and a door that reads before it asks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from portal import jobs
from portal.models import Connection, Job
from seats import tasks
from seats.models import (
    Account,
    BillingSummary,
    GitHubUser,
    Revocation,
    RevocationBatch,
    Seat,
    SeatCall,
    SeatRequest,
)
from seats.reclaim import grant, seat_requests
from seats.reclaim.refusals import Refused
from tests.fake_github import FakeGitHub, Organization, seat
from tests.seats.holding import NOON, hold, organization
from tests.seats.holding import grant as granted
from tests.seats.reclaim.approved import POST, admin, somebody, trail
from tests.seats.sync.running import done

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

State = SeatRequest.State


def asked(account: Account, *logins: str) -> list[SeatRequest]:
    """Waiting requests, a minute after each other."""
    requests = [seat_requests.ask(account, login, reason="New in the team") for login in logins]
    for number, request in enumerate(requests):
        SeatRequest.objects.filter(pk=request.pk).update(created_at=NOON + timedelta(minutes=number))
        request.refresh_from_db()
    return requests


def approved(account: Account, *logins: str) -> list[SeatRequest]:
    requests = asked(account, *logins)
    assert grant.approve_request(requests, admin()) == len(logins)
    return requests


def states() -> dict[str, str]:
    return dict(SeatRequest.objects.order_by("pk").values_list("login", "state"))


def given(github: FakeGitHub) -> list[list[str]]:
    return [request.body["selected_usernames"] for request in github.calls(POST)]


def holders(octo: Organization) -> list[str]:
    return sorted(row["assignee"]["login"] for row in octo.seats if row["pending_cancellation_date"] is None)


@pytest.fixture
def people(octo: Organization) -> Organization:
    """Ana, Ben and Cem are members without a seat; Dan holds one."""
    for number, login in enumerate(["ana", "ben", "cem", "dan"], start=1):
        octo.member(login, number)
    octo.seats.append(seat(octo.members[-1]))
    return octo


# --- Asking -----------------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["", "ana lee", "-ana", "a" * 101, "=cmd()", "anä"])
def test_nobody_asks_for_what_is_no_login(login: str) -> None:
    with pytest.raises(seat_requests.CannotAsk, match="cannot be a login"):
        seat_requests.ask(organization(), login, reason="New")


def test_a_seat_is_asked_for_once(olga: Any) -> None:
    acme = organization()
    seat_requests.ask(acme, "Ana", reason="New")

    with pytest.raises(seat_requests.CannotAsk, match="asked for already: waiting"):
        seat_requests.ask(acme, "ana", reason="New")
    seat_requests.ask(organization("other"), "ana", reason="New")
    [first, _] = SeatRequest.objects.order_by("pk")
    grant.refuse_request([first], olga, "Not now")
    assert seat_requests.ask(acme, "ana", reason="Now").state == State.WAITING


def test_who_holds_a_seat_need_not_ask_but_whose_seat_ends_may() -> None:
    acme = organization()
    hold(acme, granted(1, "ana"), granted(2, "ben", pending_cancellation_date=NOON.date()))

    with pytest.raises(seat_requests.CannotAsk, match="ana holds a seat in acme already"):
        seat_requests.ask(acme, "ana", reason="New")
    assert seat_requests.ask(acme, "ben", reason="Back again").user == GitHubUser.objects.get(login="ben")


def test_seats_are_asked_of_organizations() -> None:
    enterprise = Account.objects.create(kind="enterprise", login="acme-inc")

    with pytest.raises(seat_requests.CannotAsk, match="one of its organizations"):
        seat_requests.ask(enterprise, "ana", reason="New")


# --- Deciding ---------------------------------------------------------------------------------


def test_each_decision_is_written_down(olga: Any) -> None:
    ana, ben, cem = asked(organization(), "ana", "ben", "cem")

    assert grant.approve_request([ana, ben], olga, "Fine") == 2
    assert grant.refuse_request([ben, cem], olga, "No budget") == 2
    assert grant.withdraw_request([ana, ben], olga) == 1

    assert states() == {"ana": "withdrawn", "ben": "refused", "cem": "refused"}
    assert trail(ana.subject) == ["seat requested", "seat request approved", "seat request withdrawn"]
    assert trail(ben.subject) == ["seat requested", "seat request approved", "seat request refused"]
    cem.refresh_from_db()
    assert (cem.decided_by, cem.decision) == (olga, "No budget")


def test_the_line_is_of_the_approved_the_oldest_first(olga: Any) -> None:
    acme = organization()
    ana, _, cem = asked(acme, "ana", "ben", "cem")
    grant.approve_request([cem], olga)
    grant.approve_request([ana], olga)

    assert list(grant.in_line(acme)) == [ana, cem]


# --- Granting ---------------------------------------------------------------------------------


def test_an_approved_request_is_granted(
    github: FakeGitHub, people: Organization, account: Account, olga: Any
) -> None:
    [ana, ben] = approved(account, "ana", "ben")

    [job] = grant.grant_here([ben, ana], olga)

    assert (job.state, job.error, job.tally["granted"]) == (Job.State.DONE, "", 2)
    assert given(github) == [["ana"], ["ben"]], "the oldest first"
    assert holders(people) == ["ana", "ben", "dan"]
    ana.refresh_from_db()
    assert (ana.state, ana.open_key, ana.granted_at) == ("granted", None, timezone.now())
    assert ana.user == GitHubUser.objects.get(github_id=1)
    assert Seat.objects.held().filter(user=ana.user, account__login="octo").exists(), "known here at once"
    assert ana.call is not None
    assert (ana.call.state, ana.call.seats_changed, ana.call.by) == ("answered", 1, olga)
    assert trail(ana.call.subject) == ["seats to be given", "seats given"]
    assert trail(ana.subject)[-1] == "seat request granted"


def test_a_seat_that_was_to_end_is_kept(
    github: FakeGitHub, people: Organization, account: Account, olga: Any
) -> None:
    people.seats[0]["pending_cancellation_date"] = "2026-12-01"
    done("seats", account)
    [dan] = approved(account, "dan")

    grant.grant_here([dan], olga)

    assert states() == {"dan": "granted"}
    assert holders(people) == ["dan"]
    assert Seat.objects.get(user__login="dan").pending_cancellation_date is None


def test_who_holds_a_seat_by_now_is_asked_for_no_more(
    github: FakeGitHub, people: Organization, account: Account, olga: Any
) -> None:
    [dan, ana] = approved(account, "dan", "ana")

    grant.grant_here([dan, ana], olga)

    assert states() == {"dan": "refused", "ana": "granted"}
    dan.refresh_from_db()
    assert dan.decision == "dan holds a seat in octo already."
    assert given(github) == [["ana"]]


def test_who_is_no_member_is_not_asked_for(
    github: FakeGitHub, people: Organization, account: Account, olga: Any
) -> None:
    done("members", account)
    [eve, ana] = approved(account, "eve", "ana")

    grant.grant_here([eve, ana], olga)

    assert states() == {"eve": "failed", "ana": "granted"}
    eve.refresh_from_db()
    assert "no member of octo" in eve.says
    assert given(github) == [["ana"]]


def test_what_github_refuses_is_told_in_its_words_and_keeps_nobody_else(
    github: FakeGitHub, people: Organization, account: Account, olga: Any
) -> None:
    [eve, ana] = approved(account, "eve", "ana")

    [job] = grant.grant_here([eve, ana], olga)

    assert (job.state, job.tally["failed"], job.tally["granted"]) == (Job.State.DONE, 1, 1)
    assert states() == {"eve": "failed", "ana": "granted"}
    eve.refresh_from_db()
    assert "not a member" in eve.says
    assert eve.call is not None
    assert (eve.call.state, eve.call.status) == ("refused", 422)
    assert trail(eve.call.subject) == ["seats to be given", "seats not given"]
    people.member("eve", 5)
    assert grant.approve_request([eve], olga) == 1
    grant.grant_here([eve], olga)
    assert states()["eve"] == "granted"


def test_a_login_that_changed_hands_gets_no_seat(
    github: FakeGitHub, people: Organization, account: Account, olga: Any
) -> None:
    people.seats[0]["pending_cancellation_date"] = "2026-12-01"
    [dan] = approved(account, "dan")
    SeatRequest.objects.update(user=GitHubUser.objects.create(github_id=77, login="dan"))

    grant.grant_here([dan], olga)

    dan.refresh_from_db()
    assert (dan.state, "another person's" in dan.says) == ("failed", True)
    assert given(github) == []


def test_a_request_that_nobody_approved_is_not_granted(
    github: FakeGitHub, people: Organization, account: Account, olga: Any
) -> None:
    grant.grant_here(asked(account, "ana"), olga)

    assert states() == {"ana": "waiting"}
    assert given(github) == []


# --- Brakes -----------------------------------------------------------------------------------


def test_only_who_may_decide_grants(github: FakeGitHub, people: Organization, account: Account) -> None:
    requests = approved(account, "ana")

    for nobody in (None, somebody("view_seatrequest", "add_seatrequest")):
        with pytest.raises(Refused) as refused:
            grant.grant(requests, nobody)
        assert refused.value.brakes == ("missing_permission",)
    grant.grant_here(requests, somebody("decide_seatrequest", name="dora"))
    assert states() == {"ana": "granted"}


def test_who_may_no_more_when_the_job_begins_grants_nothing(
    github: FakeGitHub, people: Organization, account: Account
) -> None:
    dora = somebody("decide_seatrequest", name="dora")
    [job] = grant.grant(approved(account, "ana"), dora)
    dora.user_permissions.clear()

    tasks.grant_seats(job.pk)

    job.refresh_from_db()
    assert "dora may not grant seats" in job.error
    assert given(github) == []


@pytest.mark.parametrize("setting", ["assign_all", "disabled", "unconfigured"])
def test_where_seats_are_not_given_singly_github_is_not_asked(
    github: FakeGitHub, people: Organization, account: Account, olga: Any, setting: str
) -> None:
    BillingSummary.objects.create(
        account=account, day=NOON.date(), observed_at=NOON, seat_management_setting=setting
    )

    [job] = grant.grant_here(approved(account, "ana"), olga)

    assert "do not let seats be given one by one" in job.error
    assert states() == {"ana": "approved"}
    assert given(github) == []


def test_without_an_active_connection_nothing_is_granted(
    github: FakeGitHub, people: Organization, account: Account, olga: Any
) -> None:
    Connection.objects.update(is_active=False)

    [job] = grant.grant_here(approved(account, "ana"), olga)

    assert "switched off" in job.error
    assert states() == {"ana": "approved"}


def test_seats_of_an_account_are_given_by_one_job_at_a_time(
    github: FakeGitHub, people: Organization, account: Account, olga: Any
) -> None:
    [ana, ben] = approved(account, "ana", "ben")
    grant.grant([ana], olga)

    with pytest.raises(jobs.Refused, match="being given right now"):
        grant.grant([ben], olga)


# --- Killed between intent and answer ---------------------------------------------------------


def test_a_call_without_an_answer_is_settled_by_reading(
    github: FakeGitHub, people: Organization, account: Account, olga: Any, clock: time_machine.Coordinates
) -> None:
    [ana, ben] = approved(account, "ana", "ben")
    for request in (ana, ben):
        call = SeatCall.objects.create(action="grant", account=account, path="p", logins=[request.login])
        SeatRequest.objects.filter(pk=request.pk).update(state=State.GRANTING, call=call)
    people.seats.append(seat(people.members[0]))  # Ana's call had come through
    [job] = grant.settle_left()

    tasks.grant_seats(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.QUEUED, "the call may still be under way"
    assert given(github) == []

    clock.shift(timedelta(minutes=1))
    tasks.grant_seats(job.pk)

    job.refresh_from_db()
    assert (job.state, job.tally["settled"]) == (Job.State.DONE, 2)
    assert states() == {"ana": "granted", "ben": "approved"}
    assert given(github) == [], "reading only"
    assert set(SeatCall.objects.values_list("state", flat=True)) == {"settled"}


def test_a_run_that_finds_a_dead_call_reads_before_it_asks(
    github: FakeGitHub, people: Organization, account: Account, olga: Any, clock: time_machine.Coordinates
) -> None:
    [ana, ben] = approved(account, "ana", "ben")
    call = SeatCall.objects.create(action="grant", account=account, path="p", logins=["ana"])
    SeatRequest.objects.filter(pk=ana.pk).update(state=State.GRANTING, call=call)
    clock.shift(timedelta(minutes=1))

    grant.grant_here([ana, ben], olga)

    assert states() == {"ana": "granted", "ben": "granted"}
    reads_and_writes = [
        (request.method, request.path.rpartition("/members/")[2].partition("/")[0])
        for request in github.calls()
        if request.method == "POST" or "/members/" in request.path
    ]
    assert reads_and_writes[0] == ("GET", "ana")
    assert given(github) == [["ana"], ["ben"]]


# --- The next in line -------------------------------------------------------------------------


def verified(account: Account, *logins: str) -> None:
    """Seats that were taken back, and the next list has shown it."""
    batch = RevocationBatch.objects.create(
        account=account, seats_held=5, digest="", state="done", approved_at=NOON
    )
    call = SeatCall.objects.create(
        action="revoke", account=account, path="p", state="answered", answered_at=NOON
    )
    for number, login in enumerate(logins, start=100):
        person = GitHubUser.objects.create(github_id=number, login=login)
        gone = Seat.objects.create(
            account=account, user=person, first_seen_at=NOON, last_seen_at=NOON, observed_at=NOON,
            ended_at=NOON + timedelta(seconds=1),
        )  # fmt: skip
        Revocation.objects.create(
            batch=batch, seat=gone, state="verified", login=login, verdict="idle", reason="idle", call=call,
            revoked_at=NOON, verified_at=NOON,
        )  # fmt: skip


def test_as_many_seats_as_were_freed_go_to_the_next_in_line(
    github: FakeGitHub, people: Organization, account: Account, olga: Any
) -> None:
    approved(account, "ana", "ben", "cem")
    assert grant.grant_next(account, olga) is None
    verified(account, "x", "y")
    assert grant.freed(account) == 2

    job = grant.grant_next(account, olga)

    assert job is not None
    tasks.grant_seats(job.pk)
    assert states() == {"ana": "granted", "ben": "granted", "cem": "approved"}
    assert grant.freed(account) == 0
    assert grant.grant_next(account, olga) is None


def test_whoever_says_how_many_gives_more(
    github: FakeGitHub, people: Organization, account: Account, olga: Any
) -> None:
    approved(account, "ana", "ben", "cem")

    job = grant.grant_next(account, olga, 2)

    assert job is not None
    assert job.arguments["names"] == ["ana", "ben"]
