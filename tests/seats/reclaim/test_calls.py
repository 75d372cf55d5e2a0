"""A call to GitHub: its intent stands before it is sent, its answer after, and neither hangs on another."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from portal.github.client import GitHub
from portal.github.errors import RateLimited, ServerTrouble
from portal.models import AuditEntry
from seats.models import Account, SeatCall
from seats.reclaim import calls
from seats.sync import steps
from tests.fake_github import FakeGitHub, Organization, Trouble
from tests.seats.reclaim.approved import admin, asked_to_end, idle_people, pending, trail

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clock")]

REVOKE = calls.Action.REVOKE


@pytest.fixture
def client(octo: Organization, account: Account) -> Any:
    idle_people(octo, 2)
    with steps.open_github(account, for_revoking=True) as client:
        yield client


def test_an_intent_is_a_row_and_an_entry_and_nothing_is_sent(
    github: FakeGitHub, client: GitHub, account: Account
) -> None:
    call = calls.intend(REVOKE, account, ["user-1"], admin(), claim=lambda call: {"for": call.pk})

    assert (call.state, call.path) == ("intended", "/orgs/octo/copilot/billing/selected_users")
    entry = AuditEntry.objects.get(subject=call.subject)
    assert entry.action == "seats to be taken back"
    told = {"account": account.subject, "path": call.path, "logins": ["user-1"], "for": call.pk}
    assert told.items() <= entry.detail.items()
    assert entry.actor_name == admin().get_username()
    assert github.requests == []
    assert list(calls.unanswered(account)) == [call]


def test_a_claim_that_fails_leaves_nothing_behind(account: Account) -> None:
    def claim(call: SeatCall) -> dict[str, Any]:
        raise LookupError

    with pytest.raises(LookupError):
        calls.intend(REVOKE, account, ["user-1"], admin(), claim=claim)

    assert not SeatCall.objects.exists()
    assert not AuditEntry.objects.exists()


def test_neither_part_is_done_within_a_transaction_that_may_be_rolled_back(
    github: FakeGitHub, client: GitHub, account: Account
) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        calls.intend(REVOKE, account, ["user-1"], admin())
    call = calls.intend(REVOKE, account, ["user-1"], admin())
    with pytest.raises(RuntimeError), transaction.atomic():
        calls.carry_out(call, client)
    assert github.requests == []


def test_an_answer_is_kept_with_its_numbers(octo: Organization, client: GitHub, account: Account) -> None:
    call = calls.intend(REVOKE, account, ["user-1", "nobody"], admin())

    calls.carry_out(call, client, conclude=lambda call: {"came": call.seats_changed})

    assert (call.state, call.status, call.seats_changed) == ("answered", 200, 1)
    assert call.answered_at is not None
    detail = AuditEntry.objects.get(action="seats taken back").detail
    assert detail == {"answer": {"status": 200, "seats_cancelled": 1, "asked": 2, "said": ""}, "came": 1}
    assert pending(octo) == ["user-1"]
    assert not calls.unanswered(account).exists()


def test_a_refusal_is_kept_in_githubs_words(octo: Organization, client: GitHub, account: Account) -> None:
    octo.stubborn = {"user-1"}
    call = calls.intend(REVOKE, account, ["user-1"], admin())

    calls.carry_out(call, client)

    assert (call.state, call.status, call.said) == ("refused", 422, "The user cannot be changed.")
    assert trail(call.subject) == ["seats to be taken back", "seats not taken back"]


@pytest.mark.parametrize(
    ("kind", "error"), [("500", ServerTrouble), ("reset", ServerTrouble), ("429", RateLimited)]
)
def test_without_an_answer_it_stays_an_intent(
    github: FakeGitHub, client: GitHub, account: Account, kind: Any, error: type[Exception]
) -> None:
    github.trouble = Trouble(kind, retry_after=60 if kind == "429" else None)
    call = calls.intend(REVOKE, account, ["user-1"], admin())

    with pytest.raises(error):
        calls.carry_out(call, client)

    call.refresh_from_db()
    assert (call.state, call.answered_at) == ("intended", None)
    assert trail(call.subject) == ["seats to be taken back"]
    assert len(asked_to_end(github)) == 1


def test_an_answer_that_comes_after_it_was_settled_changes_nothing(
    octo: Organization, client: GitHub, account: Account
) -> None:
    call = calls.intend(REVOKE, account, ["user-1"], admin())
    calls.settle(call, "Read.", done=False)
    concluded = []

    calls.carry_out(call, client, conclude=lambda call: concluded.append(call) or {})  # type: ignore[func-returns-value]

    assert (call.state, call.said, concluded) == ("settled", "Read.", [])
    detail = AuditEntry.objects.filter(subject=call.subject).order_by("-sequence")[0].detail
    assert detail["came"] == "after it was settled"


def test_settling_tells_what_reading_has_shown(account: Account) -> None:
    call = calls.intend(REVOKE, account, ["user-1"], admin())

    calls.settle(call, "1 of 1 seats end.", done=True, conclude=lambda call: {"revocations": {}})

    assert (call.state, call.said) == ("settled", "1 of 1 seats end.")
    entry = AuditEntry.objects.get(action="seats taken back")
    assert entry.detail == {"read": "1 of 1 seats end.", "revocations": {}}


def test_a_young_intent_may_still_be_under_way(account: Account, clock: Any) -> None:
    call = calls.intend(REVOKE, account, ["user-1"], admin())
    assert calls.may_still_happen(call) is not None
    clock.shift(calls.MAY_STILL_HAPPEN)
    assert calls.may_still_happen(call) is None
