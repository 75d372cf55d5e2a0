"""Doorways for background work."""

from __future__ import annotations

from typing import Any

from metrics.ingest import rebuild, rebuild_files
from metrics.sync import folder
from metrics.sync.steps import LEGACY, STEPS, USAGE
from portal import jobs
from portal.models import Job, ReportFile
from seats.sync.steps import enqueue_for, work_on


def rebuild_dirty_days() -> int:
    """What a killed import left to be added up."""
    return rebuild.rebuild_dirty_days()


def sync(job_id: int) -> None:
    """Run the step that a job names."""
    jobs.run(job_id, lambda run: work_on(STEPS[run.arguments["step"]], run))


# What schedules and buttons knock on: one job per account of the connection.


def enqueue_usage(connection_id: int, by: Any = None) -> list[Job]:
    """The newest 28 days; older ones follow by themselves."""
    return enqueue_for(USAGE, connection_id, by)


def enqueue_legacy(connection_id: int, by: Any = None) -> list[Job]:
    """The two older systems, where the connection has them switched on."""
    return enqueue_for(LEGACY, connection_id, by)


def remove_left_downloads() -> int:
    """What killed downloads left lying. How many folders."""
    return folder.remove_left()


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
