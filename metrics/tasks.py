"""Doorways for background work."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from metrics import inbox, rejected_groups, undo
from metrics.ingest import rebuild, rebuild_files
from metrics.ingest.rebuild_periods import write_periods
from metrics.models import Restatement
from metrics.sync import backfill, folder
from metrics.sync.steps import LEGACY, STEPS, USAGE
from portal import jobs, kept_files
from portal.models import Job, ReportFile
from seats.sync.steps import enqueue_for, work_on


def rebuild_dirty_days() -> int:
    """What a killed import or a new release left to be added up, until the next round is due.

    And what whole periods say together, which no import waits for.
    """
    ends_at = time.monotonic() + rebuild.A_WHILE
    done = rebuild.rebuild_dirty_days(seconds=rebuild.A_WHILE)
    write_periods(ends_at=ends_at)
    return done


def sync(job_id: int) -> None:
    """Run the step that a job names; behind the newest days of use follow the older ones."""
    jobs.run(job_id, lambda run: work_on(STEPS[run.arguments["step"]], run))
    job = Job.objects.filter(pk=job_id, kind=USAGE.kind, state=Job.State.DONE).first()
    if job is not None and job.arguments.keys() == {"step", "account"}:
        _top_up(job_id)


def backfill_day(job_id: int) -> None:
    """Fetch the reports of one older day, and make room for the next."""
    jobs.run(job_id, backfill.work)
    _top_up(job_id)


def _top_up(job_id: int) -> None:
    if connection := backfill.connection_of(job_id):
        backfill.top_up(connection)


def top_up_backfills() -> int:
    """Begin and go on with backfills wherever days are left. How many jobs that made."""
    return backfill.top_up_all()


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


def look_into_inbox() -> int:
    """Have the worker take in what has landed in the watched folder. How many files wait."""
    return inbox.look()


def take_in_inbox(job_id: int) -> None:
    jobs.run(job_id, inbox.work)


def retry_rejected(job_id: int) -> None:
    """Try a file's rejected lines of one reason again."""
    jobs.run(job_id, rejected_groups.work)


def forget_restatements() -> int:
    """Remove what was noted of restated values longer ago than the settings keep it. How many."""
    limit = timezone.now() - timedelta(days=settings.KEEP_RESTATEMENTS_DAYS)
    return Restatement.objects.filter(noticed_at__lt=limit).delete()[0]


def undo_file(job_id: int) -> None:
    """Take a report file back out."""
    jobs.run(job_id, _undo)


def rebuild_file(job_id: int) -> None:
    """Make a report file's days anew from the kept files."""
    jobs.run(job_id, _rebuild)


def _undo(run: jobs.Run) -> dict[str, Any]:
    file = ReportFile.objects.get(pk=run.arguments["file"])
    try:
        done = undo.undo(
            file, run.job.created_by, run.progress, run.progress_unsaved, _by_turns(run), _behind(run)
        )
    except (undo.CannotUndo, kept_files.BeingTakenIn) as error:
        raise jobs.Refused(str(error)) from error
    return {"days": done.days, "seats": done.seats}


def _behind(run: jobs.Run) -> tuple[int, date] | None:
    """Behind which day an earlier turn of this job ended."""
    if (said := run.arguments.get("behind")) is None:
        return None
    return said[0], date.fromisoformat(said[1])


def _by_turns(run: jobs.Run) -> Callable[[tuple[int, date] | None], None]:
    """Called between the parts of long work: ends it before the queue does, to go on where it was."""
    began_at = time.monotonic()

    def look(behind: tuple[int, date] | None) -> None:
        if behind is not None:
            run.arguments["behind"] = [behind[0], str(behind[1])]
            Job.objects.attempt(run.job).update(arguments=run.arguments)
        if time.monotonic() - began_at > jobs.GOES_ON_AFTER * int(settings.Q_CLUSTER["timeout"]):
            raise jobs.Later(timezone.now(), "It is a long one, and goes on in a moment where it was.")

    return look


def _rebuild(run: jobs.Run) -> dict[str, Any]:
    file = ReportFile.objects.get(pk=run.arguments["file"])
    try:
        return {"days": rebuild_files.rebuild(file, run.job.created_by)}
    except rebuild_files.CannotRebuild as error:
        raise jobs.Refused(str(error)) from error
