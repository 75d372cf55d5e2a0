"""When a saved report is made by itself, and where to it goes."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from portal.models.saved_report import SavedReport
from portal.models.sync_schedule import check_time_zone

WEEKDAYS = list(enumerate(calendar.day_name))


class ReportScheduleQuerySet(models.QuerySet["ReportSchedule"]):
    def due(self, now: datetime) -> ReportScheduleQuerySet:
        return self.filter(is_on=True, next_run_at__lte=now)


class ReportSchedule(models.Model):
    class Cadence(models.TextChoices):
        DAILY = "daily", "every day"
        WEEKLY = "weekly", "every week"
        MONTHLY = "monthly", "every month"

    class Delivery(models.TextChoices):
        MAIL = "mail", "by mail"
        FOLDER = "folder", "into a folder"

    saved = models.ForeignKey(
        SavedReport, on_delete=models.CASCADE, related_name="schedules", verbose_name="saved report"
    )
    is_on = models.BooleanField("on", default=True, help_text="Switched off, it pauses.")
    cadence = models.CharField("how often", max_length=10, choices=Cadence.choices, default=Cadence.WEEKLY)
    weekday = models.PositiveSmallIntegerField("on", choices=WEEKDAYS, default=0)
    day_of_month = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text="In a shorter month, its last day.",
    )
    at = models.TimeField("time", default=time(7, 0))
    time_zone = models.CharField(max_length=64, default="UTC", validators=[check_time_zone])
    delivery = models.CharField("goes", max_length=10, choices=Delivery.choices, default=Delivery.MAIL)
    recipients = models.TextField("to", blank=True, help_text="Mail addresses, one a line.")
    folder = models.CharField(
        max_length=200, blank=True, help_text="A folder within the folder for reports; empty: that one."
    )
    file_name = models.CharField(
        max_length=150,
        default="{report}-{day}",
        help_text="Without its ending. {report}, {name} and {day} (of the run) are filled in.",
    )
    next_run_at = models.DateTimeField("next run", null=True, blank=True, editable=False)
    last_run_at = models.DateTimeField("last run", null=True, blank=True, editable=False)

    objects = ReportScheduleQuerySet.as_manager()

    class Meta:
        verbose_name = "scheduled report"
        ordering = ["saved__name", "id"]
        indexes = [models.Index(fields=["is_on", "next_run_at"], name="portal_reportschedule_due")]

    def __str__(self) -> str:
        return f"{self.saved}, {self.get_cadence_display()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keeps the next run in step with what is set; a run that is due stays due."""
        now = timezone.now()
        if not self.is_on:
            self.next_run_at = None
        elif self.next_run_at is None or self.next_run_at > now:
            self.next_run_at = self.next_after(now)
        super().save(*args, **kwargs)

    def day_of(self, moment: datetime) -> date:
        """The day that this moment is of in its own time zone."""
        return moment.astimezone(ZoneInfo(self.time_zone)).date()

    @property
    def addresses(self) -> list[str]:
        """Whom it is mailed to, each once, in order."""
        parts = self.recipients.replace(",", "\n").replace(";", "\n").split("\n")
        return list(dict.fromkeys(part.strip() for part in parts if part.strip()))

    @property
    def in_words(self) -> str:
        """How often, as people say it."""
        zone = "UTC" if self.time_zone == "UTC" else f"{self.time_zone} time"
        match self.cadence:
            case self.Cadence.WEEKLY:
                when = f"every {calendar.day_name[self.weekday]}"
            case self.Cadence.MONTHLY:
                when = f"on day {self.day_of_month} of every month"
            case _:
                when = "every day"
        return f"{when} at {self.at:%H:%M} {zone}"

    def next_after(self, moment: datetime) -> datetime:
        """The first time it is due after `moment`, in UTC.

        A time of day that the clocks skip comes an hour later that day; one that they repeat comes once.
        """
        return next(due for due in self._times_from(moment) if due > moment)

    def _times_from(self, moment: datetime) -> Iterator[datetime]:
        zone = ZoneInfo(self.time_zone)
        day = moment.astimezone(zone).date() - timedelta(days=1)
        while True:
            if self._is_day(day):
                yield datetime.combine(day, self.at, zone).astimezone(UTC)
            day += timedelta(days=1)

    def _is_day(self, day: date) -> bool:
        if self.cadence == self.Cadence.WEEKLY:
            return day.weekday() == self.weekday
        if self.cadence == self.Cadence.MONTHLY:
            return day.day == min(self.day_of_month, calendar.monthrange(day.year, day.month)[1])
        return True
