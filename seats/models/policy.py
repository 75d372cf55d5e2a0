"""When a seat counts as inactive: for everybody, an enterprise, an organization or a team; nearest wins."""

from __future__ import annotations

from datetime import date

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from seats.models.account import Account
from seats.models.team import Team
from seats.models.working_calendar import WorkingCalendar

# The first day of a policy that has always held.
FROM_EVER = date(2000, 1, 1)
# Ten years: any number of days a policy waits can be counted back from any day.
MOST_DAYS = 3650
AT_MOST_TEN_YEARS = (MaxValueValidator(MOST_DAYS),)


class InactivityPolicyQuerySet(models.QuerySet["InactivityPolicy"]):
    def in_force(self, day: date) -> InactivityPolicyQuerySet:
        """Policies that hold on this UTC day; of several of one scope the one that started last wins."""
        return self.filter(Q(starts_on__lte=day) & (Q(ends_on=None) | Q(ends_on__gte=day)))

    def deciding(self, day: date) -> list[InactivityPolicy]:
        """Of each scope the one that holds on this UTC day: of those in force the one that started last."""
        held = self.in_force(day).select_related("account", "team__account").order_by("starts_on", "pk")
        return list({policy.scope_key: policy for policy in held}.values())


class InactivityPolicy(models.Model):
    class Mode(models.TextChoices):
        REPORT_ONLY = "report_only", "report only"
        PROPOSE = "propose", "propose"
        AUTOMATIC = "automatic", "automatic"

    # "all", "account:3" or "team:7": one policy per scope and first day, unique without a NULL.
    scope_key = models.CharField(max_length=40, editable=False)
    account = models.ForeignKey(
        Account, null=True, blank=True, on_delete=models.CASCADE, related_name="policies",
        help_text="An organization or enterprise. Empty, and no team: everybody.",
    )  # fmt: skip
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="policies")
    idle_days = models.PositiveSmallIntegerField(
        default=30,
        validators=AT_MOST_TEN_YEARS,
        help_text="Inactive when the newest evidence of use is more than this many days old.",
    )
    grace_days = models.PositiveSmallIntegerField(
        default=14,
        validators=AT_MOST_TEN_YEARS,
        help_text="A seat granted at most this many days ago is left alone.",
    )
    notice_days = models.PositiveSmallIntegerField(
        default=7,
        validators=AT_MOST_TEN_YEARS,
        help_text="Days between telling the person and asking for approval.",
    )
    sign_in_counts = models.BooleanField(
        default=False, help_text="A sign-in to Copilot counts as evidence of use."
    )
    working_calendar = models.ForeignKey(
        WorkingCalendar, null=True, blank=True, on_delete=models.SET_NULL, related_name="policies",
        help_text="Notice days are its working days, and seats are taken back on these alone. "
        "Empty: every day counts.",
    )  # fmt: skip
    keep_days = models.PositiveSmallIntegerField(
        default=90,
        validators=AT_MOST_TEN_YEARS,
        help_text="How long a seat is left alone that somebody decided to keep.",
    )
    min_watched_days = models.PositiveSmallIntegerField(
        default=7,
        validators=AT_MOST_TEN_YEARS,
        help_text="No seat is taken back that we have not watched, without a gap, for this long.",
    )
    needs_usage_reports = models.BooleanField(
        default=True,
        help_text="Take no seat back unless usage reports of the account have come within three days.",
    )
    max_seats_per_run = models.PositiveIntegerField(default=50, help_text="Beyond it a run takes none back.")
    max_percent_per_run = models.PositiveSmallIntegerField(
        default=10, help_text="Of the account's seats. The lower of the two holds."
    )
    max_seats_per_day = models.PositiveIntegerField(
        default=200, help_text="Of one account, in all runs of a UTC day together."
    )
    max_percent_per_day = models.PositiveSmallIntegerField(
        default=20, help_text="Of the account's seats. The lower of the two holds."
    )
    max_idle_jump = models.PositiveSmallIntegerField(
        "largest jump of the idle share",
        default=10,
        help_text="In percentage points since the day before; beyond it something else is wrong.",
    )
    confirm_above = models.PositiveIntegerField(
        default=10, help_text="Whoever approves more seats than this types their number."
    )
    needs_second_person = models.BooleanField(
        default=False, help_text="Two people approve, neither of them the one who proposed."
    )
    mode = models.CharField(max_length=20, choices=Mode.choices, default=Mode.REPORT_ONLY)
    starts_on = models.DateField(default=FROM_EVER, help_text="The first day it holds.")
    ends_on = models.DateField(
        null=True, blank=True, help_text="The last day it holds; empty: until it is changed."
    )
    changed_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = InactivityPolicyQuerySet.as_manager()

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
            models.CheckConstraint(
                condition=Q(max_percent_per_day__gte=0, max_percent_per_day__lte=100),
                name="seats_policy_daily_percent_is_a_percentage",
                violation_error_message="A percentage lies between 0 and 100.",
            ),
            models.CheckConstraint(
                condition=Q(max_idle_jump__gte=0, max_idle_jump__lte=100),
                name="seats_policy_jump_is_in_percentage_points",
                violation_error_message="Percentage points lie between 0 and 100.",
            ),
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")),
                name="seats_policy_ends_after_it_starts",
                violation_error_message="A policy cannot end before it starts.",
            ),
            models.CheckConstraint(
                condition=~Q(scope_key="all", starts_on=FROM_EVER) | Q(ends_on=None),
                name="seats_policy_of_last_resort_never_ends",
                violation_error_message="This policy holds where no other does: it cannot end.",
            ),
            models.UniqueConstraint(fields=["scope_key", "starts_on"], name="seats_policy_once_per_day"),
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

    @property
    def is_last_resort(self) -> bool:
        """Whether it holds where no other does: for everybody, from ever; else seats might have none."""
        return self.own_scope_key() == "all" and self.starts_on == FROM_EVER

    def clean(self) -> None:
        was = InactivityPolicy.objects.filter(pk=self.pk).first()
        if was is not None and was.is_last_resort and not self.is_last_resort:
            raise ValidationError(
                "This policy holds where no other does: it stays for everybody, from the first day on. "
                "Add another one for whatever is to differ."
            )
        same = InactivityPolicy.objects.filter(scope_key=self.own_scope_key(), starts_on=self.starts_on)
        if same.exclude(pk=self.pk).exists():
            raise ValidationError("There is a policy for this scope from this day already: edit that one.")

    def save(self, *args, **kwargs) -> None:  # type: ignore[no-untyped-def]
        self.scope_key = self.own_scope_key()
        self.changed_at = timezone.now()
        super().save(*args, **kwargs)
