"""One definition of every figure of use. Pages, charts, reports and commands call these.

Sums keep "unknown": where no line had a counter, its sum is None. Distinct people come from bitmaps, since
they cannot be summed over days, teams or accounts; a window of days is empty unless every day of it is
covered. Definitions follow
https://docs.github.com/copilot/reference/copilot-usage-metrics/copilot-usage-metrics and
https://docs.github.com/copilot/reference/copilot-usage-metrics/team-level-metrics.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

from django.db.models import Count, Max, Min, Q, Sum
from pyroaring import BitMap

from metrics.models import DayUsers, ReportDay, ScopeDay, TeamDay, TeamRoster, UserDay
from metrics.models.counters import COUNTERS
from metrics.models.team_day import UNATTRIBUTED, WHOLE_ACCOUNT
from metrics.periods import DAY, MONTH, WEEK, Period, between, covered_days, covered_days_by_account
from seats.models import Account

Counted = tuple[int | None, ...]

RATE = Decimal("0.0001")


# --- Rates ------------------------------------------------------------------------------------


def ratio(part: int | None, whole: int | None) -> Decimal | None:
    """`part` of `whole`; None where either is unknown or the whole is nothing."""
    if part is None or not whole:
        return None
    return Decimal(part) / Decimal(whole)


def acceptance_rate(accepted: int | None, generated: int | None) -> Decimal | None:
    """Acceptances ÷ generations, summed first; None when nothing was generated. May exceed 1."""
    return ratio(accepted, generated)


def adoption(active_users: int | None, members: int | None) -> Decimal | None:
    """The share of a team's members who were active."""
    return ratio(active_users, members)


def to_four_places(rate: Decimal | None) -> Decimal | None:
    """As files show a rate."""
    return None if rate is None else rate.quantize(RATE)


# --- Sums -------------------------------------------------------------------------------------


def sums() -> dict[str, Sum]:
    """The seven counters as aggregates, each under its own name; a sum over nothing known is NULL."""
    return {name: Sum(name) for name in COUNTERS}


def account_totals(account: Account, period: Period) -> dict[str, int | None]:
    """The counters of an account over a period; each day from its own report, else from its people."""
    days = [row.counters for row in preferred_days([account], period.first, period.last)]
    return {name: total(day[index] for day in days) for index, name in enumerate(COUNTERS)}


@dataclass(frozen=True, slots=True)
class DayTotals:
    """An account's day, from its own report where there is one, else computed from its people."""

    account_id: int
    day: date
    source: str
    daily_active_users: int | None
    weekly_active_users: int | None
    monthly_active_users: int | None
    counters: Counted


def preferred_days(
    accounts: Collection[Account], first: date | None = None, last: date | None = None
) -> Iterator[DayTotals]:
    """One per account and day, oldest day first; weekly and monthly counts only as reported."""
    rows = ScopeDay.objects.filter(between(first, last), account__in=[account.pk for account in accounts])
    rows = rows.order_by("day", "account_id", "source")
    seen: tuple[date, int] | None = None
    for account_id, day, source, daily, weekly, monthly, *counters in rows.values_list(
        "account_id",
        "day",
        "source",
        "daily_active_users",
        "weekly_active_users",
        "monthly_active_users",
        *COUNTERS,
    ).iterator():
        # "report" sorts before "users".
        if seen != (day, account_id):
            yield DayTotals(account_id, day, source, daily, weekly, monthly, tuple(counters))
        seen = (day, account_id)


# --- Distinct people --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ActiveUsers:
    """Distinct people active on the day, and in the 7 and 28 days that end with it. None: not all covered."""

    daily: int | None
    weekly: int | None
    monthly: int | None


class Windows:
    """The trailing windows of one account or team, moved forward day by day; holds at most 28 days."""

    def __init__(self, covered: Collection[date]) -> None:
        self._covered = covered
        self._days: deque[tuple[date, BitMap]] = deque()

    def add(self, day: date, users: BitMap) -> None:
        """Tell who was active on a day; days come in order."""
        self._days.append((day, users))
        while self._days[0][0] <= day - timedelta(days=MONTH):
            self._days.popleft()

    def on(self, day: date) -> ActiveUsers:
        """The counts for a day, once all days up to it were added."""
        return ActiveUsers(self._distinct(day, DAY), self._distinct(day, WEEK), self._distinct(day, MONTH))

    def _distinct(self, day: date, length: int) -> int | None:
        window = Period.trailing(day, length)
        if not window.is_within(self._covered):
            return None
        found = [users for at, users in self._days if at in window]
        return len(BitMap.union(*found)) if found else 0


def active_users(
    account: Account, day: date, *, kind: str = DayUsers.Kind.ACTIVE, team_key: int = WHOLE_ACCOUNT
) -> ActiveUsers:
    """Daily, weekly and monthly active users of an account, or one of its teams, as of a day."""
    return next(active_series(account, Period(day, day), kind=kind, team_key=team_key))[1]


