"""Doorways for the background worker, and the schedules that knock on them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django_q.models import Failure, Schedule

from portal import jobs, retention, sync_schedules
from portal.models import WorkerHeartbeat
from portal.reports import files, running
from portal.sync_schedules import SYNC_DOORWAYS

__all__ = ["SYNC_DOORWAYS"]  # named here for those who write the other side of them

KEEP_FAILURES_DAYS = 30

# Name, doorway, when. Doorways are dotted paths, so the floor imports nobody; times are UTC.
SCHEDULES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("Reap silent jobs", "portal.tasks.reap_jobs", {"schedule_type": Schedule.MINUTES, "minutes": 1}),
    (
        "Rebuild touched days",
        "metrics.tasks.rebuild_dirty_days",
        {"schedule_type": Schedule.MINUTES, "minutes": 5},
    ),
    (
        "Refresh verdicts",
        "seats.tasks.refresh_verdicts",
        {"schedule_type": Schedule.CRON, "cron": "5 0 * * *"},
    ),
    (
        "Go on with older days",
        "metrics.tasks.top_up_backfills",
        {"schedule_type": Schedule.MINUTES, "minutes": 5},
    ),
    ("Remove left downloads", "metrics.tasks.remove_left_downloads", {"schedule_type": Schedule.HOURLY}),
    (
        "Look into the inbox",
        "metrics.tasks.look_into_inbox",
        {"schedule_type": Schedule.MINUTES, "minutes": 1},
    ),
    ("Remove left uploads", "metrics.uploads.remove_left", {"schedule_type": Schedule.HOURLY}),
    (
        "Make scheduled reports",
        "portal.tasks.make_due_reports",
        {"schedule_type": Schedule.MINUTES, "minutes": 1},
    ),
    ("Forget old reports", "portal.tasks.forget_reports", {"schedule_type": Schedule.DAILY}),
    ("Remove left sheets", "seats.sheets.received.remove_left", {"schedule_type": Schedule.HOURLY}),
    ("Forget old failures", "portal.tasks.forget_failures", {"schedule_type": Schedule.DAILY}),
    ("Forget old jobs", "portal.tasks.forget_old_jobs", {"schedule_type": Schedule.DAILY}),
    (
        "Forget old restatements",
        "metrics.tasks.forget_restatements",
        {"schedule_type": Schedule.DAILY},
    ),
    ("Forget old files", "portal.tasks.forget_kept_files", {"schedule_type": Schedule.DAILY}),
)


def install_schedules() -> None:
    """Make the schedules be as the list says. Safe to repeat; their next runs stay as they are."""
    for name, doorway, when in SCHEDULES:
        Schedule.objects.update_or_create(name=name, defaults={"func": doorway, "repeats": -1, **when})


def reap_jobs() -> dict[str, int]:
    """What died is brought back, what has waited is woken, what the queue lost is made up for."""
    now = timezone.now()
    return {**jobs.reap(now), "schedules": sync_schedules.run_missed(now)}


def run_sync_schedule(pk: int) -> int:
    """The queue says that a schedule is due. How many jobs that made."""
    return len(sync_schedules.run_due(pk))


def make_due_reports() -> dict[str, int]:
    """Reports whose time has come are begun, those whose job died are told of."""
    now = timezone.now()
    return {"settled": running.settle(now), "begun": running.begin_due(now)}


def make_report(job_id: int) -> None:
    jobs.run(job_id, running.make)


def forget_reports() -> int:
    return files.forget(timezone.now())


def beat() -> None:
    """Goes through the queue like any task; that it comes out is what the supervisor wants to know."""


def forget_kept_files() -> int:
    return retention.forget_kept_files(timezone.now())


def forget_old_jobs() -> int:
    return retention.forget_old_jobs(timezone.now())


def forget_failures() -> int:
    """django-q2 keeps failures for ever. How many were removed."""
    old = Failure.objects.filter(stopped__lt=timezone.now() - timedelta(days=KEEP_FAILURES_DAYS))
    removed: int = old.delete()[0]
    WorkerHeartbeat.objects.gone(timezone.now()).delete()
    return removed
