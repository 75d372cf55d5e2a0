"""Reports that are made by themselves: what is due, one run of it as a job, and what is said when it fails.

A run is written down before it is begun, its file before it is sent, and each mail before it leaves: killed
at any point, it goes on from there, and no mail leaves twice.
"""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from portal import jobs
from portal.models import AuditEntry, Job, ReportRun, ReportSchedule, SavedReport
from portal.reports import delivering, files
from portal.reports.base import ReportError
from portal.reports.exports import noted
from portal.reports.options import CALENDAR_PERIODS

logger = logging.getLogger(__name__)

KIND = "report"
TASK = "portal.tasks.make_report"
State = ReportRun.State
UNEXPECTED = "An error we did not expect stopped it. The log tells more: look for “report run {}”."
# A job is enqueued right after its run is written down; one without is made up for.
JOB_COMES_WITHIN = timedelta(minutes=5)


# --- What is due ------------------------------------------------------------------------------


def begin_due(now: datetime) -> int:
    """Begin what is due, however often its time went by unseen: one run. How many."""
    begun = 0
    for pk in list(ReportSchedule.objects.due(now).values_list("pk", flat=True)):
        try:
            begun += _begin_due(pk, now)
        except Exception:
            # One that cannot be begun must not keep the others from it.
            logger.exception("Scheduled report %s could not be begun", pk)
    return begun


@transaction.atomic
def _begin_due(pk: int, now: datetime) -> int:
    # All or nothing: where the job cannot be enqueued, the schedule stays due.
    schedule = ReportSchedule.objects.select_for_update().filter(pk=pk, is_on=True).first()
    if schedule is None or schedule.next_run_at is None or schedule.next_run_at > now:
        return 0
    due = schedule.next_run_at
    schedule.next_run_at = schedule.next_after(now)
    schedule.last_run_at = now
    schedule.save()
    begin(schedule, due)
    return 1


def begin(schedule: ReportSchedule, due: datetime, by: Any = None) -> ReportRun:
    """A run of the schedule for this time, and its job; the one that there is already."""
    saved = schedule.saved
    run, is_new = ReportRun.objects.get_or_create(
        key=f"schedule:{schedule.pk} {due:%Y-%m-%dT%H:%M:%S.%fZ}",
        defaults={
            "schedule": schedule,
            "saved": saved,
            "name": saved.name,
            "report": saved.report,
            "filters": saved.filters,
            "file_format": saved.file_format,
            "owner": saved.owner,
            "due_at": due,
        },
    )
    if is_new:
        run.job = jobs.enqueue(KIND, f"report-run:{run.pk}", TASK, {"run": run.pk, "name": run.name}, by)
        run.save(update_fields=["job"])
    return run


def settle(now: datetime) -> int:
    """Runs whose job ended without a word of its own: given up, cancelled, lost. How many."""
    settled = 0
    for run in ReportRun.objects.open().select_related("job", "owner"):
        if run.job is None and run.due_at > now - JOB_COMES_WITHIN:
            continue
        if run.job is not None and run.job.is_live:
            continue
        if run.job is not None and run.job.state == Job.State.CANCELLED:
            error = "It was cancelled."
        else:
            error = (run.job.error if run.job else "") or "Its job was lost."
        fail(run, error)
        settled += 1
    for run in ReportRun.objects.filter(state=State.FAILED, owner_told_at=None).select_related("owner"):
        delivering.tell_owner(run)
    return settled


# --- One run ----------------------------------------------------------------------------------


def make(this: jobs.Run) -> dict[str, Any]:
    """The work of the job: make the file unless it is there, and take it where it goes."""
    run = ReportRun.objects.select_related("owner", "saved", "schedule").get(pk=this.arguments["run"])
    if not run.is_open:
        return {"rows": run.rows, "bytes": run.size}
    run.state, run.started_at = State.RUNNING, run.started_at or timezone.now()
    run.save(update_fields=["state", "started_at"])
    try:
        if files.kept_file(run) is None:
            _make_file(run, this)
        this.beat()
        says = _deliver(run)
    except (jobs.Stop, jobs.Later):
        raise
    except (ReportError, delivering.Undelivered) as error:
        fail(run, str(error))
        raise jobs.Refused(str(error)) from None
    except Exception:
        logger.exception("Report run %s failed", run.pk)
        fail(run, UNEXPECTED.format(run.pk))
        raise
    run.state, run.finished_at, run.error = State.DONE, timezone.now(), says
    run.save(update_fields=["state", "finished_at", "error"])
    return {"rows": run.rows, "bytes": run.size}


def _make_file(run: ReportRun, this: jobs.Run) -> None:
    saved, owner = run.saved, run.owner
    if saved is None:
        raise ReportError("The saved report was deleted.")
    if owner is None:
        raise ReportError("The report has no owner any more: somebody has to take it over.")
    if not owner.is_active:
        raise ReportError(f"{owner.get_username()}, whose report it is, can not log in any more.")
    asked = SavedReport(report=run.report, filters=run.filters)
    query = asked.known.read(run.filters, today=_today(run), by_label=True)
    if not asked.known.is_open_to(owner, query):
        raise ReportError(f"{owner.get_username()}, whose report it is, may not read it any more.")
    counted: list[int] = []
    chunks = noted(
        asked.known,
        query,
        run.file_format,
        asked=run.filters,
        by=owner,
        how="schedule",
        with_header=saved.has_header,
        counted=counted.append,
    )
    kept = files.keep(chunks, run.file_format, this.beat)
    run.rows, run.kept_path, run.size, run.sha256 = counted[0], kept.path, kept.size, kept.sha256
    run.save(update_fields=["rows", "kept_path", "size", "sha256"])


def _today(run: ReportRun) -> date:
    """The day from which periods are counted: that on which the run was due, however late it is made.

    Days are UTC days; but on a Monday morning east of Greenwich, where UTC still has Sunday, the last week is
    the one that has just ended there.
    """
    if run.schedule is not None and run.filters.get("period") in CALENDAR_PERIODS:
        return run.schedule.day_of(run.due_at)
    return run.due_at.astimezone(UTC).date()


def _deliver(run: ReportRun) -> str:
    """Take it where it goes; a sentence about what was not as it was set, if anything was not."""
    schedule = run.schedule
    if schedule is None:
        raise ReportError("The schedule was deleted before the report had gone anywhere.")
    if schedule.delivery == ReportSchedule.Delivery.FOLDER:
        name = files.file_name(
            schedule.file_name,
            report=run.report,
            name=run.name,
            day=run.due_at.date(),
            ending=run.file_format,
        )
        return files.put(run, schedule.folder, name)
    delivering.mail(run, schedule.addresses)
    return ""


def fail(run: ReportRun, error: str) -> None:
    """Over, and why: noted, and said to its owner."""
    run.fail(error)
    AuditEntry.objects.record(
        "scheduled report failed",
        subject=f"report-run:{run.pk}",
        detail={"report": run.report, "name": run.name, "error": error[:500]},
    )
    delivering.tell_owner(run)
