"""Daily, weekly and monthly active users side by side, and what follows from them.

https://docs.github.com/copilot/reference/copilot-usage-metrics/copilot-usage-metrics
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from metrics.figures.days import DayTotals, day_totals
from metrics.figures.distinct import trailing
from metrics.figures.scope import Scope
from metrics.figures.windows import ActiveUsers
from metrics.periods import Period


def active_together(scope: Scope, period: Period) -> Mapping[date, ActiveUsers]:
    """Of every day of the period: GitHub's own number where the account's report tells it, else counted.

    Counted are distinct people, a team's always. Each is None where neither tells it.
    """
    unknown = ActiveUsers(None, None, None)
    totals = day_totals(scope, period)
    told = {day: _told(totals[day]) if day in totals else unknown for day in period}
    if all(None not in _counts(users) for users in told.values()):
        return told
    counted = trailing(scope, period)
    return {
        day: ActiveUsers(*map(_first, _counts(users), _counts(counted[day]))) for day, users in told.items()
    }


def _told(day: DayTotals) -> ActiveUsers:
    return ActiveUsers(day.daily_active_users, day.weekly_active_users, day.monthly_active_users)


def _counts(users: ActiveUsers) -> tuple[int | None, int | None, int | None]:
    return users.daily, users.weekly, users.monthly


def _first(told: int | None, computed: int | None) -> int | None:
    return computed if told is None else told


def daily_average(days: Iterable[ActiveUsers]) -> Decimal | None:
    """Daily active users per day; None unless every day tells them."""
    counts = [day.daily for day in days]
    known = [count for count in counts if count is not None]
    if not known or len(known) < len(counts):
        return None
    return Decimal(sum(known)) / len(known)


def stickiness(daily: Decimal | int | None, window: int | None) -> Decimal | None:
    """Which share of the people of a week or month is active on a day of it: DAU ÷ WAU, DAU ÷ MAU."""
    if daily is None or not window:
        return None
    return Decimal(daily) / Decimal(window)
