"""How long the files taken in, and the jobs that are over, are kept. Rows of files and their records stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Max

from portal.models import Job, ReportFile

# The same content arriving again is stored first and recorded a moment later.
JUST_STORED = timedelta(hours=1)
# Hourly jobs of 200 accounts come to half a million in that time.
KEEP_JOBS = timedelta(days=100)
CHUNK = 1_000


def forget_kept_files(now: datetime) -> int:
    """Remove kept files that nobody brought within KEEP_FILES_DAYS. How many."""
    limit = now - timedelta(days=settings.KEEP_FILES_DAYS)
    old = ReportFile.objects.kept().filter(received_at__lt=limit).order_by("kept_path")
    forgotten = 0
    for kept_path in old.values_list("kept_path", flat=True).distinct():
        # The same content has one place, however often it came.
        same = ReportFile.objects.filter(kept_path=kept_path)
        path = settings.DATA_DIR / kept_path
        is_needed = same.filter(received_at__gte=limit).exists() or same.unfinished().exists()
        if is_needed or (path.is_file() and _changed_at(path.stat().st_mtime) > now - JUST_STORED):
            continue
        path.unlink(missing_ok=True)
        same.update(kept_path="")
        forgotten += 1
    return forgotten


def forget_old_jobs(now: datetime) -> int:
    """Remove jobs long over, but the last good run of each kind about each subject. How many."""
    forgotten = last = 0
    old = Job.objects.filter(finished_at__lt=now - KEEP_JOBS).order_by("pk")
    while chunk := list(old.filter(pk__gt=last)[:CHUNK].values_list("pk", "kind", "subject")):
        last = chunk[-1][0]
        done = Job.objects.filter(
            state=Job.State.DONE,
            kind__in={kind for _, kind, _ in chunk},
            subject__in={subject for _, _, subject in chunk},
        )
        kept = set(done.values("kind", "subject").annotate(last=Max("pk")).values_list("last", flat=True))
        gone = [pk for pk, _, _ in chunk if pk not in kept]
        Job.objects.filter(pk__in=gone).delete()
        forgotten += len(gone)
    return forgotten


def _changed_at(mtime: float) -> datetime:
    return datetime.fromtimestamp(mtime, UTC)
