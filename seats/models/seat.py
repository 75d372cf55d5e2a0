"""Who holds a seat: GitHub's own fields, our memory of what GitHub forgets, and the cached verdict."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from portal.models import ReportFile
from seats.models.account import Account
from seats.models.evidence import Evidence
from seats.models.github_user import GitHubUser
from seats.models.listing import Listing
from seats.models.policy import InactivityPolicy
from seats.models.roster import CurrentRoster
from seats.models.team import OrganizationMembership, Team


class PlanType(models.TextChoices):
    BUSINESS = "business", "Business"
    ENTERPRISE = "enterprise", "Enterprise"
    UNKNOWN = "unknown", "unknown"


class Verdict(models.TextChoices):
    """In the order in which the policy asks; see `seats.policy`."""

    PENDING = "pending", "pending cancellation"
    ACTIVE = "active", "active"
    EXEMPT = "exempt", "exempt"
    IN_GRACE = "in_grace", "in grace"
    IDLE = "idle", "idle"
    NEVER_USED = "never_used", "never used"
    UNKNOWN = "unknown", "unknown"


INACTIVE = (Verdict.IDLE, Verdict.NEVER_USED)


class SeatQuerySet(models.QuerySet["Seat"]):
    def held(self) -> SeatQuerySet:
        """Seats somebody holds now. A cancelled seat is held until its cycle ends."""
        return self.filter(ended_at=None)

    def inactive(self) -> SeatQuerySet:
        """Held seats that the policy would take back today."""
        return self.held().filter(verdict__in=INACTIVE)

    def of_family(self, account: Account) -> SeatQuerySet:
        """Seats this account pays for: its own and, for an enterprise, its organizations'."""
        return self.filter(Q(account=account) | Q(account__parent=account))

    def of_people_who_left(self) -> SeatQuerySet:
        """Held seats of people who are not in the organization that granted them.

        Only where its members were read after the seat was first seen: somebody who joined since is not
        in that list yet.
        """
        listed = Listing.objects.filter(
            account=OuterRef("account_id"),
            what=Listing.What.MEMBERS,
            read_at__gt=OuterRef("first_seen_at"),
        )
        belongs = OrganizationMembership.objects.filter(
            account=OuterRef("account_id"), user=OuterRef("user_id")
        )
        return self.held().filter(Exists(listed), ~Exists(belongs))

    def with_listed_at(self) -> SeatQuerySet:
        """Annotates `listed_at`: the newest roster that shows the seat, or showed it again unchanged."""
        standing = CurrentRoster.objects.filter(
            Q(account=OuterRef("account")) | Q(account=OuterRef("account__parent")),
            roster__observed_at=OuterRef("observed_at"),
        )
        newest = standing.values("roster__last_observed_at")[:1]
        return self.annotate(listed_at=Coalesce(Subquery(newest), F("observed_at")))

    def unused_since(self, day: date) -> SeatQuerySet:
        """Seats with evidence, none of it on or after `day`."""
        return self.filter(last_used_on__lt=day)


