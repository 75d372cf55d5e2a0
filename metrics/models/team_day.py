"""A team's day by the as-of-day join, and the bitmaps behind every distinct count.

`team_key` is the team's key, 0 for the whole account and -1 for its people in no team that day: a
NULL would not be unique.
"""

from __future__ import annotations

from django.db import models
from pyroaring import BitMap

from metrics.models.counters import Counters
from seats.models import Account, Team

WHOLE_ACCOUNT = 0
UNATTRIBUTED = -1
# What stands in a team's place for those.
NO_TEAM = "(unattributed)"


class TeamDay(Counters):
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="team_days")
    team_key = models.BigIntegerField()
    day = models.DateField()
    member_count = models.PositiveIntegerField(null=True)
    active_users = models.PositiveIntegerField()
    ai_credits_used = models.DecimalField(max_digits=24, decimal_places=9, null=True)
    # Its people's breakdowns added up, as in a ScopeDay computed from people.
    blob = models.BinaryField(null=True)

    class Meta:
        ordering = ["-day", "team_key"]
        constraints = [
            models.UniqueConstraint(fields=["account", "team_key", "day"], name="metrics_team_day_once")
        ]
        indexes = [models.Index(fields=["account", "day"], name="metrics_team_day_by_day")]

    def __str__(self) -> str:
        return f"{self.team or NO_TEAM} on {self.day}"


class DayUsers(models.Model):
    """The set of people who did something on a day, for an account or one of its teams.

    Teams have the kinds of `TEAM_KINDS` alone: who of a team did anything else is the account's set and
    the team's own, taken together.

    In the set of a feature, editor, language or model is who has an entry of it with a counter above 0; of a
    client (editor, version, plugin, its version), who was last seen with it. Names are folded.
    """

    class Kind(models.TextChoices):
        ACTIVE = "active", "any line that day"
        CHAT = "chat", "used chat"
        AGENT = "agent", "used an agent"
        CLI = "cli", "used the CLI"
        CLOUD_AGENT = "cloud_agent", "used the cloud agent"
        APP = "app", "used the Copilot app"
        VSCODE_AGENT = "vscode_agent", "used an agent of VS Code"
        CODE_REVIEW_ACTIVE = "code_review_active", "asked for a code review"
        CODE_REVIEW_PASSIVE = "code_review_passive", "was reviewed unasked"

    TEAM_KINDS = (Kind.ACTIVE, Kind.CHAT, Kind.AGENT, Kind.CLI)

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    team_key = models.BigIntegerField()
    day = models.DateField()
    kind = models.CharField(
        max_length=255,
        help_text="One of the flags, or what was used: `feature:`, `ide:`, `language:`, `model:`, `phase:` "
        "or `client:` and its name.",
    )
    users = models.BinaryField(help_text="Bitmap of GitHubUser keys.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "team_key", "kind", "day"], name="metrics_day_users_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.day}"

    @property
    def user_keys(self) -> BitMap:
        return BitMap.deserialize(bytes(self.users))
