"""A person left alone by the policy: why, by whom, until when."""

from __future__ import annotations

from datetime import date

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from seats.models.account import Account
from seats.models.github_user import GitHubUser


class ExemptionQuerySet(models.QuerySet["Exemption"]):
    def in_force(self, day: date) -> ExemptionQuerySet:
        """Exemptions that hold on this UTC day; the day named in `until` is still covered."""
        return self.filter(Q(starts_on__lte=day) & (Q(until=None) | Q(until__gte=day)))


class Exemption(models.Model):
    user = models.ForeignKey(GitHubUser, on_delete=models.CASCADE, related_name="exemptions")
    account = models.ForeignKey(
        Account, null=True, blank=True, on_delete=models.CASCADE, related_name="exemptions",
        help_text="Only seats this account granted; empty: all of the person's seats.",
    )  # fmt: skip
    reason = models.CharField(max_length=500)
    starts_on = models.DateField(default=timezone.localdate)
    until = models.DateField(
        null=True, blank=True, help_text="The last day it holds; empty: until taken back."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ExemptionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gte=models.F("starts_on")),
                name="seats_exemption_ends_after_it_starts",
                violation_error_message="An exemption cannot end before it starts.",
            ),
            models.CheckConstraint(
                condition=~Q(reason=""),
                name="seats_exemption_has_a_reason",
                violation_error_message="Say why.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.reason}"
