"""On which days people work: notices wait so many of them, and nothing is taken back on the others."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from django.db import models
from django.db.models import Q


class WorkingCalendar(models.Model):
    WEEKDAYS: ClassVar[tuple[str, ...]] = (
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    )  # fmt: skip

    name = models.CharField(max_length=100, unique=True)
    monday = models.BooleanField(default=True)
    tuesday = models.BooleanField(default=True)
    wednesday = models.BooleanField(default=True)
    thursday = models.BooleanField(default=True)
    friday = models.BooleanField(default=True)
    saturday = models.BooleanField(default=False)
    sunday = models.BooleanField(default=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(monday=True)
                | Q(tuesday=True)
                | Q(wednesday=True)
                | Q(thursday=True)
                | Q(friday=True)
                | Q(saturday=True)
                | Q(sunday=True),
                name="seats_calendar_has_a_working_day",
                violation_error_message="Choose at least one working day.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def works_on_weekday(self, day: date) -> bool:
        """Whether people work on that day of the week; holidays aside."""
        return bool(getattr(self, self.WEEKDAYS[day.weekday()]))


class Holiday(models.Model):
    calendar = models.ForeignKey(WorkingCalendar, on_delete=models.CASCADE, related_name="holidays")
    day = models.DateField()
    name = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["calendar", "day"]
        constraints = [models.UniqueConstraint(fields=["calendar", "day"], name="seats_holiday_once_per_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.name}".strip()
