"""When a connection's data is fetched, and what follows from it done: flagging, notices, taking seats back.

Admins edit these rows; the queue's own schedule follows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone
from django.utils.text import capfirst
from django_q.models import Schedule

from portal.models.connection import Connection

# What the queue calls when a schedule is due, with the schedule's id.
DOORWAY = "portal.tasks.run_sync_schedule"
EVERY_HOURS = (2, 3, 4, 6, 8, 12)


def check_time_zone(name: str) -> None:
    """Raises ValidationError unless it is a time zone as Europe/Berlin."""
    if name not in available_timezones():
        raise ValidationError(f"{name} is no time zone. Examples: UTC, Europe/Berlin, America/New_York.")


class SyncScheduleQuerySet(models.QuerySet["SyncSchedule"]):
    def missed(self, now: datetime) -> SyncScheduleQuerySet:
        """Those whose time is long past: the message of the queue was lost, or came to nothing."""
        return self.filter(is_on=True, next_run_at__lt=now - SyncSchedule.MISSED_AFTER)

    def delete(self) -> tuple[int, dict[str, int]]:
        deleted = super().delete()
        forget_leftovers()
        return deleted


class SyncSchedule(models.Model):
    class Kind(models.TextChoices):
        SEATS = "seats", "seats"
        MEMBERS = "members", "members"
        TEAMS = "teams", "teams"
        BILLING = "billing", "billing"
        USAGE = "usage", "usage reports"
        LEGACY = "legacy", "older metrics APIs"
        FLAGGING = "flagging", "flagging of inactive seats"
        NOTICES = "notices", "notices to people"
        REVOKING = "revoking", "taking seats back"

    class Cadence(models.TextChoices):
        HOURLY = "hourly", "every hour"
        EVERY_HOURS = "every-hours", "every few hours"
        DAILY = "daily", "once a day"

    # What asks GitHub for data. The other kinds decide, tell people and take seats back.
    FETCHING: ClassVar[tuple[str, ...]] = (
        Kind.SEATS, Kind.MEMBERS, Kind.TEAMS, Kind.BILLING, Kind.USAGE, Kind.LEGACY,
    )  # fmt: skip
    # The queue looks at its schedules every half minute, and reads its messages at once.
    MISSED_AFTER = timedelta(minutes=15)

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="sync_schedules")
    kind = models.CharField("what", max_length=20, choices=Kind.choices)
    is_on = models.BooleanField("on", default=True)
    cadence = models.CharField("how often", max_length=20, choices=Cadence.choices, default=Cadence.DAILY)
    every_hours = models.PositiveSmallIntegerField(
        "hours between",
        choices=[(hours, f"{hours} hours") for hours in EVERY_HOURS],
        default=6,
        help_text="Where it is every few hours; counted from midnight.",
    )
    daily_at = models.TimeField("at", default=time(6, 30), help_text="Where it is once a day.")
    time_zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[check_time_zone],
        help_text="Of midnight and of the time of day.",
    )
    next_run_at = models.DateTimeField("next run", null=True, blank=True, editable=False)
    last_enqueued_at = models.DateTimeField("last run", null=True, blank=True, editable=False)

    objects = SyncScheduleQuerySet.as_manager()

    class Meta:
        ordering = ["connection__name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "kind"], name="portal_syncschedule_one_per_kind")
        ]

    def __str__(self) -> str:
        return f"{capfirst(self.get_kind_display())} of {self.connection}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keeps the queue's schedule in step."""
        with transaction.atomic():
            super().save(*args, **kwargs)
            self.plan()

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            queued_schedules().filter(args=str(self.pk)).delete()
            return super().delete(*args, **kwargs)

    # --- When ---------------------------------------------------------------------------------

    @property
    def minute(self) -> int:
        """The minute of the hour it runs at, so that not all connections ask GitHub at the same time."""
        return (self.connection_id * 7) % 60

    @property
    def in_words(self) -> str:
        """How often, as people say it."""
        zone = "" if self.time_zone == "UTC" else f", {self.time_zone} time"
        match self.cadence:
            case self.Cadence.HOURLY:
                return f"every hour, {self.minute} minutes past"
            case self.Cadence.EVERY_HOURS:
                return f"every {self.every_hours} hours from 00:{self.minute:02}{zone or ' UTC'}"
            case _:
                return f"every day at {self.daily_at:%H:%M}{zone or ' UTC'}"

    def next_after(self, moment: datetime) -> datetime:
        """The first time it is due after `moment`, in UTC.

        A time of day that the clocks skip comes an hour later that day; one that they repeat comes once.
        """
        return next(due for due in self._times_from(moment - timedelta(days=1)) if due > moment)

    def _times_from(self, start: datetime) -> Iterator[datetime]:
        if self.cadence == self.Cadence.HOURLY:
            due = start.astimezone(UTC).replace(minute=self.minute, second=0, microsecond=0)
            while True:
                yield due
                due += timedelta(hours=1)
        zone = ZoneInfo(self.time_zone)
        day = start.astimezone(zone).date()
        while True:
            for at in self._times_of_day():
                yield datetime.combine(day, at, zone).astimezone(UTC)
            day += timedelta(days=1)

    @property
    def between(self) -> timedelta:
        """From one run to the next."""
        fixed = {self.Cadence.HOURLY.value: 1, self.Cadence.DAILY.value: 24}
        return timedelta(hours=fixed.get(self.cadence, self.every_hours))

    def _times_of_day(self) -> list[time]:
        if self.cadence == self.Cadence.DAILY:
            return [self.daily_at]
        return [time(hour, self.minute) for hour in range(0, 24, self.every_hours)]

    # --- The queue ----------------------------------------------------------------------------

    def plan(self, *, is_served: bool = False) -> None:
        """Bring the next run, and with it the queue's schedule, up to date.

        A run that is due and was not made yet stays due, unless `is_served` says that it has been.
        """
        now = timezone.now()
        if not self.is_on:
            self.next_run_at = None
        elif is_served or self.next_run_at is None or self.next_run_at > now:
            self.next_run_at = self.next_after(now)
        SyncSchedule.objects.filter(pk=self.pk).update(next_run_at=self.next_run_at)
        if self.next_run_at is None:
            queued_schedules().filter(args=str(self.pk)).delete()
            return
        queued_schedules().update_or_create(
            func=DOORWAY,
            args=str(self.pk),
            defaults={
                "name": f"{capfirst(self.get_kind_display())} of connection {self.connection_id}",
                # It knows no time zones: its own idea of the run after the next is put right each time.
                "schedule_type": Schedule.MINUTES,
                "minutes": self.between // timedelta(minutes=1),
                "repeats": -1,
                "next_run": self.next_run_at,
            },
        )


def queued_schedules() -> Any:
    """The queue's schedules that stand for rows of ours."""
    return Schedule.objects.filter(func=DOORWAY)


def forget_leftovers() -> int:
    """Remove the queue's schedules whose row is gone, with its connection for instance. How many."""
    wanted = [str(pk) for pk in SyncSchedule.objects.filter(is_on=True).values_list("pk", flat=True)]
    removed: int = queued_schedules().exclude(args__in=wanted).delete()[0]
    return removed
