"""The periods that can be asked for by name, and the newest day that they end with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from django.db import connection
from django.db.models import Max

from metrics.models import ReportDay
from metrics.periods import SETTLES_AFTER, Period
from seats.models import Account

# Those of people and of the account itself: what a page can tell of.
REPORTS = (ReportDay.Report.USERS.value, ReportDay.Report.SCOPE.value)
PERIODS = {
    "7": "7 days",
    "28": "28 days",
    "90": "90 days",
    "365": "365 days",
    "month": "This month",
    "last-month": "Last month",
    "quarter": "This quarter",
    "last-quarter": "Last quarter",
}


@dataclass(frozen=True, slots=True)
class Covered:
    """From the first to the newest day of which anything of an account was taken in."""

    first: date
    newest: date


def covered_span(account: Account) -> Covered | None:
    """None: nothing was taken in. Reports of the account itself that are far ahead of its people's count."""
    values = [value for report in REPORTS for value in (account.pk, report) * 2]
    with connection.cursor() as cursor:
        cursor.execute(_ends(connection.vendor), values)
        ends = [date.fromisoformat(day) if isinstance(day, str) else day for day in cursor.fetchone()]
    first_of_people, people, first_of_scope, newest_of_scope = ends
    firsts = [day for day in (first_of_people, first_of_scope) if day is not None]
    if not firsts:
        return None
    return Covered(min(firsts), _newest(people, newest_of_scope))


def newest_days(accounts: Collection[int]) -> Mapping[int, date]:
    """The newest day of each of several accounts, by key; of those of which anything was taken in."""
    ends: dict[int, dict[str, date]] = defaultdict(dict)
    rows = ReportDay.objects.filter(account__in=accounts, report__in=REPORTS).order_by()
    newest = rows.values("account_id", "report").annotate(newest=Max("day"))
    for account_id, report, day in newest.values_list("account_id", "report", "newest"):
        ends[account_id][report] = day
    return {account_id: _newest(*map(days.get, REPORTS)) for account_id, days in ends.items()}


def _newest(of_people: date | None, of_scope: date | None) -> date:
    """One of them is known."""
    newest = max(day for day in (of_people, of_scope) if day is not None)
    # The two come a little apart: windows of people end where both are known.
    is_near = of_people is not None and (newest - of_people).days <= SETTLES_AFTER
    return of_people if of_people is not None and is_near else newest


@cache
def _ends(vendor: str) -> str:
    """The first and the newest day of two reports, each from the end of an index.

    As text, since every page and panel asks it and it never differs.
    """
    table = connection.ops.quote_name(ReportDay._meta.db_table)
    ends = ", ".join(
        f"(SELECT {end}(day) FROM {table} WHERE account_id = %s AND report = %s)"  # noqa: S608 - no values
        for _ in range(2)
        for end in ("MIN", "MAX")
    )
    return f"SELECT {ends}"


def preset_period(preset: str, newest: date) -> Period:
    """The days of a preset: up to the newest covered day, or the whole month or quarter before its own."""
    if preset.isdecimal():
        return Period.trailing(newest, int(preset))
    months = 3 if preset.endswith("quarter") else 1
    first = date(newest.year, (newest.month - 1) // months * months + 1, 1)
    if not preset.startswith("last-"):
        return Period(first, newest)
    last = first - timedelta(days=1)
    return Period(date(last.year, last.month - months + 1, 1), last)
