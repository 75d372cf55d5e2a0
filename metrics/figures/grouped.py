"""Use by group and by stretch of days: what the report builder asks for.

A group is the whole scope, a team, a name of GitHub's breakdowns, or where people belong in their company
(see `metrics.figures.by_place`). Every group and stretch is told of the days there are; `days` says how many.
Groups overlap: teams, names and organizations never add up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import groupby

from pyroaring import BitMap

from metrics.figures.broken_down import Dimension, Sums
from metrics.figures.by_name import told
from metrics.figures.days import day_totals
from metrics.figures.distinct import DaySets, day_sets_by_name, day_sets_of, union, user_days
from metrics.figures.persons import total_credits
from metrics.figures.scope import Scope
from metrics.figures.told import rows_of_days
from metrics.models import DayUsers, TeamDay
from metrics.models.counters import COUNTERS
from metrics.models.team_day import NO_TEAM, UNATTRIBUTED
from metrics.periods import Period
from metrics.whole_weeks import LONG
from seats.models import Team

ACTIVE, CHAT, AGENT, CLI = DayUsers.TEAM_KINDS
# Days of teams that are read together: few at first, since somebody waits for them.
FIRST_TEAM_DAYS, TEAM_DAYS_AT_ONCE = 2_000, 20_000

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
    """What a group did in a stretch: on how many told days, how many (by kind), how often, how much."""

    days: int = 0
    user_days: int | None = None
    people: dict[str, int] = field(default_factory=dict)
    sums: Sums = field(default_factory=Sums)
    ai_credits_used: Decimal | None = None

    def count(self, kind: str) -> int | None:
        """Distinct people; None where no day was told person by person."""
        return self.people.get(kind)


Uses = dict[tuple[Group, Period], Use]


def in_batches(parts: Sequence[Period]) -> Iterator[Sequence[Period]]:
    """Successive stretches whose days are read together: few enough to be held, whatever the period."""
    batch: list[Period] = []
    for part in parts:
        if batch and (part.last - batch[0].first).days >= LONG:
            yield batch
            batch = []
        batch.append(part)
    if batch:
        yield batch


def whole(scope: Scope, parts: Sequence[Period], kinds: Collection[str], *, with_credits: bool) -> Uses:
    """One group: the account or team itself."""
    found: Uses = {}
    for batch in in_batches(parts):
        period = Period(batch[0].first, batch[-1].last)
        totals = day_totals(scope, period)
        sets = day_sets_of(scope, period, {ACTIVE, *kinds})
        spent = _credits(scope, period) if with_credits else {}
        for part in batch:
            days = [day for day in part if day in totals]
            if not days:
                continue
            use = found[("", 0), part] = Use(len(days), sums=Sums.of(totals[day].counters for day in days))
            for kind, told_sets in sets.items():
                _count(use, kind, told_sets, [day for day in part if day in told_sets])
            use.ai_credits_used = total_credits(spent.get(day) for day in days)
    return found


def _count(use: Use, kind: str, sets: DaySets, days: Sequence[date]) -> None:
    """Count who did it on these days, all of them told person by person."""
    if not days:
        return
    users = union(sets, days)
    use.people[kind] = len(users or ())
    if kind == ACTIVE:
        use.user_days = user_days(sets, days)


def _credits(scope: Scope, period: Period) -> Mapping[date, Decimal | None]:
    rows = rows_of_days(scope, period, ["ai_credits_used"], computed=True)
    return {day: row[0] if row else Decimal(0) for day, _, row in rows}


def by_team(scope: Scope, parts: Sequence[Period], kinds: Collection[str]) -> Iterator[Uses]:
    """Every team with a covered day, each day by its own membership, and what belongs to no team.

    Some teams at a time, by name; what belongs to none comes last.
    """
    if scope.team is not None:
        names = {scope.team.pk: scope.team.slug}
    else:
        names = dict(Team.objects.filter(account=scope.account).order_by().values_list("pk", "slug"))
        names[UNATTRIBUTED] = NO_TEAM
    keys = sorted(names, key=lambda key: _place((names[key], key)))
    days = len(Period(parts[0].first, parts[-1].last))
    start, number = 0, max(1, FIRST_TEAM_DAYS // days)
    while some := keys[start : start + number]:
        yield _of_teams(scope, parts, kinds, {key: names[key] for key in some})
        start, number = start + number, max(1, TEAM_DAYS_AT_ONCE // days)


def _of_teams(
    scope: Scope, parts: Sequence[Period], kinds: Collection[str], names: Mapping[int, str]
) -> Uses:
    places = {day: part for part in parts for day in part}
    within = {
        "account": scope.account,
        "team_key__in": list(names),
        "day__range": (parts[0].first, parts[-1].last),
    }
    rows = TeamDay.objects.filter(**within).order_by("team_key", "day")
    columns = ("team_key", "day", "active_users", "ai_credits_used", *COUNTERS)
    found: Uses = {}
    for (key, part), lines in groupby(
        rows.values_list(*columns).iterator(), key=lambda row: (row[0], places[row[1]])
    ):
        days = list(lines)
        found[(names[key], key), part] = Use(
            len(days),
            sum(row[2] for row in days),
            people=dict.fromkeys((ACTIVE, *kinds), 0),
            sums=Sums.of(tuple(row[4:]) if row[2] else (0,) * len(COUNTERS) for row in days),
            ai_credits_used=total_credits(row[3] for row in days),
        )
    sets = DayUsers.objects.filter(**within, kind__in={ACTIVE, *kinds}).order_by("team_key", "kind", "day")
    told_sets = sets.values_list("team_key", "kind", "day", "users").iterator()
    for (key, kind, part), lines in groupby(told_sets, key=lambda row: (row[0], row[1], places[row[2]])):
        if known := found.get(((names[key], key), part)):
            everybody = BitMap()
            for *_, users in lines:
                everybody |= BitMap.deserialize(bytes(users))
            known.people[kind] = len(everybody)
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
    found: Uses = {}
    for batch in in_batches(parts):
        period = Period(batch[0].first, batch[-1].last)
        breakdown = told(scope, period, NAMED[name])
        sets = day_sets_by_name(scope, period, f"{name}:")
        for part in batch:
            days = [day for day in part if day in breakdown.days]
            for (called,), sums in breakdown.totals(name, days=days).items():
                use = found[(called, 0), part] = Use(len(days), sums=sums)
                if called in sets:
                    _count(use, ACTIVE, sets[called], [day for day in part if day in sets[called]])
    return found


def in_order(uses: Uses) -> Iterator[tuple[str, Period, Use]]:
    """By group, then by day; what belongs to no group comes last."""
    ordered = sorted(uses.items(), key=lambda each: (_place(each[0][0]), each[0][1].first))
    return ((group[0], part, use) for (group, part), use in ordered)


def _place(group: Group) -> tuple[bool, str, int]:
    return group[0].startswith("("), group[0].lower(), group[1]
