"""The rows that tell of days: which days are covered, and each day's row from the source to prefer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from django.db.models import Exists, OuterRef

from metrics.figures.scope import Scope
from metrics.models import DirtyDay, ReportDay, ScopeDay, TeamDay
from metrics.periods import Period
from seats.models import Account

# A day, its source (of ScopeDay.Source), and the asked columns; None: covered, and nobody did anything.
Told = tuple[date, str, tuple[Any, ...] | None]


def covered(account: Account, period: Period, *reports: str) -> dict[date, bool]:
    """The days of which one of these reports was taken in, and whether they wait to be added up again."""
    waiting = DirtyDay.objects.filter(account=OuterRef("account"), day=OuterRef("day"))
    rows = ReportDay.objects.filter(
        account=account, report__in=reports, day__range=(period.first, period.last)
    ).order_by("day")
    return dict(rows.annotate(waits=Exists(waiting)).values_list("day", "waits"))


def rows_of_days(
    scope: Scope, period: Period, columns: Sequence[str], *, computed: bool = False
) -> Iterator[Told]:
    """The covered days of a scope, in order, each with columns of its row.

    An account's day is GitHub's own record where there is one (with `computed`: never), else the one
    computed from its people. A team's days are computed; a day without a row of the team is not covered,
    since nobody knows who was in it. A day that was never added up yet is not covered either.
    """
    if scope.team is not None:
        yield from _team_days(scope, period, columns)
        return
    reports = [ReportDay.Report.USERS] if computed else [ReportDay.Report.USERS, ReportDay.Report.SCOPE]
    days = covered(scope.account, period, *reports)
    rows = ScopeDay.objects.filter(account=scope.account, day__range=(period.first, period.last))
    if computed:
        rows = rows.filter(source=ScopeDay.Source.USERS)
    else:
        own = ScopeDay.objects.filter(
            account=scope.account, day=OuterRef("day"), source=ScopeDay.Source.REPORT
        )
        rows = rows.exclude(Exists(own), source=ScopeDay.Source.USERS)
    found = {
        day: (source, row) for day, source, *row in rows.order_by().values_list("day", "source", *columns)
    }
    for day in sorted(days.keys() | found.keys()):
        if day in found:
            source, row = found[day]
            yield day, source, tuple(row)
        elif not days[day]:
            yield day, ScopeDay.Source.USERS.value, None


def _team_days(scope: Scope, period: Period, columns: Sequence[str]) -> Iterator[Told]:
    rows = TeamDay.objects.filter(
        account=scope.account, team_key=scope.team_key, day__range=(period.first, period.last)
    )
    for day, *row in rows.order_by("day").values_list("day", *columns):
        yield day, ScopeDay.Source.USERS.value, tuple(row)
