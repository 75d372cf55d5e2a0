"""When a seat counts as inactive: for everybody, an enterprise, an organization or a team; nearest wins."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from seats.models.account import Account
from seats.models.team import Team


class InactivityPolicy(models.Model):
    class Mode(models.TextChoices):
        REPORT_ONLY = "report_only", "report only"
        PROPOSE = "propose", "propose"

    # "all", "account:3" or "team:7": one policy per scope, unique without a NULL.
    scope_key = models.CharField(max_length=40, unique=True, editable=False)
    account = models.ForeignKey(
        Account, null=True, blank=True, on_delete=models.CASCADE, related_name="policies",
        help_text="An organization or enterprise. Empty, and no team: everybody.",
    )  # fmt: skip
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="policies")
    idle_days = models.PositiveSmallIntegerField(
        default=30, help_text="Inactive when the newest evidence of use is more than this many days old."
    )
    grace_days = models.PositiveSmallIntegerField(
        default=14, help_text="A seat granted at most this many days ago is left alone."
    )
    notice_days = models.PositiveSmallIntegerField(
        default=7, help_text="Days between telling the person and asking for approval."
    )
    sign_in_counts = models.BooleanField(
        default=False, help_text="A sign-in to Copilot counts as evidence of use."
    )
    max_seats_per_run = models.PositiveIntegerField(default=50)
    max_percent_per_run = models.PositiveSmallIntegerField(default=10)
    mode = models.CharField(max_length=20, choices=Mode.choices, default=Mode.REPORT_ONLY)
    changed_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "inactivity policies"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(account=None) | Q(team=None),
                name="seats_policy_has_one_scope",
                violation_error_message="Choose an account or a team, not both.",
            ),
            models.CheckConstraint(
                condition=Q(idle_days__gte=1),
                name="seats_policy_waits_a_day_or_more",
                violation_error_message="Idle days must be at least 1.",
            ),
            models.CheckConstraint(
                condition=Q(max_percent_per_run__gte=0, max_percent_per_run__lte=100),
                name="seats_policy_percent_is_a_percentage",
                violation_error_message="A percentage lies between 0 and 100.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope_label}: {self.idle_days} days"

    @property
    def scope_label(self) -> str:
        if self.team:
            return f"team {self.team}"
        return str(self.account) if self.account else "everybody"

    def own_scope_key(self) -> str:
        if self.team_id:
            return f"team:{self.team_id}"
        return f"account:{self.account_id}" if self.account_id else "all"

    def clean(self) -> None:
        taken = InactivityPolicy.objects.filter(scope_key=self.own_scope_key()).exclude(pk=self.pk)
        if taken.exists():
            raise ValidationError("There is a policy for this scope already: edit that one.")

    def save(self, *args, **kwargs) -> None:  # type: ignore[no-untyped-def]
        self.scope_key = self.own_scope_key()
        self.changed_at = timezone.now()
        super().save(*args, **kwargs)
