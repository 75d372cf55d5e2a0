"""Which workers live: what a beat sent through their queue proved last."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone

# A healthy worker is seen every quarter of a minute.
SEEN_EVERY = timedelta(seconds=15)
GONE_AFTER = timedelta(seconds=90)
FORGOTTEN_AFTER = timedelta(days=1)


class WorkerHeartbeatQuerySet(models.QuerySet["WorkerHeartbeat"]):
    def alive(self, now: datetime) -> WorkerHeartbeatQuerySet:
        return self.filter(seen_at__gte=now - GONE_AFTER)

    def gone(self, now: datetime) -> WorkerHeartbeatQuerySet:
        """Those nobody needs to hear of any more."""
        return self.filter(seen_at__lt=now - FORGOTTEN_AFTER)


class WorkerHeartbeat(models.Model):
    host = models.CharField(max_length=120)
    pid = models.PositiveIntegerField("process")
    started_at = models.DateTimeField("at work since", default=timezone.now)
    seen_at = models.DateTimeField("last seen")
    # Tasks at the same time: at most, and now.
    workers = models.PositiveSmallIntegerField(default=1)
    busy = models.PositiveSmallIntegerField(default=0)

    objects = WorkerHeartbeatQuerySet.as_manager()

    class Meta:
        verbose_name = "background worker"
        ordering = ["-seen_at"]
        constraints = [
            models.UniqueConstraint(fields=["host", "pid"], name="portal_workerheartbeat_one_per_process")
        ]

    def __str__(self) -> str:
        return f"{self.host}, process {self.pid}"
