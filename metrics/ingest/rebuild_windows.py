"""Write what people did in the 28 days up to their account's newest covered day.

Which accounts are behind is told by WindowEnd, not remembered by whoever touched a day: a rebuild that was
killed before this is made up for by the next.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from metrics.models import ReportDay, UserDay, UserWindow, WindowEnd
from metrics.models.counters import COUNTERS
from metrics.periods import MONTH, Period
from seats.models import Account

_FLAGS = {"chat_days": "used_chat", "agent_days": "used_agent", "cli_days": "used_cli"}


def outdate(account_id: int, day: date) -> None:
    """Note that a day says something else now: the windows it falls into are to be written again."""
    last = day + timedelta(days=MONTH - 1)
    WindowEnd.objects.filter(account_id=account_id, day__range=(day, last)).update(day=None)


def write_windows(account: Account | None = None) -> int:
    """Write the windows of every account that is behind, or of this one if it is; returns how many."""
    covered = ReportDay.objects.filter(report=ReportDay.Report.USERS)
    ends = WindowEnd.objects.all()
    if account is not None:
        covered, ends = covered.filter(account=account), ends.filter(account=account)
    newest = dict(
        covered.order_by().values("account_id").annotate(day=Max("day")).values_list("account_id", "day")
    )
    written = dict(ends.values_list("account_id", "day"))
    behind = sorted(
        pk
        for pk in newest.keys() | written.keys()
        if written.get(pk) is None or written[pk] != newest.get(pk)
    )
    for account_id in behind:
        write_window(account_id)
    return len(behind)


@transaction.atomic
def write_window(account_id: int) -> None:
    """Replace the windows of an account's people by what their days say now."""
    Account.objects.select_for_update().get(pk=account_id)
    covered = ReportDay.objects.filter(account_id=account_id, report=ReportDay.Report.USERS)
    last = covered.aggregate(last=Max("day"))["last"]
    UserWindow.objects.filter(account_id=account_id).delete()
    WindowEnd.objects.filter(account_id=account_id).delete()
    if last is not None:
        first = Period.trailing(last, MONTH).first
        with connection.cursor() as cursor:
            cursor.execute(*_insert(account_id, first, last))
        WindowEnd.objects.create(account_id=account_id, day=last)


def _insert(account_id: int, first: date, last: date) -> tuple[str, list[Any]]:
    """One statement for all databases; names come from the models, values are parameters."""
    quote = connection.ops.quote_name
    columns = {field.name: quote(str(field.column)) for field in UserDay._meta.concrete_fields}
    into = {field.name: quote(str(field.column)) for field in UserWindow._meta.concrete_fields}
    days, windows = quote(UserDay._meta.db_table), quote(UserWindow._meta.db_table)
    account, user, day, phase = (columns[name] for name in ("account", "user", "day", "phase_number"))
    selected = {
        "account": f"d.{account}",
        "user": f"d.{user}",
        "first_day": f"MIN(d.{day})",
        "last_day": f"MAX(d.{day})",
        "active_days": "COUNT(*)",
        **{name: f"SUM(CASE WHEN d.{columns[flag]} THEN 1 ELSE 0 END)" for name, flag in _FLAGS.items()},
        **{name: f"SUM(d.{columns[name]})" for name in COUNTERS},
        # SQLite has fractions of two only.
        "ai_credits_used": f"ROUND(SUM(d.{columns['ai_credits_used']}), 9)",
        "phase_number": (
            f"(SELECT n.{phase} FROM {days} n WHERE n.{account} = d.{account} AND n.{user} = d.{user} "  # noqa: S608
            f"AND n.{day} BETWEEN %s AND %s AND n.{phase} IS NOT NULL ORDER BY n.{day} DESC LIMIT 1)"
        ),
    }
    between = [_adapted(first), _adapted(last)]
    statement = (
        f"INSERT INTO {windows} ({', '.join(into[name] for name in selected)}) "  # noqa: S608
        f"SELECT {', '.join(selected.values())} FROM {days} d "
        f"WHERE d.{account} = %s AND d.{day} BETWEEN %s AND %s GROUP BY d.{account}, d.{user}"
    )
    return statement, [*between, account_id, *between]


def _adapted(day: date) -> Any:
    return connection.ops.adapt_datefield_value(day)
