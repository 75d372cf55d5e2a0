"""The newest report of use, and how many days are being added up: what nearly every page says of itself.

As text, since it never differs: made of querysets it takes several times as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple

from django.db import connection

from metrics.models import DirtyDay, ReportDay
from metrics.periods import Period
from metrics.presets import REPORTS
from portal.freshness import source_of
from portal.models import ReportFile
from seats.models import Account


class NewestReport(NamedTuple):
    """Of which day it is, when its facts were observed, and where it came from."""

    day: date
    observed_at: datetime
    source: str


def newest_report(
    account: Account | None = None, period: Period | None = None, reports: Sequence[str] = REPORTS
) -> NewestReport | None:
    """Of the newest day, and of that the one observed last; of these kinds alone.

    Of all accounts, or of one; of one also within a period.
    """
    where, values = _of(account, period)
    statement = _newest(connection.vendor, len(reports), where)
    rows: Iterable[Any] = ReportDay.objects.raw(statement, [*reports, *values])
    for told in rows:
        file = ReportFile(source=told.file_source, name=told.file_name) if told.file_id else None
        return NewestReport(told.day, told.observed_at, source_of(file))
    return None


def days_waiting(account: Account | None = None, period: Period | None = None) -> int:
    """How many days are being added up; of all accounts, or of one and within a period."""
    table = connection.ops.quote_name(DirtyDay._meta.db_table)
    where, values = _of(account, period)
    statement = f"SELECT COUNT(*) FROM {table} told"  # noqa: S608 - a name alone
    if where:
        statement += f" WHERE {where}"
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.fetchone()[0])


def _of(account: Account | None, period: Period | None) -> tuple[str, list[Any]]:
    """What narrows to the days of an account and a period, and its values; "" of all accounts."""
    if account is None:
        return "", []
    if period is None:
        return "told.account_id = %s", [account.pk]
    within = [account.pk, str(period.first), str(period.last)]
    return "told.account_id = %s AND told.day BETWEEN %s AND %s", within


@cache
def _newest(vendor: str, kinds: int, where: str) -> str:
    days, files = (connection.ops.quote_name(model._meta.db_table) for model in (ReportDay, ReportFile))
    wanted = f"told.report IN ({', '.join(['%s'] * kinds)})"
    if where:
        wanted += f" AND {where}"
    last = "told.report" if where else "told.id DESC"
    return (
        "SELECT told.id, told.day, told.observed_at, told.file_id,"  # noqa: S608 - names of tables alone
        f" file.source AS file_source, file.name AS file_name FROM {days} told"
        f" LEFT JOIN {files} file ON file.id = told.file_id WHERE {wanted}"
        f" ORDER BY told.day DESC, told.observed_at DESC, {last} LIMIT 1"
    )
