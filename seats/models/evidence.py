"""The newest day each source saw a person alive. It belongs to the person, whichever account saw it."""

from __future__ import annotations

from django.db import models

from seats.models.github_user import GitHubUser


class Evidence(models.Model):
    class Source(models.TextChoices):
        # In this order of preference where several name the same day.
        SEAT = "seat", "seat list"
        USAGE_REPORT = "usage_report", "usage report"
        AI_CREDITS = "ai_credits", "AI credits"
        SIGN_IN = "sign_in", "sign-in"
        ACTIVITY_REPORT = "activity_report", "activity report"

    user = models.ForeignKey(GitHubUser, on_delete=models.CASCADE, related_name="evidence")
    source = models.CharField(max_length=20, choices=Source.choices)
    last_on = models.DateField()

    class Meta:
        verbose_name_plural = "evidence"
        constraints = [
            models.UniqueConstraint(fields=["user", "source"], name="seats_evidence_once_per_source")
        ]

    def __str__(self) -> str:
        return f"{self.source} on {self.last_on}"
