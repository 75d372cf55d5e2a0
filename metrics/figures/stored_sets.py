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


def stored_sets(scope: Scope, period: Period, wanted: Q) -> StoredSets:
    """The sets of the wanted kinds. Covered is a day told person by person; a team's also by its members.

    A team has sets of its own for a few kinds; of any other kind it has those of the account's people who
    were in the team that day.
    """
    rows = DayUsers.objects.filter(account=scope.account, day__range=(period.first, period.last)).order_by()
    if scope.team is None:
        days = covered(scope.account, period, ReportDay.Report.USERS)
        found: dict[str, dict[date, BitMap]] = {}
        asked = rows.filter(wanted, team_key=WHOLE_ACCOUNT)
        for kind, day, users in asked.values_list("kind", "day", "users"):
            found.setdefault(kind, {})[day] = BitMap.deserialize(bytes(users))
        return StoredSets(days, found)
    return _of_team(scope, rows, wanted)


def _of_team(scope: Scope, rows: QuerySet[DayUsers], wanted: Q) -> StoredSets:
    own = rows.filter(Q(kind=ACTIVE) | wanted, team_key=scope.team_key, kind__in=DayUsers.TEAM_KINDS)
    found: dict[str, dict[date, BitMap]] = {}
    for kind, day, users in own.values_list("kind", "day", "users"):
        found.setdefault(kind, {})[day] = BitMap.deserialize(bytes(users))
    active = found.get(ACTIVE, {})
    whole = rows.filter(wanted, team_key=WHOLE_ACCOUNT).exclude(kind__in=DayUsers.TEAM_KINDS)
    for kind, day, users in whole.values_list("kind", "day", "users"):
        if day in active and (some := BitMap.deserialize(bytes(users)) & active[day]):
            found.setdefault(kind, {})[day] = some
    return StoredSets(sorted(active), found)
