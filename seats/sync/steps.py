"""The steps of a sync by name, and the one way each is run: as a job of the account it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from django.utils import timezone

from portal import jobs
from portal.connections import github_for
from portal.github.client import GitHub
from portal.models import Connection, Job
from seats.models import Account, SeatRoster
from seats.sync import accounts, billing, members, seats, teams
from seats.sync.accounts import accounts_of as accounts_of
from seats.sync.tally import Reporter, Tally

DOORWAY = "seats.tasks.sync"
# An enterprise whose seats could not be read for this long leaves its organizations to themselves.
TRUST_ENTERPRISE = timedelta(days=2)

Sync = Callable[[Account, GitHub, Reporter], Tally]
OnProgress = Callable[[int, "int | None", str], None]


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    sync: Sync
    applies_to: Callable[[Account], bool]

    @property
    def kind(self) -> str:
        """The kind of its jobs."""
        return f"sync-{self.name}"


def _is_named(account: Account) -> bool:
    return bool(account.login)


def _is_organization(account: Account) -> bool:
    return account.kind == Account.Kind.ORGANIZATION and _is_named(account)


def _has_seats_of_its_own(account: Account) -> bool:
    """Whether its seats are to be asked for: an enterprise's list has those of its organizations."""
    enterprise = account.parent
    if enterprise is None or enterprise.connection_id is None:
        return _is_named(account)
    since = timezone.now() - TRUST_ENTERPRISE
    asked = Job.objects.filter(kind="sync-seats", subject=enterprise.subject).exclude(state__in=Job.LIVE)
    last = asked.order_by("-id").first()
    if last is None or last.state != Job.State.FAILED:
        return False
    seen = SeatRoster.objects.complete().filter(account=enterprise, last_observed_at__gte=since)
    return not seen.exists() and _is_named(account)


STEPS: MappingProxyType[str, Step] = MappingProxyType(
    {
        step.name: step
        for step in (
            Step("accounts", accounts.sync, lambda account: True),
            Step("seats", seats.sync, _has_seats_of_its_own),
            Step("members", members.sync, _is_organization),
            Step("teams", teams.sync, _is_named),
            Step("billing", billing.sync, _is_organization),
        )
    }
)


@dataclass(frozen=True, slots=True)
class _Here:
    """What a run in this very process may do that a worker may not."""

    patience: float = 0.0
    on_progress: OnProgress | None = None


_IN_A_WORKER = _Here()
_here: ContextVar[_Here] = ContextVar("_here", default=_IN_A_WORKER)


@contextmanager
def _with(here: _Here) -> Iterator[None]:
    token = _here.set(here)
    try:
        yield
    finally:
        _here.reset(token)


def run_step(
    name: str,
    account: Account,
    *,
    patience: float = 0.0,
    by: Any = None,
    on_progress: OnProgress | None = None,
) -> Job:
    """Run a step in this process; the job as it ended.

    `patience`: the seconds it may sleep where GitHub asks to wait. A live job of another process comes
    back as it is, running.
    """
    step = STEPS[name]
    with _with(_Here(patience, on_progress)):
        return jobs.run_here(step.kind, account.subject, DOORWAY, _arguments(step, account), by)


def enqueue_step(name: str, account: Account, by: Any = None) -> Job:
    """A job for a worker; one that is already live instead."""
    step = STEPS[name]
    return jobs.enqueue(step.kind, account.subject, DOORWAY, _arguments(step, account), by)


def enqueue_for(name: str, connection_id: int, by: Any = None) -> list[Job]:
    """A job for each account of a connection to which the step applies; none where it is switched off."""
    connection = Connection.objects.active().filter(pk=connection_id).first()
    if connection is None:
        return []
    step = STEPS[name]
    return [
        enqueue_step(name, account, by) for account in accounts_of(connection) if step.applies_to(account)
    ]


def _arguments(step: Step, account: Account) -> dict[str, Any]:
    return {"step": step.name, "account": account.pk}


def work(run: jobs.Run) -> dict[str, Any]:
    """What a job of a step does."""
    step = STEPS[run.arguments["step"]]
    account = (
        Account.objects.select_related("parent", "connection", "parent__connection")
        .filter(pk=run.arguments["account"])
        .first()
    )
    if account is None:
        raise jobs.Refused("The account is gone: it was joined with another one, which has its own jobs.")
    if not step.applies_to(account):
        return Tally(notes=[f"Nothing to do here for {account.label}."]).as_dict()
    return run_on(step, account, run)


def run_on(step: Step, account: Account, run: jobs.Run) -> dict[str, Any]:
    """Run a step with the account's own connection, within a job."""
    here = _here.get()
    with open_github(account, patience=here.patience, should_stop=run.should_stop) as github:
        reporter = _Telling(run, here.on_progress) if here.on_progress else run
        return step.sync(account, github, reporter).as_dict()


def open_github(
    account: Account, *, patience: float = 0.0, should_stop: Callable[[], None] | None = None
) -> GitHub:
    """A client that speaks for this account; raises jobs.Refused where nobody does."""
    connection = account.sync_connection
    if connection is None:
        raise jobs.Refused(f"{account.label} has no connection to GitHub: add one under Connections.")
    if not connection.is_active:
        raise jobs.Refused(f"The connection {connection} is switched off: nothing is asked of GitHub.")
    return github_for(
        connection,
        organization=account.login if account.kind == Account.Kind.ORGANIZATION else "",
        enterprise=account.login if account.kind == Account.Kind.ENTERPRISE else "",
        patience=patience,
        should_stop=should_stop,
    )


class _Telling:
    """A job's run that also tells somebody who looks on."""

    def __init__(self, run: jobs.Run, on_progress: OnProgress) -> None:
        self._run, self._on_progress = run, on_progress
        self.job = run.job

    def progress(self, done: int, total: int | None = None, note: str = "") -> None:
        self._run.progress(done, total, note)
        self._on_progress(done, total, note)

    def should_stop(self) -> None:
        self._run.should_stop()
