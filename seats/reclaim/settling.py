"""Find out by reading what came of a call that was not answered clearly, before anything else is asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from django.db.models import Max

from portal import jobs
from seats.models import Account, Revocation, Seat, SeatCall
from seats.policy_sql import today
from seats.reclaim import calls, executing, outcomes
from seats.reclaim.effects import next_cycle
from seats.reclaim.shown import Reading, Shown


def settle_all(account: Account, reading: Reading, should_stop: Callable[[], None]) -> int:
    """Every seat of the account of which it is open whether it was taken back; how many there were.

    Raises jobs.Later where a call may still be under way, and GitHubError.
    """
    open_calls = SeatCall.objects.filter(
        revocations__in=Revocation.objects.unanswered().filter(seat__account=account)
    )
    settled = 0
    for call in open_calls.select_related("account").distinct().order_by("pk"):
        should_stop()
        is_open = call.state == SeatCall.State.INTENDED
        if is_open and (until := calls.may_still_happen(call)):
            raise jobs.Later(
                until, "What came of the last call is not known yet: GitHub is asked when it must be over."
            )
        batches = {one.batch_id: one.batch for one in outcomes.asked_by(call)}
        settled += len(settle(call, reading))
        for batch in batches.values():
            executing.close(batch)
    return settled


def settle(call: SeatCall, reading: Reading) -> dict[int, Shown]:
    """Read each seat of the call that is open, and write what is shown; by the seats' keys."""
    asked = outcomes.asked_by(call)
    if not asked:
        return {}
    shown = reading.of([one.seat for one in asked])
    done = [one for one in shown.values() if one.is_cancelled]
    ends_on = cycle_ends_on(call.account)
    calls.settle(
        call,
        f"Read one by one: {len(done)} of {len(shown)} seats end.",
        done=bool(done),
        conclude=lambda call: outcomes.write(call, shown, ends_on),
    )
    return shown


def cycle_ends_on(account: Account) -> date:
    """When the running cycle ends, and with it the cost of a seat that is taken back now."""
    ending = Seat.objects.held().filter(account=account, pending_cancellation_date__gt=today())
    told = ending.aggregate(ends_on=Max("pending_cancellation_date"))["ends_on"]
    return told or next_cycle(today())
