"""Some teams over time, each day by its own membership; and which teams are the largest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property

from django.db.models import F, Subquery
from pyroaring import BitMap

from metrics.figures.counted import NONE_DONE
from metrics.figures.entries import Sums
from metrics.figures.rates import acceptance_rate, adoption, ratio
from metrics.figures.scope import Scope
from metrics.figures.stored_periods import stored_team_steps
from metrics.models import DayUsers, TeamDay, TeamRoster
from metrics.models.counters import COUNTERS
from metrics.period_parts import TeamStep
from metrics.period_steps import are_read_by_weeks, are_usual
from metrics.periods import Period, on
from portal.bytes_as_they_are import bytes_as_they_are
from seats.models import Account, Team

ACTIVE = DayUsers.Kind.ACTIVE.value
# So many teams are read at once to be stored.
TOGETHER = 20
NOTHING_TOLD = TeamStep()
UNKNOWN = Sums()


class TeamHistory:
    """Some teams over time: what each did over some days. None unless every one of them is told.

    Each of its queries is asked once somebody needs it.
    """

    def __init__(
        self,
        account: Account,
        team_keys: Collection[int],
        period: Period,
        several: Sequence[Sequence[date]] = (),
    ) -> None:
        """`several`: the days of the period that are asked for together, where they are known."""
        self._scope = Scope(account)
        self._team_keys = team_keys
        self._period = period
        self._several = several
        span = {"day__range": (period.first, period.last)}
        of_account = {"account": account, "team_key__in": team_keys, **span}
        self._sets = DayUsers.objects.filter(kind=ACTIVE, **of_account).order_by()
        self._rows = TeamDay.objects.filter(**of_account).order_by()
        rosters = TeamRoster.objects.filter(team__account=account, team__in=team_keys, **span)
        if several:
            # Members are those of the last day.
            rosters = rosters.filter(day__in=[days[-1] for days in several])
        self._rosters = rosters.order_by()

    @cached_property
    def _stored(self) -> Mapping[int, Mapping[date, TeamStep]] | None:
        """By team and last day of a step, where just these steps are stored."""
        if not are_read_by_weeks(self._period) or not are_usual(self._period, self._several):
            return None
        found = stored_team_steps(self._scope, self._period, self._team_keys)
        if found is None:
            return None
        ends = [days[-1] for days in self._several]
        return {key: dict(zip(ends, steps, strict=False)) for key, steps in found.items()}

    @cached_property
    def _users(self) -> Mapping[tuple[int, date], BitMap]:
        return _by_team_and_day(self._sets.values_list("team_key", "day", "users"))

    @cached_property
    def _counted(self) -> Mapping[tuple[int, date], Sequence[int | None]]:
        rows = self._rows.values_list("team_key", "day", "active_users", *COUNTERS)
        return {(key, day): counters if active else NONE_DONE for key, day, active, *counters in rows}

    @cached_property
    def _members(self) -> Mapping[tuple[int, date], BitMap]:
        return _by_team_and_day(self._rosters.values_list("team_id", "day", "members"))

    def _active(self, team_key: int, days: Sequence[date]) -> BitMap | None:
        found = [self._users.get((team_key, day)) for day in days]
        known = [users for users in found if users is not None]
        return BitMap.union(BitMap(), *known) if known and len(known) == len(found) else None

    def _sums(self, team_key: int, days: Sequence[date]) -> Sums:
        if self._stored is not None:
            return Sums(*self._step(team_key, days).counters)
        found = [self._counted.get((team_key, day)) for day in days]
        known = [one for one in found if one is not None]
        return Sums.of(known) if known and len(known) == len(found) else UNKNOWN

    def _adopted(self, team_key: int, days: Sequence[date]) -> tuple[int | None, int | None]:
        """How many of the last day's members were active, and how many these are."""
        if self._stored is not None:
            step = self._step(team_key, days)
            return step.active_members, step.members
        active = self._active(team_key, days)
        members = self._members.get((team_key, days[-1]))
        if active is None or members is None:
            return None, None
        return len(active & members), len(members)

    def _step(self, team_key: int, days: Sequence[date]) -> TeamStep:
        return (self._stored or {}).get(team_key, {}).get(days[-1], NOTHING_TOLD)

    def active_users(self, team_key: int, days: Sequence[date]) -> int | None:
        """Distinct people active on a day on which they were in the team."""
        if self._stored is not None:
            return self._step(team_key, days).active_users
        active = self._active(team_key, days)
        return None if active is None else len(active)

    def adoption(self, team_key: int, days: Sequence[date]) -> Decimal | None:
        """The share of the last day's members who were active in the team."""
        return adoption(*self._adopted(team_key, days))

    def interactions_per_active_user(self, team_key: int, days: Sequence[date]) -> Decimal | None:
        """Interactions ÷ distinct active people."""
        interactions = self._sums(team_key, days).user_initiated_interaction_count
        return ratio(interactions, self.active_users(team_key, days))

    def acceptance_rate(self, team_key: int, days: Sequence[date]) -> Decimal | None:
        added = self._sums(team_key, days)
        return acceptance_rate(added.code_acceptance_activity_count, added.code_generation_activity_count)

    def steps(self, team_key: int) -> list[TeamStep]:
        """All there is to store of a team's steps; empty where nothing is told of them."""
        found = [
            TeamStep(
                self.active_users(team_key, days),
                *self._adopted(team_key, days),
                tuple(self._sums(team_key, days)),
            )
            for days in self._several
        ]
        return found if any(step != NOTHING_TOLD for step in found) else []


def team_steps(
    account: Account, period: Period, several: Sequence[Sequence[date]]
) -> Iterator[tuple[int, list[TeamStep]]]:
    """By team of an account what it did over each of several collections of days; without silent teams."""
    keys = list(Team.objects.filter(account=account).order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(keys), TOGETHER):
        some = keys[start : start + TOGETHER]
        history = TeamHistory(account, some, period, several)
        for key in some:
            if steps := history.steps(key):
                yield key, steps


def _by_team_and_day(rows: Iterable[tuple[int, date, bytes | memoryview]]) -> dict[tuple[int, date], BitMap]:
    with bytes_as_they_are():
        stored = list(rows)
    return {(key, day): BitMap.deserialize(bytes(users)) for key, day, users in stored}


def largest_teams(account: Account, days: Collection[date], count: int) -> list[Team]:
    """The teams with the most members on the newest of these days that tells of teams; in one query."""
    if not days:
        return []
    newest = TeamRoster.objects.filter(on(days), team__account=account).order_by("-day").values("day")[:1]
    on_newest = Team.objects.filter(account=account, rosters__day=Subquery(newest))
    ranked = on_newest.annotate(members=F("rosters__member_count"))
    return list(ranked.order_by("-members", "slug", "pk")[:count])
