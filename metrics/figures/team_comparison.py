"""Teams side by side, over some days and over time. Whose team somebody is in is asked of each day anew.

People in several teams count in each, so teams never add up to the account: `Parts` says how they do.
https://docs.github.com/copilot/reference/copilot-usage-metrics/team-level-metrics
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Sum
from pyroaring import BitMap

from metrics.figures.broken_down import Sums
from metrics.figures.counted import NONE_DONE, sums, total
from metrics.figures.rates import acceptance_rate, adoption, ratio
from metrics.models import DayUsers, ReportDay, ScopeDay, TeamDay, TeamRoster
from metrics.models.counters import COUNTERS
from metrics.models.team_day import UNATTRIBUTED, WHOLE_ACCOUNT
from metrics.periods import Period
from seats.models import Account

ACTIVE, AGENT, CLI = (kind.value for kind in (DayUsers.Kind.ACTIVE, DayUsers.Kind.AGENT, DayUsers.Kind.CLI))
INTERACTIONS = COUNTERS.index("user_initiated_interaction_count")


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
        return _minus(self.in_teams, self.attributed)


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


def all_teams(account: Account, days: Collection[date]) -> Teams:
    """Every team with a told day among these; in five queries."""
    told, with_teams = _covered(account, days)
    members_on = max(told & with_teams, default=None)
    sets = _Sets(account, told)
    members = _members(account, members_on)
    rows = TeamDay.objects.filter(account=account, day__in=told).order_by()
    groups = rows.values("team_key", "team__github_id", "team__slug")
    columns = groups.annotate(user_days=Sum("active_users"), **sums()).values_list(
        "team_key", "team__github_id", "team__slug", "user_days", *COUNTERS
    )
    uses = [
        sets.use(
            team_key,
            team_id,
            slug or "",
            user_days,
            # No user-day at all is a known nothing; user-days without a counter are an unknown.
            Sums(*counters) if user_days else Sums(*NONE_DONE),
            members.get(team_key),
        )
        for team_key, team_id, slug, user_days, *counters in columns
    ]
    teams = sorted((use for use in uses if not use.is_unattributed), key=lambda use: (use.slug, use.team_key))
    unattributed = next((use for use in uses if use.is_unattributed), None)
    everything = ScopeDay.objects.filter(
        account=account, source=ScopeDay.Source.USERS, day__in=told
    ).aggregate(interactions=Sum(COUNTERS[INTERACTIONS]))["interactions"]
    nobody = unattributed.sums[INTERACTIONS] if unattributed else None
    return Teams(
        teams=teams,
        unattributed=unattributed,
        people=sets.people(),
        user_days=sets.user_days(),
        interactions=Parts(
            total(use.sums[INTERACTIONS] for use in teams),
            _minus(everything, nobody if unattributed and unattributed.user_days else 0),
            nobody,
            everything,
        ),
        members_on=members_on,
        days_told=len(told),
        days_with_teams=len(told & with_teams),
    )


def _minus(whole: int | None, part: int | None) -> int | None:
    return None if whole is None or part is None else whole - part


def _covered(account: Account, days: Collection[date]) -> tuple[set[date], set[date]]:
    """Of these days: those told person by person, and those with a report of teams."""
    found: dict[str, set[date]] = {ReportDay.Report.USERS: set(), ReportDay.Report.USER_TEAMS: set()}
    rows = ReportDay.objects.filter(account=account, report__in=list(found), day__in=days)
    for report, day in rows.values_list("report", "day"):
        found[report].add(day)
    return found[ReportDay.Report.USERS], found[ReportDay.Report.USER_TEAMS]


def _members(account: Account, day: date | None) -> Mapping[int, BitMap]:
    """Who was in each team on the day, by the team's key."""
    rows = TeamRoster.objects.filter(team__account=account, day=day) if day else TeamRoster.objects.none()
    return {key: BitMap.deserialize(bytes(users)) for key, users in rows.values_list("team_id", "members")}


