"""What the usage reports have in common: the accounts, the period and the teams they are asked about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from metrics.figures import Scope
from metrics.freshness import use_as_of
from metrics.models import ReportDay
from metrics.models.counters import COUNTERS
from metrics.periods import Period, stored
from metrics.presets import REPORTS
from metrics.reports.behind import RowsBehind
from portal.reports.base import Column, Report, ReportQuery, Row, columns_named
from seats.models import Account
from seats.reports.scope import account_of, accounts_of, teams_of

PERIOD = frozenset({"--from", "--to"})

# The kinds of reports that rows come from: of people alone, or of the account itself as well.
OF_PEOPLE = (ReportDay.Report.USERS.value,)
OF_PEOPLE_AND_ACCOUNTS = REPORTS

COUNTER_LABELS = (
    "Interactions",
    "Generations",
    "Acceptances",
    "Lines suggested to add",
    "Lines suggested to delete",
    "Lines added",
    "Lines deleted",
)


def counter_columns() -> list[Column]:
    return [Column(name, label) for name, label in zip(COUNTERS, COUNTER_LABELS, strict=True)]


def account_columns() -> list[Column]:
    return columns_named("organization", "enterprise")


def account_cells(account: Account) -> Row:
    return account.organization_label, account.enterprise_label


class UsageReport(Report):
    """A report over what accounts' usage files say; without an account named, each by itself."""

    permission = "metrics.view_userday"
    options = PERIOD
    told_by: ClassVar[Sequence[str]] = OF_PEOPLE

    def kinds(self, query: ReportQuery) -> Sequence[str]:
        """The kinds of reports from which the rows come; of a team only people's lines tell."""
        return OF_PEOPLE if query.team else self.told_by

    def check(self, query: ReportQuery) -> None:
        super().check(query)
        accounts_of(query)
        team_keys_of(query)

    def rows_behind(self, query: ReportQuery, rows: Sequence[Row], user: Any) -> Sequence[str]:
        names = [column.name for column in self.columns(query)]
        return RowsBehind(query, [dict(zip(names, row, strict=True)) for row in rows]).urls(user)

    def facts(self, query: ReportQuery) -> list[tuple[str, str]]:
        return [(said.what, said.text) for said in use_as_of(account_of(query), self.kinds(query))]


def team_keys_of(query: ReportQuery) -> Mapping[int, set[int]] | None:
    """By account key: the keys of the teams named; None: no team was named.

    An enterprise's own teams only, since only its own user-days are counted.
    """
    if not query.team:
        return None
    keys: dict[int, set[int]] = defaultdict(set)
    for team in teams_of(query, with_organizations=False):
        keys[team.account_id].add(team.pk)
    return keys


def scopes_of(accounts: Sequence[Account], query: ReportQuery) -> Iterator[Scope]:
    """Each account by itself; with a team named, that team of every account that has one, by its slug."""
    if not query.team:
        yield from map(Scope, accounts)
        return
    places = {account.pk: place for place, account in enumerate(accounts)}
    teams = [team for team in teams_of(query, with_organizations=False) if team.account_id in places]
    for team in sorted(teams, key=lambda team: (places[team.account_id], team.slug, team.pk)):
        yield Scope(accounts[places[team.account_id]], team)


def period_of(account: Account, query: ReportQuery) -> Period | None:
    """The days asked of an account, from the first to the last of which it has a report; None: of none."""
    known = stored([account], *ReportDay.Report.values)
    return None if known is None else known.common(opened(query, known))


def opened(query: ReportQuery, known: Period) -> Period:
    """The days asked; an open end is where the known ones begin or end."""
    return Period(query.first_day or known.first, query.last_day or known.last)
