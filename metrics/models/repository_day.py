"""A repository's day, from the report of repositories with Copilot activity."""

from __future__ import annotations

from django.db import models

from portal.models import ReportFile
from seats.models import Account

PULL_REQUEST_COUNTERS = (
    "total_created",
    "total_reviewed",
    "total_merged",
    "total_suggestions",
    "total_applied_suggestions",
    "total_created_by_copilot",
    "total_reviewed_by_copilot",
    "total_merged_created_by_copilot",
    "total_merged_reviewed_by_copilot",
    "total_copilot_suggestions",
    "total_copilot_applied_suggestions",
)


class RepositoryDay(models.Model):
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="repository_days")
    repo_id = models.BigIntegerField("repository id", help_text="GitHub's number: names change.")
    day = models.DateField()
    repo_owner_name = models.CharField("owner", max_length=255, blank=True)
    repo_name = models.CharField("repository", max_length=255, blank=True, db_index=True)
    repo_visibility = models.CharField("visibility", max_length=255, blank=True)

    # Of the day's pull requests; NULL where the line does not say. Comment types, medians and review
    # times are in the blob.
    total_created = models.BigIntegerField("created", null=True)
    total_reviewed = models.BigIntegerField("reviewed", null=True)
    total_merged = models.BigIntegerField("merged", null=True)
    total_suggestions = models.BigIntegerField("suggestions", null=True)
    total_applied_suggestions = models.BigIntegerField("applied suggestions", null=True)
    total_created_by_copilot = models.BigIntegerField("created by Copilot", null=True)
    total_reviewed_by_copilot = models.BigIntegerField("reviewed by Copilot", null=True)
    total_merged_created_by_copilot = models.BigIntegerField("merged, created by Copilot", null=True)
    total_merged_reviewed_by_copilot = models.BigIntegerField("merged, reviewed by Copilot", null=True)
    total_copilot_suggestions = models.BigIntegerField("Copilot's suggestions", null=True)
    total_copilot_applied_suggestions = models.BigIntegerField("Copilot's applied suggestions", null=True)

    file = models.ForeignKey(ReportFile, on_delete=models.PROTECT, related_name="+")
    observed_at = models.DateTimeField()
    content_hash = models.BinaryField(max_length=16)
    blob = models.BinaryField()

    class Meta:
        ordering = ["-day", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "repo_id", "day"], name="metrics_repository_day_once")
        ]
        indexes = [
            models.Index(fields=["-day", "-id"], name="metrics_repo_day_newest"),
            models.Index(fields=["account", "-day", "-id"], name="metrics_repo_day_by_account"),
        ]

    def __str__(self) -> str:
        return f"{self.full_name} on {self.day}"

    @property
    def full_name(self) -> str:
        """As GitHub called it that day; by number where the line names none."""
        if not self.repo_name:
            return f"repository {self.repo_id}"
        return f"{self.repo_owner_name}/{self.repo_name}" if self.repo_owner_name else self.repo_name
