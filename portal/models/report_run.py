"""A report that was made by itself: what was asked, what came of it, where it went, or why not."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from portal.models.job import Job
from portal.models.report_schedule import ReportSchedule
from portal.models.saved_report import SavedReport


class ReportRunQuerySet(models.QuerySet["ReportRun"]):
    def open(self) -> ReportRunQuerySet:
        return self.filter(state__in=[ReportRun.State.WAITING, ReportRun.State.RUNNING])

    def readable_by(self, user: Any) -> ReportRunQuerySet:
        return self if user.is_superuser else self.filter(owner=user.pk)


class ReportRun(models.Model):
    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"

    # One run for each time a schedule was due, however often it is knocked at.
    key = models.CharField(max_length=120, unique=True, editable=False)
    schedule = models.ForeignKey(ReportSchedule, null=True, on_delete=models.SET_NULL, related_name="runs")
    saved = models.ForeignKey(
        SavedReport,
        null=True,
        on_delete=models.SET_NULL,
        related_name="runs",
        verbose_name="saved report",
    )
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    # As they were when it began: what is saved may change.
    name = models.CharField(max_length=120)
    report = models.CharField(max_length=60)
    filters = models.JSONField(default=dict)
    file_format = models.CharField("format", max_length=10)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="report_runs"
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    due_at = models.DateTimeField("due")
    started_at = models.DateTimeField("started", null=True)
    finished_at = models.DateTimeField("finished", null=True)
    rows = models.PositiveBigIntegerField(null=True)
    size = models.PositiveBigIntegerField("bytes", null=True)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    kept_path = models.CharField(max_length=200, blank=True, editable=False)
    where_to = models.TextField("went to", blank=True)
    # By address: what was begun and what came of it. A mail that was begun is never begun again.
    mails = models.JSONField(default=dict, editable=False)
    error = models.TextField(blank=True, help_text="In plain words; never a traceback.")
    owner_told_at = models.DateTimeField(null=True, editable=False)

    objects = ReportRunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["state", "due_at"], name="portal_reportrun_by_state"),
            models.Index(fields=["owner", "-id"], name="portal_reportrun_of_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.due_at:%Y-%m-%d %H:%M} UTC"

    @property
    def is_open(self) -> bool:
        return self.state in (self.State.WAITING, self.State.RUNNING)

    def fail(self, error: str) -> None:
        """Over, and why; what was made of it stays."""
        self.state, self.error, self.finished_at = self.State.FAILED, error, timezone.now()
        self.save(update_fields=["state", "error", "finished_at"])
