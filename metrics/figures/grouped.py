"""Use by group and by stretch of days: what the report builder asks for.

A group is the whole scope, a team, a name of GitHub's breakdowns, or where people belong in their company
(see `metrics.figures.by_place`). Every group and stretch is told of the days there are; `days` says how many.
Groups overlap: teams, names and organizations never add up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import groupby

from pyroaring import BitMap

from metrics.figures.broken_down import Dimension, Sums
from metrics.figures.by_name import told
from metrics.figures.days import day_totals
from metrics.figures.distinct import day_sets_by_name, day_sets_of
from metrics.figures.persons import total_credits
from metrics.figures.scope import Scope
from metrics.figures.told import rows_of_days
from metrics.models import DayUsers, TeamDay
from metrics.models.counters import COUNTERS
from metrics.models.team_day import UNATTRIBUTED
from metrics.periods import Period

ACTIVE, CHAT, AGENT, CLI = DayUsers.TEAM_KINDS
NO_TEAM = "(unattributed)"

# What a group is called, and its key where several may be called the same.
Group = tuple[str, int]


class Step(StrEnum):
    WHOLE = "period"
    MONTH = "month"
    WEEK = "week"
    DAY = "day"


def stretches(period: Period, step: Step) -> list[Period]:
    """The period cut at the ends of its UTC days, its weeks from Monday on, or its months."""

    def name(day: date) -> object:
        match step:
            case Step.DAY:
                return day
            case Step.WEEK:
                return day - timedelta(days=day.weekday())
            case Step.MONTH:
                return day.year, day.month
        return None

    parts = [list(days) for _, days in groupby(period, key=name)]
    return [Period(days[0], days[-1]) for days in parts]


@dataclass(slots=True)
class Use:
    """What a group did in a stretch: on how many told days, who (by kind), how often, and how much."""

    days: int = 0
    user_days: int | None = None
    people: dict[str, BitMap] = field(default_factory=dict)
    sums: Sums = field(default_factory=Sums)
    ai_credits_used: Decimal | None = None

    def count(self, kind: str) -> int | None:
        """Distinct people; None where no day was told person by person."""
        return len(self.people[kind]) if kind in self.people else None

    def add_people(self, kind: str, sets: Iterable[BitMap]) -> None:
        """Sets of days told person by person."""
        several = list(sets)
        if several:
            self.people[kind] = BitMap.union(*several)
            if kind == ACTIVE:
                self.user_days = sum(map(len, several))


Uses = dict[tuple[Group, Period], Use]


def whole(scope: Scope, parts: Sequence[Period], kinds: Collection[str], *, with_credits: bool) -> Uses:
    """One group: the account or team itself."""
    period = Period(parts[0].first, parts[-1].last)
    totals = day_totals(scope, period)
    sets = day_sets_of(scope, period, {ACTIVE, *kinds})
    spent = _credits(scope, period) if with_credits else {}
    found: Uses = {}
    for part in parts:
        days = [day for day in part if day in totals]
        if not days:
            continue
        use = found[("", 0), part] = Use(len(days), sums=Sums.of(totals[day].counters for day in days))
        for kind, told_sets in sets.items():
            use.add_people(kind, (told_sets[day] for day in part if day in told_sets))
        use.ai_credits_used = total_credits(spent.get(day) for day in days)
    return found


def _credits(scope: Scope, period: Period) -> Mapping[date, Decimal | None]:
    rows = rows_of_days(scope, period, ["ai_credits_used"], computed=True)
    return {day: row[0] if row else Decimal(0) for day, _, row in rows}


def by_team(scope: Scope, parts: Sequence[Period], kinds: Collection[str]) -> Uses:
    """Every team with a covered day, each day by its own membership, and what belongs to no team."""
    account, period = scope.account, Period(parts[0].first, parts[-1].last)
    places = {day: part for part in parts for day in part}
    within = {"account": account, "day__range": (period.first, period.last)}
    rows = TeamDay.objects.filter(**within).order_by("team_key", "day")
    if scope.team is not None:
        rows = rows.filter(team_key=scope.team_key)
    columns = ("team_key", "day", "team__slug", "active_users", "ai_credits_used", *COUNTERS)
    found: Uses = {}
    names: dict[int, str] = {}
    for (key, part), lines in groupby(
        rows.values_list(*columns).iterator(), key=lambda row: (row[0], places[row[1]])
    ):
        days = list(lines)
        names[key] = NO_TEAM if key == UNATTRIBUTED else days[0][2] or ""
        found[(names[key], key), part] = Use(
            len(days),
            sum(row[3] for row in days),
            sums=Sums.of(tuple(row[5:]) if row[3] else (0,) * len(COUNTERS) for row in days),
            ai_credits_used=total_credits(row[4] for row in days),
        )
    wanted = {ACTIVE, *kinds}
    for use in found.values():
        use.people = {kind: BitMap() for kind in wanted}
    sets = DayUsers.objects.filter(**within, kind__in=wanted, team_key__in=list(names))
    told_sets = sets.order_by().values_list("team_key", "day", "kind", "users")
    for key, day, kind, users in told_sets.iterator():
        if known := found.get(((names[key], key), places[day])):
            known.people[kind] |= BitMap.deserialize(bytes(users))
    return found


# The breakdowns by which use can be grouped, and where each name comes from.
NAMED: Mapping[str, Dimension] = {
    "feature": "feature",
    "ide": "ide",
    "language": "language_feature",
    "model": "model_feature",
}


def by_name(scope: Scope, parts: Sequence[Period], name: str) -> Uses:
    """By feature, editor, language or model: of the days whose breakdown is told."""
    period = Period(parts[0].first, parts[-1].last)
    breakdown = told(scope, period, NAMED[name])
    sets = day_sets_by_name(scope, period, f"{name}:")
    found: Uses = {}
    for part in parts:
        days = [day for day in part if day in breakdown.days]
        for (called,), sums in breakdown.totals(name, days=days).items():
            use = found[(called, 0), part] = Use(len(days), sums=sums)
            of_name = sets.get(called, {})
            use.add_people(ACTIVE, (of_name[day] for day in part if day in of_name))
    return found


def in_order(uses: Uses) -> Iterator[tuple[str, Period, Use]]:
    """By group, then by day; what belongs to no group comes last."""
    ordered = sorted(uses.items(), key=lambda each: (_place(each[0][0]), each[0][1].first))
    return ((group[0], part, use) for (group, part), use in ordered)


def _place(group: Group) -> tuple[bool, str, int]:
    return group[0].startswith("("), group[0].lower(), group[1]
