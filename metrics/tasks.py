"""Doorways for background work."""

from __future__ import annotations

from typing import Any

from metrics.ingest import rebuild, rebuild_files
from portal import jobs
from portal.models import ReportFile


def rebuild_dirty_days() -> int:
    """What a killed import left to be added up."""
    return rebuild.rebuild_dirty_days()


def undo_file(job_id: int) -> None:
    """Take a report file back out."""
    jobs.run(job_id, _undo)


def rebuild_file(job_id: int) -> None:
    """Make a report file's days anew from the kept files."""
    jobs.run(job_id, _rebuild)


def _undo(run: jobs.Run) -> dict[str, Any]:
    file = ReportFile.objects.get(pk=run.arguments["file"])
    try:
        return {"days": rebuild_files.undo(file, run.job.created_by)}
    except rebuild_files.CannotRebuild as error:
        raise jobs.Refused(str(error)) from error


def _rebuild(run: jobs.Run) -> dict[str, Any]:
    file = ReportFile.objects.get(pk=run.arguments["file"])
    try:
        return {"days": rebuild_files.rebuild(file, run.job.created_by)}
    except rebuild_files.CannotRebuild as error:
        raise jobs.Refused(str(error)) from error
