"""Kept files and old jobs go after their time; what they told stays."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from portal import retention
from portal.models import Job, ReportFile
from portal.tasks import forget_kept_files, forget_old_jobs

pytestmark = pytest.mark.django_db


@pytest.fixture
def data(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR, settings.KEEP_FILES_DAYS = tmp_path, 400
    (tmp_path / "kept").mkdir()
    return tmp_path


def kept(data: Path, name: str, days_ago: int) -> ReportFile:
    path = data / "kept" / name
    path.write_bytes(b"kept")
    long_ago = (timezone.now() - timedelta(days=days_ago)).timestamp()
    os.utime(path, (long_ago, long_ago))
    return ReportFile.objects.create(
        source=ReportFile.Source.COMMAND,
        kind="seats",
        name=name,
        sha256=name,
        size=4,
        kept_path=f"kept/{name}",
        state=ReportFile.State.DONE,
        received_at=timezone.now() - timedelta(days=days_ago),
    )


def test_a_file_is_removed_after_its_time_and_its_record_stays(data: Path) -> None:
    old, recent = kept(data, "old", 401), kept(data, "recent", 399)

    assert forget_kept_files() == 1

    old.refresh_from_db()
    assert (old.kept_path, old.kept_file) == ("", None)
    assert not (data / "kept" / "old").exists()
    recent.refresh_from_db()
    assert recent.kept_file
    assert recent.kept_file.is_file()


def test_content_that_came_again_lately_is_kept_for_both(data: Path) -> None:
    first = kept(data, "same", 500)
    kept(data, "same", 10)

    assert forget_kept_files() == 0
    first.refresh_from_db()
    assert first.kept_path == "kept/same"


def test_a_file_still_being_read_is_kept(data: Path) -> None:
    ReportFile.objects.filter(pk=kept(data, "half", 500).pk).update(state=ReportFile.State.READING)

    assert forget_kept_files() == 0


def test_content_that_is_arriving_right_now_is_kept(data: Path) -> None:
    kept(data, "again", 500)
    os.utime(data / "kept" / "again")

    assert forget_kept_files() == 0


def test_a_file_that_somebody_removed_by_hand_is_no_trouble(data: Path) -> None:
    old = kept(data, "gone", 500)
    (data / "kept" / "gone").unlink()

    assert forget_kept_files() == 1
    old.refresh_from_db()
    assert old.kept_path == ""


# --- Jobs -------------------------------------------------------------------------------------


def job(kind: str, subject: str, days_ago: float, state: str = "done") -> Job:
    at = timezone.now() - timedelta(days=days_ago)
    is_live = state in Job.LIVE
    return Job.objects.create(
        kind=kind,
        subject=subject,
        task="nowhere.at_all",
        state=state,
        live_key=f"{kind}:{subject}" if is_live else None,
        created_at=at,
        finished_at=None if is_live else at,
    )


def test_jobs_that_have_long_been_over_are_forgotten_but_the_last_good_run_of_each() -> None:
    job("sync-seats", "organization:1", 102)
    last_good = job("sync-seats", "organization:1", 101)
    job("sync-seats", "organization:1", 100.5, "failed")
    job("sync-seats", "organization:2", 101)
    recent = job("sync-seats", "organization:2", 99)
    waiting = job("sync-teams", "organization:1", 200, "queued")

    assert forget_old_jobs() == 3
    assert set(Job.objects.all()) == {last_good, recent, waiting}


def test_however_many_there_are_they_are_forgotten_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "CHUNK", 3)
    for days_ago in range(110, 100, -1):
        job("sync-seats", "organization:1", days_ago)

    assert forget_old_jobs() == 9
