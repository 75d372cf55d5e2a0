"""Who was in a team on a day, from the daily user-teams report. Only covered days have a row."""

from __future__ import annotations

from django.db import models
from pyroaring import BitMap

from portal.models import ReportFile
from seats.models import Team


class TeamRoster(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="rosters")
    day = models.DateField()
    members = models.BinaryField(help_text="Bitmap of GitHubUser keys.")
    member_count = models.PositiveIntegerField()
    file = models.ForeignKey(ReportFile, on_delete=models.PROTECT, related_name="+")
    observed_at = models.DateTimeField()

    class Meta:
        ordering = ["team", "-day"]
        constraints = [models.UniqueConstraint(fields=["team", "day"], name="metrics_team_roster_once")]
        indexes = [models.Index(fields=["day"], name="metrics_roster_by_day")]

    def __str__(self) -> str:
        return f"{self.team} on {self.day}"

    @property
    def user_keys(self) -> BitMap:
        return BitMap.deserialize(bytes(self.members))
