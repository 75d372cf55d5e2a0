"""Where the rows are that a number counts: addresses of lists in the admin."""

from __future__ import annotations

from datetime import date

from django.urls import reverse

from metrics import cards
from metrics.dashboards.panel import Linked, Value
from metrics.figures.scope import Scope


def days_url(scope: Scope, first: date, last: date | None = None) -> str:
    """The days of an account or a team."""
    if scope.team is None:
        return cards.days_url(scope.account, first, last)
    asked = f"team__id__exact={scope.team.pk}&day_from={first}&day_to={last or first}"
    return f"{reverse('admin:metrics_teamday_changelist')}?{asked}"


def people_url(scope: Scope, first: date, last: date | None = None) -> str:
    """Who was active; empty for a team, whose people of a day no list tells."""
    return "" if scope.team is not None else cards.people_url(scope.account, first, last)


def covered_url(scope: Scope, report: str, first: date, last: date | None = None) -> str:
    """The days of which a report of the account was taken in."""
    asked = f"account__id__exact={scope.account.pk}&report__exact={report}"
    between = f"day_from={first}&day_to={last or first}"
    return f"{reverse('admin:metrics_reportday_changelist')}?{asked}&{between}"


def linked(value: Value, url: str) -> Value | Linked:
    """The value with the way to its rows; alone where it is unknown, or no list has them."""
    return value if value is None or not url else Linked(value, url)
