"""Users per week as GitHub's guide counts them, of an account or a team, from every system that told them."""

from __future__ import annotations

from datetime import date

from metrics.figures.days import day_totals
from metrics.figures.scope import Scope
from metrics.models import LegacyDay
from metrics.periods import Period
from metrics.trend import DayUsers, Week, weekly

# Preferred first; today's reports come last.
SOURCES = {LegacyDay.Api.METRICS: "legacy_metrics", LegacyDay.Api.USAGE: "legacy_usage"}


def weeks(scope: Scope, period: Period) -> list[Week]:
    """The weeks of `metrics.trend` from the first day of the period on, in order.

    https://docs.github.com/copilot/rolling-out-github-copilot-at-scale
    """
    systems: list[dict[date, DayUsers]] = [{} for _ in SOURCES]
    slug = scope.team.slug.lower() if scope.team is not None else ""
    rows = LegacyDay.objects.filter(
        account=scope.account, team_slug=slug, day__range=(period.first, period.last)
    )
    for api, day, active, engaged in rows.order_by().values_list(
        "api", "day", "total_active_users", "total_engaged_users"
    ):
        system = LegacyDay.Api(api)
        systems[list(SOURCES).index(system)][day] = DayUsers(day, active, engaged, SOURCES[system])
    todays = {
        day: DayUsers(day, row.daily_active_users, None, row.source)
        for day, row in day_totals(scope, period).items()
    }
    return weekly([*systems, todays])
