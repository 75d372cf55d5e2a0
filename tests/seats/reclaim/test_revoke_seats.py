"""`revoke_seats`: a dry run unless told otherwise, through the same door as the pages."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from portal.github import transport
from portal.models import AuditEntry, Job
from seats import verdicts
from seats.models import Account, Revocation, RevocationBatch, Seat
from tests.fake_github import FakeGitHub, Organization
from tests.seats.reclaim.approved import (
    admin,
    approved_batch,
    asked_to_end,
    idle_people,
    pending,
    policy,
    somebody,
    told,
)
from tests.seats.sync.running import done

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "no_pause")]


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """That writes go out at most one a second is specified elsewhere."""
    monkeypatch.setattr(transport, "_BETWEEN_WRITES", 0.0)


@dataclass
class Ended:
    code: int
    text: str
    answer: dict[str, Any]

    @property
    def outcomes(self) -> dict[str, str]:
        return {seat["login"]: seat["outcome"] for seat in self.answer["seats"]}


def revoke_seats(*arguments: str) -> Ended:
    out = io.StringIO()
    code = 0
    error = ""
    try:
        call_command("revoke_seats", *arguments, "--json", stdout=out)
    except SystemExit as ended:
        code = int(str(ended.code))
    except CommandError as refused:
        code, error = refused.returncode, str(refused)
    *text, last = out.getvalue().splitlines() or [""]
    answer = json.loads(last) if last.startswith("{") else {}
    return Ended(code, "\n".join([*text, error]), answer)


@pytest.fixture
def idle(account: Account, octo: Organization) -> Account:
    """Four people who use nothing were told and said nothing; Busy works."""
    policy(mode="propose")
    idle_people(octo, 4)
    done("seats", account)
    account.refresh_from_db()
    told(Seat.objects.inactive().filter(account=account))
    return account


ALL = {f"user-{number}" for number in range(1, 5)}
DECIDED = ("--execute", "--as", "ada-the-admin", "--reason", "Nobody uses them.")


# --- Without --execute ------------------------------------------------------------------------


def test_without_execute_nothing_is_written_and_nothing_asked(idle: Account, github: FakeGitHub) -> None:
    before = (len(github.calls()), AuditEntry.objects.count())

    ended = revoke_seats("--organization", "octo")

    assert ended.code == 0
    assert ended.answer["dry_run"] is True
    assert ended.outcomes == dict.fromkeys(ALL, "would_take_back")
    assert ended.answer["counts"] == {"would_take_back": 4, "would_refuse": 0, "left_out": 0}
    assert ended.answer["monthly_saving"] == {"USD": "76.00"}
    assert "octo: 4 seats would be taken back, 76.00 USD a month." in ended.text
    assert "This was a dry run" in ended.text
    assert not RevocationBatch.objects.exists()
    assert (len(github.calls()), AuditEntry.objects.count()) == before


def test_what_would_be_left_out_is_told_by_brake(idle: Account, octo: Organization) -> None:
    kept = Seat.objects.get(user__login="user-2").reviews.get()
    kept.notice_ends_on = kept.opened_on.replace(year=2027)
    kept.save()
    policy(mode="propose", max_seats_per_run=2)
    verdicts.refresh()

    ended = revoke_seats("--organization", "octo")

    assert ended.code == 1
    assert ended.answer["counts"] == {"would_take_back": 2, "would_refuse": 0, "left_out": 1}
    assert ended.answer["brakes"] == {"cap_run_count": 1}
    assert "       1  Cap per run. Take the rest back in another batch" in ended.text


def test_a_brake_of_the_whole_account_is_told(idle: Account) -> None:
    idle.connection.is_active = False
    idle.connection.save()

    ended = revoke_seats("--organization", "octo")

    assert ended.code == 1
    assert [refusal["brake"] for refusal in ended.answer["refusals"]] == ["no_connection"]
    assert ended.answer["brakes"] == {"no_connection": 0}


def test_a_batch_is_tried_out_as_it_stands_now(idle: Account, octo: Organization) -> None:
    admin()
    started = revoke_seats("--organization", "octo", *DECIDED, "--confirm", "3")
    assert started.answer["state"] == "proposed"

    ended = revoke_seats("--batch", str(started.answer["batch"]))

    assert ended.code == 1
    assert ended.outcomes == dict.fromkeys(ALL, "would_take_back")
    assert ended.answer["needs"] == "Somebody has to approve it."


# --- With --execute ---------------------------------------------------------------------------


def test_seats_are_proposed_approved_and_taken_back_as_somebody(
    idle: Account, octo: Organization, github: FakeGitHub
) -> None:
    ada = admin()

    ended = revoke_seats("--organization", "octo", *DECIDED)

    assert ended.code == 0
    assert ended.outcomes == dict.fromkeys(ALL, "revoked")
    assert set(pending(octo)) == ALL
    assert ended.answer["seats"][0] == {
        "login": "user-1",
        "outcome": "revoked",
        "brake": None,
        "says": None,
        "pending_cancellation_date": "2026-12-01",
        "monthly_saving": "19.00",
        "currency": "USD",
    }
    batch = RevocationBatch.objects.get(pk=ended.answer["batch"])
    assert (batch.state, batch.proposed_by, batch.approved_by) == ("done", ada, ada)
    assert batch.approval_reason == "Nobody uses them."
    assert f"Batch {batch.pk} of octo: 4 seats were taken back, 76.00 USD a month." in ended.text


def test_an_approved_batch_is_executed_once(idle: Account, octo: Organization, github: FakeGitHub) -> None:
    batch = approved_batch(idle, sorted(ALL))

    first = revoke_seats("--batch", str(batch.pk), *DECIDED)
    second = revoke_seats("--batch", str(batch.pk), *DECIDED)

    assert first.code == 0
    assert (second.code, second.answer) == (2, {})
    assert "is done: nothing is left to do." in second.text
    assert len(asked_to_end(github)) == 1


def test_what_github_refuses_is_told_in_its_words(idle: Account, octo: Organization) -> None:
    admin()
    octo.has_payment_problem = True

    ended = revoke_seats("--organization", "octo", *DECIDED)

    assert (ended.code, ended.answer["state"]) == (1, "stopped")
    assert "There is a problem with your account's associated payment method" in ended.answer["needs"]
    assert (ended.answer["counts"]["proposed"], ended.answer["monthly_saving"]) == (4, {})
    assert pending(octo) == []


def test_who_came_back_to_life_keeps_the_seat_and_the_rest_goes(idle: Account, octo: Organization) -> None:
    batch = approved_batch(idle, sorted(ALL))
    octo.seats[0]["last_activity_at"] = "2026-11-20T08:00:00Z"

    ended = revoke_seats("--batch", str(batch.pk), *DECIDED)

    assert ended.code == 1
    assert ended.outcomes["user-1"] == "refused"
    assert ended.answer["counts"]["revoked"] == 3
    assert set(pending(octo)) == ALL - {"user-1"}


# --- Who decides ------------------------------------------------------------------------------


def test_nobody_decides_by_default(idle: Account, octo: Organization) -> None:
    ended = revoke_seats("--organization", "octo", "--execute", "--reason", "Because.")

    assert ended.code == 2
    assert "Name who decides: --as USER." in ended.text
    assert not RevocationBatch.objects.exists()


def test_a_reason_is_asked_for(idle: Account) -> None:
    admin()

    ended = revoke_seats("--organization", "octo", "--execute", "--as", "ada-the-admin")

    assert (ended.code, ended.text.strip()) == (2, "Say why: --reason R.")


def test_a_reason_longer_than_what_is_kept_is_refused(idle: Account) -> None:
    ended = revoke_seats(
        "--organization", "octo", "--execute", "--as", "ada-the-admin", "--reason", "why " * 200
    )

    assert (ended.code, ended.text.strip()) == (2, "Say why in at most 500 characters.")
    assert not RevocationBatch.objects.exists()


def test_permissions_of_whoever_decides_count(idle: Account, octo: Organization) -> None:
    somebody("approve_revocationbatch", "execute_revocationbatch", name="rita")
    somebody("propose_revocationbatch", name="paul")

    refused = revoke_seats("--organization", "octo", "--execute", "--as", "rita", "--reason", "Idle.")
    proposed = revoke_seats("--organization", "octo", "--execute", "--as", "paul", "--reason", "Idle.")
    executed = revoke_seats(
        "--batch", str(proposed.answer["batch"]), "--execute", "--as", "rita", "--reason", "Idle."
    )

    assert (refused.code, refused.answer["brakes"]) == (2, {"missing_permission": 0})
    assert (proposed.code, proposed.answer["state"]) == (1, "proposed")
    assert "paul may not approve batches." in proposed.answer["needs"]
    assert (executed.code, executed.answer["state"]) == (0, "done")


def test_where_two_people_decide_it_stops_until_both_have(idle: Account, octo: Organization) -> None:
    policy(mode="propose", needs_second_person=True)
    verdicts.refresh()
    for name in ("ada-the-admin", "bo", "cy"):
        admin(name)
    reason = ("--execute", "--reason", "Idle.")

    own = revoke_seats("--organization", "octo", *reason, "--as", "ada-the-admin")
    batch = ("--batch", str(own.answer["batch"]))
    first = revoke_seats(*batch, *reason, "--as", "bo")
    again = revoke_seats(*batch, *reason, "--as", "bo")
    assert pending(octo) == []
    second = revoke_seats(*batch, *reason, "--as", "cy")

    assert (own.code, own.answer["state"]) == (1, "proposed")
    assert "A second person is required" in own.answer["needs"]
    assert (first.code, first.answer["state"]) == (1, "half_approved")
    assert "A second person has to approve it" in first.answer["needs"]
    assert (again.code, again.answer["brakes"]) == (2, {"same_person_twice": 0})
    assert (second.code, second.answer["state"]) == (0, "done")
    assert set(pending(octo)) == ALL


def test_the_number_is_confirmed_where_the_policy_has_it_typed(idle: Account, octo: Organization) -> None:
    policy(mode="propose", confirm_above=3)
    verdicts.refresh()
    admin()

    without = revoke_seats("--organization", "octo", *DECIDED)
    with_number = revoke_seats("--batch", str(without.answer["batch"]), *DECIDED, "--confirm", "4")

    assert without.code == 1
    assert "4 seats are to be taken back, and nothing was typed." in without.answer["needs"]
    assert (with_number.code, len(pending(octo))) == (0, 4)


def test_the_automatic_mode_needs_nobody(idle: Account, octo: Organization) -> None:
    policy(mode="automatic")
    verdicts.refresh()

    tried = revoke_seats("--organization", "octo")
    ended = revoke_seats("--organization", "octo", "--execute")

    assert (tried.code, tried.answer["counts"]["would_take_back"]) == (0, 4)
    assert (ended.code, ended.answer["state"]) == (0, "done")
    assert RevocationBatch.objects.get().is_automatic
    assert set(pending(octo)) == ALL


# --- Bad questions ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--batch", "7"), "There is no batch 7; the newest: none yet."),
        (("--organization", "acme"), "There is no organization acme; known: octo."),
        (("--organization", "octo", "--as", "zoe"), "There is no active user zoe of this portal."),
    ],
)
def test_a_question_that_cannot_be_answered_does_nothing(
    idle: Account, arguments: tuple[str, ...], says: str
) -> None:
    ended = revoke_seats(*arguments)

    assert (ended.code, ended.text.strip()) == (2, says)
    assert not Job.objects.filter(kind="revoke-batch").exists()
    assert not Revocation.objects.exists()
