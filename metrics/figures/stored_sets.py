"""The stored sets of people: read once, each made a bitmap once."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from django.db.models import Q, QuerySet
from pyroaring import BitMap

from metrics.figures.scope import Scope
from metrics.figures.told import covered
from metrics.models import DayUsers, ReportDay
from metrics.models.team_day import WHOLE_ACCOUNT
from metrics.periods import Period

ACTIVE = DayUsers.Kind.ACTIVE.value


class StoredSets(NamedTuple):
    """The covered days, in order, and by kind the days on which somebody did it."""

    days: list[date]
    found: dict[str, dict[date, BitMap]]


def stored_sets(scope: Scope, period: Period, wanted: Q, *, in_detail: bool) -> StoredSets:
    """The sets of the wanted kinds. Covered is a day told person by person; a team's also by its members.

    A team has sets of its own for TEAM_KINDS; of any other kind (`in_detail`) it has those of the account's
    people who were in the team that day.
    """
    rows = DayUsers.objects.filter(account=scope.account, day__range=(period.first, period.last)).order_by()
    if scope.team is None:
        days = covered(scope.account, period, ReportDay.Report.USERS, in_detail=in_detail)
        return StoredSets(days, _by_kind(rows.filter(wanted, team_key=WHOLE_ACCOUNT)))
    own = rows.filter(Q(kind=ACTIVE) | wanted, team_key=scope.team_key, kind__in=DayUsers.TEAM_KINDS)
    found = _by_kind(own)
    active = found.get(ACTIVE, {})
    if not in_detail:
        return StoredSets(sorted(active), found)
    whole = rows.filter(wanted, team_key=WHOLE_ACCOUNT).exclude(kind__in=DayUsers.TEAM_KINDS)
    for kind, sets in _by_kind(whole).items():
        found[kind] = {
            day: some for day, users in sets.items() if day in active and (some := users & active[day])
        }
    days = covered(scope.account, period, ReportDay.Report.USERS, in_detail=True)
    return StoredSets([day for day in days if day in active], found)


def _by_kind(rows: QuerySet[DayUsers]) -> dict[str, dict[date, BitMap]]:
    found: dict[str, dict[date, BitMap]] = {}
    for kind, day, users in rows.values_list("kind", "day", "users"):
        found.setdefault(kind, {})[day] = BitMap.deserialize(bytes(users))
    return found
