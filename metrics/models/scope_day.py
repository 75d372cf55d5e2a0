"""An account's day: as GitHub totals it, and as its people add up."""

from __future__ import annotations

from django.db import models

from metrics.models.counters import Counters
from portal.models import ReportFile
from seats.models import Account


class ScopeDay(Counters):
    class Source(models.TextChoices):
        REPORT = "report", "the account's own report"
        USERS = "users", "computed from its people"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="scope_days")
    day = models.DateField()
    source = models.CharField(max_length=10, choices=Source.choices)
    daily_active_users = models.PositiveIntegerField(null=True)
    weekly_active_users = models.PositiveIntegerField(null=True, help_text="Only as reported.")
    monthly_active_users = models.PositiveIntegerField(null=True, help_text="Only as reported.")
    monthly_active_chat_users = models.PositiveIntegerField(null=True)
    monthly_active_agent_users = models.PositiveIntegerField(null=True)
    daily_active_cli_users = models.PositiveIntegerField(null=True)

    # Only as computed from people: GitHub's own totals do not tell.
    ai_credits_used = models.DecimalField(max_digits=24, decimal_places=9, null=True)

    file = models.ForeignKey(ReportFile, null=True, on_delete=models.PROTECT, related_name="+")
    observed_at = models.DateTimeField(null=True)
    content_hash = models.BinaryField(max_length=16, null=True)
    # What is not a column: GitHub's record, or in its layout the breakdowns of the account's people added
    # up, with `user_days_by_language_ide` and `unreadable_user_days` of ours; see metrics.breakdowns.
    blob = models.BinaryField(null=True)

    class Meta:
        ordering = ["-day", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "day", "source"], name="metrics_scope_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.account} on {self.day}"
