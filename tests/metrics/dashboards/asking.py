"""Questions as a page gets them, and what a panel says, read by the names of its columns."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from metrics.dashboards.asked import Asked, By
from metrics.dashboards.panel import Panel, Value, plain
from metrics.figures import Scope
from metrics.periods import Period
from seats.models import Account, Team

TODAY = date(2026, 11, 20)
# The newest day of which anything is told here: a Thursday.
LAST = date(2026, 11, 19)


def day(ago: int) -> date:
    """So many days before the newest one."""
    return LAST - timedelta(days=ago)


class Reader:
    """Somebody with all permissions, or with those named alone."""

    def __init__(self, *permissions: str) -> None:
        self.permissions = permissions

    def has_perm(self, permission: str) -> bool:
        return not self.permissions or permission in self.permissions


def ask(
    account: Account,
    days: int = 7,
    *,
    team: Team | None = None,
    user: Any = None,
    by: str = "day",
    **more: Any,
) -> Asked:
    """The newest `days` days of an account, asked by somebody who may see everything."""
    period = Period.trailing(LAST, days)
    if more.pop("compare", False):
        more["before"] = period.before()
    return Asked(Scope(account, team), period, TODAY, user or Reader(), by=By(by), **more)


def column(panel: Panel, name: str) -> list[Value]:
    """The values of a column, from the first row to the last."""
    place = [each.name for each in panel.columns].index(name)
    return [plain(row[place]) for row in panel.rows]


def headline(panel: Panel, label: str) -> tuple[Value, Value]:
    """A headline's value, and what it was before."""
    [found] = [each for each in panel.headlines if each.label == label]
    return found.value, found.before


def url_of(panel: Panel, row: int, name: str) -> str:
    """Where a cell leads."""
    place = [each.name for each in panel.columns].index(name)
    return str(getattr(panel.rows[row][place], "url", ""))
