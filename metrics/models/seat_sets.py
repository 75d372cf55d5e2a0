"""Whose seats were granted and ended on which day, as sets of people: what figures of seats are read from."""

from __future__ import annotations

from django.db import models

from seats.models import Account


class SeatSets(models.Model):
    """The sets of the seats that an account pays for, as of some stamps of the tables they come from.

    `metrics.figures.seat_sets` alone makes and reads them; of other stamps they are out of date.
    """

    class Kind(models.TextChoices):
        HELD = "held", "who held a seat"
        GRANTED = "granted", "who was granted a seat"

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
