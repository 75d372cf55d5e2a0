"""The rows that tell of days: which days are covered, and each day's row from the source to prefer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Exists, Expression, OuterRef, QuerySet

from metrics.figures.scope import Scope
from metrics.models import DayUsers, DirtyDay, ReportDay, ScopeDay, TeamDay
from metrics.models.team_day import WHOLE_ACCOUNT
from metrics.periods import Period
from portal.bytes_as_they_are import bytes_as_they_are
from seats.models import Account

# A day, its source (of ScopeDay.Source), and the asked columns; None: covered, and nobody did anything.
Told = tuple[date, str, tuple[Any, ...] | None]


def covered(
    account: Account,
    period: Period,
    *reports: str,
    in_detail: bool = False,
    but: Sequence[Period] = (),
) -> list[date]:
    """The days of which one of these reports was taken in, in order, without those never added up yet.

    `in_detail`: without those never added up with what people's lines say in detail; `but`: without these.
    """
    values: list[Any] = [account.pk, str(period.first), str(period.last), *map(str, reports)]
    with connection.cursor() as cursor:
        cursor.execute(_covered_days(connection.vendor, len(reports), in_detail), values)
        found = [day for (day,) in cursor.fetchall()]
    # SQLite knows no days.
    days = [date.fromisoformat(day) if isinstance(day, str) else day for day in found]
    return [day for day in days if not any(day in some for some in but)] if but else days


@cache
def _covered_days(vendor: str, reports: int, in_detail: bool) -> str:
    """The statement as text: nearly every panel asks it, some more than once, and it never differs.

    Made of querysets each time it would take longer than the database does to answer.
    """
    report_day, dirty_day, day_users, scope_day = (
        connection.ops.quote_name(model._meta.db_table) for model in (ReportDay, DirtyDay, DayUsers, ScopeDay)
    )
    that_day = "added.account_id = told.account_id AND added.day = told.day"
    if in_detail:
        added = f"{scope_day} added WHERE {that_day} AND added.source = '{ScopeDay.Source.USERS}'"
        added += " AND added.blob IS NOT NULL"
    else:
        added = f"{day_users} added WHERE {that_day} AND added.team_key = {WHOLE_ACCOUNT}"
        added += f" AND added.kind = '{DayUsers.Kind.ACTIVE}'"
    waits = f"{dirty_day} waits WHERE waits.account_id = told.account_id AND waits.day = told.day"
    return (
        f"SELECT DISTINCT told.day FROM {report_day} told"  # noqa: S608 - names of tables and constants alone
        f" WHERE told.account_id = %s AND told.day BETWEEN %s AND %s"
        f" AND told.report IN ({', '.join(['%s'] * reports)})"
        f" AND NOT (EXISTS (SELECT 1 FROM {waits}) AND NOT EXISTS (SELECT 1 FROM {added}))"
        f" ORDER BY told.day"
    )


def rows_of_days(
    scope: Scope,
    period: Period,
    columns: Sequence[str | Expression],
    *,
    computed: bool = False,
    but: Sequence[Period] = (),
) -> Iterator[Told]:
    """The covered days of a scope, without those of `but`, in order, each with columns of its row.

    An account's day is GitHub's own record where there is one (with `computed`: never), else the one
    added up from its people. A team's days are always added up; a day without a row of the team is not
    covered, since nobody knows who was in it.
    """
    if scope.team is not None:
        yield from _team_days(scope, period, columns, but)
        return
    reports = [ReportDay.Report.USERS] if computed else [ReportDay.Report.USERS, ReportDay.Report.SCOPE]
    days = covered(scope.account, period, *reports, but=but)
    rows = _account_days(scope.account, period, computed)
    for some in but:
        rows = rows.exclude(day__range=(some.first, some.last))
    with bytes_as_they_are():
        found = {
            day: (source, tuple(row)) for day, source, *row in rows.values_list("day", "source", *columns)
        }
    for day in sorted({*days, *found}):
        yield (day, *found[day]) if day in found else (day, ScopeDay.Source.USERS.value, None)


def _account_days(account: Account, period: Period, computed: bool) -> QuerySet[ScopeDay]:
    rows = ScopeDay.objects.filter(account=account, day__range=(period.first, period.last)).order_by()
    if computed:
        return rows.filter(source=ScopeDay.Source.USERS)
    own = ScopeDay.objects.filter(account=account, day=OuterRef("day"), source=ScopeDay.Source.REPORT)
    return rows.exclude(Exists(own), source=ScopeDay.Source.USERS)


def _team_days(
    scope: Scope, period: Period, columns: Sequence[str | Expression], but: Sequence[Period]
) -> Iterator[Told]:
    rows = TeamDay.objects.filter(
        account=scope.account, team_key=scope.team_key, day__range=(period.first, period.last)
    )
    for some in but:
        rows = rows.exclude(day__range=(some.first, some.last))
    with bytes_as_they_are():
        found = list(rows.order_by("day").values_list("day", *columns))
    for day, *row in found:
        yield day, ScopeDay.Source.USERS.value, tuple(row)
