"""`user-metrics`: people over a period, by day, or as GitHub's own records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from pyroaring import BitMap

from metrics import breakdowns, figures
from metrics.models import UserDay
from metrics.models.counters import COUNTERS
from metrics.periods import between
from metrics.reports.asked import (
    UsageReport,
    account_cells,
    account_columns,
    counter_columns,
    team_keys_of,
)
from portal.reports import registry
from portal.reports.base import Column, ReportQuery, Row, columns_named
from seats.models import Account
from seats.reports.scope import accounts_of

FLAGS = (
    "used_agent",
    "used_chat",
    "used_cli",
    "used_copilot_app",
    "used_vscode_agent",
    "used_copilot_cloud_agent",
    "used_copilot_code_review_active",
    "used_copilot_code_review_passive",
)


@registry.register
class UserMetrics(UsageReport):
    """With `--team`, only the days on which somebody was in the team.

    With `--by day` the columns stay, each row being of one day, and `day` follows them.
    """

    name = "user-metrics"
    title = "People"
    subject = "Use"
    question = "Who used Copilot, on how many days, and how much?"
    order = "organization, enterprise, user_id; with --by day: organization, enterprise, day, user_id"
    options = UsageReport.options | {"--team", "--by", "--shape"}

    def columns(self, query: ReportQuery) -> list[Column]:
        days = columns_named("active_days", "first_day", "last_day")
        columns = [*columns_named("user_id", "user_login"), *account_columns(), *days, *counter_columns()]
        return [*columns, Column("day")] if query.by_day else columns

    def rows(self, query: ReportQuery) -> Iterator[Row]:
        return self._by_day(query) if query.by_day else self._over_the_period(query)

    def _over_the_period(self, query: ReportQuery) -> Iterator[Row]:
        teams = team_keys_of(query)
        for account in accounts_of(query):
            labels = account_cells(account)
            if teams is None:
                people = figures.people(account, query.first_day, query.last_day)
            else:
                keys = teams.get(account.pk, ())
                people = figures.people_of_teams(account, keys, query.first_day, query.last_day)
            for person in people:
                yield (
                    person.user_id,
                    person.login,
                    *labels,
                    person.active_days,
                    person.first_day,
                    person.last_day,
                    *person.counters,
                )

    def _by_day(self, query: ReportQuery) -> Iterator[Row]:
        fields = ("user_id", "user__github_id", "user__login", *COUNTERS)
        for account, day, members in _days(query):
            labels = account_cells(account)
            rows = _lines(account, day).values_list(*fields)
            for key, user_id, login, *counters in rows.iterator():
                if members is None or key in members:
                    yield (user_id, login, *labels, 1, day, day, *counters, day)

    def records(self, query: ReportQuery) -> Iterator[Mapping[str, Any]]:
        if query.shape:
            return _github_records(query)
        return super().records(query)


def _days(query: ReportQuery) -> Iterator[tuple[Account, date, BitMap | None]]:
    """Every day of every account with a line, and who of it is wanted: None means everybody.

    A query per day keeps the memory flat on every database; some drivers fetch a whole result at once.
    """
    teams = team_keys_of(query)
    for account in accounts_of(query):
        if teams is not None:
            keys = teams.get(account.pk, ())
            members = figures.active_members(account, keys, query.first_day, query.last_day)
            yield from ((account, day, members[day]) for day in sorted(members))
            continue
        lines = UserDay.objects.filter(between(query.first_day, query.last_day), account=account)
        for day in lines.order_by("day").values_list("day", flat=True).distinct():
            yield account, day, None


def _lines(account: Account, day: date) -> Any:
    return UserDay.objects.filter(account=account, day=day).order_by("user__github_id")


# --- GitHub's own shape -----------------------------------------------------------------------


def _github_records(query: ReportQuery) -> Iterator[Mapping[str, Any]]:
    """The lines as GitHub sent them, without its housekeeping keys.

    Ids are typed as GitHub types them. A key that GitHub sent as null reads the same as one it left out,
    so null is left out.
    """
    fields = ("user_id", "user__github_id", "user__login", "ai_credits_used", "blob", *COUNTERS, *FLAGS)
    for account, day, members in _days(query):
        owner = _owner(account)
        for key, user_id, login, spent, blob, *values in _lines(account, day).values_list(*fields).iterator():
            if members is not None and key not in members:
                continue
            columns = zip((*COUNTERS, *FLAGS), values, strict=True)
            known = {name: value for name, value in columns if value is not None}
            if spent is not None:
                known["ai_credits_used"] = spent.normalize()
            yield {
                "day": day,
                **owner,
                "user_id": user_id,
                "user_login": login,
                **known,
                **breakdowns.unpack(blob),
            }


def _owner(account: Account) -> dict[str, str]:
    """GitHub's ids of the account, as text; an organization's line also names its enterprise."""
    owners = {account.kind: account.github_id}
    if account.parent is not None:
        owners[account.parent.kind] = account.parent.github_id
    return {f"{kind}_id": str(number) for kind, number in sorted(owners.items()) if number is not None}
