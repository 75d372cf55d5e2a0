"""When a list that GitHub keeps of an account was last read to its end."""

from __future__ import annotations

from django.db import models

from seats.models.account import Account


class Listing(models.Model):
    """Read whole at `read_at`: whoever it did not show was not there."""

    class What(models.TextChoices):
        MEMBERS = "members", "members"
        TEAMS = "teams", "teams"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="listings")
    what = models.CharField(max_length=20, choices=What.choices)
    read_at = models.DateTimeField(null=True, blank=True)
    rows = models.PositiveIntegerField(default=0)
    # An empty list where there was something: believed when it is still empty an hour later.
    empty_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["account", "what"]
        constraints = [
            models.UniqueConstraint(fields=["account", "what"], name="seats_listing_once_per_account")
        ]

    def __str__(self) -> str:
        return f"{self.what} of {self.account}"
