"""`weekly-trend`: users per week, with the figures of GitHub's guide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import date

from django.db.models import QuerySet

from metrics import figures
from metrics.models import LegacyDay, ScopeDay
from metrics.periods import between
from metrics.reports.asked import (
    OF_PEOPLE_AND_ACCOUNTS,
    UsageReport,
    account_cells,
    account_columns,
    team_keys_of,
)
from metrics.trend import DayUsers, weekly
from portal.reports import registry
from portal.reports.base import Column, Report, ReportError, ReportQuery, Row, columns_named
from seats.models import Account
from seats.reports.scope import accounts_of

# Preferred first. Today's reports know no engaged users.
SOURCES = {LegacyDay.Api.METRICS: "legacy_metrics", LegacyDay.Api.USAGE: "legacy_usage"}

# By account key, by system: its days.
Days = dict[int, list[dict[date, DayUsers]]]


@registry.register
class WeeklyTrend(UsageReport):
    """The days there are, in order, seven entries at a time from `--from`, each week of one system.

    Totals are sums of daily counts, not distinct people; averages are per day, to two places, halves up.
    `source` is `legacy_metrics`, else `legacy_usage`, else `report` or `users` (see `daily-metrics`; a
    week with days of both says both). Engaged users are empty where the source has none.
    """

    name = "weekly-trend"
    title = "Weekly trend"
    subject = "Use"
    question = "How do active and engaged users change from week to week?"
    order = "organization, enterprise, first_day; week counts the rows of each"
    permission = "metrics.view_scopeday"
    told_by = OF_PEOPLE_AND_ACCOUNTS
    options = UsageReport.options | {"--team"}

    def check(self, query: ReportQuery) -> None:
        Report.check(self, query)
        accounts = accounts_of(query)
        # A team may be known from the older systems alone.
        if query.team and not _legacy(accounts, query).exists():
            team_keys_of(query)

    def columns(self, query: ReportQuery) -> list[Column]:
        users = columns_named(
            "total_active_users", "total_engaged_users", "avg_active_users", "avg_engaged_users"
        )
        span = columns_named("week", "first_day", "last_day", "days")
        return [*span, *users, Column("source"), *account_columns()]

    def rows(self, query: ReportQuery) -> Iterator[Row]:
        accounts = accounts_of(query)
        days = _days(accounts, query)
        for account in accounts:
            for number, week in enumerate(weekly(days[account.pk]), start=1):
                yield (
                    number,
                    week.first_day,
                    week.last_day,
                    week.days,
                    week.total_active_users,
                    week.total_engaged_users,
                    week.avg_active_users,
                    week.avg_engaged_users,
                    week.source,
                    *account_cells(account),
                )


def _days(accounts: Collection[Account], query: ReportQuery) -> Days:
    days: Days = defaultdict(lambda: [{}, {}, {}])
    systems = list(SOURCES)
    rows = _legacy(accounts, query).filter(between(query.first_day, query.last_day)).order_by()
    for account_id, api, day, active, engaged in rows.values_list(
        "account_id", "api", "day", "total_active_users", "total_engaged_users"
    ).iterator():
        system = LegacyDay.Api(api)
        days[account_id][systems.index(system)][day] = DayUsers(day, active, engaged, SOURCES[system])
    for account_id, entry in _todays(accounts, query):
        days[account_id][-1][entry.day] = entry
    return days


def _legacy(accounts: Collection[Account], query: ReportQuery) -> QuerySet[LegacyDay]:
    return LegacyDay.objects.filter(
        account__in=[account.pk for account in accounts], team_slug=query.team.lower()
    )


def _todays(accounts: Collection[Account], query: ReportQuery) -> Iterator[tuple[int, DayUsers]]:
    """From the usage reports: the account's own or its people's, of a team its people's."""
    first, last = query.first_day, query.last_day
    if not query.team:
        for row in figures.preferred_days(accounts, first, last):
            yield row.account_id, DayUsers(row.day, row.daily_active_users, None, row.source)
        return
    with suppress(ReportError):  # a team known from the older systems alone
        keys = team_keys_of(query) or {}
        for account in (account for account in accounts if account.pk in keys):
            members = figures.active_members(account, keys[account.pk], first, last)
            for day, users in members.items():
                yield account.pk, DayUsers(day, len(users), None, ScopeDay.Source.USERS)
