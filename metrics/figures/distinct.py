"""Distinct people of a day, of trailing days, of a period. Sets of people, since counts never add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta

from django.db.models import Q
from pyroaring import BitMap

from metrics.figures.scope import Scope
from metrics.figures.told import covered
from metrics.figures.windows import ActiveUsers, Windows
from metrics.models import DayUsers, ReportDay
from metrics.models.team_day import WHOLE_ACCOUNT
from metrics.periods import MONTH, Period

ACTIVE = DayUsers.Kind.ACTIVE.value
DaySets = Mapping[date, BitMap]


def day_sets(scope: Scope, period: Period, kind: str = ACTIVE) -> DaySets:
    """Who did this on each covered day of the period, in order; an empty set where nobody did.

    `kind` is one of DayUsers: a flag ("active", "chat" …) or what was used ("language:python", "phase:2").
    Covered is a day told person by person, for a team also by its membership of that day.
    """
    return day_sets_of(scope, period, [kind])[kind]


def day_sets_of(scope: Scope, period: Period, kinds: Collection[str]) -> dict[str, DaySets]:
    """The same for several kinds at once, by kind; as many queries as for one."""
    return _read(scope, period, Q(kind__in=list(kinds)), kinds)


def day_sets_by_name(scope: Scope, period: Period, prefix: str) -> dict[str, DaySets]:
    """The same for every kind that begins so ("language:", "phase:"), by the name that follows.

    By name: most person-days first, equal ones by name.
    """
    found = _read(scope, period, Q(kind__startswith=prefix), ())
    person_days: Counter[str] = Counter()
    for kind, days in found.items():
        person_days[kind] = sum(len(users) for users in days.values())
    ranked = sorted(
        (kind for kind in found if person_days[kind]), key=lambda kind: (-person_days[kind], kind)
    )
    return {kind.removeprefix(prefix): found[kind] for kind in ranked}


def distinct(
    scope: Scope, period: Period, kind: str = ACTIVE, days: Iterable[date] | None = None
) -> int | None:
    """Distinct people over the period, or over some `days`; None unless every one of them is covered."""
    users = people_of(scope, period, kind, days)
    return None if users is None else len(users)


def people_of(
    scope: Scope, period: Period, kind: str = ACTIVE, days: Iterable[date] | None = None
) -> BitMap | None:
    """Those people themselves, by their keys."""
    return union(day_sets(scope, period, kind), period if days is None else days)


def union(sets: DaySets, days: Iterable[date]) -> BitMap | None:
    """Everybody of these days; None unless every one of them is told."""
    asked = list(days)
    if any(day not in sets for day in asked):
        return None
    return BitMap.union(*(sets[day] for day in asked)) if asked else BitMap()


def trailing(scope: Scope, period: Period, kind: str = ACTIVE) -> Mapping[date, ActiveUsers]:
    """Daily, weekly (7 days) and monthly (28 days) distinct people of every day of the period.

    Each is None where not every day of its window is covered.
    """
    reach = Period(period.first - timedelta(days=MONTH - 1), period.last)
    sets = day_sets(scope, reach, kind)
    windows = Windows(sets)
    found: dict[date, ActiveUsers] = {}
    for day in reach:
        if day in sets:
            windows.add(day, sets[day])
        if day in period:
            found[day] = windows.on(day)
    return found


def kinds(scope: Scope, period: Period, prefix: str) -> list[str]:
    """The names that follow this prefix in the kinds of the period: most person-days first."""
    return list(day_sets_by_name(scope, period, prefix))


def _read(scope: Scope, period: Period, wanted: Q, kinds: Collection[str]) -> dict[str, DaySets]:
    rows = DayUsers.objects.filter(account=scope.account, day__range=(period.first, period.last))
    own = Q(team_key=scope.team_key)
    if scope.team is not None:
        own &= Q(kind__in=DayUsers.TEAM_KINDS)
        rows = rows.filter(
            Q(team_key=scope.team_key, kind=ACTIVE)
            | own & wanted
            | Q(team_key=WHOLE_ACCOUNT) & wanted & ~Q(kind__in=DayUsers.TEAM_KINDS)
        )
    else:
        rows = rows.filter(own & wanted)
    told: dict[str, dict[date, BitMap]] = {}
    active: dict[date, BitMap] = {}
    for team_key, kind, day, users in rows.values_list("team_key", "kind", "day", "users"):
        some = BitMap.deserialize(bytes(users))
        if scope.team is not None and kind == ACTIVE and team_key == scope.team_key:
            active[day] = some
        told.setdefault(kind, {})[day] = some
    if scope.team is None:
        waiting = covered(scope.account, period, ReportDay.Report.USERS)
        days = list(waiting)
    else:
        days = sorted(active)
        for kind, sets in told.items():
            if kind not in DayUsers.TEAM_KINDS:
                told[kind] = {day: users & active[day] for day, users in sets.items() if day in active}
    return {
        kind: {day: told.get(kind, {}).get(day, BitMap()) for day in days}
        for kind in dict.fromkeys([*kinds, *told])
    }
