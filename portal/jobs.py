"""The one way a long task runs: enqueue, claim, report and be stopped, end; and a reaper for what died.

django-q2 only wakes us up. It may deliver a task twice, late or never; the Job row decides what that
means, so every task may run twice and the second run finds nothing to do.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.brokers import get_broker
from django_q.exceptions import TimeoutException
from django_q.tasks import async_task

from portal.models import AuditEntry, Job

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
BEAT_EVERY_SECONDS = 2.0


class Refused(Exception):
    """Work that must not or cannot be done; str() is one sentence for an admin."""


class Cancelled(Exception):
    """Somebody asked the job to stop."""


class TakenAway(Exception):
    """The reaper gave the job to another worker while this one was silent."""


class Run:
    """What a piece of work sees of its job: what it was asked, and where it reports and is stopped."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.arguments: dict[str, Any] = job.arguments
        self._next_beat = -math.inf

    def progress(self, done: int, total: int | None = None) -> None:
        """Say how far it is, after every batch; raises Cancelled or TakenAway when it must stop."""
        now = time.monotonic()
        if now < self._next_beat:
            return
        self._next_beat = now + BEAT_EVERY_SECONDS
        values = {"heartbeat_at": timezone.now(), "progress_done": done, "progress_total": total}
        if Job.objects.attempt(self.job).filter(cancel_requested=False).update(**values):
            return
        if Job.objects.attempt(self.job).exists():
            raise Cancelled
        raise TakenAway


Work = Callable[[Run], "dict[str, Any] | None"]


def enqueue(kind: str, subject: str, task_path: str, arguments: dict[str, Any], by: Any = None) -> Job:
    """A queued job that a worker will wake up with; an already live one of this kind and subject instead."""
    return _begin(kind, subject, task_path, arguments, by, wake=True)


def run_here(kind: str, subject: str, task_path: str, arguments: dict[str, Any], by: Any = None) -> Job:
    """Do at once, in this process, what is too short to wait for a worker. The job as it ended.

    Should this process die, the reaper hands the job to a worker like any other.
    """
    job = _begin(kind, subject, task_path, arguments, by, wake=False)
    import_string(task_path)(job.pk)
    job.refresh_from_db()
    return job


def _begin(kind: str, subject: str, task_path: str, arguments: dict[str, Any], by: Any, *, wake: bool) -> Job:
    key = f"{kind}:{subject}"
    if live := Job.objects.filter(live_key=key).first():
        return live
    try:
        # The row and the message that wakes a worker are committed together, or neither is.
        with transaction.atomic():
            job = Job.objects.create(
                kind=kind, subject=subject, live_key=key, task=task_path, arguments=arguments, created_by=by
            )
            if wake:
                _wake(job)
            return job
    except IntegrityError:
        return Job.objects.get(live_key=key)


def _wake(job: Job) -> None:
    # The job counts its own attempts, so the queue need not repeat what failed; its table of results
    # is no record of ours.
    async_task(job.task, job.pk, task_name=f"job-{job.pk}", ack_failure=True, save=False)


def run(job_id: int, work: Work) -> None:
    """Claim the job and do it. A second delivery, or one after a cancellation, finds nothing to do."""
    if not Job.objects.claim(job_id, timezone.now()):
        return
    job = Job.objects.get(pk=job_id)
    state, tally, error = Job.State.FAILED, None, "The worker was stopped before the work was done."
    try:
        tally = work(Run(job))
        state, error = Job.State.DONE, ""
    except Cancelled:
        state, error = Job.State.CANCELLED, ""
    except TakenAway:
        logger.warning("Job %s was silent for too long; another worker has it.", job.pk)
    except Refused as refusal:
        error = str(refusal)
    except TimeoutException:
        minutes = settings.Q_CLUSTER["timeout"] // 60
        error = f"It took longer than {minutes} minutes and was stopped."
        raise
    except Exception:
        logger.exception("Job %s (%s) failed", job.pk, job)
        error = f"An error we did not expect stopped it. The log tells more: look for “Job {job.pk}”."
    finally:
        # Also when the process is told to exit: TimeoutException, for one, is a SystemExit.
        job.finish(state, tally=tally, error=error)


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


def reap(now: datetime) -> dict[str, int]:
    """Requeue or fail what stopped beating, wake what was forgotten. How many of each."""
    tally = {"requeued": 0, "failed": 0, "woken": 0}
    for job in Job.objects.silent(now):
        if job.cancel_requested:
            job.finish(Job.State.CANCELLED)
        elif job.attempts >= MAX_ATTEMPTS:
            error = f"Its worker died or fell silent {job.attempts} times, so it was given up."
            tally["failed"] += job.finish(Job.State.FAILED, error=error)
        else:
            tally["requeued"] += _requeue(job, now)
    forgotten = list(Job.objects.forgotten(now))
    # Only an empty queue proves a message lost; behind a long queue a job may well wait for hours.
    if forgotten and get_broker().queue_size() == 0:
        for job in forgotten:
            _wake(job)
        tally["woken"] = len(forgotten)
    return tally


def _requeue(job: Job, now: datetime) -> bool:
    with transaction.atomic():
        still_silent = Job.objects.silent(now).filter(pk=job.pk, attempts=job.attempts)
        if not still_silent.update(state=Job.State.QUEUED, heartbeat_at=None):
            return False
        _wake(job)
    return True
