"""`feature-metrics`, `language-metrics`, `model-metrics`, `ide-metrics`: use by the names in breakdowns.

The breakdowns overlap and none need add up to a day's own counters: never add two of these reports together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

from pyroaring import BitMap

from metrics import figures
from metrics.figures import Dimension, Scope, Sums
from metrics.figures.by_name import told
from metrics.periods import MONTH, WEEK, Period, in_pieces
from metrics.reports.asked import (
    OF_PEOPLE_AND_ACCOUNTS,
    UsageReport,
    account_cells,
    account_columns,
    counter_columns,
    period_of,
    scopes_of,
)
from metrics.whole_weeks import LONG
from portal.reports import registry
from portal.reports.base import Cells, Column, ReportQuery, Row
from seats.reports.scope import accounts_of

BY_WEEKS = (LONG // WEEK + 1) * WEEK


class NamedMetrics(UsageReport):
    """Counters by name over the period, of the days whose breakdown is told; `days` is how many those are.

    Names are in lower case, as figures fold them. `active_users` are the distinct people whose lines have an
    entry of the name with a counter above zero; it is empty where no day was told person by person. With
    `--by day` the columns stay, each row being of one day, and `day` follows them.
    """

    subject = "Use"
    options = UsageReport.options | {"--team", "--by"}
    permission = "metrics.view_scopeday"
    told_by = OF_PEOPLE_AND_ACCOUNTS
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
                yield from (self._by_day if query.by_day else self._of_scope)(scope, period)

    def _of_scope(self, scope: Scope, period: Period) -> Iterator[Row]:
        breakdown = told(scope, period, self.dimension)
        people: dict[str, BitMap] = {}
        user_days: Counter[str] = Counter()
        # An account's pieces are long enough to be read by weeks; a team has none.
        for piece in in_pieces(period, BY_WEEKS if scope.team is None else MONTH):
            for name, sets in figures.day_sets_by_name(scope, piece, f"{self.by}:").items():
                if not sets:
                    continue  # no day was told person by person
                people[name] = people.get(name, BitMap()) | (figures.union(sets, sets) or BitMap())
                user_days[name] += figures.user_days(sets, list(sets))
        for (name,), sums in sorted(breakdown.totals(self.by).items()):
            active, known = (len(people[name]), user_days[name]) if name in people else (None, None)
            yield self._row(scope, name, len(breakdown.days), active, known, sums)

    def _by_day(self, scope: Scope, period: Period) -> Iterator[Row]:
        for piece in in_pieces(period):
            breakdown = told(scope, piece, self.dimension)
            sets = figures.day_sets_by_name(scope, piece, f"{self.by}:")
            for day, entries in breakdown.by_day(self.by).items():
                for (name,), sums in sorted(entries.items()):
                    users = sets.get(name)
                    active = len(users[day]) if users is not None and day in users else None
                    yield (*self._row(scope, name, 1, active, active, sums), day)

    def _row(
        self, scope: Scope, name: str, days: int, active: int | None, user_days: int | None, sums: Sums
    ) -> Row:
        accepted, generated = sums.code_acceptance_activity_count, sums.code_generation_activity_count
        return (
            name,
            *account_cells(scope.account),
            "" if scope.team is None else scope.team.slug,
            days,
            active,
            user_days,
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
