"""`team-metrics`: teams over a period, by membership as of each day."""

from __future__ import annotations

from collections.abc import Iterator

from metrics import figures
from metrics.reports.asked import (
    UsageReport,
    account_cells,
    account_columns,
    counter_columns,
    team_keys_of,
)
from portal.reports import registry
from portal.reports.base import Column, ReportQuery, Row, columns_named
from seats.reports.scope import accounts_of

UNATTRIBUTED_SLUG = "(unattributed)"


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
        accounts = accounts_of(query)
        places = {account.pk: place for place, account in enumerate(accounts)}
        named = team_keys_of(query)
        keys = None if named is None else set().union(*named.values())
        teams = figures.team_figures(accounts, query.first_day, query.last_day, keys)
        teams.sort(key=lambda team: (places[team.account_id], team.is_unattributed, team.slug, team.team_key))
        for team in teams:
            yield (
                team.team_id,
                UNATTRIBUTED_SLUG if team.is_unattributed else team.slug,
                *account_cells(accounts[places[team.account_id]]),
                team.active_users,
                team.user_days,
                *team.counters,
            )
