"""What a later file changed of a value that was stored before: which, from what, to what, and when."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from portal.models import ReportFile
from seats.models import Account, GitHubUser


class Restatement(models.Model):
    """One field of one row; or, of a file that changes very many, one field of all of a day's further rows.

    Kept for as long as the settings say. The person, the repository or the team it is about is named by
    what is NULL or empty otherwise.
    """

    class What(models.TextChoices):
        PERSON = "person", "a person's day"
        ACCOUNT = "account", "the account's total"
        REPOSITORY = "repository", "a repository's day"
        TEAM = "team", "a team's members"
        OLDER = "older", "a day of an older system"
        MANY = "many", "further rows of the day, added up"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    report = models.CharField(max_length=20)
    day = models.DateField()
    what = models.CharField("of", max_length=20, choices=What.choices)
    user = models.ForeignKey(
        GitHubUser, null=True, on_delete=models.CASCADE, related_name="+", verbose_name="person"
    )
    name = models.CharField(max_length=255, blank=True, help_text="The repository or the team.")
    field = models.CharField(max_length=80)
    before = models.CharField("from", max_length=80, blank=True, help_text="Empty: not told.")
    after = models.CharField("to", max_length=80, blank=True, help_text="Empty: not told.")
    rows = models.PositiveIntegerField(default=1, help_text="How many rows it is of.")
    noticed_at = models.DateTimeField("noticed", default=timezone.now)
    old_file = models.ForeignKey(ReportFile, null=True, on_delete=models.SET_NULL, related_name="+")
    new_file = models.ForeignKey(ReportFile, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["account", "day"], name="metrics_restated_by_day"),
            models.Index(fields=["noticed_at"], name="metrics_restated_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.field} on {self.day}"
