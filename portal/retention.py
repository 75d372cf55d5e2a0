"""How long the files taken in are kept. Their rows and their records stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings

from portal.models import ReportFile

# The same content arriving again is stored first and recorded a moment later.
JUST_STORED = timedelta(hours=1)


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


def _changed_at(mtime: float) -> datetime:
    return datetime.fromtimestamp(mtime, UTC)
