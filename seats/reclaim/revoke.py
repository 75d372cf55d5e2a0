"""The one door through which seats are taken back: each is read and checked again before it is asked.

What GitHub is asked is committed before, what it answered after. A run that died is followed by one that
reads what came of it first, so that no seat is asked for twice without a look in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model

from portal import jobs
from portal.github.errors import GitHubError, RateLimited, ServerTrouble
from portal.models import Job
from seats.accounts import WrongAccount
from seats.models import Revocation, RevocationBatch
from seats.reclaim import brakes, executing, left
from seats.reclaim.executing import KIND as KIND
from seats.reclaim.rechecks import Checked, Recheck
from seats.reclaim.refusals import Brake, Refusal, Refused
from seats.reclaim.taking import Execution, Halt, allowed_by_caps, policies_of, to_do
from seats.sync import steps

DOORWAY = "seats.tasks.execute_batch"
State = Revocation.State


def execute(batch: RevocationBatch, by: Any) -> Job:
    """A job that takes back what was approved, as a worker's; the live one of this batch if there is one.

    `by` is whoever pressed the button; None is the portal itself, for automatic batches alone. Raises
    Refused.
    """
    return jobs.enqueue(*_job(batch, by))


def execute_here(batch: RevocationBatch, by: Any) -> Job:
    """The same in this process, within `seats.sync.steps.here`; the job as it ended, or as it waits."""
    return jobs.run_here(*_job(batch, by))


def _job(batch: RevocationBatch, by: Any) -> tuple[str, str, str, dict[str, Any], Any]:
    batch.refresh_from_db()
    executing.check_permission(batch, by)
    executing.check_state(batch)
    arguments = {"batch": batch.pk, "by": by.pk if by is not None else None, "names": [str(batch)]}
    return KIND, batch.subject, DOORWAY, arguments, by


def dry_run(batch: RevocationBatch, *, ask_github: bool = False) -> list[tuple[Revocation, Refusal | None]]:
    """What would become of each seat of the batch that is still to do: None where it would be taken back.

    Nothing is written; with `ask_github` each seat is read, and nothing is asked to change.
    """
    rows = to_do(batch)
    if not ask_github:
        return _foreseen(batch, rows, Recheck(batch, None))
    with steps.open_github(batch.account, for_revoking=True) as github:
        return _foreseen(batch, rows, Recheck(batch, github, writes=False))


def _foreseen(
    batch: RevocationBatch, rows: Sequence[Revocation], recheck: Recheck
) -> list[tuple[Revocation, Refusal | None]]:
    of_account = brakes.of_account(batch.account, automatic=batch.is_automatic, policies=policies_of(batch))
    foreseen: list[tuple[Revocation, Refusal | None]] = []
    good: list[Checked] = []
    for checked in recheck(rows):
        refusal = checked.refusal or (of_account[0] if of_account else None)
        good += [checked] if refusal is None else []
        foreseen.append((checked.revocation, refusal))
    allowed, refusal = allowed_by_caps(batch, good)
    spared = {one.revocation.pk for one in good[allowed:]}
    last = brakes.of_last_seat(batch.account, wanted=min(allowed, len(good)), batch=batch)
    if last.refusal is not None:
        allowed, refusal = last.seats, last.refusal
        spared |= {one.revocation.pk for one in good[allowed:]}
    return [(row, refusal if row.pk in spared else held) for row, held in foreseen]


# --- The job ----------------------------------------------------------------------------------


def work(run: jobs.Run) -> dict[str, Any]:
    """What the job does."""
    batch = RevocationBatch.objects.select_related("account__connection", "account__parent__connection").get(
        pk=run.arguments["batch"]
    )
    try:
        by = _whoever(run)
        executing.check_permission(batch, by)
        executing.begin(batch, by)
    except Refused as refused:
        raise jobs.Refused(str(refused)) from refused
    reporter = steps.reporter_of(run)
    try:
        execution = Execution(batch, by, run, reporter)
        execution.go()
    except Halt as halt:
        executing.end(batch, by, halt.refusal)
        raise jobs.Refused(str(halt.refusal)) from halt
    except (jobs.Paused, jobs.TakenAway, jobs.Later, RateLimited):
        raise  # it goes on as itself
    except ServerTrouble as error:
        if run.job.retries >= len(jobs.RETRY_AFTER):
            executing.end(batch, by, says=str(error))
        raise
    except jobs.Cancelled:
        executing.end(batch, by, says="Somebody stopped it.")
        raise
    except (GitHubError, jobs.Refused) as error:
        executing.end(batch, by, says=str(error))
        raise
    except WrongAccount as error:
        executing.end(batch, by, says=str(error))
        raise jobs.Refused(str(error)) from error
    executing.end(batch, by)
    return execution.tally()


def tidy(job_id: int) -> None:
    """A job that is over leaves no batch that says it is being executed, and no question open."""
    job = Job.objects.filter(pk=job_id).exclude(state__in=Job.LIVE).first()
    if job is None:
        return
    batch = RevocationBatch.objects.select_related("account").filter(pk=job.arguments["batch"]).first()
    if batch is None or executing.is_live(batch):
        return
    if batch.state == RevocationBatch.State.EXECUTING:
        executing.end(batch, None, says=job.error or "Its job ended without saying why.")
    if Revocation.objects.unanswered().filter(batch=batch).exists():
        left.enqueue(batch.account)


def _whoever(run: jobs.Run) -> Any:
    """Who asked for it, as they stand now; None where it was the portal itself."""
    key = run.arguments["by"]
    if key is None and run.job.created_by_id is None:
        return None
    user = get_user_model().objects.filter(pk=run.job.created_by_id or 0).first()
    if user is None:
        raise Refused(Refusal.of(Brake.MISSING_PERMISSION, "Whoever asked for it has no account any more."))
    return user
