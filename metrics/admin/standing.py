"""What of a file still stands: by day, how many rows are its own, and which files told otherwise since."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import Count
from django.utils.html import format_html, format_html_join

from metrics.formats.kinds import Kind
from metrics.ingest.bills import Bills
from metrics.ingest.legacy_days import LegacyDays
from metrics.ingest.pipelines import USAGE
from metrics.ingest.repository_days import RepositoryDays
from metrics.ingest.scope_days import ScopeDays
from metrics.ingest.team_rosters import TeamRosters
from metrics.ingest.user_days import UserDays
from metrics.models import LegacyDay, RepositoryDay, ScopeDay, TeamRoster, UserDay
from portal.admin.base import day
from portal.admin.file_origin import link_to_file
from portal.models import ReportFile
from seats.models import ActivityLine, BillingLine, Seat, SeatRoster

# A page counts the rows of a file of up to so many, and shows so many days.
COUNTED_UP_TO = 300_000
SHOWN_DAYS = 31
# By pipeline: its rows, and how these name their account.
ROWS: dict[type, tuple[Any, str]] = {
    UserDays: (UserDay, "account"),
    ScopeDays: (ScopeDay, "account"),
    RepositoryDays: (RepositoryDay, "account"),
    TeamRosters: (TeamRoster, "team__account"),
    LegacyDays: (LegacyDay, "account"),
    Bills: (BillingLine, "account"),
}


@dataclass(slots=True)
class _Day:
    own: int = 0
    others: dict[int, int] = field(default_factory=dict)


def standing(file: ReportFile) -> str:
    """The file's days, newest first; of seat lists and activity reports what rows bear their name."""
    if file.kind not in USAGE:
        return _of_seats(file)
    if file.rows_read > COUNTED_UP_TO:
        return "Too many rows to be counted on a page: undoing it says what stands."
    model, account = next(rows for kind, rows in ROWS.items() if issubclass(USAGE[Kind(file.kind)], kind))
    own = model.objects.filter(file=file).order_by()
    accounts = set(own.values_list(account, flat=True).distinct())
    scope, _, pk = file.subject.partition(":")
    if scope and pk.isdecimal():
        accounts.add(int(pk))
    if not file.first_day or not file.last_day or not accounts:
        return "Nothing of it stands."
    days: dict[date, _Day] = defaultdict(_Day)
    rows = model.objects.filter(day__range=(file.first_day, file.last_day), **{f"{account}__in": accounts})
    for on, file_id, number in rows.order_by().values_list("day", "file").annotate(rows=Count("pk")):
        if file_id == file.pk:
            days[on].own = number
        elif file_id is not None:
            days[on].others[file_id] = number
    return _table(days)


def _table(days: dict[date, _Day]) -> str:
    if not days:
        return "Nothing of it stands."
    shown = sorted(days, reverse=True)[:SHOWN_DAYS]
    files = ReportFile.objects.in_bulk({pk for on in shown for pk in days[on].others})
    rows = format_html_join(
        "",
        "<li>{}: {} of this file; {}</li>",
        ((day(on), _rows(days[on].own), _others(days[on], files)) for on in shown),
    )
    more = (
        format_html("<li>and {} earlier days</li>", len(days) - SHOWN_DAYS) if len(days) > SHOWN_DAYS else ""
    )
    return format_html('<ul class="portal-list portal-value">{}{}</ul>', rows, more)


def _rows(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"


def _others(told: _Day, files: dict[int, ReportFile]) -> str:
    newest = sorted(told.others.items(), reverse=True)
    named = format_html_join(
        ", ",
        '<span class="portal-value">{}</span>: {}',
        ((link_to_file(files.get(pk)), f"{number:,}") for pk, number in newest[:3]),
    )
    if not newest:
        return "none of others"
    return format_html("{}{}", named, f" and {len(newest) - 3} more" if len(newest) > 3 else "")


def _of_seats(file: ReportFile) -> str:
    counted = [
        (number, words)
        for model, words in ((Seat, "seats"), (SeatRoster, "seat lists"), (ActivityLine, "activity lines"))
        if (number := model._default_manager.filter(file=file).count())
    ]
    return ", ".join(f"{number:,} {words}" for number, words in counted) or "Nothing of it stands."
