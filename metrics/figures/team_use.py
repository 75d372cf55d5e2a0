"""What teams did over some days, each by its own membership, and how they add up to their account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from metrics.figures.entries import Sums
from metrics.figures.rates import acceptance_rate, adoption, ratio
from metrics.models.team_day import UNATTRIBUTED


@dataclass(frozen=True, slots=True)
class TeamUse:
    """A team over some days, or the people of no team (`team_key` UNATTRIBUTED).

    `members` are those of the newest day that tells of use and of teams; None where that day does not
    show the team. `active_members` are those of them who were active in it; the others are people active
    on a day on which they were in the team. `user_days` are people times days.
    """

    team_key: int
    team_id: int | None
    slug: str
    members: int | None
    active_members: int | None
    active_users: int
    agent_users: int
    cli_users: int
    user_days: int
    sums: Sums

    @property
    def is_unattributed(self) -> bool:
        return self.team_key == UNATTRIBUTED

    @property
    def adoption(self) -> Decimal | None:
        """The share of the members who were active in the team."""
        return adoption(self.active_members, self.members)

    @property
    def acceptance_rate(self) -> Decimal | None:
        return acceptance_rate(
            self.sums.code_acceptance_activity_count, self.sums.code_generation_activity_count
        )

    @property
    def interactions_per_active_user(self) -> Decimal | None:
        return ratio(self.sums.user_initiated_interaction_count, self.active_users)


@dataclass(frozen=True, slots=True)
class Parts:
    """How teams add up to the account: `attributed` + `unattributed` = `everybody`.

    `in_teams` is the sum of all teams; what is counted in several of them is the `overlap`.
    """

    in_teams: int | None
    attributed: int | None
    unattributed: int | None
    everybody: int | None

    @property
    def overlap(self) -> int | None:
        return minus(self.in_teams, self.attributed)


@dataclass(frozen=True, slots=True)
class Teams:
    """Every team of an account over some days, by slug.

    `people` are distinct: attributed is who was in a team on some day on which they were active. In
    `user_days` and `interactions` each person's day is attributed by itself.
    """

    teams: Sequence[TeamUse]
    unattributed: TeamUse | None
    people: Parts
    user_days: Parts
    interactions: Parts
    # The day that `members` are of; None: there is no day with both reports.
    members_on: date | None
    # Of the days: with a report of use, and with one of teams.
    days_told: int
    days_with_teams: int


def minus(whole: int | None, part: int | None) -> int | None:
    """What is left; None where either is not known."""
    return None if whole is None or part is None else whole - part
