"""Teams side by side, over some days. Whose team somebody is in is asked of each day anew.

People in several teams count in each, so teams never add up to the account: `Parts` says how they do.
https://docs.github.com/copilot/reference/copilot-usage-metrics/team-level-metrics
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import cache
from typing import NamedTuple

from django.db.models import Sum
from pyroaring import BitMap

from metrics.figures.counted import NONE_DONE, sums, total
from metrics.figures.entries import Sums
from metrics.figures.stored_teams import stored_teams
from metrics.figures.team_use import Parts, Teams, TeamUse, minus
from metrics.models import DayUsers, ReportDay, ScopeDay, TeamDay, TeamRoster
from metrics.models.counters import COUNTERS
from metrics.models.team_day import UNATTRIBUTED, WHOLE_ACCOUNT
from portal.bytes_as_they_are import bytes_as_they_are
from portal.kept import kept
from seats.models import Account, Team

ACTIVE, AGENT, CLI = (kind.value for kind in (DayUsers.Kind.ACTIVE, DayUsers.Kind.AGENT, DayUsers.Kind.CLI))
REPORTS = (ReportDay.Report.USERS, ReportDay.Report.USER_TEAMS)
INTERACTIONS = COUNTERS.index("user_initiated_interaction_count")


def all_teams(account: Account, days: Collection[date]) -> Teams:
    """Every team with a told day among these: as stored, else worked out and kept.

    What pages usually ask for is stored, see metrics.ingest.rebuild_teams.
    """
    asked = sorted(set(days))
    if (stored := stored_teams(account, asked)) is not None:
        return stored
    key = f"teams {account.pk} {' '.join(map(str, asked))}"
    # All panels of a page ask for it, each maybe in a process of its own.
    return kept(key, lambda: teams_of(account, [asked])[0], shared=True)


def teams_of(account: Account, several: Sequence[Collection[date]]) -> list[Teams]:
    """The same of several collections of days at once, each day read once; of one in eight queries."""
    asked = sorted({day for days in several for day in days})
    reports = _reports(account, asked)
    told = {day for report, day in reports if report == ReportDay.Report.USERS}
    with_teams = {day for report, day in reports if report == ReportDay.Report.USER_TEAMS}
    rows = Team.objects.filter(account=account).order_by()
    slugs = {key: (team_id, slug) for key, team_id, slug in rows.values_list("pk", "github_id", "slug")}
    parts = _apart([told.intersection(days) for days in several])
    sets = _Sets(account, list(slugs), parts)
    counted = {part: _counted(account, days) for part, days in parts.items()}
    members = cache(lambda day: _members(account, day))
    found = []
    for number, days in enumerate(several):
        own = [part for part in parts if number in part]
        of_both = told.intersection(days, with_teams)
        members_on = max(of_both, default=None)
        whole = sets.of(own)
        found.append(
            _together(
                whole,
                _Counted.of([counted[part] for part in own]),
                slugs,
                members(members_on),
                members_on=members_on,
                days_told=len(told.intersection(days)),
                days_with_teams=len(of_both),
            )
        )
    return found


# Which of several collections of days some days are in.
Part = tuple[int, ...]


def _apart(several: Sequence[Collection[date]]) -> dict[Part, list[date]]:
    """All their days, put together where the same collections have them; whatever is asked, at least one."""
    parts: dict[Part, list[date]] = defaultdict(list)
    for day in sorted({day for days in several for day in days}):
        parts[tuple(number for number, days in enumerate(several) if day in days)].append(day)
    return dict(parts) or {tuple(range(len(several))): []}


def _reports(account: Account, days: Collection[date]) -> list[tuple[str, date]]:
    """The reports there are of these days, person by person or of teams."""
    rows = ReportDay.objects.filter(account=account, report__in=REPORTS, day__in=days)
    return list(rows.order_by("day", "report").values_list("report", "day"))


class _Counted(NamedTuple):
    """Person-days and counters of each team over some days, and the account's interactions."""

    teams: Mapping[int, tuple[int, Sequence[int | None]]]
    interactions: int | None

    @classmethod
    def of(cls, several: Sequence[_Counted]) -> _Counted:
        by_team: dict[int, list[tuple[int, Sequence[int | None]]]] = defaultdict(list)
        for one in several:
            for team_key, counted in one.teams.items():
                by_team[team_key].append(counted)
        teams = {
            team_key: (
                sum(user_days for user_days, _ in some),
                [total(column) for column in zip(*(counters for _, counters in some), strict=True)],
            )
            for team_key, some in by_team.items()
        }
        return cls(teams, total(one.interactions for one in several))


def _counted(account: Account, days: Collection[date]) -> _Counted:
    rows = TeamDay.objects.filter(account=account, day__in=days).order_by().values("team_key")
    columns = rows.annotate(user_days=Sum("active_users"), **sums()).values_list(
        "team_key", "user_days", *COUNTERS
    )
    own = ScopeDay.objects.filter(account=account, source=ScopeDay.Source.USERS, day__in=days)
    interactions = own.aggregate(interactions=Sum(COUNTERS[INTERACTIONS]))["interactions"]
    teams = {team_key: (user_days, counters) for team_key, user_days, *counters in columns}
    return _Counted(teams, interactions)


