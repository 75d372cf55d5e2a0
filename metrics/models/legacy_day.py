"""A day of one of the two older systems, kept apart from the days of today's reports.

They counted other things (completions only, people with any telemetry as active), so none of it is ever
added to a UserDay or ScopeDay, or shown in one series with them.
"""

from __future__ import annotations

from django.db import models

from portal.models import ReportFile
from seats.models import Account

# Names as `copilot/metrics` has them; `copilot/usage` calls some of them otherwise.
LEGACY_TOTALS = (
    "total_active_users",
    "total_engaged_users",
    "total_code_suggestions",
    "total_code_acceptances",
    "total_code_lines_suggested",
    "total_code_lines_accepted",
    "total_chats",
    "total_chat_insertion_events",
    "total_chat_copy_events",
    "total_chat_acceptances",
    "total_chat_users",
    "total_dotcom_chats",
    "total_pr_summaries_created",
)


class LegacyDay(models.Model):
    class Api(models.TextChoices):
        METRICS = "metrics", "copilot/metrics"
        USAGE = "usage", "copilot/usage"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="legacy_days")
    team_slug = models.CharField(
        "team", max_length=255, blank=True, help_text="Lower-cased; empty for the whole account."
    )
    api = models.CharField("system", max_length=10, choices=Api.choices)
    day = models.DateField()

    total_active_users = models.PositiveIntegerField("active users", null=True)
    total_engaged_users = models.PositiveIntegerField(
        "engaged users", null=True, help_text="Who accepted or used a feature; only the metrics API has it."
    )
    # BigInteger: sums over editors, models and languages.
    total_code_suggestions = models.BigIntegerField("suggestions", null=True)
    total_code_acceptances = models.BigIntegerField("acceptances", null=True)
    total_code_lines_suggested = models.BigIntegerField("lines suggested", null=True)
    total_code_lines_accepted = models.BigIntegerField("lines accepted", null=True)
    total_chats = models.BigIntegerField("chats", null=True, help_text="In editors; `total_chat_turns`, too.")
    total_chat_insertion_events = models.BigIntegerField("chat insertions", null=True)
    total_chat_copy_events = models.BigIntegerField("chat copies", null=True)
    total_chat_acceptances = models.BigIntegerField(
        "chat acceptances", null=True, help_text="Only the usage API has it."
    )
    total_chat_users = models.PositiveIntegerField(
        "chat users", null=True, help_text="Engaged in editor chat; `total_active_chat_users`, too."
    )
    total_dotcom_chats = models.BigIntegerField("chats on github.com", null=True)
    total_pr_summaries_created = models.BigIntegerField("pull request summaries", null=True)

    file = models.ForeignKey(ReportFile, on_delete=models.PROTECT, related_name="+")
    observed_at = models.DateTimeField()
    content_hash = models.BinaryField(max_length=16)
    # The document but for its day; see metrics.breakdowns.
    blob = models.BinaryField()

    class Meta:
        ordering = ["-day", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "team_slug", "api", "day"], name="metrics_legacy_day_once"
            )
        ]
        indexes = [
            models.Index(fields=["-day", "-id"], name="metrics_legacy_day_newest"),
            models.Index(fields=["account", "-day", "-id"], name="metrics_legacy_by_account"),
            models.Index(fields=["team_slug", "-day", "-id"], name="metrics_legacy_by_team"),
        ]

    def __str__(self) -> str:
        return f"{self.team_slug or self.account} on {self.day}"
