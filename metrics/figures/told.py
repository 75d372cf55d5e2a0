"""The rows that tell of days: which days are covered, and each day's row from the source to prefer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache, lru_cache
from typing import Any

from django.db import connection
from django.db.models import DecimalField, Exists, OuterRef

from metrics.figures.scope import Scope
from metrics.models import DayUsers, DirtyDay, ReportDay, ScopeDay, TeamDay
from metrics.models.team_day import WHOLE_ACCOUNT
from metrics.periods import Period
from portal.bytes_as_they_are import bytes_as_they_are
from seats.models import Account

# SQLite knows no decimals either: Django makes them of what it has.
_DECIMAL = {field.name for field in ScopeDay._meta.fields if isinstance(field, DecimalField)}

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
    columns: Sequence[str],
    *,
    computed: bool = False,
    but: Sequence[Period] = (),
    without_blob: Sequence[Period] = (),
    with_row: bool = False,
) -> Iterator[Told]:
    """The covered days of a scope, without those of `but`, in order, each with columns of its row.

    An account's day is GitHub's own record where there is one (with `computed`: never), else the one
    added up from its people. A team's days are always added up; a day without a row of the team is not
    covered, since nobody knows who was in it. An account's days in `without_blob` come without theirs.
    `with_row`: a covered day without a row is passed over, and not looked for.
    """
    if scope.team is not None:
        yield from _team_days(scope, period, columns, but)
        return
    reports = [ReportDay.Report.USERS] if computed else [ReportDay.Report.USERS, ReportDay.Report.SCOPE]
    days = [] if with_row else covered(scope.account, period, *reports, but=but)
    found = {
        day: (source, tuple(row))
        for day, source, *row in _account_days(scope.account, period, columns, computed, but, without_blob)
    }
    for day in sorted({*days, *found}):
        yield (day, *found[day]) if day in found else (day, ScopeDay.Source.USERS.value, None)


def _account_days(
    account: Account,
    period: Period,
    columns: Sequence[str],
    computed: bool,
    but: Sequence[Period],
    without_blob: Sequence[Period],
) -> Iterator[tuple[Any, ...]]:
    """Day, source and columns of an account's days; of a day with both sources GitHub's own alone."""
    if _DECIMAL.isdisjoint(columns):
        blanks = without_blob if "blob" in columns else ()
        statement = _days_of_account(connection.vendor, tuple(columns), computed, len(but), len(blanks))
        in_columns, others = (
            [str(end) for some in several for end in (some.first, some.last)]
            for several in (blanks, (period, *but))
        )
        with bytes_as_they_are(), connection.cursor() as cursor:
            cursor.execute(statement, [*in_columns, account.pk, *others])
            found = cursor.fetchall()
        for day, *row in found:
            yield date.fromisoformat(day) if isinstance(day, str) else day, *row
        return
    rows = ScopeDay.objects.filter(account=account, day__range=(period.first, period.last)).order_by()
    for some in but:
        rows = rows.exclude(day__range=(some.first, some.last))
    if computed:
        rows = rows.filter(source=ScopeDay.Source.USERS)
    else:
        own = ScopeDay.objects.filter(account=account, day=OuterRef("day"), source=ScopeDay.Source.REPORT)
        rows = rows.exclude(Exists(own), source=ScopeDay.Source.USERS)
    with bytes_as_they_are():
        yield from list(rows.values_list("day", "source", *columns))


@lru_cache(maxsize=200)
def _days_of_account(
    vendor: str, columns: tuple[str, ...], computed: bool, exceptions: int, blanks: int
) -> str:
    """The statement as text: nearly every panel asks it."""
    quoted = connection.ops.quote_name
    table = quoted(ScopeDay._meta.db_table)
    blob = f"told.{quoted('blob')}"
    if blanks:
        within = " OR ".join(["told.day BETWEEN %s AND %s"] * blanks)
        blob = f"CASE WHEN {within} THEN NULL ELSE {blob} END"
    named = (f"told.{quoted(column)}" if column != "blob" else blob for column in columns)
    told = ", ".join(("told.day", "told.source", *named))
    users = f"told.source = '{ScopeDay.Source.USERS}'"
    own = (
        f"own.account_id = told.account_id AND own.day = told.day AND own.source = '{ScopeDay.Source.REPORT}'"
    )
    has_own = f"EXISTS (SELECT 1 FROM {table} own WHERE {own})"  # noqa: S608 - names and constants
    wanted = users if computed else f"NOT ({users} AND {has_own})"
    return (
        f"SELECT {told} FROM {table} told"  # noqa: S608 - names and constants
        f" WHERE told.account_id = %s AND told.day BETWEEN %s AND %s"
        f"{' AND NOT (told.day BETWEEN %s AND %s)' * exceptions} AND {wanted}"
    )


def _team_days(scope: Scope, period: Period, columns: Sequence[str], but: Sequence[Period]) -> Iterator[Told]:
    rows = TeamDay.objects.filter(
        account=scope.account, team_key=scope.team_key, day__range=(period.first, period.last)
    )
    for some in but:
        rows = rows.exclude(day__range=(some.first, some.last))
    with bytes_as_they_are():
        found = list(rows.order_by("day").values_list("day", *columns))
    for day, *row in found:
        yield day, ScopeDay.Source.USERS.value, tuple(row)
