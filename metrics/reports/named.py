"""`feature-metrics`, `language-metrics`, `model-metrics`, `ide-metrics`: use by the names in breakdowns.

The breakdowns overlap and none need add up to a day's own counters: never add two of these reports together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import ClassVar

from pyroaring import BitMap

from metrics import figures
from metrics.figures import Dimension, Scope, Sums
from metrics.figures.by_name import told
from metrics.periods import Period
from metrics.reports.asked import (
    UsageReport,
    account_cells,
    account_columns,
    counter_columns,
    period_of,
    scopes_of,
)
from portal.reports import registry
from portal.reports.base import Cells, Column, ReportQuery, Row
from seats.reports.scope import accounts_of

Sets = Mapping[str, Mapping[date, BitMap]]


class NamedMetrics(UsageReport):
    """Counters by name over the period, of the days whose breakdown is told; `days` is how many those are.

    Names are in lower case, as figures fold them. `active_users` are the distinct people whose lines have an
    entry of the name with a counter above zero; it is empty where no day was told person by person. With
    `--by day` the columns stay, each row being of one day, and `day` follows them.
    """

    subject = "Use"
    options = UsageReport.options | {"--team", "--by"}
    permission = "metrics.view_scopeday"
    # What the report is by: its first column, and the prefix of the sets of people.
    by: ClassVar[str]
    dimension: ClassVar[Dimension]

    def columns(self, query: ReportQuery) -> list[Column]:
        columns = [
            Column(self.by, definition="As reports name it, in lower case."),
            *account_columns(),
            Column("team", definition="Slug of the team asked for; empty: the whole account."),
            Column("days", "", Cells.NUMBER, "days", "Days of the period whose breakdown is told."),
            Column(
                "active_users", "", Cells.NUMBER, definition="Distinct people with a counter of it above 0."
            ),
            Column(
                "user_days", "", Cells.NUMBER, definition="Days of people on which they used it, added up."
            ),
            *counter_columns(),
            Column("acceptance_rate", "", Cells.RATE, definition="Acceptances ÷ generations, summed first."),
        ]
        return [*columns, Column("day")] if query.by_day else columns

    def rows(self, query: ReportQuery) -> Iterator[Row]:
        accounts = accounts_of(query)
        for scope in scopes_of(accounts, query):
            period = period_of(scope.account, query)
            if period is not None:
                yield from self._of_scope(scope, period, query.by_day)

    def _of_scope(self, scope: Scope, period: Period, by_day: bool) -> Iterator[Row]:
        breakdown = told(scope, period, self.dimension)
        sets = figures.day_sets_by_name(scope, period, f"{self.by}:")
        if not by_day:
            for (name,), sums in sorted(breakdown.totals(self.by).items()):
                users = sets.get(name)
                days = len(breakdown.days)
                yield self._row(scope, name, days, sums, list(users.values()) if users else None)
            return
        for day, entries in breakdown.by_day(self.by).items():
            for (name,), sums in sorted(entries.items()):
                users = sets.get(name)
                yield (
                    *self._row(scope, name, 1, sums, [users[day]] if users and day in users else None),
                    day,
                )

    def _row(self, scope: Scope, name: str, days: int, sums: Sums, users: list[BitMap] | None) -> Row:
        accepted, generated = sums.code_acceptance_activity_count, sums.code_generation_activity_count
        return (
            name,
            *account_cells(scope.account),
            "" if scope.team is None else scope.team.slug,
            days,
            None if users is None else len(BitMap().union(*users)),
            None if users is None else sum(map(len, users)),
            *sums,
            figures.to_four_places(figures.acceptance_rate(accepted, generated)),
        )


@registry.register
class FeatureMetrics(NamedMetrics):
    name = "feature-metrics"
    title = "Features"
    question = "What is each feature and chat mode used for, and by how many?"
    order = (
        "organization, enterprise, team, feature; with --by day: organization, enterprise, team, day, feature"
    )
    by = "feature"
    dimension = "feature"


@registry.register
class LanguageMetrics(NamedMetrics):
    name = "language-metrics"
    title = "Languages"
    question = "In which languages is Copilot used, and how much of it is accepted?"
    order = "organization, enterprise, team, language; with --by day: day before language"
    by = "language"
    dimension = "language_feature"


@registry.register
class ModelMetrics(NamedMetrics):
    """Completions have no model, so they are in none of these."""

    name = "model-metrics"
    title = "Models"
    question = "Which models are asked, and what comes of it?"
    order = "organization, enterprise, team, model; with --by day: day before model"
    by = "model"
    dimension = "model_feature"


@registry.register
class IdeMetrics(NamedMetrics):
    name = "ide-metrics"
    title = "Editors"
    question = "In which editors is Copilot used?"
    order = "organization, enterprise, team, ide; with --by day: day before ide"
    by = "ide"
    dimension = "ide"
