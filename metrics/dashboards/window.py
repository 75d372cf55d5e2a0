"""What a page speaks of, in a line: scope, days, as of which report; and where the rows are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from metrics.cards import days_url
from metrics.dashboards.asked import Asked
from metrics.dashboards.asking import Question
from metrics.dashboards.registry import Page
from metrics.newest_report import days_waiting, newest_report
from metrics.periods import SETTLES_AFTER, is_provisional
from portal.site import page_for


@dataclass(frozen=True, slots=True)
class Window:
    scope: str
    days: str
    as_of: str
    updating: str
    provisional: str
    url: str


def window(question: Question, page: Page) -> Window:
    asked = question.asked
    period = asked.period
    is_named = "scope" not in page.without
    days = f"{period.first} (UTC)"
    if len(period) > 1:
        days = f"{len(period)} days, {period.first} to {period.last} (UTC)"
    if not asked.weekends:
        days += ", without weekends"
    if asked.before:
        days += f", compared with {asked.before.first} to {asked.before.last}"
    provisional = ""
    if is_provisional(period.last, asked.today):
        since = max(asked.today - timedelta(days=SETTLES_AFTER), period.first)
        provisional = f"Days from {since} on are provisional: GitHub may still change them."
    return Window(
        scope=scope_name(question, page),
        days=days,
        as_of=_as_of(question, is_named=is_named),
        updating=_updating(asked),
        provisional=provisional,
        url=_rows_url(question) if is_named else "",
    )


def scope_name(question: Question, page: Page) -> str:
    """Whose use it is. A page that is not about an account names none: its reader may not know of it."""
    return question.asked.scope.label if "scope" not in page.without else page.title


def _as_of(question: Question, *, is_named: bool) -> str:
    """The newest report of these days."""
    asked = question.asked
    told = newest_report(asked.scope.account, asked.period)
    if told is None:
        return "No report of these days was taken in."
    said = f"As of {told.observed_at:%Y-%m-%d %H:%M} UTC"
    return f"{said}, from {told.source}." if is_named else f"{said}."


def _updating(asked: Asked) -> str:
    count = days_waiting(asked.scope.account, asked.period)
    if not count:
        return ""
    return "1 day is being added up." if count == 1 else f"{count} of these days are being added up."


def _rows_url(question: Question) -> str:
    asked = question.asked
    if asked.scope.team is None:
        is_readable = page_for(asked.user, "admin:metrics_scopeday_changelist", "metrics.view_scopeday")
        return days_url(asked.scope.account, asked.period.first, asked.period.last) if is_readable else ""
    url = page_for(asked.user, "admin:metrics_teamday_changelist", "metrics.view_teamday")
    between = f"day_from={asked.period.first}&day_to={asked.period.last}"
    return f"{url}?team__id__exact={asked.scope.team.pk}&{between}" if url else ""
