"""All steps of a sync in this very process, one account after the other, with a bar for who looks on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.module_loading import import_string
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from metrics.sync import legacy
from metrics.sync import steps as use
from metrics.sync.usage import Asked
from portal import jobs, leash
from portal.models import Connection, Job
from seats.models import Account
from seats.sync import steps
from seats.sync.steps import Step, accounts_of

# In the order in which they run: who there is comes before what they do.
STEP_NAMES: tuple[str, ...] = (*steps.STEPS, *use.STEPS)
# It waits as long as GitHub may ask it to, and for another process that is at the same thing.
PATIENCE = timedelta(hours=24)
LOOK_EVERY_SECONDS = 1.0
# What GitHub fails at in so many tries of a job is left to a worker: other steps may succeed.
TRIES_IN_TROUBLE = 2


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a step for an account."""

    kind: str
    account: str
    step: str
    state: str
    error: str
    tally: dict[str, Any]

    @property
    def is_done(self) -> bool:
        return self.state == Job.State.DONE


@dataclass
class Foreground:
    """A run over all connected accounts, or over those of one organization or enterprise."""

    organization: str = ""
    enterprise: str = ""
    asked: Asked = field(default_factory=Asked)
    console: Console = field(default_factory=lambda: Console(stderr=True))
    patience: timedelta = PATIENCE

    def accounts(self) -> list[Account]:
        """The accounts as they are known by now; the first steps may find further ones."""
        found: list[Account] = []
        for connection in Connection.objects.active():
            found += [account for account in accounts_of(connection) if account not in found]
        return [account for account in found if self._is_asked_for(account)]

    def _is_asked_for(self, account: Account) -> bool:
        if self.organization:
            return _is(account, Account.Kind.ORGANIZATION, self.organization)
        if self.enterprise:
            return self._is_of_the_enterprise(account)
        return True

    def _is_of_the_enterprise(self, account: Account) -> bool:
        """It, its organizations, and those its credential found whose enterprise no report has told yet."""
        above = account.parent or account
        if above.kind == Account.Kind.ENTERPRISE:
            return _is(above, Account.Kind.ENTERPRISE, self.enterprise)
        of_connection = Account.objects.enterprises().filter(connection=account.connection_id)
        return any(_is(one, Account.Kind.ENTERPRISE, self.enterprise) for one in of_connection)

    def run(self, only: Sequence[str] | None = None) -> list[Result]:
        """Run the steps in order, each for every account to which it applies."""
        results: list[Result] = []
        with self._bar() as bar:
            for name in only or STEP_NAMES:
                step = steps.STEPS.get(name) or use.STEPS[name]
                for account in self.accounts():
                    account.refresh_from_db()
                    if step.applies_to(account) and (only or _goes_without_saying(step, account)):
                        results.append(self._run(step, account, bar))
        return results

    def _bar(self) -> Progress:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        return Progress(*columns, console=self.console, disable=not self.console.is_terminal, transient=True)

    def _run(self, step: Step, account: Account, bar: Progress) -> Result:
        label = f"{account.label}: {step.name}"
        task = bar.add_task(label, total=None)

        def show(done: int, total: int | None, note: str) -> None:
            bar.update(task, completed=done, total=total, description=f"{label} {note}".strip())

        waits = _Waits(account, self.console)
        patience = self.patience.total_seconds()
        arguments = use.arguments(self.asked) if step.name in use.STEPS else {}
        began_at = timezone.now()

        def go_on(job: Job) -> None:
            with steps.here(patience, show, waits.look):
                import_string(job.task)(job.pk)

        try:
            while True:
                job = steps.run_step(
                    step,
                    account,
                    patience=patience,
                    on_progress=show,
                    on_alive=waits.look,
                    arguments=arguments,
                )
                self._see_through(job, waits, go_on, began_at)
                # A job that was queued already may have been asked to do less than is asked here.
                if job.is_live or job.state != Job.State.DONE or arguments.items() <= job.arguments.items():
                    break
        finally:
            bar.remove_task(task)
        return Result(account.kind, account.label, step.name, job.state, job.error, dict(job.tally))

    def _see_through(self, job: Job, waits: _Waits, go_on: Callable[[Job], None], began_at: datetime) -> None:
        """Go on with a job that has to wait, and wait for one that another process is at.

        Trouble of GitHub's that lasts ends it: the job stays in the queue, with the reason.
        """
        deadline = time.monotonic() + self.patience.total_seconds()
        while job.is_live and time.monotonic() < deadline:
            if job.is_waiting and job.retries and (job.started_at is None or job.started_at < began_at):
                # It waits for trouble of an earlier run to pass: whoever asks now wants it tried now.
                waiting = Job.objects.filter(pk=job.pk, state=Job.State.QUEUED, attempts=job.attempts)
                waiting.update(run_after=None, retries=0)
            elif job.is_waiting and job.retries >= TRIES_IN_TROUBLE:
                return
            elif job.is_waiting and job.run_after is not None:
                waits.say_until(job.run_after, job.error)
                time.sleep(min(max((job.run_after - timezone.now()).total_seconds(), 0.0), 1.0))
            elif job.state == Job.State.QUEUED:
                go_on(job)
            elif _is_dead(job.worker):
                jobs.worker_died(job.worker)
            else:
                waits.say_once("Another process is at it right now: waiting for that to end.")
                jobs.reap(timezone.now())
                time.sleep(1.0)
            job.refresh_from_db()


class _Waits:
    """Says that GitHub asked to wait, once for each time."""

    def __init__(self, account: Account, console: Console) -> None:
        self._account = account
        self._console = console
        self._connection_id = account.sync_connection.pk if account.sync_connection else None
        self._next_look = 0.0
        self._said: set[str] = set()

    def look(self) -> None:
        """Called now and then, also while the client waits."""
        now = time.monotonic()
        if now < self._next_look or self._connection_id is None:
            return
        self._next_look = now + LOOK_EVERY_SECONDS
        rows = Connection.objects.filter(pk=self._connection_id)
        until = rows.values_list("limited_until", flat=True).first()
        if until is not None and until > timezone.now():
            self.say_until(until, "GitHub asked to wait")

    def say_until(self, until: datetime, why: str) -> None:
        self.say_once(f"{why.rstrip('.')}: going on at {until:%Y-%m-%d %H:%M:%S} UTC.")

    def say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._console.print(f"{self._account.label}: {text}", markup=False, highlight=False)


def _is_dead(worker: str) -> bool:
    """Whether a process that had a job was one of this host, and is no more."""
    host, _, pid = worker.rpartition(":")
    if host != leash.worker_name().rpartition(":")[0] or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _is(account: Account, kind: str, login: str) -> bool:
    return account.kind == kind and login.lower() in (account.login.lower(), str(account.github_id))


def _goes_without_saying(step: Step, account: Account) -> bool:
    """The older systems only where they are switched on."""
    return step is not use.LEGACY or legacy.is_on(account)
