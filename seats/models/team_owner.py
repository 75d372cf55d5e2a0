"""Who answers for a team, kept by hand: maintainers at GitHub are often none, or everybody."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from seats.models.github_user import GitHubUser
from seats.models.team import Team


class TeamOwner(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="owners")
    person = models.CharField(max_length=254, help_text="A login at GitHub or a mail address.")
    # "user:7", or "login:ann" and "mail:ann@example.com" until somebody known bears it.
    person_key = models.CharField(max_length=300, editable=False)
    user = models.ForeignKey(
        GitHubUser, null=True, blank=True, on_delete=models.CASCADE, related_name="owned_teams"
    )
    note = models.CharField(max_length=500, blank=True, help_text="What for: budget, say, or holidays.")

    class Meta:
        ordering = ["team", "person_key"]
        constraints = [
            models.UniqueConstraint(fields=["team", "person_key"], name="seats_team_owner_once"),
            models.CheckConstraint(condition=~Q(person=""), name="seats_team_owner_is_somebody"),
        ]

    def __str__(self) -> str:
        return f"{self.shown_person} for {self.team}"

    @property
    def shown_person(self) -> str:
        return self.user.login if self.user else self.person

    def own_person_key(self) -> str:
        if self.user_id:
            return f"user:{self.user_id}"
        return f"{'mail' if '@' in self.person else 'login'}:{self.person.lower()}"

    def keep_keys(self) -> None:
        """What follows from the rest, for whoever writes rows without `save`."""
        self.person_key = self.own_person_key()

    def clean(self) -> None:
        if not self.team_id:
            return
        same = TeamOwner.objects.filter(team_id=self.team_id, person_key=self.own_person_key())
        if same.exclude(pk=self.pk).exists():
            raise ValidationError({"person": "This person answers for the team already."})

    def save(self, *args, **kwargs) -> None:  # type: ignore[no-untyped-def]
        self.keep_keys()
        super().save(*args, **kwargs)
