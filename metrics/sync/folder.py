"""Where a report lies while it is taken in: a private folder that does not outlive it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

from portal import kept_files
from portal.models import ReportFile

# A killed process leaves its folder; nobody works on one report for that long.
LEFT_AFTER_SECONDS = 24 * 60 * 60


@contextmanager
def download_folder() -> Iterator[Path]:
    """A new folder in DATA_DIR that only the portal's user may look into, removed with all it holds."""
    parent = settings.DATA_DIR / "downloads"
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = Path(tempfile.mkdtemp(dir=parent))  # made with mode 0700
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_left() -> int:
    """Remove what killed processes left lying. How many folders.

    The record of a file that such a process was reading is closed: the day was asked for again, or will be.
    """
    for file in ReportFile.objects.unfinished().filter(source=ReportFile.Source.DOWNLOAD):
        with suppress(kept_files.BeingTakenIn), kept_files.sole_reader(file.sha256):
            ReportFile.objects.unfinished().filter(pk=file.pk).update(state=ReportFile.State.UNDONE)
    parent = settings.DATA_DIR / "downloads"
    limit = time.time() - LEFT_AFTER_SECONDS
    left = [path for path in parent.glob("*") if path.stat().st_mtime < limit] if parent.is_dir() else []
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
    return len(left)