class Seat(models.Model):
    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, related_name="seats", help_text="The account that granted it."
    )
    user = models.ForeignKey(GitHubUser, on_delete=models.CASCADE, related_name="seats")

    # GitHub's fields, of the newest roster.
    plan_type = models.CharField(
        "plan", max_length=20, default=PlanType.UNKNOWN, help_text="An open set: GitHub may add plans."
    )
    created_at = models.DateTimeField(
        "created",
        null=True,
        blank=True,
        help_text="When access was last granted; empty if no roster said so.",
    )
    last_activity_at = models.DateTimeField(
        "last activity",
        null=True,
        blank=True,
        help_text="The newest GitHub ever told; its null erases nothing.",
    )
    last_activity_editor = models.CharField("editor", max_length=255, blank=True)
    last_authenticated_at = models.DateTimeField("last sign-in", null=True, blank=True)
    pending_cancellation_date = models.DateField(null=True, blank=True)

    # How it was granted, for lists and filters; SeatGrant holds each grant.
    granted_by = models.CharField(max_length=60, blank=True, help_text="Routes, several joined by `;`.")
    assigning_team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="assigned_seats"
    )

    # Our memory.
    first_seen_at = models.DateTimeField(help_text="The earliest file that shows it.")
    last_seen_at = models.DateTimeField(help_text="The newest file that shows it.")
    observed_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="The roster that GitHub's fields are of; empty: known by activity only.",
    )
    file = models.ForeignKey(ReportFile, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    watched_since = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(
        null=True, blank=True, help_text="The first complete roster that no longer shows it."
    )
    last_used_on = models.DateField("last evidence", null=True, blank=True)
    last_used_source = models.CharField("source", max_length=20, choices=Evidence.Source.choices, blank=True)

    # The cached verdict; `seats.verdicts` recomputes it in SQL, `seats.policy` defines it.
    policy = models.ForeignKey(
        InactivityPolicy, null=True, blank=True, on_delete=models.SET_NULL, related_name="seats"
    )
    verdict = models.CharField(max_length=20, choices=Verdict.choices, default=Verdict.UNKNOWN)
    verdict_as_of = models.DateField(null=True, blank=True)

    objects = SeatQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        permissions = [("export_seat", "Can export seats"), ("flag_seat", "Can flag seats for review")]
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], name="seats_seat_one_per_user_per_account"),
            models.CheckConstraint(
                condition=Q(last_seen_at__gte=models.F("first_seen_at")),
                name="seats_seat_seen_in_order",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gt=models.F("last_seen_at")),
                name="seats_seat_ends_after_it_was_last_seen",
            ),
        ]
        indexes = [
            models.Index(fields=["ended_at", "verdict"], name="seats_seat_by_verdict"),
            models.Index(fields=["last_used_on", "id"], name="seats_seat_by_evidence"),
            models.Index(fields=["last_activity_at", "id"], name="seats_seat_by_activity"),
            models.Index(fields=["created_at", "id"], name="seats_seat_by_created"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.account}"


class SeatGrant(models.Model):
    """One way in which a seat is granted. A seat ends when its last grant ends."""

    class Route(models.TextChoices):
        DIRECT = "direct", "directly"
        TEAM = "team", "by a team"
        ENTERPRISE = "enterprise", "by the enterprise"
        ENTERPRISE_TEAM = "enterprise_team", "by an enterprise team"

    seat = models.ForeignKey(Seat, on_delete=models.CASCADE, related_name="grants")
    route = models.CharField(max_length=20, choices=Route.choices)
    assigning_team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.CASCADE, related_name="grants"
    )
    # The team's id, or 0: a NULL would not be unique.
    team_key = models.BigIntegerField(default=0, editable=False)
    plan_type = models.CharField(max_length=20, default=PlanType.UNKNOWN)
    created_at = models.DateTimeField(null=True, blank=True)
    pending_cancellation_date = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["seat", "route", "team_key"]
        constraints = [
            models.UniqueConstraint(fields=["seat", "route", "team_key"], name="seats_grant_once_per_route")
        ]

    def __str__(self) -> str:
        return f"{self.get_route_display()} {self.assigning_team or ''}".strip()


class SeatObservation(models.Model):
    """The seat as rosters showed it from this moment until the next row: any past day can be asked."""

    seat = models.ForeignKey(Seat, on_delete=models.CASCADE, related_name="observations")
    observed_at = models.DateTimeField()
    is_present = models.BooleanField(default=True)
    state = models.JSONField(default=dict, help_text="GitHub's fields as they stood; empty when absent.")

    class Meta:
        ordering = ["seat", "observed_at"]
        constraints = [
            models.UniqueConstraint(fields=["seat", "observed_at"], name="seats_observation_once_per_moment")
        ]

    def __str__(self) -> str:
        return f"{self.observed_at:%Y-%m-%d %H:%M}"


class SeatDay(models.Model):
    """How many seats an account held on a day, by plan and verdict."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="seat_days")
    day = models.DateField()
    plan_type = models.CharField(max_length=20)
    verdict = models.CharField(max_length=20, choices=Verdict.choices)
    seats = models.PositiveIntegerField()
    recorded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["account", "day"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "day", "plan_type", "verdict"], name="seats_day_once_per_plan_and_verdict"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.day}"
