"""Whose seats were granted and ended on which day, and how many: what figures of seats are read from."""

from __future__ import annotations

from django.db import models

from seats.models import Account


class SeatSets(models.Model):
    """What the seats that an account pays for say by day, as of some stamps of the tables they come from.

    `metrics.figures.seat_sets` alone reads and writes them; of other stamps they are out of date.
    """

    class Kind(models.TextChoices):
        HELD = "held", "who held a seat"
        GRANTED = "granted", "who was granted a seat"
        DATES = "dates", "how many seats, by the days that matter"
        HOLDING = "holding", "who holds a seat now"
        FIRST_USE = "first use", "how soon seats were used, by month of the grant"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    stamps = models.JSONField(default=dict)
    sets = models.BinaryField()

    class Meta:
        ordering = ["account", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["account", "kind"], name="metrics_seat_sets_once_per_kind")
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.kind}"
