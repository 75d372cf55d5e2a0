"""The one place that asks GitHub to give seats or to take them back.

What is to be done is committed before the call, what came of it after: whoever finds an intent without an
answer reads the seats before anything else is asked of GitHub.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from portal.github.client import GitHub, SeatChange, selected_users
from portal.github.errors import GitHubError, RateLimited
from portal.models import AuditEntry
from seats.connecting import target_of
from seats.models import Account, SeatCall

Action = SeatCall.Action

# GitHub ends a request after ten seconds. Younger intents may still be under way, whoever died of them.
MAY_STILL_HAPPEN = timedelta(seconds=30)

# The audit's words: with the intent, with an answer that did it, and with one that did not.
INTENT = {Action.REVOKE: "seats to be taken back", Action.GRANT: "seats to be given"}
DONE = {Action.REVOKE: "seats taken back", Action.GRANT: "seats given"}
NOT_DONE = {Action.REVOKE: "seats not taken back", Action.GRANT: "seats not given"}

Detail = dict[str, Any]


def intend(
    action: str,
    account: Account,
    logins: Sequence[str],
    by: Any,
    *,
    claim: Callable[[SeatCall], Detail] | None = None,
) -> SeatCall:
    """Commit that these people are to be given seats, or theirs taken back; nothing is sent yet.

    `claim` is called in the same transaction: it binds what the call is for to it, and returns what the
    audit is to tell besides. What it raises leaves nothing behind.
    """
    with transaction.atomic(durable=True):
        call = SeatCall.objects.create(
            action=action,
            account=account,
            path=selected_users(target_of(account)),
            logins=list(logins),
            by=by,
        )
        detail = claim(call) if claim is not None else {}
        AuditEntry.objects.record(
            INTENT[Action(action)],
            subject=call.subject,
            actor=by,
            detail={
                "account": account.subject,
                "path": call.path,
                "logins": list(logins),
                **detail,
            },
        )
    return call


def carry_out(
    call: SeatCall,
    github: GitHub,
    *,
    conclude: Callable[[SeatCall], Detail] | None = None,
) -> SeatCall:
    """Ask GitHub, once, and commit what it said.

    `conclude` is called in the transaction that commits an answer or a refusal, and returns what the audit
    is to tell besides. Raises the error where there was no answer, or none that can be understood: the call
    stays an intent then, to be settled by reading.
    """
    with transaction.atomic(durable=True):
        pass  # raises within a transaction that might be rolled back: before anything is sent
    target = target_of(call.account)
    send = github.cancel_seats if call.action == Action.REVOKE else github.create_seats
    try:
        change = send(target, call.logins)
    except RateLimited:
        raise
    except GitHubError as error:
        if not _is_refusal(error):
            raise
        _answered(call, SeatCall.State.REFUSED, SeatChange(None, error.status or 0, _words(error)), conclude)
    else:
        _answered(call, SeatCall.State.ANSWERED, change, conclude)
    return call


def may_still_happen(call: SeatCall) -> datetime | None:
    """Until when reading would tell too early; None where it tells what came of the call."""
    until = call.intended_at + MAY_STILL_HAPPEN
    return until if until > timezone.now() else None


def is_open(call: SeatCall) -> bool:
    """Whether it is still for its run to send it, or to tell its answer."""
    return SeatCall.objects.filter(pk=call.pk, state=SeatCall.State.INTENDED).exists()


def unanswered(account: Account, action: str | None = None) -> QuerySet[SeatCall]:
    """Calls of the account's family of which nobody knows what came."""
    calls = SeatCall.objects.filter(
        Q(account=account) | Q(account__parent=account), state=SeatCall.State.INTENDED
    )
    return calls.filter(action=action) if action else calls


def _words(error: GitHubError) -> str:
    """GitHub's own, where it had any."""
    return error.said or str(error)


def _is_refusal(error: GitHubError) -> bool:
    return error.status is not None and 400 <= error.status < 500


def _answered(
    call: SeatCall,
    state: SeatCall.State,
    change: SeatChange,
    conclude: Callable[[SeatCall], Detail] | None,
) -> None:
    counted = "seats_cancelled" if call.action == Action.REVOKE else "seats_created"
    answer = {
        "status": change.status,
        counted: change.changed,
        "asked": len(call.logins),
        "said": change.said,
    }
    with transaction.atomic(durable=True):
        is_first = _close(
            call, state, status=change.status or None, seats_changed=change.changed, said=change.said
        )
        # Somebody who took this run for dead has read the seats meanwhile, and settled what it was for.
        detail = conclude(call) if conclude is not None and is_first else {"came": "after it was settled"}
        _record(call, {"answer": answer, **detail}, done=state == SeatCall.State.ANSWERED)


def settle(
    call: SeatCall, said: str, *, done: bool, conclude: Callable[[SeatCall], Detail] | None = None
) -> None:
    """Commit what reading the seats has shown of a call that was not answered, or not clearly.

    `done`: whether anything of it came to pass. `conclude` as in `carry_out`.
    """
    with transaction.atomic(durable=True):
        _close(call, SeatCall.State.SETTLED, said=said)
        detail = conclude(call) if conclude is not None else {}
        _record(call, {"read": said, **detail}, done=done)


def _close(call: SeatCall, state: SeatCall.State, **fields: Any) -> bool:
    """Only an intent is closed; False where it is no intent any more."""
    intent = SeatCall.objects.filter(pk=call.pk, state=SeatCall.State.INTENDED)
    closed = intent.update(state=state, answered_at=timezone.now(), **fields) == 1
    call.refresh_from_db()
    return closed


def _record(call: SeatCall, detail: Detail, *, done: bool) -> None:
    words = DONE if done else NOT_DONE
    AuditEntry.objects.record(words[Action(call.action)], subject=call.subject, actor=call.by, detail=detail)
