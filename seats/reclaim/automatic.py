"""What the portal does by itself with an account's inactive seats, as far as their policies let it.

In mode propose it freezes a batch for people to decide over; in automatic mode it also approves, and has
GitHub asked. Where a policy wants a second person, people decide in automatic mode, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from portal import jobs
from portal.models import AuditEntry, Job
from seats.models import Account, InactivityPolicy, Revocation, RevocationBatch, Seat
from seats.policy_sql import midnight, today
from seats.reclaim import approve, brakes, executing, revoke
from seats.reclaim.propose import propose, ready
from seats.reclaim.refusals import Refused

REPORT = "automatic mode ran"

State = RevocationBatch.State
Mode = InactivityPolicy.Mode
# Of a batch of the automatic mode nobody has to decide over.
UNDER_WAY = (State.PROPOSED, State.HALF_APPROVED, State.APPROVED, State.EXECUTING, State.STOPPED)


@dataclass(slots=True)
class Done:
    """What one run came to: batches by number, and why it was no more."""

    proposed: list[int] = field(default_factory=list)
    executing: list[int] = field(default_factory=list)
    expired: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def is_something(self) -> bool:
        return bool(self.proposed or self.executing or self.expired)


def propose_and_execute(account: Account, run: jobs.Run) -> dict[str, Any]:
    """One run for one account; the audit has a report of each that did something, and of one run a day."""
    done = Done(expired=approve.expire_old(account))
    policies = [policy for policy in brakes.policies_of(account) if policy.mode != Mode.REPORT_ONLY]
    if policies:
        run.should_stop()
        _go_on(account, done)
        run.should_stop()
        _begin(account, policies, done)
        _report(account, done)
    return asdict(done)


def _go_on(account: Account, done: Done) -> None:
    """With what the automatic mode has begun: a brake that held may have let go."""
    begun = RevocationBatch.objects.filter(account=account, is_automatic=True).order_by("pk")
    for batch in begun.filter(state__in=[State.PROPOSED, State.APPROVED, State.STOPPED]):
        _carry_on(batch, done)


def _begin(account: Account, policies: Collection[InactivityPolicy], done: Done) -> None:
    by_itself = {one.pk for one in policies if one.mode == Mode.AUTOMATIC and not one.needs_second_person}
    for_people = {one.pk for one in policies} - by_itself
    seats = _free(ready(account, today()))
    batches = RevocationBatch.objects.filter(account=account)
    own = [seat for seat in seats if seat.policy_id in by_itself]
    if own and not batches.filter(is_automatic=True, state__in=UNDER_WAY).exists():
        batch = _propose(account, own, done, automatic=True)
        if batch is not None:
            _carry_on(batch, done)
    if others := [seat for seat in seats if seat.policy_id in for_people]:
        waiting = batches.undecided().filter(is_automatic=False).first()
        if waiting is None:
            _propose(account, others, done, automatic=False)
        else:
            done.notes.append(f"Batch {waiting.pk} waits for a decision: nothing more is proposed.")


def _free(seats: Iterable[Seat]) -> list[Seat]:
    """Those that no batch has."""
    seats = list(seats)
    live = Revocation.objects.filter(live_key__among={seat.pk for seat in seats}).order_by()
    taken = set(live.values_list("seat_id", flat=True))
    return [seat for seat in seats if seat.pk not in taken]


def _propose(
    account: Account, seats: Collection[Seat], done: Done, *, automatic: bool
) -> RevocationBatch | None:
    # People do not work today: a batch would only grow old.
    resting = [one for one in brakes.of_account(account) if one.brake == brakes.Brake.NOT_A_WORKING_DAY]
    if resting:
        done.notes.append(str(resting[0]))
        return None
    try:
        batch = propose(account, seats, by=None, automatic=automatic, reason="By the policy.")
    except Refused as refused:
        done.notes.append(str(refused))
        return None
    done.proposed.append(batch.pk)
    left_out = batch.revocations.filter(state=Revocation.State.LEFT_OUT).values_list("brake", flat=True)
    done.left_out = dict(Counter(done.left_out) + Counter(left_out))
    return batch


def _carry_on(batch: RevocationBatch, done: Done) -> None:
    if executing.is_live(batch):
        return
    last = Job.objects.filter(kind=revoke.KIND, subject=batch.subject).order_by("-id").first()
    if last is not None and last.state == Job.State.CANCELLED:
        done.notes.append(f"{batch}: somebody cancelled its execution; it goes on when somebody executes it.")
        return
    try:
        if batch.state == State.PROPOSED:
            batch = approve.approve_automatically(batch)
        revoke.execute(batch, None)
    except Refused as refused:
        done.notes.append(f"{batch}: {refused}")
    else:
        done.executing.append(batch.pk)


def _report(account: Account, done: Done) -> None:
    today_already = AuditEntry.objects.filter(
        action=REPORT, subject=account.subject, at__gte=midnight(today())
    )
    if done.is_something or not today_already.exists():
        AuditEntry.objects.record(REPORT, subject=account.subject, detail=asdict(done))
