"""`custom`: the report builder. Whose use, over which days, by what, and which figures of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from operator import attrgetter

from metrics.figures import acceptance_rate, to_four_places, total
from metrics.figures.by_place import by_place
from metrics.figures.chat import requests_per_active_user
from metrics.figures.grouped import (
    ACTIVE,
    AGENT,
    CHAT,
    CLI,
    NAMED,
    Step,
    Use,
    Uses,
    by_name,
    by_team,
    in_order,
    stretches,
    whole,
)
from metrics.figures.scope import Scope
from metrics.models import ReportDay
from metrics.models.counters import COUNTERS
from metrics.periods import Period, stored
from metrics.reports.asked import (
    COUNTER_LABELS,
    OF_PEOPLE,
    OF_PEOPLE_AND_ACCOUNTS,
    UsageReport,
    account_cells,
    account_columns,
    opened,
    period_of,
    scopes_of,
)
from portal.reports import registry
from portal.reports.base import Cells, Column, Option, ReportError, ReportQuery, Row, Value
from portal.reports.options import Kind
from seats.reports.scope import accounts_of

GROUPINGS: Mapping[str, tuple[str, str]] = {
    "team": ("Team", "Each day by its own membership; (unattributed): people of no team that day."),
    "department": ("Department", "Where people belonged on each day."),
    "cost_centre": ("Cost centre", "Where people belonged on each day, else the organization's own."),
    "language": ("Language", "As reports name it, in lower case."),
    "ide": ("Editor", "As reports name it, in lower case."),
    "model": ("Model", "As reports name it, in lower case; completions have none."),
    "feature": ("Feature or chat mode", "As reports name it, in lower case."),
}
STEPS = (
    (Step.MONTH, "a row per month"),
    (Step.WEEK, "a row per week, from Monday"),
    (Step.DAY, "a row per day"),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that can be asked for; `people`: only where people are told apart by what they did."""

    column: Column
    value: Callable[[Use], Value]
    kind: str = ""
    is_counter: bool = False
    people: bool = False


def _rate(use: Use) -> Value:
    accepted, generated = use.sums.code_acceptance_activity_count, use.sums.code_generation_activity_count
    return to_four_places(acceptance_rate(accepted, generated))


def _per_user(use: Use) -> Value:
    return to_four_places(
        requests_per_active_user(use.sums.user_initiated_interaction_count, use.count(ACTIVE))
    )


def _changed(use: Use) -> Value:
    return total((use.sums.loc_added_sum, use.sums.loc_deleted_sum))


def _credits(use: Use) -> Value:
    return None if use.ai_credits_used is None else use.ai_credits_used.normalize()


def _people(name: str, label: str, kind: str, definition: str) -> Figure:
    column = Column(name, label, Cells.NUMBER, "people", definition)
    return Figure(column, lambda use: use.count(kind), kind=kind, people=kind != ACTIVE)


FIGURES: Mapping[str, Figure] = {
    figure.column.name: figure
    for figure in (
        _people(
            "active_users", "Active users", ACTIVE, "Distinct people; by name: with a counter of it above 0."
        ),
        Figure(
            Column("user_days", "", Cells.NUMBER, "days", "Days on which people were active, added up."),
            attrgetter("user_days"),
        ),
        _people("chat_users", "Chat users", CHAT, "Distinct people whom a day's line says used chat."),
        _people("agent_users", "Agent users", AGENT, "Distinct people whom a day's line says used an agent."),
        _people("cli_users", "CLI users", CLI, "Distinct people whom a day's line says used the CLI."),
        *(
            Figure(Column(name, label, Cells.NUMBER), attrgetter(f"sums.{name}"), is_counter=True)
            for name, label in zip(COUNTERS, COUNTER_LABELS, strict=True)
        ),
        Figure(
            Column("acceptance_rate", "", Cells.RATE, "", "Acceptances ÷ generations, summed first."),
            _rate,
            is_counter=True,
        ),
        Figure(
            Column("loc_changed_sum", "Lines changed", Cells.NUMBER, "lines", "Lines added + lines deleted."),
            _changed,
            is_counter=True,
        ),
        Figure(
            Column(
                "interactions_per_active_user",
                "",
                Cells.DECIMAL,
                definition="Interactions ÷ distinct people active on these days.",
            ),
            _per_user,
            is_counter=True,
        ),
        Figure(
            Column("ai_credits_used", "AI credits", Cells.DECIMAL, "credits", "A trend, not the bill."),
            _credits,
            is_counter=True,
            people=True,
        ),
    )
}
USUAL = ("active_users", "user_initiated_interaction_count", "acceptance_rate", "loc_added_sum")
GROUPING, STEP = "grouping", "granularity"

# Three years by day: each step has a row of every group.
MOST_STEPS = 1_100
COARSER = {Step.DAY: "a row per week or month", Step.WEEK: "a row per month"}


