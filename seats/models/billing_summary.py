"""What GitHub itself says of an organization's seats, a row a day: shown beside our own counts."""

from __future__ import annotations

from django.db import models

from seats.models.account import Account


class BillingSummary(models.Model):
    """GitHub's own breakdown. Active and inactive are of the billing cycle and need not add up to all."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="billing_summaries")
    day = models.DateField(help_text="The UTC day on which GitHub said so.")
    observed_at = models.DateTimeField()

    total = models.PositiveIntegerField("seats", null=True, blank=True)
    added_this_cycle = models.PositiveIntegerField(null=True, blank=True)
    pending_cancellation = models.PositiveIntegerField(null=True, blank=True)
    pending_invitation = models.PositiveIntegerField(null=True, blank=True)
    active_this_cycle = models.PositiveIntegerField(null=True, blank=True)
    inactive_this_cycle = models.PositiveIntegerField(null=True, blank=True)

    # Open sets: `unconfigured` and values we never met are kept as GitHub writes them.
    plan_type = models.CharField("plan", max_length=40, blank=True)
    seat_management_setting = models.CharField(max_length=40, blank=True)
    public_code_suggestions = models.CharField(max_length=40, blank=True)
    ide_chat = models.CharField("chat in the IDE", max_length=40, blank=True)
    platform_chat = models.CharField("chat on the platform", max_length=40, blank=True)
    cli = models.CharField("CLI", max_length=40, blank=True)

    class Meta:
        verbose_name_plural = "billing summaries"
        ordering = ["account", "-day"]
        constraints = [
            models.UniqueConstraint(fields=["account", "day"], name="seats_billing_summary_once_per_day")
        ]

    def __str__(self) -> str:
        return f"{self.account} on {self.day}"
