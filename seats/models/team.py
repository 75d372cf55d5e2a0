"""Teams, and who is in them today. Who was in them on a past day is metrics' TeamRoster."""

from __future__ import annotations

from django.db import models

from seats.models.account import Account
from seats.models.github_user import GitHubUser


class Team(models.Model):
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="teams")
    github_id = models.BigIntegerField()
    slug = models.CharField(max_length=255, blank=True)
    name = models.CharField(max_length=255, blank=True)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children"
    )
    former_slugs = models.JSONField(default=list, blank=True)
    # The day of the newest sighting of `slug`: an older file never renames a team back.
    slug_seen_on = models.DateField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["account", "slug", "github_id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "github_id"], name="seats_team_once_per_account")
        ]

    def __str__(self) -> str:
        return self.slug or self.name or str(self.github_id)


class TeamMembership(models.Model):
    """Membership as last known: for filters, policies and addressing people, never for past figures."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(GitHubUser, on_delete=models.CASCADE, related_name="memberships")
    seen_on = models.DateField()

    class Meta:
        ordering = ["team", "user"]
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="seats_team_membership_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"
