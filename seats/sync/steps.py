"""The steps of a sync by name, and the one way each is run: as a job of the account it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
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
    # What wakes its jobs; it hands them to `work_on`.
    doorway: str = DOORWAY
    # Requests of the hour that it leaves to what must not wait: seats are asked for every hour.
    keep_back: int = 0

    @property
    def kind(self) -> str:
        """The kind of its jobs."""
        return f"sync-{self.name}"


def _is_named(account: Account) -> bool:
    return bool(account.login)


def _is_organization(account: Account) -> bool:
    return account.kind == Account.Kind.ORGANIZATION and _is_named(account)


def _has_teams(account: Account) -> bool:
    """An enterprise's teams are closed to GitHub Apps."""
    connection = account.sync_connection
    closed = account.kind == Account.Kind.ENTERPRISE and connection is not None and connection.is_app
    return _is_named(account) and not closed


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
            Step("teams", teams.sync, _has_teams, keep_back=500),
            Step("billing", billing.sync, _is_organization),
        )
    }
)


@dataclass(frozen=True, slots=True)
class _Here:
    """What a run in this very process may do that a worker may not."""

    patience: float = 0.0
    on_progress: OnProgress | None = None
    # Called now and then, also while the client waits.
    on_alive: Callable[[], None] | None = None


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
    step: Step | str,
    account: Account,
    *,
    patience: float = 0.0,
    by: Any = None,
    on_progress: OnProgress | None = None,
    on_alive: Callable[[], None] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Job:
    """Run a step in this process; the job as it ended.

    `patience`: the seconds it may sleep where GitHub asks to wait; `on_alive` is called now and then all the
    while. `arguments` are the step's own. A live job of another process comes back as it is, running.
    """
    step = _step(step)
    with here(patience, on_progress, on_alive):
        return jobs.run_here(
            step.kind, account.subject, step.doorway, _arguments(step, account, arguments), by
        )


def here(
    patience: float = 0.0,
    on_progress: OnProgress | None = None,
    on_alive: Callable[[], None] | None = None,
) -> AbstractContextManager[None]:
    """Within, jobs run with these: as in `run_step`."""
    return _with(_Here(patience, on_progress, on_alive))


def enqueue_step(step: Step | str, account: Account, by: Any = None) -> Job:
    """A job for a worker; one that is already live instead."""
    step = _step(step)
    return jobs.enqueue(step.kind, account.subject, step.doorway, _arguments(step, account), by)


def _step(step: Step | str) -> Step:
    return STEPS[step] if isinstance(step, str) else step


def enqueue_for(step: Step | str, connection_id: int, by: Any = None) -> list[Job]:
    """A job for each account of a connection to which the step applies; none where it is switched off."""
    connection = Connection.objects.active().filter(pk=connection_id).first()
    if connection is None:
        return []
    step = _step(step)
    return [
        enqueue_step(step, account, by) for account in accounts_of(connection) if step.applies_to(account)
    ]


def _arguments(step: Step, account: Account, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {**(more or {}), "step": step.name, "account": account.pk}


def work(run: jobs.Run) -> dict[str, Any]:
    """What a job of one of our own steps does."""
    return work_on(STEPS[run.arguments["step"]], run)


def work_on(step: Step, run: jobs.Run) -> dict[str, Any]:
    """What a job of a step does, whichever app the step is of."""
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
    reporter = reporter_of(run)
    with open_github(
        account, patience=patience_here(), keep_back=step.keep_back, should_stop=reporter.should_stop
    ) as github:
        try:
            return step.sync(account, github, reporter).as_dict()
        except BaseException:
            # What was spent counts, also where it came to nothing.
            run.tally = {**Tally.of(github).as_dict(), **run.tally}
            raise


def open_github(
    account: Account,
    *,
    patience: float = 0.0,
    keep_back: int = 0,
    for_revoking: bool = False,
    should_stop: Callable[[], None] | None = None,
) -> GitHub:
    """A client that speaks for this account; raises jobs.Refused where nobody does.

    `keep_back`: requests of the hour that it leaves to more urgent work. `for_revoking`: with the
    credential that may give and take seats, where the connection has one of its own for that.
    """
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
        for_revoking=for_revoking,
        keep_back=keep_back,
        should_stop=should_stop,
    )


def patience_here() -> float:
    """For how many seconds a client may wait in this process: a worker's job waits in the queue instead."""
    return _here.get().patience


def reporter_of(run: jobs.Run) -> Reporter:
    """The run itself, or one that also tells whoever looks on: see `here`."""
    here = _here.get()
    return run if here is _IN_A_WORKER else _Telling(run, here)


class _Telling:
    """A job's run that also tells somebody who looks on."""

    def __init__(self, run: jobs.Run, here: _Here) -> None:
        self._run, self._here = run, here
        self.job = run.job

    @property
    def tally(self) -> dict[str, Any]:
        return self._run.tally

    @tally.setter
    def tally(self, tally: dict[str, Any]) -> None:
        self._run.tally = tally

    def progress(self, done: int, total: int | None = None, note: str = "") -> None:
        self._run.progress(done, total, note)
        if self._here.on_progress is not None:
            self._here.on_progress(done, total, note)

    def should_stop(self) -> None:
        self._run.should_stop()
        if self._here.on_alive is not None:
            self._here.on_alive()
