"""The one way a long task runs: enqueue, claim, report and be stopped, wait, end; and a reaper for what died.

django-q2 only wakes us up. It may deliver a task twice, late or never; the Job row decides what that
means, so every task may run twice and the second run finds nothing to do.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.brokers import get_broker
from django_q.exceptions import TimeoutException
from django_q.tasks import async_task

from portal import leash
from portal.github.errors import GitHubError, RateLimited, ServerTrouble
from portal.models import AuditEntry, Job
from portal.models.job import LOST_AFTER, JobQuerySet, kept_tally

logger = logging.getLogger(__name__)

# A job is given up when so many workers in a row died of it without any progress.
MAX_DEATHS = 3
# Trouble at GitHub's end is tried again after so long, and given up after the last.
RETRY_AFTER = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
SHORTEST_WAIT = timedelta(seconds=10)
BEAT_EVERY_SECONDS = 2.0
# Work that reports nothing is beaten for, as long as it may take for one answer or one long query.
QUIET_SECONDS = 15.0
HUNG_SECONDS = 600.0
# The queue stops a task that takes too long: after so much of that time it ends by itself, and goes on later.
GOES_ON_AFTER = 0.75
# Jobs whose time has come are woken a few at a time, so that no other waits behind hundreds of them.
WOKEN_AT_ONCE = 100
# Far more messages than a cluster takes before it begins them.
TAKEN_AT_ONCE = 10


class Refused(Exception):
    """Work that must not or cannot be done; str() is one sentence for an admin."""


class Later(Exception):
    """Work that can go on only at a later time: the job waits in the queue until then, as itself."""

    def __init__(self, until: datetime, reason: str) -> None:
        super().__init__(reason)
        self.until = until  # UTC
        self.reason = reason  # one sentence for an admin


class Stop(Exception):
    """Raised inside work that must end now; work lets it pass."""


class Cancelled(Stop):
    """Somebody asked the job to stop."""


class TakenAway(Stop):
    """The reaper gave the job to another worker while this one was silent."""


class Paused(Stop):
    """The worker is being stopped: the job goes back to the queue, and on with the next worker."""


class Run:
    """What a piece of work sees of its job: what it was asked, and where it reports and is stopped."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.arguments: dict[str, Any] = job.arguments
        self.tally: dict[str, Any] = {}
        """What came of it so far; saved with every beat, and at the end unless the work returns another."""
        self._values: dict[str, Any] = {}
        self._must_stop: type[Stop] | None = None
        self._saved_at = -math.inf
        self._shown_life_at = time.monotonic()
        self._saving = threading.Lock()
        self._owner = threading.get_ident()

    def progress(self, done: int, total: int | None = None, note: str = "") -> None:
        """Say how far it is, after every batch, counted from the work's first run; may raise as should_stop.

        `note` says in words what it is at: “page 12 of 200”.
        """
        if total is not None and self._values.get("progress_total") is None:
            # Work that now falls silent for long shall not do so without a bar.
            self._saved_at = -math.inf
        self._values = {"progress_done": done, "progress_total": total, "note": note[:200]}
        self.beat()

    def progress_unsaved(self, done: int, total: int | None = None, note: str = "") -> None:
        """As `progress`, from inside a long transaction: another thread writes it, so that others see it."""
        self._values = {"progress_done": done, "progress_total": total, "note": note[:200]}
        self._shown_life_at = time.monotonic()
        if self._must_stop is not None:
            raise self._must_stop
        if leash.is_stopping():
            raise Paused

    def beat(self) -> None:
        """Say that it is alive, where there is no progress to tell; may raise as should_stop."""
        self.should_stop()

    def should_stop(self) -> None:
        """Raise Cancelled, TakenAway or Paused when the work must end. Cheap, and safe in any thread.

        The database is asked every two seconds at most, and only by the thread that runs the job.
        """
        self._shown_life_at = now = time.monotonic()
        if self._must_stop is not None:
            raise self._must_stop
        if leash.is_stopping():
            raise Paused
        if threading.get_ident() == self._owner and now >= self._saved_at + BEAT_EVERY_SECONDS:
            self._save()
            if self._must_stop is not None:
                raise self._must_stop

    def _save(self) -> None:
        # The other thread may be waiting for the very database that this one has locked.
        if not self._saving.acquire(blocking=False):
            return
        try:
            self._saved_at = time.monotonic()
            values = {**self._values, "tally": kept_tally(self.tally)} if self.tally else self._values
            attempt = Job.objects.attempt(self.job)
            if not attempt.filter(cancel_requested=False).update(heartbeat_at=timezone.now(), **values):
                self._must_stop = Cancelled if attempt.exists() else TakenAway
        finally:
            self._saving.release()

    @contextmanager
    def kept_alive(self) -> Iterator[None]:
        """Beats from a thread of its own while the work is silent, until it must be taken for hung."""
        over = threading.Event()
        thread = threading.Thread(target=self._beat_in_silence, args=[over], name="beat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _beat_in_silence(self, over: threading.Event) -> None:
        while not over.wait(QUIET_SECONDS / 3):
            now = time.monotonic()
            if now - self._shown_life_at > HUNG_SECONDS or now - self._saved_at < QUIET_SECONDS:
                continue
            try:
                self._save()
            except DatabaseError:
                # Another writer has the database; the next beat comes soon enough.
                logger.debug("Job %s could not beat", self.job.pk, exc_info=True)
            finally:
                connection.close()  # it is this thread's own


Work = Callable[[Run], "dict[str, Any] | None"]


# --- Begin ------------------------------------------------------------------------------------


def enqueue(
    kind: str,
    subject: str,
    task_path: str,
    arguments: dict[str, Any],
    by: Any = None,
    run_after: datetime | None = None,
) -> Job:
    """A queued job that a worker will wake up with; an already live one of this kind and subject instead.

    With `run_after` it is not started before that time.
    """
    return _begin(kind, subject, task_path, arguments, by, run_after, wake=True)


def run_here(kind: str, subject: str, task_path: str, arguments: dict[str, Any], by: Any = None) -> Job:
    """Do at once, in this process, what is too short to wait for a worker. The job as it ended.

    Should this process die, the reaper hands the job to a worker like any other; so it does with a job
    that must wait.
    """
    job = _begin(kind, subject, task_path, arguments, by, None, wake=False)
    import_string(task_path)(job.pk)
    job.refresh_from_db()
    return job


def _begin(
    kind: str,
    subject: str,
    task_path: str,
    arguments: dict[str, Any],
    by: Any,
    run_after: datetime | None,
    *,
    wake: bool,
) -> Job:
    key = _key(kind, subject)
    if live := Job.objects.filter(live_key=key).first():
        return live
    try:
        # The row and the message that wakes a worker are committed together, or neither is.
        with transaction.atomic():
            job = Job.objects.create(
                kind=kind,
                subject=subject,
                live_key=key,
                task=task_path,
                arguments=arguments,
                created_by=by,
                run_after=run_after,
            )
            if wake and not job.is_waiting:
                _wake(job)
            return job
    except IntegrityError:
        # Another one was faster; it may even be over by now.
        if live := Job.objects.filter(live_key=key).first():
            return live
        return _begin(kind, subject, task_path, arguments, by, run_after, wake=wake)


def _wake(job: Job) -> None:
    job.woken_at = timezone.now()
    Job.objects.filter(pk=job.pk).update(woken_at=job.woken_at)

    def send() -> None:
        # The job counts its own attempts, so the queue need not repeat what failed; its table of
        # results is no record of ours.
        async_task(job.task, job.pk, task_name=f"job-{job.pk}", ack_failure=True, save=False)

    if settings.BROKER == "database":
        send()  # a row of the same transaction
    else:
        # Not before the worker can see the job. Should it fail, the reaper sends it again.
        transaction.on_commit(send, robust=True)


# --- Run --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ends: in one of the final states, or back in the queue."""

    state: Job.State = Job.State.FAILED
    error: str = ""
    run_after: datetime | None = None


def run(job_id: int, work: Work) -> None:
    """Claim the job and do it. A second delivery, or one after a cancellation, finds nothing to do."""
    if leash.is_stopping():
        _hand_on(job_id)
        return
    if not Job.objects.claim(job_id, timezone.now(), leash.worker_name()):
        return
    job = Job.objects.get(pk=job_id)
    this_run = Run(job)
    ending = Ending(error="The worker was stopped before the work was done.")
    try:
        with this_run.kept_alive():
            this_run.tally = work(this_run) or this_run.tally
        ending = Ending(Job.State.DONE)
    except TimeoutException:
        minutes = settings.Q_CLUSTER["timeout"] // 60
        ending = Ending(error=f"It took longer than {minutes} minutes and was stopped.")
        raise
    except Exception as error:  # noqa: BLE001 -- the job's row tells it, and the log what we did not expect
        ending = _ending_of(job, error)
    finally:
        # Also when the process is told to exit: TimeoutException, for one, is a SystemExit.
        _end(job, ending, this_run.tally)


def _ending_of(job: Job, error: Exception) -> Ending:
    match error:
        case Cancelled():
            return Ending(Job.State.CANCELLED)
        case TakenAway():
            logger.warning("Job %s was silent for too long; another worker has it.", job.pk)
            return Ending()
        case Paused():
            return Ending(Job.State.QUEUED)
        case Later():
            return _later(error.until, error.reason)
        case RateLimited():
            job.retries = 0  # GitHub does answer
            return _later(error.until, str(error))
        case ServerTrouble() if job.retries < len(RETRY_AFTER):
            pause = RETRY_AFTER[job.retries]
            job.retries += 1
            return _later(timezone.now() + pause, str(error))
        case Refused() | GitHubError():
            return Ending(error=str(error))
    logger.error("Job %s (%s) failed", job.pk, job, exc_info=error)
    return Ending(
        error=f"An error we did not expect stopped it. The log tells more: look for “Job {job.pk}”."
    )


def _later(until: datetime, reason: str) -> Ending:
    # GitHub's clock may be behind ours: a time that has passed is no reason to ask again at once.
    return Ending(Job.State.QUEUED, reason, max(until, timezone.now() + SHORTEST_WAIT))


def _end(job: Job, ending: Ending, tally: dict[str, Any]) -> None:
    if ending.state != Job.State.QUEUED:
        job.finish(ending.state, tally=tally, error=ending.error)
    elif not _put_back(job, ending, tally) and Job.objects.attempt(job).exists():
        job.finish(Job.State.CANCELLED, tally=tally)  # it was to be cancelled anyway


def _put_back(job: Job, ending: Ending, tally: dict[str, Any]) -> bool:
    """Back to the queue: for another worker at once, or until the reaper wakes it."""
    with transaction.atomic():
        is_back = job.put_back(
            run_after=ending.run_after, error=ending.error, tally=tally, retries=job.retries
        )
        if is_back and ending.run_after is None:
            _wake(job)
    return is_back


def _hand_on(job_id: int) -> None:
    """This worker stops: let another one be woken."""
    with transaction.atomic():
        if job := Job.objects.due(timezone.now()).filter(pk=job_id).first():
            _wake(job)
    time.sleep(1.0)  # should this very worker be given it again, it is not to go round in circles


# --- Stop, and bring back ---------------------------------------------------------------------


def cancel(job: Job, by: Any) -> bool:
    """Stop a live job: a queued one at once, a running one at its next beat. False if it was over."""
    now = timezone.now()
    queued = Job.objects.filter(pk=job.pk, state=Job.State.QUEUED)
    stopped = queued.update(state=Job.State.CANCELLED, live_key=None, finished_at=now) == 1
    if not stopped:
        running = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, cancel_requested=False)
        stopped = running.update(cancel_requested=True) == 1
    if stopped:
        AuditEntry.objects.record(
            "job cancelled", subject=f"job:{job.pk}", actor=by, detail={"job": str(job)}
        )
    return stopped


