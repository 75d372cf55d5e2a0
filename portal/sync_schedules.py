"""What happens when a sync schedule is due, and the schedules a new connection starts with."""

from __future__ import annotations

import logging
from datetime import datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from portal.models import Connection, Job, SyncSchedule
from portal.models.sync_schedule import forget_leftovers

logger = logging.getLogger(__name__)

Kind = SyncSchedule.Kind
# The clocks of two hosts may differ a little.
TOLERANCE = timedelta(minutes=1)

# The doorway that enqueues each kind: `(connection_id, by=None) -> list[Job]`, a job per account of the
# connection. They are dotted paths, since the floor imports nobody.
SYNC_DOORWAYS = {
    Kind.SEATS: "seats.tasks.enqueue_seats",
    Kind.MEMBERS: "seats.tasks.enqueue_members",
    Kind.TEAMS: "seats.tasks.enqueue_teams",
    Kind.BILLING: "seats.tasks.enqueue_billing",
    Kind.USAGE: "metrics.tasks.enqueue_usage",
    Kind.LEGACY: "metrics.tasks.enqueue_legacy",
    Kind.FLAGGING: "seats.tasks.enqueue_flagging",
    Kind.NOTICES: "seats.tasks.enqueue_notices",
    Kind.REVOKING: "seats.tasks.enqueue_revoking",
}
# Hours of the day (UTC) at which a new connection's daily kinds run; the minute differs by connection.
DAILY_HOURS = {
    Kind.MEMBERS: 3, Kind.TEAMS: 4, Kind.BILLING: 5, Kind.USAGE: 6, Kind.LEGACY: 7,
    Kind.FLAGGING: 8, Kind.NOTICES: 9, Kind.REVOKING: 12,
}  # fmt: skip


def install_for(connection: Connection) -> list[SyncSchedule]:
    """The schedules of a connection, those it lacks made: seats every hour, the rest once a day.

    Safe to repeat: what an admin has changed stays as it is.
    """
    made = []
    for kind in Kind:
        schedule = SyncSchedule(connection=connection, kind=kind)
        if kind == Kind.SEATS:
            schedule.cadence = SyncSchedule.Cadence.HOURLY
        else:
            schedule.daily_at = time(DAILY_HOURS[kind], schedule.minute)
        defaults = {
            "cadence": schedule.cadence,
            "daily_at": schedule.daily_at,
            # GitHub has closed the older systems: for a server that still answers them.
            "is_on": kind != Kind.LEGACY or connection.legacy_apis,
        }
        made.append(
            SyncSchedule.objects.get_or_create(connection=connection, kind=kind, defaults=defaults)[0]
        )
    return made


def run_due(pk: int) -> list[Job]:
    """Enqueue what is due. Delivered twice, or for a schedule that is gone or off, it does nothing."""
    now = timezone.now()
    # All or nothing: where the jobs cannot be enqueued, the schedule stays due.
    with transaction.atomic():
        schedule = SyncSchedule.objects.select_for_update().filter(pk=pk).first()
        if schedule is None:
            forget_leftovers()
            return []
        is_due = schedule.next_run_at is not None and schedule.next_run_at <= now + TOLERANCE
        schedule.plan(is_served=is_due)
        return enqueue(schedule) if is_due and schedule.connection.is_active else []


def enqueue(schedule: SyncSchedule, by: Any = None) -> list[Job]:
    """Have it fetched now: the jobs, some of which may have been live already."""
    jobs: list[Job] = import_string(SYNC_DOORWAYS[Kind(schedule.kind)])(schedule.connection_id, by)
    SyncSchedule.objects.filter(pk=schedule.pk).update(last_enqueued_at=timezone.now())
    return jobs


def run_missed(now: datetime) -> int:
    """Run the schedules whose message the queue lost, and drop the queue's that have no row. How many ran."""
    forget_leftovers()
    ran = 0
    for pk in list(SyncSchedule.objects.missed(now).values_list("pk", flat=True)):
        try:
            run_due(pk)
            ran += 1
        except Exception:
            # One that cannot be run must not keep the others from it.
            logger.exception("Sync schedule %s could not be run", pk)
    return ran
