"""A run of a long task. django-q2 only wakes us up; this row is the truth about the run."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

# A running job that has not beaten for this long has lost its worker.
SILENT_AFTER = timedelta(minutes=2)
# A queued job whose message was sent this long ago and is in no queue has lost it: to a rotated key, or
# to a worker killed between taking and starting it.
FORGOTTEN_AFTER = timedelta(minutes=2)
# Behind a long queue a message may well wait; one that old is sent again all the same. A second
# delivery finds nothing to do.
LOST_AFTER = timedelta(hours=3)
# What a row keeps of a tally, in characters of JSON; an admin reads it on a page.
TALLY_SIZE = 64_000
ERROR_SIZE = 2_000


class JobQuerySet(models.QuerySet["Job"]):
    def live(self) -> JobQuerySet:
        return self.filter(state__in=Job.LIVE)

    def silent(self, now: datetime) -> JobQuerySet:
        """Running jobs whose worker has stopped beating."""
        return self.filter(state=Job.State.RUNNING, heartbeat_at__lt=now - SILENT_AFTER)

    def due(self, now: datetime) -> JobQuerySet:
        """Queued jobs that need not wait any longer."""
        return self.filter(Q(run_after=None) | Q(run_after__lte=now), state=Job.State.QUEUED)

    def unwoken(self, now: datetime) -> JobQuerySet:
        """Due jobs to whom no message has been sent since their time came."""
        return self.due(now).filter(Q(woken_at=None) | Q(woken_at__lt=F("run_after")))

    def forgotten(self, now: datetime) -> JobQuerySet:
        """Due jobs whose message should long have been delivered."""
        return self.due(now).filter(woken_at__lt=now - FORGOTTEN_AFTER)

    def last_done(self, kind: str, subject: str) -> Job | None:
        """The newest run of this kind about this subject that came to a good end."""
        return self.filter(kind=kind, subject=subject, state=Job.State.DONE).order_by("-id").first()

    def attempt(self, job: Job) -> JobQuerySet:
        """This job as long as the attempt we know of is the live one."""
        return self.live().filter(pk=job.pk, attempts=job.attempts)

    def claim(self, pk: int, now: datetime, worker: str = "") -> bool:
        """Take a due job for this worker; False if another one or a cancellation was faster, or it waits."""
        claimed = (
            self.due(now)
            .filter(pk=pk)
            .update(
                state=Job.State.RUNNING,
                started_at=now,
                heartbeat_at=now,
                attempts=F("attempts") + 1,
                worker=worker,
                error="",
            )
        )
        return claimed == 1


class Job(models.Model):
    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    LIVE: ClassVar[tuple[str, ...]] = (State.QUEUED, State.RUNNING)

    kind = models.CharField(max_length=60)
    subject = models.CharField(max_length=120, blank=True, help_text="What it works on, as text: `file:12`.")
    # Set while the job is queued or running and NULL afterwards, so that the database itself allows
    # one live job per kind and subject.
    live_key = models.CharField(max_length=190, unique=True, null=True, blank=True, editable=False)
    state = models.CharField(max_length=20, choices=State.choices, default=State.QUEUED)
    # The doorway that does it, so that a job whose worker died can be woken again.
    task = models.CharField(max_length=190, editable=False)
    arguments = models.JSONField(default=dict, blank=True, help_text="Ids and plain values; never a secret.")
    progress_done = models.PositiveBigIntegerField(default=0)
    progress_total = models.PositiveBigIntegerField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True, help_text="What it is at, in words.")
    # Counts every claim, and so tells one attempt from the next.
    attempts = models.PositiveSmallIntegerField(default=0)
    # Workers lost in a row without any progress, and how far the last of them had come.
    deaths = models.PositiveSmallIntegerField(default=0, editable=False)
    progress_at_death = models.PositiveBigIntegerField(default=0, editable=False)
    retries = models.PositiveSmallIntegerField(
        default=0, help_text="Tries that ended in trouble at GitHub's end, in a row."
    )
    run_after = models.DateTimeField(
        "waits until", null=True, blank=True, help_text="It is not started before this."
    )
    woken_at = models.DateTimeField(null=True, blank=True, editable=False)
    worker = models.CharField(
        max_length=120, blank=True, editable=False, help_text="Host and process that has it, or had it last."
    )
    tally = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True, help_text="In plain words; never a traceback.")
    cancel_requested = models.BooleanField(default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running"], live_key__isnull=False)
                | Q(state__in=["done", "failed", "cancelled"], live_key__isnull=True),
                name="portal_job_live_key_while_live",
            )
        ]
        indexes = [
            models.Index(fields=["state", "heartbeat_at"], name="portal_job_silent"),
            models.Index(fields=["state", "run_after"], name="portal_job_waiting"),
            models.Index(fields=["kind", "subject", "state", "-id"], name="portal_job_last_done"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}".strip()

    @property
    def is_live(self) -> bool:
        return self.state in self.LIVE

    @property
    def percent(self) -> int | None:
        """Progress from 0 to 100, or None while the total is unknown."""
        if not self.progress_total:
            return None
        return min(100, self.progress_done * 100 // self.progress_total)

    @property
    def is_waiting(self) -> bool:
        """Queued, and not to be started yet."""
        return (
            self.state == self.State.QUEUED and self.run_after is not None and self.run_after > timezone.now()
        )

    def finish(self, state: State, *, tally: dict[str, Any] | None = None, error: str = "") -> bool:
        """End this attempt; False when the job ended, or went to another worker, in the meantime."""
        return self._end(
            state=state, live_key=None, finished_at=timezone.now(), tally=self._kept(tally), error=told(error)
        )

    def put_back(
        self,
        *,
        run_after: datetime | None = None,
        error: str = "",
        tally: dict[str, Any] | None = None,
        **counted: int,
    ) -> bool:
        """End this attempt, not the job: it goes back to the queue, its live key stays.

        `counted` sets `retries` or `deaths`. False when the job ended, was to be cancelled or went to
        another worker in the meantime.
        """
        return self._end(
            Q(cancel_requested=False),
            state=self.State.QUEUED,
            heartbeat_at=None,
            run_after=run_after,
            tally=self._kept(tally),
            error=told(error),
            **counted,
        )

    def _end(self, *conditions: Q, **values: Any) -> bool:
        ended = Job.objects.attempt(self).filter(*conditions).update(**values) == 1
        for name, value in values.items():
            setattr(self, name, value)
        return ended

    def _kept(self, tally: dict[str, Any] | None) -> dict[str, Any]:
        return self.tally if tally is None else kept_tally(tally)


def without_nul(value: Any) -> Any:
    """The value without the character that PostgreSQL refuses, in every text inside it."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {without_nul(key): without_nul(item) for key, item in value.items()}
    return [without_nul(item) for item in value] if isinstance(value, list | tuple) else value


def told(error: str) -> str:
    """An error as a row keeps it: not endless."""
    error = str(without_nul(error))
    return error if len(error) <= ERROR_SIZE else f"{error[: ERROR_SIZE - 1]}…"


def kept_tally(tally: dict[str, Any], size: int = TALLY_SIZE) -> dict[str, Any]:
    """The tally as plain JSON of at most about `size` characters.

    Its longest lists are cut for that; `left_out` says how many of each are missing.
    """
    kept: dict[str, Any] = json.loads(json.dumps(without_nul(tally), default=str))
    left_out: dict[str, int] = {}
    while len(json.dumps(kept)) > size:
        lists = [(len(json.dumps(value)), name) for name, value in kept.items() if isinstance(value, list)]
        longest = max(lists, default=(0, ""))[1]
        if not kept.get(longest):
            return {"left_out": {"everything": len(tally)}}
        keep = len(kept[longest]) // 2
        left_out[longest] = left_out.get(longest, 0) + len(kept[longest]) - keep
        kept[longest] = kept[longest][:keep]
    return {**kept, "left_out": left_out} if left_out else kept
