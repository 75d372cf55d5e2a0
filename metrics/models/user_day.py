"""What a person did on a day, as one account's report tells it."""

from __future__ import annotations

from datetime import date

from django.db import models

from metrics.models.counters import Counters
from portal.models import ReportFile
from seats.models import Account, GitHubUser


class UserDayQuerySet(models.QuerySet["UserDay"]):
    def between(self, first: date | None, last: date | None) -> UserDayQuerySet:
        """Days from `first` to `last`, both included; None leaves that end open."""
        days = self
        if first is not None:
            days = days.filter(day__gte=first)
        if last is not None:
            days = days.filter(day__lte=last)
        return days


class UserDay(Counters):
    # The constraint's index begins with the account.
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(GitHubUser, on_delete=models.CASCADE, related_name="user_days")
    day = models.DateField()

    # GitHub's flags; NULL where the line does not say.
    used_agent = models.BooleanField(null=True)
    used_chat = models.BooleanField(null=True)
    used_cli = models.BooleanField(null=True)
    used_copilot_cloud_agent = models.BooleanField(
        null=True, help_text="Also sent as `used_copilot_coding_agent`."
    )
    used_copilot_app = models.BooleanField(null=True)
    used_vscode_agent = models.BooleanField(null=True)
    used_copilot_code_review_active = models.BooleanField(null=True)
    used_copilot_code_review_passive = models.BooleanField(null=True)
    ai_credits_used = models.DecimalField(max_digits=18, decimal_places=9, null=True)
    phase_number = models.SmallIntegerField(null=True, help_text="GitHub's AI adoption phase, 0 to 3.")

    only_passive_review = models.BooleanField(
        default=False,
        help_text="Nothing but a review Copilot did unasked: no evidence that somebody is alive.",
    )

    # Which file said so, and as of when: the higher moment wins, ties by the file's sha256.
    file = models.ForeignKey(ReportFile, on_delete=models.PROTECT, related_name="+")
    observed_at = models.DateTimeField()
    content_hash = models.BinaryField(max_length=16)
    # Of the line's very text: what has been taken in once is not read again. NULL in a wrapper.
    line_hash = models.BinaryField(max_length=16, null=True)
    # Every key of the line that is not a column, unknown ones too; see metrics.breakdowns.
    blob = models.BinaryField()

    objects = UserDayQuerySet.as_manager()

    class Meta:
        ordering = ["-day", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "user", "day"], name="metrics_user_day_once")
        ]
        indexes = [models.Index(fields=["account", "day"], name="metrics_user_day_by_day")]

    def __str__(self) -> str:
        return f"{self.user} on {self.day}"
