"""Reports that GitHub said it does not have, so that it is not asked for them every day anew."""

from __future__ import annotations

from datetime import date, datetime

from django.db import models

from seats.models import Account


class AskedDay(models.Model):
    """That an account's report of a day was asked for, and there was none, or it was refused.

    That there is none stands once it is said of a settled day; before that the report may still come. A
    refusal stands for some days: somebody may give the permission that was missing.
    """

    class Answer(models.TextChoices):
        NONE = "none", "no report"
        REFUSED = "refused", "refused"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    # A ReportDay.Report; or the name of a report over 28 days, of which `day` is when it was asked for.
    report = models.CharField(max_length=40)
    day = models.DateField()
    asked_at = models.DateTimeField()
    answer = models.CharField(max_length=20, choices=Answer.choices, default=Answer.NONE)

    class Meta:
        ordering = ["account", "report", "-day"]
        constraints = [
            models.UniqueConstraint(fields=["account", "report", "day"], name="metrics_asked_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.report} {self.day}"

    @classmethod
    def remember(
        cls, account: Account, report: str, day: date, at: datetime, answer: str = Answer.NONE
    ) -> None:
        """Write down what GitHub answered at this moment."""
        cls._default_manager.update_or_create(
            account=account, report=report, day=day, defaults={"asked_at": at, "answer": answer}
        )
