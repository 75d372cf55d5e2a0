"""Whole weeks added up from their days, so that a year is read as 52 of them.

A week that stands says exactly what its days say: whatever changes a day takes its week away in the same
transaction and marks it; it is written anew from its days when nothing of it waits any more. Readers take
the days of a week that does not stand, and of one that they want only a part of.
"""

from __future__ import annotations

from django.db import models

from seats.models import Account


class WeekTotals(models.Model):
    """A part of what an account's days of a week say in detail; see metrics.week_parts."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    part = models.CharField(max_length=20)
    monday = models.DateField()
    blob = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "part", "monday"], name="metrics_week_totals_once")
        ]

    def __str__(self) -> str:
        return f"{self.part} of the week of {self.monday}"


class WeekUsers(models.Model):
    """The people of an account who did something in a week; kinds are those of DayUsers.

    A week has "active" if any of its days has, so that tells whether it stands. After LAST comes the name of
    a client or phase: who had it on their newest day of the week that tells one, a client per editor.
    """

    LAST = "last:"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    monday = models.DateField()
    kind = models.CharField(max_length=255 + len(LAST))
    days = models.PositiveSmallIntegerField(help_text="A bit for each day that has sets; Monday's is 1.")
    users = models.BinaryField(help_text="Bitmap of GitHubUser keys.")
    weekend_users = models.BinaryField(help_text="Those of them who did it at the weekend alone.")
    user_days = models.PositiveIntegerField(help_text="People of each day, added up.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "monday", "kind"], name="metrics_week_users_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} in the week of {self.monday}"


class DirtyWeek(models.Model):
    """A week that is to be written from its days, once it is over."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    monday = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "monday"], name="metrics_dirty_week_once")]

    def __str__(self) -> str:
        return f"{self.account}, the week of {self.monday}"
