"""Teams side by side, over some days and over time. Whose team somebody is in is asked of each day anew.

People in several teams count in each, so teams never add up to the account: `Parts` says how they do.
https://docs.github.com/copilot/reference/copilot-usage-metrics/team-level-metrics
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
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
from portal.kept import kept
from seats.models import Account, Team

ACTIVE, AGENT, CLI = (kind.value for kind in (DayUsers.Kind.ACTIVE, DayUsers.Kind.AGENT, DayUsers.Kind.CLI))
REPORTS = (ReportDay.Report.USERS, ReportDay.Report.USER_TEAMS)
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
    """Every team with a told day among these; in eight queries, or in one: what was worked out is kept."""
    asked = sorted(set(days))
    key = f"teams {account.pk} {' '.join(map(str, asked))}"
    # All panels of a page ask for it, each maybe in a process of its own.
    return kept(key, lambda: _worked_out(account, asked), shared=True)


def _reports(account: Account, days: Collection[date]) -> list[tuple[str, date]]:
    """The reports there are of these days, person by person or of teams."""
    rows = ReportDay.objects.filter(account=account, report__in=REPORTS, day__in=days)
    return list(rows.order_by("day", "report").values_list("report", "day"))


def _worked_out(account: Account, days: Collection[date]) -> Teams:
    reports = _reports(account, days)
    told = {day for report, day in reports if report == ReportDay.Report.USERS}
    with_teams = {day for report, day in reports if report == ReportDay.Report.USER_TEAMS}
    rows_of_teams = Team.objects.filter(account=account).order_by()
    slugs = {
        key: (team_id, slug) for key, team_id, slug in rows_of_teams.values_list("pk", "github_id", "slug")
    }
    members_on = max(set(told) & set(with_teams), default=None)
    sets = _Sets(account, list(slugs), told)
    members = _members(account, members_on)
    rows = TeamDay.objects.filter(account=account, day__in=told).order_by().values("team_key")
    columns = rows.annotate(user_days=Sum("active_users"), **sums()).values_list(
        "team_key", "user_days", *COUNTERS
    )
    uses = [
        sets.use(
            team_key,
            slugs.get(team_key, (None, "")),
            user_days,
            # No user-day at all is a known nothing; user-days without a counter are an unknown.
            Sums(*counters) if user_days else Sums(*NONE_DONE),
            members.get(team_key),
        )
        for team_key, user_days, *counters in columns
    ]
    teams = _by_slug(use for use in uses if not use.is_unattributed)
    unattributed = next((use for use in uses if use.is_unattributed), None)
    everything = ScopeDay.objects.filter(
        account=account, source=ScopeDay.Source.USERS, day__in=told
    ).aggregate(interactions=Sum(COUNTERS[INTERACTIONS]))["interactions"]
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
            _minus(everything, nobody if unattributed and unattributed.user_days else 0),
            nobody,
            everything,
        ),
        members_on=members_on,
        days_told=len(told),
        days_with_teams=len(set(told) & set(with_teams)),
    )


def _by_slug(uses: Iterable[TeamUse]) -> list[TeamUse]:
    return sorted(uses, key=lambda use: (use.slug, use.team_key))


def _minus(whole: int | None, part: int | None) -> int | None:
    return None if whole is None or part is None else whole - part


def _members(account: Account, day: date | None) -> Mapping[int, BitMap]:
    """Who was in each team on the day, by the team's key."""
    rows = TeamRoster.objects.filter(team__account=account, day=day) if day else TeamRoster.objects.none()
    return {key: BitMap.deserialize(bytes(users)) for key, users in rows.values_list("team_id", "members")}


class _Sets:
    """Who was active in an account and each of its teams, over some days.

    Of what somebody did only the account's sets are read: a team's are those and its own, taken together.
    """

    def __init__(self, account: Account, team_keys: Collection[int], days: Collection[date]) -> None:
        self._active: dict[int, BitMap] = defaultdict(BitMap)
        self._agent: dict[int, BitMap] = defaultdict(BitMap)
        self._cli: dict[int, BitMap] = defaultdict(BitMap)
        self._everybody = BitMap()
        self.everybody_days = self.unattributed_days = 0
        if days:
            self._read(account, team_keys, set(days))

    def _read(self, account: Account, team_keys: Collection[int], days: Set[date]) -> None:
        rows = DayUsers.objects.filter(account=account, day__range=(min(days), max(days)))
        kinds = rows.filter(team_key=WHOLE_ACCOUNT, kind__in=(ACTIVE, AGENT, CLI))
        whole = {
            (kind, day): BitMap.deserialize(bytes(users))
            for kind, day, users in kinds.values_list("kind", "day", "users")
            if day in days
        }
        active = [users for (kind, _), users in whole.items() if kind == ACTIVE]
        self._everybody = BitMap.union(BitMap(), *active)
        self.everybody_days = sum(map(len, active))
        nobody = BitMap()
        # Keys one by one lead the index to the days; without them it would be read from end to end.
        of_teams = rows.filter(team_key__in=[*team_keys, UNATTRIBUTED], kind=ACTIVE)
        for team_key, day, users in of_teams.values_list("team_key", "day", "users").iterator(20_000):
            some = BitMap.deserialize(bytes(users)) if day in days else nobody
            if not some:
                continue
            self._active[team_key] |= some
            self._agent[team_key] |= some & whole.get((AGENT, day), nobody)
            self._cli[team_key] |= some & whole.get((CLI, day), nobody)
            if team_key == UNATTRIBUTED:
                self.unattributed_days += len(some)

    def use(
        self,
        team_key: int,
        called: tuple[int | None, str],
        user_days: int,
        counted: Sums,
        members: BitMap | None,
    ) -> TeamUse:
        active = self._active.get(team_key, BitMap())
        return TeamUse(
            team_key=team_key,
            team_id=called[0],
            slug=called[1],
            members=None if members is None else len(members),
            active_members=None if members is None else len(members & active),
            active_users=len(active),
            agent_users=len(self._agent.get(team_key, ())),
            cli_users=len(self._cli.get(team_key, ())),
            user_days=user_days,
            sums=counted,
        )

    def people(self) -> Parts:
        teams = {key: users for key, users in self._active.items() if key != UNATTRIBUTED}
        attributed = BitMap.union(BitMap(), *teams.values())
        return Parts(
            in_teams=sum(map(len, teams.values())),
            attributed=len(attributed),
            unattributed=len(self._everybody - attributed),
            everybody=len(self._everybody),
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
