"""Flagging, telling and taking back by schedule: jobs of an account, in the order of the day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from django.db.models import Q
from django.utils import timezone

from portal import jobs
from portal.models import Connection, Job
from seats.models import Account, RemovalTask, Revocation
from seats.policy_sql import today
from seats.reclaim import automatic, flag, notify, verify
from seats.sync.accounts import accounts_of

DOORWAY = "seats.tasks.run_round"
# A round waits for those of the day that come before it, but not for ever: tomorrow brings another.
LOOK_AGAIN_AFTER = timedelta(minutes=1)
WAIT_AT_MOST = timedelta(hours=6)

Work = Callable[[Account, jobs.Run], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Round:
    kind: str
    work: Work
    # Jobs of the family that must be over before it begins.
    after: tuple[str, ...]
    # An enterprise's job does its organizations as well.
    takes_family: bool = True


def _flag(account: Account, run: jobs.Run) -> Mapping[str, Any]:
    run.progress(0, None, "judging seats")
    return flag.review(today(), account)


def _tell(account: Account, run: jobs.Run) -> Mapping[str, Any]:
    return notify.notify(account, run=run).as_dict()


def _take_back(account: Account, run: jobs.Run) -> Mapping[str, Any]:
    return dict(automatic.propose_and_execute(account, run))


ROUNDS: MappingProxyType[str, Round] = MappingProxyType(
    {
        one.kind: one
        for one in (
            Round("flag-seats", _flag, after=("sync-seats", "sync-usage")),
            Round("send-notices", _tell, after=("sync-seats", "sync-usage", "flag-seats")),
            Round(
                "reclaim-seats",
                _take_back,
                after=("sync-seats", "sync-usage", "flag-seats", "send-notices"),
                takes_family=False,
            ),
        )
    }
)


def enqueue(kind: str, account: Account, by: Any = None) -> Job:
    """A job for a worker; one that is already live instead."""
    return jobs.enqueue(kind, account.subject, DOORWAY, {"account": account.pk}, by)


def enqueue_for(kind: str, connection_id: int, by: Any = None) -> list[Job]:
    """A job for each account of a connection; none where it is switched off."""
    connection = Connection.objects.active().filter(pk=connection_id).first()
    if connection is None:
        return []
    accounts = accounts_of(connection)
    if ROUNDS[kind].takes_family:
        accounts = _heads(accounts)
    return [enqueue(kind, account, by) for account in accounts]


def enqueue_unconnected() -> list[Job]:
    """Flag the seats of accounts that come from files alone: no schedule of a connection does."""
    alone = Account.objects.filter(connection=None).filter(Q(parent=None) | Q(parent__connection=None))
    return [enqueue("flag-seats", account) for account in _heads(list(alone))]


def _heads(accounts: Iterable[Account]) -> list[Account]:
    """Without the organizations whose enterprise is among them."""
    accounts = list(accounts)
    keys = {account.pk for account in accounts}
    return [account for account in accounts if account.parent_id not in keys]


def verify_all() -> Counter[str]:
    """Compare what was taken back with the lists there are, wherever something is left to compare."""
    taken = Revocation.objects.taken_back().order_by().values_list("seat__account", flat=True)
    asked = RemovalTask.objects.filter(state=RemovalTask.State.OPEN).order_by()
    touched = {*taken.distinct(), *asked.values_list("seat__account", flat=True).distinct()}
    tally: Counter[str] = Counter()
    for account in Account.objects.filter(pk__in=touched):
        tally += verify.after_roster(account)
    return tally


def work(run: jobs.Run) -> dict[str, Any]:
    """What a job of one of the rounds does."""
    account = (
        Account.objects.select_related("parent", "connection", "parent__connection")
        .filter(pk=run.arguments["account"])
        .first()
    )
    if account is None:
        raise jobs.Refused("The account is gone: it was joined with another one, which has its own jobs.")
    this = ROUNDS[run.job.kind]
    _wait_for_others(this, account, run.job)
    return dict(this.work(account, run))


def _wait_for_others(this: Round, account: Account, job: Job) -> None:
    now = timezone.now()
    if now - job.created_at > WAIT_AT_MOST:
        return
    family = Account.objects.filter(Q(pk__in=[account.pk, account.parent_id]) | Q(parent=account))
    subjects = [one.subject for one in family]
    ahead = Job.objects.live().filter(kind__in=this.after, subject__in=subjects).first()
    if ahead is not None:
        raise jobs.Later(now + LOOK_AGAIN_AFTER, f"It waits for another job to end first: {ahead.kind}.")
