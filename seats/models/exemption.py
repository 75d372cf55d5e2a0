"""Who is left alone by the policy: a person, a team, or whoever a rule fits; why, by whom, until when."""

from __future__ import annotations

import re
from datetime import date

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from seats.models.account import Account
from seats.models.github_user import GitHubUser
from seats.models.policy import AT_MOST_TEN_YEARS
from seats.models.team import Team


class ExemptionQuerySet(models.QuerySet["Exemption"]):
    def in_force(self, day: date) -> ExemptionQuerySet:
        """Exemptions that hold on this UTC day; the day named in `until` is still covered."""
        return self.filter(Q(starts_on__lte=day) & (Q(until=None) | Q(until__gte=day)))


class Exemption(models.Model):
    class Kind(models.TextChoices):
        """What sort of reason it is: for lists and filters."""

        OTHER = "other", "other"
        NEW_STARTER = "new_starter", "new starter"
        LEAVE = "leave", "leave"
        SERVICE_ACCOUNT = "service_account", "service account"

    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.OTHER)
    # Exactly one of these four says whom it is about.
    user = models.ForeignKey(
        GitHubUser, null=True, blank=True, on_delete=models.CASCADE, related_name="exemptions"
    )
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.CASCADE, related_name="exemptions",
        help_text="Whoever is in the team, as last known, or was granted the seat by it.",
    )  # fmt: skip
    login_pattern = models.CharField(
        max_length=100, blank=True, help_text="Whose login fits: svc-* or *-bot, say. A star is any text."
    )
    newcomer_days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=AT_MOST_TEN_YEARS,
        help_text="Whoever was first seen with a seat at most this many days ago.",
    )
    account = models.ForeignKey(
        Account, null=True, blank=True, on_delete=models.CASCADE, related_name="exemptions",
        help_text="Only seats this account granted; empty: all of the person's seats.",
    )  # fmt: skip
    reason = models.CharField(max_length=500)
    owner = models.CharField(
        max_length=150, blank=True, help_text="Who answers for it: a name or an address."
    )
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
            models.CheckConstraint(
                condition=Q(user__isnull=False, team=None, login_pattern="", newcomer_days=None)
                | Q(user=None, team__isnull=False, login_pattern="", newcomer_days=None)
                | (Q(user=None, team=None, newcomer_days=None) & ~Q(login_pattern=""))
                | Q(user=None, team=None, login_pattern="", newcomer_days__isnull=False),
                name="seats_exemption_is_of_one_target",
                violation_error_message="Choose one of person, team, login pattern and newcomer days.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.target}: {self.reason}"

    @property
    def target(self) -> str:
        """Whom it is about, in words."""
        if self.user:
            return str(self.user)
        if self.team:
            return f"team {self.team}"
        if self.login_pattern:
            return f"logins {self.login_pattern}"
        return f"newcomers of {self.newcomer_days} days"

    @property
    def says(self) -> str:
        """Whom it is about, until when, and why."""
        until = f", until {self.until}" if self.until else ""
        return f"{self.target}{until}: {self.reason}"

    @property
    def login_regex(self) -> str:
        """What a lower-cased login must match whole; a star of the pattern is any text."""
        return ".*".join(re.escape(part) for part in self.login_pattern.lower().split("*"))

    def clean(self) -> None:
        self.login_pattern = self.login_pattern.strip()
        if self.login_pattern and not self.login_pattern.strip("*"):
            raise ValidationError(
                {"login_pattern": "This fits everybody. Let a policy report only, if that is what you want."}
            )
