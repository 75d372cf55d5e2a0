"""What is covered: which file told which account's day. No file is not "no use"."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from portal.models import ReportFile
from seats.models import Account


class ReportDay(models.Model):
    class Report(models.TextChoices):
        USERS = "users", "per-user usage"
        SCOPE = "scope", "account totals"
        USER_TEAMS = "user-teams", "team membership"
        REPOSITORIES = "repositories", "repositories"
        BILLING_AI_USAGE = "billing-ai-usage", "bill of AI usage"
        BILLING_REQUESTS = "billing-requests", "bill of premium requests"
        BILLING_REQUEST_LOG = "billing-request-log", "log of premium requests"
        BILLING_SUMMARIZED = "billing-summarized", "bill, summarized"
        BILLING_DETAILED = "billing-detailed", "bill, detailed"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="report_days")
    report = models.CharField(max_length=20, choices=Report.choices)
    day = models.DateField()
    file = models.ForeignKey(ReportFile, on_delete=models.PROTECT, related_name="report_days")
    observed_at = models.DateTimeField()
    is_complete = models.BooleanField(default=False)
    # The newest complete file about the day: what older ones tell beside it is not so. A newer one that is
    # not complete, which `file` then is, takes nothing of that back.
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(ReportFile, null=True, on_delete=models.PROTECT, related_name="closed_days")

    class Meta:
        ordering = ["account", "report", "-day"]
        constraints = [
            models.UniqueConstraint(fields=["account", "report", "day"], name="metrics_report_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.report} {self.day}"


class DirtyDay(models.Model):
    """A day whose totals must be rebuilt; it shows as updating until then."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    marked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["day"]
        constraints = [models.UniqueConstraint(fields=["account", "day"], name="metrics_dirty_day_once")]

    def __str__(self) -> str:
        return f"{self.account} {self.day}"
