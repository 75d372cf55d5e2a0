"""What was done on each day, by an account or by one of its teams."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from metrics.figures.counted import NONE_DONE, Counted
from metrics.figures.scope import Scope
from metrics.figures.told import rows_of_days
from metrics.models import ScopeDay
from metrics.models.counters import COUNTERS
from metrics.periods import MONTH, Period, between
from seats.models import Account


@dataclass(frozen=True, slots=True)
class DayTotals:
    """A day, from the account's own report where there is one, else computed from its people."""

    account_id: int
    day: date
    source: str  # of ScopeDay.Source
    daily_active_users: int | None
    weekly_active_users: int | None
    monthly_active_users: int | None
    counters: Counted

    def counted(self, name: str) -> int | None:
        """One of the seven counters, by GitHub's name."""
        return self.counters[COUNTERS.index(name)]


def day_totals(scope: Scope, period: Period) -> Mapping[date, DayTotals]:
    """The covered days of the period, in order; an account's day from its own report where there is one.

    A covered day on which nobody did anything is there, with zeros. Weekly and monthly counts are only
    those reported: `trailing` computes them. A team's day needs its membership of that day.
    """
    if scope.team is None:
        columns = ["daily_active_users", "weekly_active_users", "monthly_active_users", *COUNTERS]
    else:
        columns = ["active_users", *COUNTERS]
    days: dict[date, DayTotals] = {}
    for day, source, row in rows_of_days(scope, period, columns):
        daily: int | None
        weekly = monthly = None
        if row is None:
            daily, counters = 0, NONE_DONE
        elif scope.team is None:
            daily, weekly, monthly, *rest = row
            counters = tuple(rest)
        else:
            daily, *rest = row
            counters = tuple(rest)
        if source == ScopeDay.Source.USERS and daily == 0:
            # No user-day at all is a known nothing; user-days without a counter are an unknown.
            counters = NONE_DONE
        days[day] = DayTotals(scope.account.pk, day, source, daily, weekly, monthly, counters)
    return days


def newest_told_day(scope: Scope, days: Sequence[date]) -> date | None:
    """The last of these days, which are in order, that `day_totals` tells of."""
    # Nearly always it is one of the last.
    for some in (days[-MONTH:], days[:-MONTH]):
        told = {day for day, _, _ in rows_of_days(scope, Period(some[0], some[-1]), [])} if some else set()
        if newest := max(told.intersection(some), default=None):
            return newest
    return None


def preferred_days(
    accounts: Collection[Account], first: date | None = None, last: date | None = None
) -> Iterator[DayTotals]:
    """One per account and day, oldest day first; weekly and monthly counts only as reported."""
    rows = ScopeDay.objects.filter(between(first, last), account__in=[account.pk for account in accounts])
    rows = rows.order_by("day", "account_id", "source")
    seen: tuple[date, int] | None = None
    for account_id, day, source, daily, weekly, monthly, *counters in rows.values_list(
        "account_id",
        "day",
        "source",
        "daily_active_users",
        "weekly_active_users",
        "monthly_active_users",
        *COUNTERS,
    ).iterator():
        # "report" sorts before "users".
        if seen != (day, account_id):
            yield DayTotals(account_id, day, source, daily, weekly, monthly, tuple(counters))
        seen = (day, account_id)