def _together(
    sets: _SetsOfDays,
    counted: _Counted,
    slugs: Mapping[int, tuple[int | None, str]],
    members: Mapping[int, BitMap],
    *,
    members_on: date | None,
    days_told: int,
    days_with_teams: int,
) -> Teams:
    uses = [
        sets.use(
            team_key,
            slugs.get(team_key, (None, "")),
            user_days,
            # No user-day at all is a known nothing; user-days without a counter are an unknown.
            Sums(*counters) if user_days else Sums(*NONE_DONE),
            members.get(team_key),
        )
        for team_key, (user_days, counters) in counted.teams.items()
    ]
    teams = sorted((use for use in uses if not use.is_unattributed), key=lambda use: (use.slug, use.team_key))
    unattributed = next((use for use in uses if use.is_unattributed), None)
    everything = counted.interactions
    nobody = unattributed.sums[INTERACTIONS] if unattributed else None
    return Teams(
        teams=teams,
        unattributed=unattributed,
        people=sets.people(),
        user_days=Parts(
            sum(use.user_days for use in teams),
            sets.everybody_days - sets.unattributed_days,
            sets.unattributed_days,
            sets.everybody_days,
        ),
        interactions=Parts(
            total(use.sums[INTERACTIONS] for use in teams),
            minus(everything, nobody if unattributed and unattributed.user_days else 0),
            nobody,
            everything,
        ),
        members_on=members_on,
        days_told=days_told,
        days_with_teams=days_with_teams,
    )


def _members(account: Account, day: date | None) -> Mapping[int, BitMap]:
    """Who was in each team on the day, by the team's key."""
    rows = TeamRoster.objects.filter(team__account=account, day=day) if day else TeamRoster.objects.none()
    return {key: BitMap.deserialize(bytes(users)) for key, users in rows.values_list("team_id", "members")}


class _SetsOfDays:
    """Who was active in an account and each of its teams, over some days."""

    def __init__(self) -> None:
        self.active: dict[int, BitMap] = defaultdict(BitMap)
        self.agent: dict[int, BitMap] = defaultdict(BitMap)
        self.cli: dict[int, BitMap] = defaultdict(BitMap)
        self.everybody = BitMap()
        self.everybody_days = self.unattributed_days = 0

    def add(self, other: _SetsOfDays) -> None:
        """Those of other days."""
        for own, others in (
            (self.active, other.active),
            (self.agent, other.agent),
            (self.cli, other.cli),
        ):
            for team_key, users in others.items():
                own[team_key] |= users
        self.everybody |= other.everybody
        self.everybody_days += other.everybody_days
        self.unattributed_days += other.unattributed_days

    def use(
        self,
        team_key: int,
        called: tuple[int | None, str],
        user_days: int,
        counted: Sums,
        members: BitMap | None,
    ) -> TeamUse:
        active = self.active.get(team_key, BitMap())
        return TeamUse(
            team_key=team_key,
            team_id=called[0],
            slug=called[1],
            members=None if members is None else len(members),
            active_members=None if members is None else len(members & active),
            active_users=len(active),
            agent_users=len(self.agent.get(team_key, ())),
            cli_users=len(self.cli.get(team_key, ())),
            user_days=user_days,
            sums=counted,
        )

    def people(self) -> Parts:
        teams = {key: users for key, users in self.active.items() if key != UNATTRIBUTED}
        attributed = BitMap.union(BitMap(), *teams.values())
        return Parts(
            in_teams=sum(map(len, teams.values())),
            attributed=len(attributed),
            unattributed=len(self.everybody - attributed),
            everybody=len(self.everybody),
        )


class _Sets:
    """The same of each part of the days that are asked for.

    Of what somebody did only the account's sets are read: a team's are those and its own, taken together.
    """

    def __init__(
        self, account: Account, team_keys: Collection[int], parts: Mapping[Part, Collection[date]]
    ) -> None:
        self._parts = {part: _SetsOfDays() for part in parts}
        by_day = {day: self._parts[part] for part, days in parts.items() for day in days}
        if by_day:
            self._read(account, team_keys, by_day)

    def _read(self, account: Account, team_keys: Collection[int], by_day: Mapping[date, _SetsOfDays]) -> None:
        rows = DayUsers.objects.filter(account=account, day__range=(min(by_day), max(by_day)))
        kinds = rows.filter(team_key=WHOLE_ACCOUNT, kind__in=(ACTIVE, AGENT, CLI))
        with bytes_as_they_are():
            stored = list(kinds.values_list("kind", "day", "users"))
        whole = {
            (kind, day): BitMap.deserialize(bytes(users)) for kind, day, users in stored if day in by_day
        }
        for (kind, day), people in whole.items():
            if kind == ACTIVE:
                by_day[day].everybody |= people
                by_day[day].everybody_days += len(people)
        nobody = BitMap()
        # Keys one by one lead the index to the days; without them it would be read from end to end.
        of_teams = rows.filter(team_key__in=[*team_keys, UNATTRIBUTED], kind=ACTIVE)
        for team_key, day, users in of_teams.values_list("team_key", "day", "users").iterator(20_000):
            found = by_day.get(day)
            some = nobody if found is None else BitMap.deserialize(bytes(users))
            if found is None or not some:
                continue
            found.active[team_key] |= some
            found.agent[team_key] |= some & whole.get((AGENT, day), nobody)
            found.cli[team_key] |= some & whole.get((CLI, day), nobody)
            if team_key == UNATTRIBUTED:
                found.unattributed_days += len(some)

    def of(self, parts: Collection[Part]) -> _SetsOfDays:
        """All of them together."""
        if len(parts) == 1:
            return self._parts[next(iter(parts))]
        whole = _SetsOfDays()
        for part in parts:
            whole.add(self._parts[part])
        return whole
