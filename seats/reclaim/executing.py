"""Which batch is being executed: one at a time in an account's family, each by one job."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from portal import jobs
from portal.models import AuditEntry, Job
from seats.accounts import lock
from seats.models import Revocation, RevocationBatch
from seats.reclaim import approve
from seats.reclaim.propose import digest_of
from seats.reclaim.refusals import Brake, Refusal, Refused

KIND = "revoke-batch"
# When somebody else's execution is looked at again.
AGAIN_AFTER = timedelta(seconds=30)

State = RevocationBatch.State
EXECUTABLE = (State.APPROVED, State.STOPPED, State.EXECUTING)


def check_permission(batch: RevocationBatch, by: Any) -> None:
    """Raises Refused. The portal by itself executes what it proposed and approved by itself, nothing else."""
    by_itself = by is None and batch.is_automatic
    if not by_itself and (by is None or not by.has_perm("seats.execute_revocationbatch")):
        name = by.get_username() if by is not None else "The portal by itself"
        raise Refused(Refusal.of(Brake.MISSING_PERMISSION, f"{name} may not take back the seats of {batch}."))


def check_state(batch: RevocationBatch) -> None:
    if batch.state not in EXECUTABLE:
        raise Refused(
            Refusal.of(
                Brake.CHANGED_SINCE_PROPOSED,
                f"{batch} is {batch.get_state_display()}: only a batch that is approved is executed.",
                "Have it approved, or propose anew.",
            )
        )


def is_live(batch: RevocationBatch) -> bool:
    """Whether a job of this batch is queued or running."""
    return _live_job(batch) is not None


def is_at_work(batch: RevocationBatch) -> bool:
    """Whether its job runs, or may begin to at any moment. One that waits may do so for long."""
    job = _live_job(batch)
    return job is not None and not job.is_waiting


def _live_job(batch: RevocationBatch) -> Job | None:
    return Job.objects.filter(live_key=f"{KIND}:{batch.subject}").first()


def begin(batch: RevocationBatch, by: Any) -> None:
    """Let this be the batch of its family that is executed, also where a run of it died before.

    Raises jobs.Later where another one is, Refused where it is not to be executed at all.
    """
    with transaction.atomic():
        family = _family(batch)
        batch.refresh_from_db()
        check_state(batch)
        refusal = approve.expiry(batch)
        if refusal is None or _has_begun(batch):
            _make_way(batch, family)
            if batch.state != State.EXECUTING:
                _claim(batch, by)
            return
    approve.expire_old(batch.account)
    batch.refresh_from_db()
    raise Refused(refusal)


def check_unchanged(batch: RevocationBatch) -> Refusal | None:
    """Whether what was approved is what is there, and not too long ago. Asked when every answer is in."""
    if refusal := approve.expiry(batch):
        return refusal
    if digest_of(batch, batch.revocations.all()) != batch.digest:
        return Refusal.of(
            Brake.CHANGED_SINCE_PROPOSED,
            f"The rows of {batch} are not those that were frozen: somebody changed them in the database.",
            "Withdraw it, find out who did, and propose anew.",
        )
    if batch.second_approved_at is None and approve.needs(batch).second_person:
        # The policy was made stricter after one person had approved.
        return Refusal.of(
            Brake.OWN_APPROVAL,
            f"By now the policy asks for a second person, and only one has approved {batch}.",
            "Withdraw it, and propose anew: two people approve then.",
        )
    return None


def close(batch: RevocationBatch) -> None:
    """A stopped batch is done when it turns out that nothing of it is left to do."""
    left = Revocation.objects.filter(
        batch=batch, state__in=[Revocation.State.PROPOSED, Revocation.State.INTENDED]
    )
    with transaction.atomic():
        if left.exists():
            return
        stopped = RevocationBatch.objects.filter(pk=batch.pk, state=State.STOPPED)
        if stopped.update(state=State.DONE, finished_at=timezone.now()):
            AuditEntry.objects.record(
                "batch execution ended", subject=batch.subject, detail={"state": State.DONE.value}
            )


def _has_begun(batch: RevocationBatch) -> bool:
    """What GitHub was asked is looked into first, however long ago that was."""
    return batch.state == State.EXECUTING or Revocation.objects.unanswered().filter(batch=batch).exists()


def end(batch: RevocationBatch, by: Any, refusal: Refusal | None = None, says: str = "") -> bool:
    """Done, or stopped by a brake, by a person, by trouble. False where another one has ended it already."""
    with transaction.atomic():
        rows = Revocation.objects.filter(batch=batch)
        is_left = rows.filter(state__in=[Revocation.State.PROPOSED, Revocation.State.INTENDED]).exists()
        state = State.STOPPED if is_left else State.DONE
        says = str(refusal) if refusal is not None else says
        ended = RevocationBatch.objects.filter(pk=batch.pk, state=State.EXECUTING).update(
            state=state, finished_at=timezone.now(), says=says
        )
        if ended:
            counts = {value: rows.filter(state=value).count() for value in Revocation.State.values}
            AuditEntry.objects.record(
                "batch execution ended",
                subject=batch.subject,
                actor=by,
                detail={
                    "state": state.value,
                    "seats": {value: number for value, number in counts.items() if number},
                    **({"brake": refusal.brake.value} if refusal is not None else {}),
                    **({"says": says} if says else {}),
                },
            )
    batch.refresh_from_db()
    return bool(ended)


def _family(batch: RevocationBatch) -> set[int]:
    """The accounts whose seats may be the same people's, locked: executions begin one after the other."""
    account = batch.account
    top = account.parent_id or account.pk
    return {one.pk for one in lock(Q(pk=top) | Q(parent=top))}


def _make_way(batch: RevocationBatch, family: set[int]) -> None:
    others = RevocationBatch.objects.filter(account__in=family, state=State.EXECUTING).exclude(pk=batch.pk)
    for other in others.select_related("account"):
        if is_at_work(other):
            raise jobs.Later(
                timezone.now() + AGAIN_AFTER, f"{other} is being executed: this one goes on after it."
            )
        # One that waits looks for others when it goes on, as this one does now.
        if not is_live(other):
            end(other, None, says="Its execution ended without saying so.")


def _claim(batch: RevocationBatch, by: Any) -> None:
    now = timezone.now()
    claimed = RevocationBatch.objects.filter(pk=batch.pk, state__in=[State.APPROVED, State.STOPPED]).update(
        state=State.EXECUTING, started_at=Coalesce("started_at", now), finished_at=None, says=""
    )
    if not claimed:
        raise jobs.Refused(f"Somebody else has decided {batch} at the same moment.")
    AuditEntry.objects.record(
        "batch execution began",
        subject=batch.subject,
        actor=by,
        detail={"seats": Revocation.objects.to_do().filter(batch=batch).count()},
    )
    batch.refresh_from_db()
