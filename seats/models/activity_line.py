"""What an activity report said of a login at its `report_time`: the history GitHub forgets."""

from __future__ import annotations

from django.db import models

from portal.models import ReportFile
from seats.models.account import Account
from seats.models.github_user import GitHubUser


class ActivityLineQuerySet(models.QuerySet["ActivityLine"]):
    def newest_first(self) -> ActivityLineQuerySet:
        """Of several lines of one person and moment, under logins old and new, the one of the latest use."""
        latest_use = models.F("last_activity_at").desc(nulls_last=True)
        return self.order_by("-report_time", latest_use, "-login_key", "-account_id")


class ActivityLine(models.Model):
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="activity_lines")
    login = models.CharField(max_length=255)
    login_key = models.CharField(max_length=255)
    report_time = models.DateTimeField()
    user = models.ForeignKey(
        GitHubUser,
        on_delete=models.CASCADE,
        related_name="activity_lines",
        help_text="Who held the login at that time, as far as is known today.",
    )
    last_authenticated_at = models.DateTimeField(null=True, blank=True)
    last_activity_at = models.DateTimeField(null=True, blank=True)
    last_surface_used = models.CharField(max_length=255, blank=True)
    file = models.ForeignKey(ReportFile, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = ActivityLineQuerySet.as_manager()

    class Meta:
        ordering = ["account", "login_key", "-report_time"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "login_key", "report_time"], name="seats_activity_line_once_per_report"
            )
        ]
        indexes = [models.Index(fields=["login_key", "report_time"], name="seats_activity_by_login")]

    def __str__(self) -> str:
        return f"{self.login} at {self.report_time:%Y-%m-%d %H:%M}"
