"""Teams, and who is in them today. Who was in them on a past day is metrics' TeamRoster."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from seats.models.account import Account
from seats.models.github_user import GitHubUser


class TeamQuerySet(models.QuerySet["Team"]):
    def existing(self) -> TeamQuerySet:
        """Teams that GitHub has not stopped listing."""
        return self.filter(gone_at=None)


class Team(models.Model):
    class Kind(models.TextChoices):
        ORGANIZATION = "organization", "of an organization"
        ENTERPRISE = "enterprise", "of an enterprise"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="teams")
    github_id = models.BigIntegerField()
    kind = models.CharField(
        max_length=20, choices=Kind.choices, blank=True, help_text="Empty until GitHub's list of teams told."
    )
    slug = models.CharField(max_length=255, blank=True)
    name = models.CharField(max_length=255, blank=True)
    description = models.TextField(blank=True)
    privacy = models.CharField(
        max_length=40, blank=True, help_text="An open set: GitHub writes `closed` for visible, and `secret`."
    )
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children"
    )
    former_slugs = models.JSONField(default=list, blank=True)
    # The day of the newest sighting of `slug`: an older file never renames a team back.
    slug_seen_on = models.DateField(null=True, blank=True, editable=False)
    listed_at = models.DateTimeField(
        null=True, blank=True, help_text="The first list of teams that showed it; empty: met by reports only."
    )
    gone_at = models.DateTimeField(
        null=True, blank=True, help_text="The first list of teams that no longer shows it."
    )
    members_read_at = models.DateTimeField(
        null=True, blank=True, help_text="When the list of its members was last read whole."
    )
    # An empty list where there were members: believed when it is still empty an hour later.
    members_empty_since = models.DateTimeField(null=True, blank=True, editable=False)

    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering = ["account", "slug", "github_id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "github_id"], name="seats_team_once_per_account")
        ]

    def __str__(self) -> str:
        return self.slug or self.name or str(self.github_id)


class TeamMembership(models.Model):
    """Membership as last known: for filters, policies and addressing people, never for past figures."""

    class Role(models.TextChoices):
        MEMBER = "member", "member"
        MAINTAINER = "maintainer", "maintainer"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(GitHubUser, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(
        max_length=20, choices=Role.choices, default=Role.MEMBER, help_text="Reports of usage tell none."
    )
    is_inherited = models.BooleanField(
        "by a child team", default=False, help_text="In a team below this one, and so in this one."
    )
    seen_on = models.DateField()

    class Meta:
        ordering = ["team", "user"]
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="seats_team_membership_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"


class OrganizationMembership(models.Model):
    """Who belongs to an organization today: whoever holds a seat and is not here has left."""

    class Role(models.TextChoices):
        MEMBER = "member", "member"
        ADMIN = "admin", "owner"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(GitHubUser, on_delete=models.CASCADE, related_name="organization_memberships")
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.MEMBER)
    first_seen_at = models.DateTimeField(default=timezone.now, help_text="The first list that shows it.")

    class Meta:
        ordering = ["account", "user"]
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], name="seats_organization_membership_once")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.account}"
