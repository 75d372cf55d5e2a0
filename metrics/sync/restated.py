"""What GitHub changed of a day that was known: its figures before and after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from django.db.models import Count, Sum

from metrics.models import ReportDay, RepositoryDay, ScopeDay, TeamRoster, UserDay
from metrics.models.counters import COUNTERS
from metrics.models.repository_day import PULL_REQUEST_COUNTERS
from seats.models import Account

Figures = Mapping[str, int | None]

NOTHING: Figures = MappingProxyType({})

_REPORTED = (
    "daily_active_users",
    "weekly_active_users",
    "monthly_active_users",
    "monthly_active_chat_users",
    "monthly_active_agent_users",
    "daily_active_cli_users",
    *COUNTERS,
)


def knows(report: str) -> bool:
    """Whether the days of this report have totals."""
    return report in _FIGURES


def figures(account: Account, report: str, day: date) -> Figures:
    """The totals of a day's report, as they are stored; empty where it has no rows."""
    return _FIGURES[ReportDay.Report(report)](account, day)


def _scope(account: Account, day: date) -> Figures:
    rows = ScopeDay.objects.filter(account=account, day=day, source=ScopeDay.Source.REPORT)
    return rows.values(*_REPORTED).first() or NOTHING


def _users(account: Account, day: date) -> Figures:
    rows = UserDay.objects.filter(account=account, day=day)
    told: dict[str, int | None] = rows.aggregate(people=Count("pk"), **{name: Sum(name) for name in COUNTERS})
    return told if told["people"] else NOTHING


def _user_teams(account: Account, day: date) -> Figures:
    rows = TeamRoster.objects.filter(team__account=account, day=day)
    told: dict[str, int | None] = rows.aggregate(teams=Count("pk"), memberships=Sum("member_count"))
    return told if told["teams"] else NOTHING


def _repositories(account: Account, day: date) -> Figures:
    rows = RepositoryDay.objects.filter(account=account, day=day)
    told: dict[str, int | None] = rows.aggregate(
        repositories=Count("pk"), **{name: Sum(name) for name in PULL_REQUEST_COUNTERS}
    )
    return told if told["repositories"] else NOTHING


_FIGURES: Mapping[ReportDay.Report, Callable[[Account, date], Figures]] = MappingProxyType(
    {
        ReportDay.Report.SCOPE: _scope,
        ReportDay.Report.USERS: _users,
        ReportDay.Report.USER_TEAMS: _user_teams,
        ReportDay.Report.REPOSITORIES: _repositories,
    }
)


def changes(
    account: Account, report: str, day: date, before: Figures, after: Figures
) -> list[dict[str, Any]]:
    """A line for each figure that is another one now. A day that had no rows before was not restated."""
    if not before:
        return []
    return [
        {
            "account": account.label,
            "report": report,
            "day": str(day),
            "field": name,
            "from": before.get(name),
            "to": after.get(name),
        }
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    ]
