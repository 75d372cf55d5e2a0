"""What an account's days say together in the periods that pages usually ask for."""

from __future__ import annotations

from django.db import models

from seats.models import Account


class PeriodPart(models.Model):
    """A part of what the days of a period say; see metrics.period_parts.

    What is there is true: whatever changes a day of the period takes it away in the same transaction. It is
    written anew once no day of the period waits any more; until then readers take weeks and days.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    first = models.DateField()
    last = models.DateField()
    part = models.CharField(max_length=40)
    blob = models.BinaryField()

    class Meta:
        ordering = ["account", "-last", "first", "part"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "last", "first", "part"], name="metrics_period_part_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.part} of {self.account}, {self.first} to {self.last}"