class _Sets:
    """The sets of people of an account and all its teams, over some days."""

    def __init__(self, account: Account, days: Collection[date]) -> None:
        rows = DayUsers.objects.filter(account=account, kind__in=(ACTIVE, AGENT, CLI), day__in=days)
        self._did: dict[tuple[int, str], BitMap] = defaultdict(BitMap)
        self._in_teams: dict[date, BitMap] = defaultdict(BitMap)
        self._user_days: dict[int, int] = defaultdict(int)
        for team_key, kind, day, users in rows.values_list("team_key", "kind", "day", "users").iterator():
            some = BitMap.deserialize(bytes(users))
            self._did[team_key, kind] |= some
            if kind == ACTIVE:
                self._user_days[team_key] += len(some)
                if team_key > 0:
                    self._in_teams[day] |= some

    def use(
        self,
        team_key: int,
        team_id: int | None,
        slug: str,
        user_days: int,
        counted: Sums,
        members: BitMap | None,
    ) -> TeamUse:
        active = self._did.get((team_key, ACTIVE), BitMap())
        return TeamUse(
            team_key=team_key,
            team_id=team_id,
            slug=slug,
            members=None if members is None else len(members),
            active_members=None if members is None else len(members & active),
            active_users=len(active),
            agent_users=len(self._did.get((team_key, AGENT), ())),
            cli_users=len(self._did.get((team_key, CLI), ())),
            user_days=user_days,
            sums=counted,
        )

    def people(self) -> Parts:
        everybody = self._did.get((WHOLE_ACCOUNT, ACTIVE), BitMap())
        attributed = BitMap.union(BitMap(), *self._in_teams.values())
        return Parts(
            in_teams=sum(
                len(users) for (team_key, kind), users in self._did.items() if team_key > 0 and kind == ACTIVE
            ),
            attributed=len(attributed),
            unattributed=len(everybody - attributed),
            everybody=len(everybody),
        )

    def user_days(self) -> Parts:
        return Parts(
            in_teams=sum(count for team_key, count in self._user_days.items() if team_key > 0),
            attributed=sum(map(len, self._in_teams.values())),
            unattributed=self._user_days.get(UNATTRIBUTED, 0),
            everybody=self._user_days.get(WHOLE_ACCOUNT, 0),
        )


# --- Over time --------------------------------------------------------------------------------


class TeamHistory:
    """Some teams day by day: what each did over any of the days. None unless every one of them is told."""

    def __init__(
        self,
        users: Mapping[tuple[int, date], BitMap],
        counted: Mapping[tuple[int, date], Sums],
        members: Mapping[tuple[int, date], BitMap],
    ) -> None:
        self._users = users
        self._counted = counted
        self._members = members

    def _active(self, team_key: int, days: Sequence[date]) -> BitMap | None:
        found = [self._users.get((team_key, day)) for day in days]
        known = [users for users in found if users is not None]
        return BitMap.union(BitMap(), *known) if known and len(known) == len(found) else None

    def active_users(self, team_key: int, days: Sequence[date]) -> int | None:
        """Distinct people active on a day on which they were in the team."""
        active = self._active(team_key, days)
        return None if active is None else len(active)

    def adoption(self, team_key: int, days: Sequence[date]) -> Decimal | None:
        """The share of the last day's members who were active in the team."""
        active = self._active(team_key, days)
        members = self._members.get((team_key, days[-1]))
        if active is None or members is None:
            return None
        return adoption(len(active & members), len(members))

    def interactions_per_active_user(self, team_key: int, days: Sequence[date]) -> Decimal | None:
        """Interactions ÷ distinct active people."""
        interactions = self._sums(team_key, days).user_initiated_interaction_count
        return ratio(interactions, self.active_users(team_key, days))

    def acceptance_rate(self, team_key: int, days: Sequence[date]) -> Decimal | None:
        added = self._sums(team_key, days)
        return acceptance_rate(added.code_acceptance_activity_count, added.code_generation_activity_count)

    def _sums(self, team_key: int, days: Sequence[date]) -> Sums:
        found = [self._counted.get((team_key, day)) for day in days]
        known = [one for one in found if one is not None]
        return Sums.of(known) if known and len(known) == len(found) else Sums()


def team_history(account: Account, team_keys: Collection[int], period: Period) -> TeamHistory:
    """These teams of an account over a period; in three queries."""
    span = {"day__range": (period.first, period.last)}
    users = DayUsers.objects.filter(account=account, team_key__in=team_keys, kind=ACTIVE, **span)
    rows = TeamDay.objects.filter(account=account, team_key__in=team_keys, **span)
    rosters = TeamRoster.objects.filter(team__account=account, team__in=team_keys, **span)
    return TeamHistory(
        {
            (key, day): BitMap.deserialize(bytes(some))
            for key, day, some in users.values_list("team_key", "day", "users")
        },
        {
            (key, day): Sums(*(counters if active else NONE_DONE))
            for key, day, active, *counters in rows.values_list("team_key", "day", "active_users", *COUNTERS)
        },
        {
            (key, day): BitMap.deserialize(bytes(some))
            for key, day, some in rosters.values_list("team_id", "day", "members")
        },
    )


def largest_teams(account: Account, days: Iterable[date], count: int) -> list[int]:
    """The keys of the teams with the most members on the newest of these days that tells of teams."""
    rows = TeamRoster.objects.filter(team__account=account, day__in=list(days))
    newest = rows.order_by("-day").values_list("day", flat=True).first()
    if newest is None:
        return []
    ranked = rows.filter(day=newest).order_by("-member_count", "team__slug", "team_id")
    return list(ranked.values_list("team_id", flat=True)[:count])
