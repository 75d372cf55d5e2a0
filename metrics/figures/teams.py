"""Teams over a period, each day by its own membership."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from django.db.models import Q, Sum
from pyroaring import BitMap

from metrics.figures.counted import NONE_DONE, Counted, sums
from metrics.models import DayUsers, TeamDay, TeamRoster
from metrics.models.counters import COUNTERS
from metrics.models.team_day import UNATTRIBUTED, WHOLE_ACCOUNT
from metrics.periods import between
from seats.models import Account


@dataclass(frozen=True, slots=True)
class TeamFigures:
    """A team over a period, by membership as of each day. `team_id` and slug are GitHub's."""

    account_id: int
    team_key: int
    team_id: int | None
    slug: str
    active_users: int
    user_days: int
    counters: Counted

    @property
    def is_unattributed(self) -> bool:
        """The user-days of people with no team row that day."""
        return self.team_key == UNATTRIBUTED


def team_figures(
    accounts: Collection[Account],
    first: date | None = None,
    last: date | None = None,
    team_keys: Collection[int] | None = None,
) -> list[TeamFigures]:
    """Every team of these accounts with a covered day in the period, and what belongs to no team; unordered.

    Somebody in two teams counts in both, so teams do not add up to the account.
    """
    scope = Q(account__in=[account.pk for account in accounts]) & between(first, last)
    if team_keys is not None:
        scope &= Q(team_key__in=list(team_keys))
    people = _distinct_by_team(scope)
    rows = TeamDay.objects.filter(scope).order_by()
    groups = rows.values("account_id", "team_key", "team__github_id", "team__slug").annotate(
        user_days=Sum("active_users"), **sums()
    )
    names = ("account_id", "team_key", "team__github_id", "team__slug", "user_days", *COUNTERS)
    return [
        TeamFigures(
            account_id,
            team_key,
            team_id,
            slug or "",
            people.get((account_id, team_key), 0),
            user_days,
            # No user-day at all is a known nothing; user-days without a counter are an unknown.
            tuple(counters) if user_days else NONE_DONE,
        )
        for account_id, team_key, team_id, slug, user_days, *counters in groups.values_list(*names)
    ]


def _distinct_by_team(scope: Q) -> Mapping[tuple[int, int], int]:
    rows = DayUsers.objects.filter(scope, kind=DayUsers.Kind.ACTIVE).exclude(team_key=WHOLE_ACCOUNT)
    people: dict[tuple[int, int], BitMap] = defaultdict(BitMap)
    for account_id, team_key, users in rows.values_list("account_id", "team_key", "users").iterator():
        people[account_id, team_key] |= BitMap.deserialize(bytes(users))
    return {key: len(users) for key, users in people.items()}


def members_by_team(
    accounts: Collection[Account], first: date | None = None, last: date | None = None
) -> Mapping[int, BitMap]:
    """By team key: who was in the team on any covered day of the period."""
    rows = TeamRoster.objects.filter(
        between(first, last), team__account__in=[account.pk for account in accounts]
    )
    members: dict[int, BitMap] = defaultdict(BitMap)
    # Most days a team has the members of the day before: each set of them is read once.
    different = rows.order_by().values_list("team_id", "members").distinct()
    for team_id, users in different.iterator():
        members[team_id] |= BitMap.deserialize(bytes(users))
    return members
