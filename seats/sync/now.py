"""*Sync now*: all that is asked of GitHub about an account, enqueued at once.

A press that finds the jobs live already starts none: each is one per kind and account.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from portal.models import AuditEntry, Connection, Job
from seats.models import Account
from seats.sync.accounts import accounts_of
from seats.sync.steps import STEPS, Step, enqueue_step

# Jobs of these kinds meet organizations.
WHO_MEET = ("sync-accounts", "sync-seats", "sync-teams")
# Steps of the layer above, which registers them.
_more: list[Step] = []


def register(step: Step) -> None:
    """Have *Sync now* run this step as well."""
    _more.append(step)


def steps() -> list[Step]:
    """In the order in which they help each other: who there is, then seats, then the rest."""
    return [*STEPS.values(), *_more]


def connected() -> list[Account]:
    """Every account that an active connection speaks for."""
    found = {account.pk: account for one in Connection.objects.active() for account in accounts_of(one)}
    return list(found.values())


def family(account: Account) -> list[Account]:
    """What *Sync now* on an account's page is about: it and, of an enterprise, its organizations."""
    related = Account.objects.family(account).select_related("parent", "connection", "parent__connection")
    return [one for one in related if is_connected(one)]


def is_connected(account: Account) -> bool:
    connection = account.sync_connection
    return connection is not None and connection.is_active


def start(accounts: Iterable[Account], by: Any) -> list[Job]:
    """The jobs, live ones included; who pressed is in the audit trail."""
    accounts = list(accounts)
    jobs = _enqueue(accounts, by)
    AuditEntry.objects.record(
        "sync started",
        subject=accounts[0].subject if len(accounts) == 1 else "",
        actor=by,
        detail={"accounts": [account.subject for account in accounts], "jobs": len(jobs)},
    )
    return jobs


def go_on(job_id: int) -> list[Job]:
    """Ask about the organizations, too, that a job has met for somebody who pressed *Sync now*: the new jobs.

    They were not known when the button was pressed. What a schedule started is left to the schedules.
    """
    job = Job.objects.filter(pk=job_id, state=Job.State.DONE, kind__in=WHO_MEET).first()
    if job is None or job.created_by is None:
        return []
    account = Account.objects.filter(pk=job.arguments.get("account")).select_related("parent").first()
    connection = account.sync_connection if account else None
    if connection is None:
        return []
    accounts = accounts_of(connection)
    asked = Job.objects.filter(kind__startswith="sync-", subject__in=[one.subject for one in accounts])
    known = set(asked.order_by().values_list("subject", flat=True).distinct())
    return _enqueue([one for one in accounts if one.subject not in known], job.created_by)


def _enqueue(accounts: Sequence[Account], by: Any) -> list[Job]:
    return [
        enqueue_step(step, account, by)
        for step in steps()
        for account in accounts
        if step.applies_to(account)
    ]


def running(accounts: Iterable[Account]) -> Iterator[Job]:
    """The sync jobs of these accounts that are not over yet."""
    subjects = [account.subject for account in accounts]
    kinds = [step.kind for step in steps()]
    yield from Job.objects.live().filter(kind__in=kinds, subject__in=subjects)
