"""`daily-metrics`: an account's days."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter

from metrics import figures
from metrics.models import ScopeDay
from metrics.reports.asked import (
    OF_PEOPLE_AND_ACCOUNTS,
    UsageReport,
    account_cells,
    account_columns,
    counter_columns,
)
from portal.reports import registry
from portal.reports.base import Column, ReportQuery, Row, columns_named
from seats.reports.scope import accounts_of


@registry.register
class DailyMetrics(UsageReport):
    name = "daily-metrics"
    title = "Daily use"
    subject = "Use"
    question = "How much was Copilot used, day by day?"
    order = "day, organization, enterprise"
    permission = "metrics.view_scopeday"
    told_by = OF_PEOPLE_AND_ACCOUNTS

    def columns(self, query: ReportQuery) -> list[Column]:
        active = columns_named("daily_active_users", "weekly_active_users", "monthly_active_users")
        return [Column("day"), *account_columns(), *active, *counter_columns(), Column("source")]

    def rows(self, query: ReportQuery) -> Iterator[Row]:
        accounts = accounts_of(query)
        places = {account.pk: place for place, account in enumerate(accounts)}
        computed = figures.ActiveByAccount(accounts, query.first_day, query.last_day)
        days = figures.preferred_days(accounts, query.first_day, query.last_day)
        for day, totals in groupby(days, key=attrgetter("day")):
            for row in sorted(totals, key=lambda row: places[row.account_id]):
                weekly, monthly = row.weekly_active_users, row.monthly_active_users
                if row.source == ScopeDay.Source.USERS:
                    active = computed.on(row.account_id, day)
                    weekly, monthly = active.weekly, active.monthly
                account = account_cells(accounts[places[row.account_id]])
                yield (
                    day,
                    *account,
                    row.daily_active_users,
                    weekly,
                    monthly,
                    *row.counters,
                    row.source,
                )
