"""`client-versions`: which editors and plugins people have, and how far behind the newest they are."""

from __future__ import annotations

from collections.abc import Iterator

from metrics.figures.clients import seen_clients
from metrics.models import ReportDay
from metrics.periods import MONTH, Period, newest_covered_days
from metrics.reports.asked import UsageReport, account_cells, account_columns, period_of, scopes_of
from portal.reports import registry
from portal.reports.base import Cells, Column, ReportQuery, Row
from seats.reports.scope import accounts_of


@registry.register
class ClientVersions(UsageReport):
    """Each person counts once per editor, with the newest client of it seen in the period.

    Without `--from`, the 28 days up to the newest day told person by person (or up to `--to`). Newest is what
    anybody of the account has. `tells_lines`: whether GitHub has all lines of code of this client; empty
    where it names no version to compare with.
    """

    name = "client-versions"
    title = "Clients"
    question = "Which versions of editors and plugins do people have, and which are too old?"
    subject = "Use"
    order = "organization, enterprise, team, ide, then the newest version first"
    options = UsageReport.options | {"--team"}

    def columns(self, query: ReportQuery) -> list[Column]:
        return [
            Column("ide", "Editor", definition="As reports name it, in lower case."),
            Column("ide_version", "Version", definition="Version of the editor; empty: not told."),
            Column("plugin", definition="Copilot's plugin in the editor."),
            Column("plugin_version", definition="Version of the plugin; empty: not told."),
            *account_columns(),
            Column("team", definition="Slug of the team asked for; empty: the whole account."),
            Column("users", "People", Cells.NUMBER, definition="Whose newest client of this editor it is."),
            Column(
                "state",
                definition="newest: of the newest minor release; outdated: an older major version, or three "
                "minor releases behind; behind: in between; unknown: no version is told.",
            ),
            Column(
                "tells_lines",
                "Tells lines of code",
                Cells.FLAG,
                definition="Whether GitHub has all lines of code of this client.",
            ),
            Column("first_day", "", Cells.DAY, definition="First day looked at."),
            Column("last_day", "", Cells.DAY, definition="Last day looked at."),
        ]

    def rows(self, query: ReportQuery) -> Iterator[Row]:
        accounts = accounts_of(query)
        newest = newest_covered_days(accounts, [ReportDay.Report.USERS], until=query.last_day)
        for scope in scopes_of(accounts, query):
            if query.first_day is not None:
                period = period_of(scope.account, query)
            elif last := newest.get(scope.account.pk):
                period = Period.trailing(last, MONTH)
            else:
                period = None
            if period is None:
                continue
            for seen in seen_clients(scope, period):
                yield (
                    *seen.client,
                    *account_cells(scope.account),
                    "" if scope.team is None else scope.team.slug,
                    len(seen.people),
                    seen.state.value,
                    seen.tells_lines,
                    period.first,
                    period.last,
                )
