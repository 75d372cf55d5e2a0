"""What people did in the 28 days that end with their account's newest covered day: one row a person.

Rebuilt with the days, so that a list of a hundred thousand people is read as it is sorted, not added up.
"""

from __future__ import annotations

from django.db import models

from metrics.models.counters import Counters
from seats.models import Account, GitHubUser


class UserWindow(Counters):
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(GitHubUser, on_delete=models.CASCADE, related_name="+")
    first_day = models.DateField(help_text="The first day in it with a line of this person.")
    last_day = models.DateField(help_text="The newest day in it with a line of this person.")
    active_days = models.PositiveIntegerField()
    chat_days = models.PositiveIntegerField()
    agent_days = models.PositiveIntegerField()
    cli_days = models.PositiveIntegerField()
    ai_credits_used = models.DecimalField(max_digits=20, decimal_places=9, null=True)
    phase_number = models.SmallIntegerField(null=True, help_text="As of the newest day that tells it.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "user"], name="metrics_user_window_once")]
        indexes = [
            models.Index(
                fields=["account", "user_initiated_interaction_count"], name="metrics_window_by_use"
            ),
            models.Index(fields=["account", "active_days"], name="metrics_window_by_days"),
            models.Index(fields=["account", "last_day"], name="metrics_window_by_last"),
        ]

    def __str__(self) -> str:
        return f"{self.user} up to {self.last_day}"


class WindowEnd(models.Model):
    """The day with which an account's windows end; NULL, or no row: they are not up to date."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="+")
    day = models.DateField(null=True)

    def __str__(self) -> str:
        return f"{self.account} up to {self.day}"