def run_again(job: Job, by: Any) -> Job:
    """The same once more: a new job for one that is over. One that is live already is returned as it is."""
    if live := Job.objects.filter(live_key=_key(job.kind, job.subject)).first():
        return live
    again = enqueue(job.kind, job.subject, job.task, job.arguments, by)
    AuditEntry.objects.record(
        "job run again", subject=f"job:{again.pk}", actor=by, detail={"job": str(again), "of": job.pk}
    )
    return again


def reap(now: datetime) -> dict[str, int]:
    """Requeue or fail what stopped beating, wake what was forgotten or has waited. How many of each."""
    tally = {"requeued": 0, "failed": 0, "woken": 0}
    for outcome in _bury(Job.objects.silent(now)):
        tally[outcome] += 1
    for job in [*Job.objects.unwoken(now).order_by("run_after", "id")[:WOKEN_AT_ONCE], *_forgotten(now)]:
        tally["woken"] += _wake_once_more(job)
    return tally


def worker_died(worker: str) -> int:
    """Put back what a worker was at that is known to be dead, without waiting for its silence. How many."""
    return len(list(_bury(Job.objects.filter(state=Job.State.RUNNING, worker=worker))))


def messages_lost() -> int:
    """A cluster was killed, and the messages it had taken but not begun went with it: send them again."""
    if get_broker().queue_size() > 0:
        return 0  # whether a job's message is among those left cannot be told; the reaper finds out
    waiting = Job.objects.due(timezone.now()).order_by("woken_at")[:TAKEN_AT_ONCE]
    return sum(_wake_once_more(job) for job in waiting)


