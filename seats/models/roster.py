"""Every seat list ever taken in: when it was true, and whether it was all there was."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q

from portal.models import ReportFile
from seats.models.account import Account


class SeatRosterQuerySet(models.QuerySet["SeatRoster"]):
    def complete(self) -> SeatRosterQuerySet:
        return self.filter(is_complete=True)

    def ending(self) -> SeatRosterQuerySet:
        """Rosters whose silence ends a seat: complete, and confirmed to be so."""
        return self.filter(is_complete=True, is_confirmed=True)

    def moments(self) -> list[datetime]:
        """When these rosters were true, sorted, each once."""
        return sorted(set(self.values_list("observed_at", flat=True)))

    def covering(self, account: Account) -> SeatRosterQuerySet:
        """Rosters that would show a seat of this account: its own and its enterprise's."""
        return self.filter(Q(account=account) | Q(account_id=account.parent_id))


class SeatRoster(models.Model):
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="rosters")
    observed_at = models.DateTimeField()
    is_complete = models.BooleanField(
        help_text="Every page was there: the same total on each, equal to the people listed."
    )
    is_confirmed = models.BooleanField(default=False, help_text="Somebody said it is the whole list.")
    seats = models.PositiveIntegerField()
    file = models.ForeignKey(ReportFile, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    objects = SeatRosterQuerySet.as_manager()

    class Meta:
        ordering = ["account", "-observed_at"]
        constraints = [
            models.UniqueConstraint(fields=["account", "observed_at"], name="seats_roster_once_per_moment"),
            models.CheckConstraint(
                condition=Q(is_complete=True) | Q(is_confirmed=False),
                name="seats_roster_confirmed_only_when_complete",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} at {self.observed_at:%Y-%m-%d %H:%M}"
