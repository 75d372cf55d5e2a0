"""What an account's teams did in the periods that pages usually ask for."""

from __future__ import annotations

from django.db import models

from seats.models import Account


class TeamPeriod(models.Model):
    """All teams of an account over a period, packed; see metrics.figures.stored_teams.

    What is there is true: whatever changes a day of the period takes it away in the same transaction. It is
    written anew once no day of the period waits any more; until then readers work it out from the days.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    first = models.DateField()
    last = models.DateField()
    weekends = models.BooleanField(help_text="Of all days, not of those from Monday to Friday alone.")
    told = models.BinaryField()

    class Meta:
        ordering = ["account", "-last", "first", "weekends"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "last", "first", "weekends"], name="metrics_team_period_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account}, {self.first} to {self.last}"