def _bury(lost: JobQuerySet) -> Iterator[str]:
    """End the attempts of workers that are lost; "requeued" or "failed" for each that goes on or does not."""
    for job in lost:
        has_moved = job.progress_done > job.progress_at_death
        job.deaths = 1 if has_moved else job.deaths + 1
        if job.cancel_requested:
            job.finish(Job.State.CANCELLED)
        elif job.deaths >= MAX_DEATHS:
            error = (
                f"Its worker died or fell silent {job.deaths} times at the same place, so it was given up."
            )
            if job.finish(Job.State.FAILED, error=error):
                yield "failed"
        elif _requeue(job, lost):
            yield "requeued"


def _requeue(job: Job, lost: JobQuerySet) -> bool:
    with transaction.atomic():
        # Asked again in the same breath: it may have shown life in the meantime.
        still_lost = lost.filter(pk=job.pk, attempts=job.attempts, cancel_requested=False)
        put_back = still_lost.update(
            state=Job.State.QUEUED,
            heartbeat_at=None,
            run_after=None,
            deaths=job.deaths,
            progress_at_death=max(job.progress_done, job.progress_at_death),
        )
        if put_back:
            _wake(job)
    return put_back == 1


def _wake_once_more(job: Job) -> bool:
    """Send the job's message again; False where another reaper has just done so."""
    with transaction.atomic():
        same = Job.objects.filter(pk=job.pk, state=Job.State.QUEUED, woken_at=job.woken_at)
        if not same.update(woken_at=timezone.now()):
            return False
        _wake(job)
    return True


def _forgotten(now: datetime) -> list[Job]:
    forgotten = list(Job.objects.forgotten(now).order_by("id")[:WOKEN_AT_ONCE])
    # Only an empty queue proves a message lost; behind a long queue a job may well wait for hours.
    if not forgotten or get_broker().queue_size() == 0:
        return forgotten
    return [job for job in forgotten if job.woken_at and job.woken_at < now - LOST_AFTER]


def _key(kind: str, subject: str) -> str:
    return f"{kind}:{subject}"
