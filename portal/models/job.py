"""A run of a long task. django-q2 only wakes us up; this row is the truth about the run."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

# A running job that has not beaten for this long has lost its worker.
SILENT_AFTER = timedelta(minutes=2)
# A queued job of this age whose message is in no queue has lost it, to a rotated key for instance.
FORGOTTEN_AFTER = timedelta(minutes=10)


class JobQuerySet(models.QuerySet["Job"]):
    def live(self) -> JobQuerySet:
        return self.filter(state__in=Job.LIVE)

    def silent(self, now: datetime) -> JobQuerySet:
        """Running jobs whose worker has stopped beating."""
        return self.filter(state=Job.State.RUNNING, heartbeat_at__lt=now - SILENT_AFTER)

    def forgotten(self, now: datetime) -> JobQuerySet:
        """Queued jobs that should long have been delivered."""
        return self.filter(state=Job.State.QUEUED, created_at__lt=now - FORGOTTEN_AFTER)

    def attempt(self, job: Job) -> JobQuerySet:
        """This job as long as the attempt we know of is the live one."""
        return self.live().filter(pk=job.pk, attempts=job.attempts)

    def claim(self, pk: int, now: datetime) -> bool:
        """Take a queued job for this worker; False if another worker, or a cancellation, was faster."""
        claimed = self.filter(pk=pk, state=Job.State.QUEUED).update(
            state=Job.State.RUNNING, started_at=now, heartbeat_at=now, attempts=F("attempts") + 1
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
    attempts = models.PositiveSmallIntegerField(default=0)
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
        indexes = [models.Index(fields=["state", "heartbeat_at"], name="portal_job_silent")]

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

    def finish(self, state: State, *, tally: dict[str, Any] | None = None, error: str = "") -> bool:
        """End this attempt; False when the job ended, or went to another worker, in the meantime."""
        self.state, self.live_key, self.error, self.finished_at = state, None, error, timezone.now()
        self.tally = tally if tally is not None else self.tally
        ended = Job.objects.attempt(self).update(
            state=self.state,
            live_key=None,
            error=self.error,
            finished_at=self.finished_at,
            tally=self.tally,
        )
        return ended == 1