@registry.register
class Custom(UsageReport):
    """A row per organization or enterprise, group and stretch of days; none of them add up.

    `days` is how many of the stretch's days reports told; figures are of those days. Breakdowns by name do
    not tell who used chat, agents or the CLI, nor credits.
    """

    name = "custom"
    title = "Report builder"
    question = "Any figures of use, by team, department, cost centre, language, editor, model or mode?"
    subject = "Use"
    order = "organization, enterprise, group (what belongs to none last), first_day"
    permission = "metrics.view_scopeday"
    told_by = OF_PEOPLE_AND_ACCOUNTS
    options = UsageReport.options | {"--team"}
    own_options = (
        Option(
            GROUPING,
            "Grouped by",
            Kind.CHOICE,
            "a row for each of them",
            tuple((name, label) for name, (label, _) in GROUPINGS.items()),
            otherwise="nothing",
        ),
        Option(STEP, "Granularity", Kind.CHOICE, "days put together", STEPS, otherwise="the whole period"),
        Option(
            "figures",
            "Figures",
            Kind.CHOICES,
            "which figures, parted by commas",
            tuple((name, figure.column.heading) for name, figure in FIGURES.items()),
            otherwise="the usual ones",
            usual=USUAL,
        ),
    )

    def check(self, query: ReportQuery) -> None:
        super().check(query)
        by = query.extra.get(GROUPING)
        if by in NAMED and (
            lacking := [name for name in query.extra.get("figures", ()) if FIGURES[name].people]
        ):
            raise ReportError(
                f"By {by} reports do not tell {lacking[0]}: leave it out, or group by something else."
            )

        self._check_steps(query)

    def _check_steps(self, query: ReportQuery) -> None:
        step = _step(query)
        known = stored(accounts_of(query), *ReportDay.Report.values) if step in COARSER else None
        asked = known and known.common(opened(query, known))
        if not asked:
            return
        steps = len(stretches(asked, step))
        if steps > MOST_STEPS:
            raise ReportError(
                f"A row per {step} from {asked.first} to {asked.last} makes {steps:,} of each group, and at "
                f"most {MOST_STEPS:,} can be made: choose a shorter period, or {COARSER[step]}."
            )

    def permissions(self, query: ReportQuery) -> frozenset[str]:
        match query.extra.get(GROUPING):
            case "team":
                return frozenset({self.permission, "metrics.view_teamday"})
            case "department":
                return frozenset({self.permission, "seats.view_department"})
            case "cost_centre":
                return frozenset({self.permission, "seats.view_costcentre"})
        return super().permissions(query)

    def kinds(self, query: ReportQuery) -> Sequence[str]:
        by_people = query.extra.get(GROUPING) in ("team", "department", "cost_centre")
        return OF_PEOPLE if by_people else super().kinds(query)

    def columns(self, query: ReportQuery) -> list[Column]:
        by = query.extra.get(GROUPING)
        named = [Column(by, GROUPINGS[by][0], definition=GROUPINGS[by][1])] if by else []
        return [
            *account_columns(),
            *named,
            Column("first_day", "", Cells.DAY, definition="First day of the stretch."),
            Column("last_day", "", Cells.DAY, definition="Last day of the stretch, included."),
            Column("days", "", Cells.NUMBER, "days", "Days of the stretch that reports told of the group."),
            *(figure.column for figure in _asked(query)),
        ]

    def rows(self, query: ReportQuery) -> Iterator[Row]:
        figures = _asked(query)
        step, cut = _step(query), cache(stretches)
        by = query.extra.get(GROUPING)
        for scope in scopes_of(accounts_of(query), query):
            period = period_of(scope.account, query)
            if period is None:
                continue
            # Only days of which there may be something are read; each step is called as it was asked for.
            parts = {
                known: part
                for part in cut(opened(query, period), step)
                if (known := part.common(period)) is not None
            }
            uses = _uses(scope, list(parts), by, figures)
            for name, part, use in chain.from_iterable(map(in_order, uses)):
                group = [name] if by else []
                yield (
                    *account_cells(scope.account),
                    *group,
                    parts[part].first,
                    parts[part].last,
                    use.days,
                    *(figure.value(use) for figure in figures),
                )


def _step(query: ReportQuery) -> Step:
    return Step(query.extra.get(STEP, Step.WHOLE))


def _asked(query: ReportQuery) -> list[Figure]:
    return [FIGURES[name] for name in query.extra.get("figures") or USUAL]


def _uses(scope: Scope, parts: Sequence[Period], by: str | None, figures: Sequence[Figure]) -> Iterator[Uses]:
    """The groups, in as many pieces as they have to be read in; none belongs to two of them."""
    kinds = {figure.kind for figure in figures if figure.kind}
    match by:
        case "team":
            yield from by_team(scope, parts, kinds)
        case "department" | "cost_centre":
            counts = any(figure.is_counter for figure in figures)
            yield by_place(scope, parts, by, kinds, with_counters=counts)
        case None:
            spends = any(figure.column.name == "ai_credits_used" for figure in figures)
            yield whole(scope, parts, kinds, with_credits=spends)
        case _:
            yield by_name(scope, parts, by)
