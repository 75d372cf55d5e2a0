"""What an execution leaves that ended at the wrong moment: calls without an answer, a batch without a job.

Whoever executes a batch of the same account next clears it up first; here it is cleared up where nobody does.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.utils import timezone

from portal import jobs
from portal.models import Job
from seats import verdicts
from seats.accounts import WrongAccount
from seats.models import Account, Revocation, RevocationBatch, SeatCall
from seats.reclaim import calls, executing, live_account, reinstate, settling
from seats.reclaim.shown import Reading
from seats.sync import steps

KIND = "settle-calls"
DOORWAY = "seats.tasks.settle_calls"


def settle_left() -> list[Job]:
    """Jobs that read what came of calls whose own job is over, and ask for nothing."""
    for batch in RevocationBatch.objects.filter(state=RevocationBatch.State.EXECUTING).select_related(
        "account"
    ):
        if not executing.is_live(batch):
            executing.end(batch, None, says="Its execution ended without saying so.")
    unknown = Revocation.objects.filter(
        Q(state=Revocation.State.INTENDED)
        | Q(reinstate_call__state=SeatCall.State.INTENDED, state__in=Revocation.TAKEN_BACK)
    )
    accounts = Account.objects.filter(pk__in=set(unknown.order_by().values_list("seat__account", flat=True)))
    return [enqueue(account) for account in accounts.order_by("pk")]


def enqueue(account: Account) -> Job:
    """Not before reading tells; the job that is live already, where there is one."""
    arguments = {"account": account.pk, "names": [account.label]}
    run_after = timezone.now() + calls.MAY_STILL_HAPPEN
    return jobs.enqueue(KIND, account.subject, DOORWAY, arguments, run_after=run_after)


def work(run: jobs.Run) -> dict[str, Any]:
    """What the job does."""
    account = (
        Account.objects.select_related("connection", "parent__connection")
        .filter(pk=run.arguments["account"])
        .first()
    )
    if account is None:
        raise jobs.Refused("The account is gone: it was joined with another one.")
    family = Account.objects.filter(Q(pk__in=[account.pk, account.parent_id]) | Q(parent=account))
    for batch in RevocationBatch.objects.filter(account__in=family, state=RevocationBatch.State.EXECUTING):
        if executing.is_live(batch):
            raise jobs.Later(timezone.now() + executing.AGAIN_AFTER, f"{batch} is being executed.")
    with steps.open_github(account, for_revoking=True, should_stop=run.should_stop) as github:
        try:
            live_account.check_identity(account, github)
            settled = settling.settle_all(account, Reading(account, github), run.should_stop)
            settled += reinstate.settle_left(account, github, run.should_stop)
        except WrongAccount as error:
            raise jobs.Refused(str(error)) from error
        finally:
            verdicts.refresh(accounts=[account])
        return {"settled": settled, "requests": github.counted.requests}
