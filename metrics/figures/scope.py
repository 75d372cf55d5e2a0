"""Whose figures: an account's, or those of one of its teams."""

from __future__ import annotations

from dataclasses import dataclass

from metrics.models.team_day import WHOLE_ACCOUNT
from seats.models import Account, Team


@dataclass(frozen=True, slots=True)
class Scope:
    account: Account
    team: Team | None = None

    @property
    def team_key(self) -> int:
        """As TeamDay and DayUsers have it."""
        return WHOLE_ACCOUNT if self.team is None else self.team.pk

    @property
    def label(self) -> str:
        return self.account.label if self.team is None else f"{self.team.slug} of {self.account.label}"
