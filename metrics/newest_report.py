"""The newest report of use, and how many days are being added up: what nearly every page says of itself.

As text, since it never differs: made of querysets it takes several times as long.
"""

from __future__ import annotations

from collections.abc import Iterable
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


def newest_report(account: Account | None = None, period: Period | None = None) -> NewestReport | None:
    """Of the newest day, and of that the one observed last; of all accounts, or of one and a period."""
    values: list[Any] = list(REPORTS)
    if account is not None and period is not None:
        values += [account.pk, str(period.first), str(period.last)]
    rows: Iterable[Any] = ReportDay.objects.raw(_newest(connection.vendor, of_all=account is None), values)
    for told in rows:
        file = ReportFile(source=told.file_source, name=told.file_name) if told.file_id else None
        return NewestReport(told.day, told.observed_at, source_of(file))
    return None


def days_waiting(account: Account | None = None, period: Period | None = None) -> int:
    """How many days are being added up."""
    table = connection.ops.quote_name(DirtyDay._meta.db_table)
    values: list[Any] = []
    statement = f"SELECT COUNT(*) FROM {table}"  # noqa: S608 - a name alone
    if account is not None and period is not None:
        statement += " WHERE account_id = %s AND day BETWEEN %s AND %s"
        values = [account.pk, str(period.first), str(period.last)]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.fetchone()[0])


@cache
def _newest(vendor: str, *, of_all: bool) -> str:
    days, files = (connection.ops.quote_name(model._meta.db_table) for model in (ReportDay, ReportFile))
    wanted = f"told.report IN ({', '.join(['%s'] * len(REPORTS))})"
    if not of_all:
        wanted += " AND told.account_id = %s AND told.day BETWEEN %s AND %s"
    last = "told.report" if not of_all else "told.id DESC"
    return (
        "SELECT told.id, told.day, told.observed_at, told.file_id,"  # noqa: S608 - names of tables alone
        f" file.source AS file_source, file.name AS file_name FROM {days} told"
        f" LEFT JOIN {files} file ON file.id = told.file_id WHERE {wanted}"
        f" ORDER BY told.day DESC, told.observed_at DESC, {last} LIMIT 1"
    )
