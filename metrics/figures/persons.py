"""People in lists: who used Copilot how much, a page at a time; and who holds a seat without any use.

The 28 days up to an account's newest covered day are read as they lie in UserWindow. Other days are added
up from the people's own lines: of everybody, while those are few; else only of those on the page, which
leaves the orders that the sets of people can tell.
https://docs.github.com/copilot/reference/copilot-usage-metrics/copilot-usage-metrics
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any

from django.db.models import Count, F, FloatField, Max, Min, Q, QuerySet, Sum
from django.db.models.functions import Cast, NullIf
from pyroaring import BitMap

from metrics.figures.broken_down import Sums
from metrics.figures.counted import sums
from metrics.figures.distinct import day_sets, union
from metrics.figures.often import Often
from metrics.figures.rates import acceptance_rate
from metrics.figures.scope import Scope
from metrics.figures.seat_sets import holders_of
from metrics.figures.stored_periods import stored_often
from metrics.models import ReportDay, TeamDay, TeamRoster, UserDay, UserWindow, WindowEnd
from metrics.models.counters import COUNTERS
from metrics.periods import MONTH, Period, on
from seats.models import GitHubUser, Seat

# By what people can be sorted, each with the column of UserWindow.
ORDERS: Mapping[str, str] = {
    "interactions": "user_initiated_interaction_count",
    "active_days": "active_days",
    "acceptance_rate": "acceptance_rate",
    "lines": "loc_added_sum",
    "last_day": "last_day",
    "login": "user__login_key",
}
# Told by the sets of people alone, over any number of days.
OF_SETS = ("active_days", "last_day", "login")
# So many lines are added up while somebody waits for a page.
MOST_LINES = 100_000
# So many people are asked for by name; of more, everybody is gone through.
MOST_BY_NAME = 2_000


@dataclass(frozen=True, slots=True)
class PersonUse:
    """What one account's reports say of a person over some days; of a team, only of days in the team.

    Days are those with a line, and those on which a flag says so. Credits are GitHub's AI credits.
    """

    user_key: int
    login: str
    active_days: int
    first_day: date
    last_day: date
    chat_days: int
    agent_days: int
    cli_days: int
    ai_credits_used: Decimal | None
    sums: Sums

    @property
    def acceptance_rate(self) -> Decimal | None:
        return acceptance_rate(
            self.sums.code_acceptance_activity_count, self.sums.code_generation_activity_count
        )


@dataclass(frozen=True, slots=True)
class People:
    """Some rows of a sorted list. `order` is the one it has: another than asked where that asks too much."""

    rows: Sequence[PersonUse]
    has_more: bool
    order: str


def people_list(
    scope: Scope,
    days: Collection[date],
    *,
    order: str = "interactions",
    descending: bool = True,
    login: str = "",
    offset: int = 0,
    limit: int = 50,
) -> People:
    """Everybody with a line on one of these days whose login begins so, sorted, from `offset` on.

    Who lacks the figure that sorts comes last, both ways. In at most six queries.
    """
    login = login.strip().lower()
    if is_window(scope, days):
        found = _of_window(scope, order, descending, login, offset, limit + 1)
    else:
        found, order = _added_up(scope, days, order, descending, login, offset, limit + 1)
    return People(found[:limit], len(found) > limit, order)


def days_told(scope: Scope, days: Collection[date]) -> int:
    """Of how many of these days reports tell person by person, for a team also who was in it."""
    rows: QuerySet[Any]
    if scope.team is not None:
        rows = TeamDay.objects.filter(on(days), account=scope.account, team_key=scope.team_key)
    else:
        rows = ReportDay.objects.filter(on(days), account=scope.account, report=ReportDay.Report.USERS)
    return rows.count()


def is_window(scope: Scope, days: Collection[date]) -> bool:
    """Whether UserWindow is of just these days: the 28 up to the account's newest covered one.

    Windows that are behind the days are not.
    """
    if scope.team is not None or len(days) != MONTH:
        return False
    last = max(days)
    return (
        set(days) == set(Period.trailing(last, MONTH))
        and WindowEnd.objects.filter(account=scope.account, day=last).exists()
    )


@dataclass(frozen=True, slots=True)
class ByActiveDays:
    """How many people were active on so many of some days, by that number, the most days first.

    `leaders` are up to three logins of those active on the most days.
    """

    people: Mapping[int, int]
    leaders: Sequence[str]

    @property
    def most(self) -> int:
        """The most active days that anybody has; 0 without anybody."""
        return max(self.people, default=0)


def people_by_active_days(scope: Scope, days: Collection[date]) -> ByActiveDays:
    """People by the number of their active days, of these days."""
    groups = often_active(scope, days).groups()
    if not groups:
        return ByActiveDays({}, [])
    leaders = GitHubUser.objects.filter(pk__in=list(groups[0][1][:3])).order_by("login_key", "pk")
    return ByActiveDays(
        {count: len(group) for count, group in groups}, list(leaders.values_list("login", flat=True))
    )


def often_active(scope: Scope, days: Collection[date]) -> Often:
    """On how many of these days each was active."""
    stored = _stored_often(scope, days)
    return Often(_sets(scope, days).values()) if stored is None else stored


def _stored_often(scope: Scope, days: Collection[date]) -> Often | None:
    if not days or len(period := Period(min(days), max(days))) != len(set(days)):
        return None
    return stored_often(scope, period)


def _sets(scope: Scope, days: Collection[date]) -> dict[date, BitMap]:
    """Who was active on each of these days; days without anybody are left out."""
    asked = set(days)
    if not asked:
        return {}
    told = day_sets(scope, Period(min(asked), max(asked)))
    return {day: users for day, users in told.items() if day in asked and users}


# --- From the window --------------------------------------------------------------------------


def _of_window(
    scope: Scope, order: str, descending: bool, login: str, offset: int, limit: int
) -> list[PersonUse]:
    rows = UserWindow.objects.filter(account=scope.account)
    if login:
        rows = rows.filter(user__login_key__startswith=login)
    if order == "acceptance_rate":
        # With a decimal point on every database; only to sort by.
        accepted = Cast("code_acceptance_activity_count", FloatField())
        generated = NullIf(Cast("code_generation_activity_count", FloatField()), 0.0)
        rows = rows.annotate(acceptance_rate=accepted / generated)
    column = ORDERS[order]
    sign = "-" if descending else ""
    # Known ones first, in a query of their own: only so does the order match an index on every database.
    known = rows.filter(**{f"{column}__isnull": False}).order_by(f"{sign}{column}", f"{sign}pk")
    found = _read_window(known, offset, limit)
    if len(found) < limit and column in (*COUNTERS, "acceptance_rate"):
        before = known.count() if not found and offset else offset + len(found)
        unknown = rows.filter(**{f"{column}__isnull": True}).order_by(f"{sign}pk")
        found += _read_window(unknown, max(offset - before, 0), limit - len(found))
    return found


def _read_window(rows: QuerySet[UserWindow], offset: int, limit: int) -> list[PersonUse]:
    names = (
        "user_id",
        "user__login",
        "active_days",
        "first_day",
        "last_day",
        "chat_days",
        "agent_days",
        "cli_days",
        "ai_credits_used",
        *COUNTERS,
    )
    return [_use(row) for row in rows.values_list(*names)[offset : offset + limit]]


def _use(row: tuple[Any, ...]) -> PersonUse:
    """Out of columns in the order of the fields."""
    columns: tuple[Any, ...] = (*row[:9], Sums(*row[9:]))
    return PersonUse(*columns)


# --- Added up ---------------------------------------------------------------------------------


def _added_up(
    scope: Scope,
    days: Collection[date],
    order: str,
    descending: bool,
    login: str,
    offset: int,
    limit: int,
) -> tuple[list[PersonUse], str]:
    often = None if login else _stored_often(scope, days)
    if often is not None:
        if order not in OF_SETS and often.times() > MOST_LINES:
            order = "active_days"
        if order == "active_days":
            keys = _page_of_groups([group for _, group in often.groups()], descending, offset, limit)
            asked, told = set(days), day_sets(scope, Period(min(days), max(days)))
            on_days = dict.fromkeys((day for day in told if day in asked), BitMap())
            by_key = {use.user_key: use for use in _figures(scope, on_days, BitMap(keys))}
            return [by_key[key] for key in keys if key in by_key], order
    sets = _sets(scope, days)
    everybody = BitMap.union(BitMap(), *sets.values())
    if login:
        named = GitHubUser.objects.filter(login_key__startswith=login).values_list("pk", flat=True)
        everybody &= BitMap(named)
        sets = {day: users & everybody for day, users in sets.items()}
    lines = sum(map(len, sets.values()))
    if order not in OF_SETS and lines > MOST_LINES:
        order = "active_days"
    if order in OF_SETS:
        keys = _page_of_sets(sets, everybody, order, descending, offset, limit)
        by_key = {use.user_key: use for use in _figures(scope, sets, BitMap(keys))}
        return [by_key[key] for key in keys if key in by_key], order
    ranked = _ranked(_figures(scope, sets, everybody), order, descending)
    return ranked[offset : offset + limit], order


def _page_of_sets(
    sets: Mapping[date, BitMap],
    everybody: BitMap,
    order: str,
    descending: bool,
    offset: int,
    limit: int,
) -> list[int]:
    if order == "login":
        sign = "-" if descending else ""
        named = GitHubUser.objects.filter(pk__among=set(everybody)).order_by(f"{sign}login_key", f"{sign}pk")
        return list(named.values_list("pk", flat=True)[offset : offset + limit])
    groups = _by_active_days(sets) if order == "active_days" else _by_last_day(sets)
    return _page_of_groups(groups, descending, offset, limit)


def _page_of_groups(groups: list[BitMap], descending: bool, offset: int, limit: int) -> list[int]:
    keys: list[int] = []
    # The groups come with the most, or the newest, first.
    for group in groups if descending else reversed(groups):
        if offset >= len(group):
            offset -= len(group)
            continue
        keys += _some(group, offset, limit - len(keys), descending=descending)
        offset = 0
        if len(keys) == limit:
            break
    return keys


def _some(group: BitMap, offset: int, count: int, *, descending: bool) -> list[int]:
    """So many keys from `offset` on, smallest or largest first."""
    if not descending:
        return list(group[offset : offset + count])
    end = len(group) - offset
    return list(group[max(end - count, 0) : end])[::-1]


def _by_active_days(sets: Mapping[date, BitMap]) -> list[BitMap]:
    return [group for _, group in Often(sets.values()).groups()]


def _by_last_day(sets: Mapping[date, BitMap]) -> list[BitMap]:
    groups, seen = [], BitMap()
    for day in sorted(sets, reverse=True):
        if fresh := sets[day] - seen:
            groups.append(fresh)
            seen |= fresh
    return groups


def _figures(scope: Scope, sets: Mapping[date, BitMap], people: BitMap) -> list[PersonUse]:
    """What these people did on the days on which the sets have them."""
    if not people:
        return []
    rows = UserDay.objects.filter(on(sets), account=scope.account, user_id__among=set(people))
    if scope.team is None:
        return _grouped(rows)
    return _grouped_by_hand(rows, sets)


def _grouped(rows: QuerySet[UserDay]) -> list[PersonUse]:
    flags = {
        f"{kind}_days": Count("pk", filter=Q(**{f"used_{kind}": True})) for kind in ("chat", "agent", "cli")
    }
    figures = (
        rows.order_by()
        .values("user_id", "user__login")
        .annotate(
            active_days=Count("pk"),
            first_day=Min("day"),
            last_day=Max("day"),
            **flags,
            credits=Sum("ai_credits_used"),
            **sums(),
        )
    )
    names = ("user_id", "user__login", "active_days", "first_day", "last_day", *flags, "credits", *COUNTERS)
    return [_use(row) for row in figures.values_list(*names)]


def _grouped_by_hand(rows: QuerySet[UserDay], sets: Mapping[date, BitMap]) -> list[PersonUse]:
    """Of those days alone on which the person was in the team."""
    names = ("user_id", "user__login", "day", "used_chat", "used_agent", "used_cli", "ai_credits_used")
    lines: dict[tuple[int, str], list[tuple[Any, ...]]] = {}
    for user_key, login, day, *rest in rows.order_by("day").values_list(*names, *COUNTERS).iterator():
        if user_key in sets[day]:
            lines.setdefault((user_key, login), []).append((day, *rest))
    return [_person(key, login, told) for (key, login), told in lines.items()]


def _person(key: int, login: str, lines: Sequence[tuple[Any, ...]]) -> PersonUse:
    """Out of lines, in the order of their days: day, three flags, credits, the counters."""
    days, chat, agent, cli, spent, *_ = zip(*lines, strict=True)
    return PersonUse(
        user_key=key,
        login=login,
        active_days=len(days),
        first_day=days[0],
        last_day=days[-1],
        chat_days=sum(map(bool, chat)),
        agent_days=sum(map(bool, agent)),
        cli_days=sum(map(bool, cli)),
        ai_credits_used=total_credits(spent),
        sums=Sums.of(line[5:] for line in lines),
    )


def total_credits(several: Iterable[Decimal | None]) -> Decimal | None:
    """Their sum; None where nobody told any."""
    known = [spent for spent in several if spent is not None]
    return sum(known, Decimal(0)) if known else None


def _ranked(people: Iterable[PersonUse], order: str, descending: bool) -> list[PersonUse]:
    told = [(_sorts_by(use, order), use) for use in people]
    known = sorted(
        ((value, use.user_key, use) for value, use in told if value is not None),
        key=lambda each: each[:2],
        reverse=descending,
    )
    unknown = sorted((use for value, use in told if value is None), key=lambda use: use.user_key)
    return [use for *_, use in known] + unknown


def _sorts_by(use: PersonUse, order: str) -> Any:
    if order == "interactions":
        return use.sums.user_initiated_interaction_count
    if order == "lines":
        return use.sums.loc_added_sum
    return use.acceptance_rate


# --- Seats without use ------------------------------------------------------------------------


# What a list shows of a seat.
OF_SEATS = (
    "plan_type",
    "created_at",
    "last_used_on",
    "last_used_source",
    "verdict",
    "user__login",
    "account__login",
    "account__github_id",
)


@dataclass(frozen=True, slots=True)
class SeatsWithoutUse:
    """Some of them. `days_told`: of how many of the days reports speak at all."""

    seats: Sequence[Seat]
    has_more: bool
    days_told: int


def seats_without_use(scope: Scope, days: Collection[date], limit: int) -> SeatsWithoutUse:
    """Held seats of people without a line on any of these days in the account's reports; oldest use first.

    An enterprise's include its organizations'. Of a team: of its members on its newest told day.
    """
    asked = set(days)
    told = day_sets(scope, Period(min(asked), max(asked)), in_sum=True) if asked else {}
    days_told = [day for day in told if day in asked]
    if not days_told:
        return SeatsWithoutUse([], False, 0)
    used = union(told, days_told) or BitMap()
    seats = Seat.objects.held().of_family(scope.account)
    if scope.team is not None:
        roster = TeamRoster.objects.filter(team=scope.team, day__in=asked).order_by("-day").first()
        holders = roster.user_keys if roster else BitMap()
    else:
        holders = holders_of(scope.account)
    found = _oldest(seats, holders - used, limit + 1)
    return SeatsWithoutUse(found[:limit], len(found) > limit, len(days_told))


def _oldest(seats: QuerySet[Seat], idle: BitMap, limit: int) -> list[Seat]:
    """Those of the seats that these people hold, the oldest known use first, and first of all without any."""
    keys = list(islice(_keys_by_use(seats, idle, limit), limit)) if idle else []
    found = Seat.objects.select_related("user", "account").only(*OF_SEATS).in_bulk(keys)
    return [found[key] for key in keys]


def _keys_by_use(seats: QuerySet[Seat], idle: BitMap, limit: int) -> Iterator[int]:
    if len(idle) <= MOST_BY_NAME:
        by_use = F("last_used_on").asc(nulls_first=True)
        named = seats.filter(user_id__among=set(idle)).order_by(by_use, "pk")
        yield from named.values_list("pk", flat=True)[:limit]
        return
    # Whoever did not use it lately stands at the front: of many, few seats are looked at. Those without any
    # use come from a query of their own, so that both lie in the order of an index.
    never = seats.filter(last_used_on=None).order_by("pk")
    once = seats.filter(last_used_on__isnull=False).order_by("last_used_on", "pk")
    for some in (never, once):
        pairs = some.values_list("pk", "user_id").iterator()
        yield from (key for key, user_key in pairs if user_key in idle)
