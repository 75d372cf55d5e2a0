"""`team-metrics`: teams over a period, by membership as of each day."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from metrics import figures
from metrics.models.team_day import NO_TEAM, UNATTRIBUTED
from metrics.reports.asked import (
    UsageReport,
    account_cells,
    account_columns,
    counter_columns,
    team_keys_of,
)
from portal.reports import registry
from portal.reports.base import Column, ReportQuery, Row, columns_named
from seats.models import Account, Team
from seats.reports.scope import accounts_of

FIRST, AT_ONCE = 20, 200


@registry.register
class TeamMetrics(UsageReport):
    """Somebody in two teams counts in both; teams with fewer than five seats are in no report of GitHub's."""

    name = "team-metrics"
    title = "Teams"
    subject = "Use"
    question = "How much did each team use Copilot?"
    order = "organization, enterprise, slug, team_id; what belongs to no team comes last"
    permission = "metrics.view_teamday"
    options = UsageReport.options | {"--team"}

    def columns(self, query: ReportQuery) -> list[Column]:
        people = columns_named("active_users", "user_days")
        return [*columns_named("team_id", "slug"), *account_columns(), *people, *counter_columns()]

    def rows(self, query: ReportQuery) -> Iterator[Row]:
        named = team_keys_of(query)
        for account in accounts_of(query):
            for keys in _in_order(account, None if named is None else named.get(account.pk, ())):
                teams = figures.team_figures([account], query.first_day, query.last_day, keys)
                for team in sorted(teams, key=lambda team: (team.slug, team.team_key)):
                    yield (
                        team.team_id,
                        NO_TEAM if team.is_unattributed else team.slug,
                        *account_cells(account),
                        team.active_users,
                        team.user_days,
                        *team.counters,
                    )


def _in_order(account: Account, named: Collection[int] | None) -> Iterator[Sequence[int]]:
    """The keys of the account's teams by slug, some at a time, a few at first; then what belongs to none."""
    teams = Team.objects.filter(account=account)
    if named is not None:
        teams = teams.filter(pk__in=named)
    # Sorted here: languages differ in how they order slugs, and a row's place is promised.
    ordered = [key for _, key in sorted(teams.order_by().values_list("slug", "pk"))]
    start, number = 0, FIRST
    while some := ordered[start : start + number]:
        yield some
        start, number = start + number, AT_ONCE
    if named is None:
        yield [UNATTRIBUTED]