def active_series(
    account: Account, period: Period, *, kind: str = DayUsers.Kind.ACTIVE, team_key: int = WHOLE_ACCOUNT
) -> Iterator[tuple[date, ActiveUsers]]:
    """The same for every day of the period, in two queries."""
    reach = Period(period.first - timedelta(days=MONTH - 1), period.last)
    windows = Windows(covered_days(account, ReportDay.Report.USERS, reach))
    bitmaps = DayUsers.objects.filter(
        account=account, team_key=team_key, kind=kind, day__range=(reach.first, reach.last)
    ).order_by("day")
    users = {row.day: row.user_keys for row in bitmaps.iterator()}
    for day in reach:
        if day in users:
            windows.add(day, users[day])
        if day in period:
            yield day, windows.on(day)


class ActiveByAccount:
    """Active users of many accounts on days asked in order, from one stream of bitmaps."""

    def __init__(self, accounts: Collection[Account], first: date | None, last: date | None) -> None:
        since = first - timedelta(days=MONTH - 1) if first else None
        covered = covered_days_by_account(accounts, ReportDay.Report.USERS)
        self._windows = {account_id: Windows(days) for account_id, days in covered.items()}
        bitmaps = DayUsers.objects.filter(
            between(since, last),
            account__in=list(covered),
            team_key=WHOLE_ACCOUNT,
            kind=DayUsers.Kind.ACTIVE,
        )
        self._bitmaps = bitmaps.order_by("day").iterator(chunk_size=200)
        self._next = next(self._bitmaps, None)

    def on(self, account_id: int, day: date) -> ActiveUsers:
        """The account's counts for a day that is not before the one asked last."""
        while self._next is not None and self._next.day <= day:
            self._windows[self._next.account_id].add(self._next.day, self._next.user_keys)
            self._next = next(self._bitmaps, None)
        return self._windows[account_id].on(day)


def distinct_users(
    account: Account, period: Period, *, kind: str = DayUsers.Kind.ACTIVE, team_key: int = WHOLE_ACCOUNT
) -> int | None:
    """Distinct people over a period of any length; None unless every day of it is covered."""
    if not period.is_within(covered_days(account, ReportDay.Report.USERS, period)):
        return None
    rows = DayUsers.objects.filter(
        account=account, team_key=team_key, kind=kind, day__range=(period.first, period.last)
    )
    everybody = BitMap()
    for row in rows.iterator():
        everybody |= row.user_keys
    return len(everybody)


# --- People ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PersonFigures:
    """What one account's reports say of a person over a period. `user_id` and login are GitHub's."""

    user_key: int
    user_id: int
    login: str
    active_days: int
    first_day: date
    last_day: date
    counters: Counted

    def counted(self, name: str) -> int | None:
        return self.counters[COUNTERS.index(name)]


def people(account: Account, first: date | None = None, last: date | None = None) -> Iterator[PersonFigures]:
    """Everybody with a line in the period, by GitHub's id; one query, read as a stream."""
    rows = UserDay.objects.filter(between(first, last), account=account)
    groups = rows.order_by().values("user_id", "user__github_id", "user__login")
    totals = groups.annotate(
        active_days=Count("pk"), first_day=Min("day"), last_day=Max("day"), **sums()
    ).order_by("user__github_id")
    for key, user_id, login, days, first_day, last_day, *counters in totals.values_list(
        "user_id", "user__github_id", "user__login", "active_days", "first_day", "last_day", *COUNTERS
    ).iterator():
        yield PersonFigures(key, user_id, login, days, first_day, last_day, tuple(counters))


def people_of_teams(
    account: Account, team_keys: Collection[int], first: date | None = None, last: date | None = None
) -> Iterator[PersonFigures]:
    """The same, but only the days on which the person was in one of these teams."""
    members = active_members(account, team_keys, first, last)
    rows = UserDay.objects.filter(account=account, day__in=list(members)).order_by("user__github_id", "day")
    names = ("user_id", "user__github_id", "user__login", "day", *COUNTERS)
    together = (row for row in rows.values_list(*names).iterator() if row[0] in members[row[3]])
    for (key, user_id, login), lines in groupby(together, key=lambda row: row[:3]):
        days = [line[3:] for line in lines]
        counters = tuple(total(column) for column in zip(*(line[1:] for line in days), strict=True))
        yield PersonFigures(key, user_id, login, len(days), days[0][0], days[-1][0], counters)


def active_members(
    account: Account, team_keys: Collection[int], first: date | None = None, last: date | None = None
) -> Mapping[date, BitMap]:
    """By day: who was active and in one of these teams that day; only days with a figure of one of them."""
    rows = DayUsers.objects.filter(
        between(first, last), account=account, team_key__in=list(team_keys), kind=DayUsers.Kind.ACTIVE
    )
    members: dict[date, BitMap] = {}
    for row in rows.iterator():
        members[row.day] = members.get(row.day, BitMap()) | row.user_keys
    return members


def total(values: Iterable[int | None]) -> int | None:
    """The sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


# --- Teams ------------------------------------------------------------------------------------


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
            tuple(counters) if user_days else (0,) * len(COUNTERS),
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
    for team_id, users in rows.values_list("team_id", "members").iterator():
        members[team_id] |= BitMap.deserialize(bytes(users))
    return members
