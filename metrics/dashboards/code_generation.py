"""Code generation: what Copilot suggests, what people keep of it, and what agents write themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from metrics.dashboards import by_name
from metrics.dashboards.asked import Asked, Bucket
from metrics.dashboards.names import label
from metrics.dashboards.panel import Column, Drawing, Form, Headline, Kind, Panel, Value
from metrics.dashboards.registry import page
from metrics.dashboards.wording import compared_with, moved, percent, several
from metrics.figures import Breakdown, Dimension, distinct
from metrics.figures.by_name import told, told_days
from metrics.figures.code import (
    Changed,
    Completions,
    changed,
    changed_by,
    completions,
    deleted_by_agents_per_user,
    offered,
)

METRICS = "https://docs.github.com/en/copilot/reference/copilot-usage-metrics/copilot-usage-metrics"
LINES = "https://docs.github.com/en/copilot/reference/copilot-usage-metrics/lines-of-code-metrics"

code_generation = page("code-generation", "Code generation", "code", order=40)


@code_generation.panel(
    "in-short",
    "In short",
    definition="Lines changed are loc_added_sum + loc_deleted_sum of totals_by_feature; agent contribution "
    "is the part of it under the feature agent_edit; completions are the feature code_completion alone.",
    source=METRICS,
    wide=True,
)
def in_short(asked: Asked) -> Panel:
    now = told(asked.scope, asked.period, "feature", in_sum=True)
    days = told_days(now, asked.days())
    if not days:
        return by_name.nothing(asked, now)
    lines, suggested = changed(now, days), completions(now, days)
    lines_before, suggested_before = _before(asked)
    per_user = None
    if len(days) == len(asked.days()):
        per_user = deleted_by_agents_per_user(lines, distinct(asked.scope, asked.period, days=days))
    headlines = [
        Headline("Lines changed with Copilot", lines.all_lines, before=lines_before.all_lines),
        Headline(
            "Agent contribution",
            lines.agent_contribution,
            Kind.RATE,
            before=lines_before.agent_contribution,
            note="of all lines added and deleted",
        ),
        Headline("Completions suggested", suggested.suggested, before=suggested_before.suggested),
        Headline(
            "Completions accepted",
            suggested.rate_by_count,
            Kind.RATE,
            before=suggested_before.rate_by_count,
            note="of those suggested",
        ),
        Headline("Lines deleted by agents per active user", per_user, Kind.DECIMAL),
    ]
    return Panel(headlines=headlines, note=by_name.missing_note(asked, now))


def _before(asked: Asked) -> tuple[Changed, Completions]:
    """The same of the period before; unknown where it is not asked for, or a day of it is not told."""
    if asked.before is None:
        return changed(Breakdown(("feature",), {}), ()), Completions(None, None, None, None)
    before = told(asked.scope, asked.before, "feature", in_sum=True)
    days = asked.days(asked.before)
    return changed(before, days), completions(before, days)


@code_generation.panel(
    "completions",
    "Completions suggested and accepted",
    definition="Inline suggestions shown (code_generation_activity_count) and accepted "
    "(code_acceptance_activity_count) of the feature code_completion in totals_by_feature.",
    source=METRICS,
    wide=True,
)
def completions_over_time(asked: Asked) -> Panel:
    columns = [Column("suggested", "Suggested"), Column("accepted", "Accepted")]
    return _over_time(asked, columns, lambda now, bucket: completions(now, bucket.days)[:2], Form.BARS)


@code_generation.panel(
    "acceptance",
    "Acceptance rate of completions",
    definition="By count: completions accepted ÷ shown. By lines: lines added by accepted completions "
    "(loc_added_sum) ÷ lines they suggested (loc_suggested_to_add_sum). Both of the feature code_completion, "
    "summed first, divided last; no rate where nothing was suggested.",
    source=LINES,
)
def acceptance(asked: Asked) -> Panel:
    columns = [
        Column("by_count", "By count", Kind.RATE),
        Column("by_lines", "By lines", Kind.RATE),
        Column("lines_suggested", "Lines suggested"),
        Column("lines_added", "Lines added"),
    ]

    def values(now: Breakdown, bucket: Bucket) -> Sequence[Value]:
        found = completions(now, bucket.days)
        return found.rate_by_count, found.rate_by_lines, found.lines_suggested, found.lines_added

    return _over_time(asked, columns, values, Form.LINES, drawn=2)


@code_generation.panel(
    "completion-sums",
    "Completions in sum",
    definition="The same over the whole period: days that are missing are in no sum and in no rate.",
    source=LINES,
)
def completion_sums(asked: Asked) -> Panel:
    now = told(asked.scope, asked.period, "feature")
    days = told_days(now, asked.days())
    found = completions(now, days)
    _, before = _before(asked)
    rows: list[list[Value]] = [
        ["Count", found.suggested, found.accepted, found.rate_by_count, before.rate_by_count],
        ["Lines", found.lines_suggested, found.lines_added, found.rate_by_lines, before.rate_by_lines],
    ]
    columns = [
        Column("by", "By", Kind.TEXT),
        Column("suggested", "Suggested"),
        Column("accepted", "Accepted"),
        Column("rate", "Acceptance rate", Kind.RATE),
        Column("before", "Rate before", Kind.RATE),
    ]
    if asked.before is None:
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    if not days:
        return by_name.nothing(asked, now)
    return Panel(columns, rows, note=by_name.missing_note(asked, now))


@code_generation.panel(
    "lines",
    "Lines added and deleted",
    definition="Lines added to and deleted from files (loc_added_sum, loc_deleted_sum of totals_by_feature): "
    "by agents under agent_edit, which agent, edit and custom modes write by themselves; by people under "
    "every other feature.",
    source=LINES,
    wide=True,
)
def lines_over_time(asked: Asked) -> Panel:
    columns = [
        Column("user_added", "Added, user-initiated"),
        Column("agent_added", "Added, agent-initiated"),
        Column("user_deleted", "Deleted, user-initiated"),
        Column("agent_deleted", "Deleted, agent-initiated"),
    ]

    def values(now: Breakdown, bucket: Bucket) -> Sequence[Value]:
        found = changed(now, bucket.days)
        return found.by_users.added, found.by_agents.added, found.by_users.deleted, found.by_agents.deleted

    return _over_time(asked, columns, values, Form.STACKED)


@code_generation.panel(
    "agent-contribution",
    "Agent contribution",
    definition="Lines added and deleted under agent_edit ÷ lines added and deleted under any feature, of "
    "totals_by_feature; no rate where no line changed.",
    source=METRICS,
)
def agent_contribution(asked: Asked) -> Panel:
    columns = [
        Column("agent_contribution", "Agent contribution", Kind.RATE),
        Column("agent_lines", "Lines changed by agents"),
        Column("all_lines", "All lines changed"),
    ]

    def values(now: Breakdown, bucket: Bucket) -> Sequence[Value]:
        found = changed(now, bucket.days)
        return found.agent_contribution, found.by_agents.changed, found.all_lines

    return _over_time(asked, columns, values, Form.LINES, drawn=1)


@code_generation.panel(
    "suggested-added",
    "Suggested against added lines",
    definition="Lines suggested to be added (loc_suggested_to_add_sum), lines added under every feature but "
    "agent_edit, and lines added under agent_edit, which suggests nothing first.",
    source=LINES,
)
def suggested_added(asked: Asked) -> Panel:
    columns = [
        Column("suggested", "Suggested"),
        Column("user_added", "Added, user-initiated"),
        Column("agent_added", "Added, agent-initiated"),
    ]
    return _over_time(asked, columns, lambda now, bucket: offered(now, bucket.days), Form.LINES)


def _over_time(
    asked: Asked,
    columns: Sequence[Column],
    values: Callable[[Breakdown, Bucket], Sequence[Value]],
    form: Form,
    drawn: int | None = None,
) -> Panel:
    """What is said of each bucket's features; the first columns are drawn, or all."""
    now = told(asked.scope, asked.period, "feature")
    drawing = Drawing(form, [column.name for column in columns[:drawn]])
    panel = asked.over_time(columns, lambda bucket: values(now, bucket), drawing)
    return replace(panel, empty=by_name.UNTOLD)


@code_generation.panel(
    "by-feature",
    "Lines per feature",
    definition="Lines added and deleted by each feature of totals_by_feature.",
    source=LINES,
)
def by_feature(asked: Asked) -> Panel:
    now = told(asked.scope, asked.period, "feature")
    return by_name.in_sum(asked, now, "feature", by_name.LINES_ADDED, [by_name.LINES_DELETED])


@code_generation.panel(
    "feature-over-time",
    "Lines added per feature over time",
    definition="Lines added to files (loc_added_sum) by each feature of totals_by_feature; agent_edit "
    "is what agents write by themselves.",
    source=LINES,
)
def feature_over_time(asked: Asked) -> Panel:
    return _added_over_time(asked, "feature", "feature")


@code_generation.panel(
    "by-model",
    "Lines per model",
    definition="Lines changed by model in totals_by_model_feature, user-initiated and agent-initiated. "
    "Completions have no model, so they are not in it.",
    source=METRICS,
)
def by_model(asked: Asked) -> Panel:
    return _changed_by(asked, "model_feature", "model")


@code_generation.panel(
    "model-over-time",
    "Lines added per model over time",
    definition="Lines added to files (loc_added_sum) by model in totals_by_model_feature, of people and "
    "agents together. Completions have no model, so they are not in it.",
    source=METRICS,
)
def model_over_time(asked: Asked) -> Panel:
    return _added_over_time(asked, "model_feature", "model")


@code_generation.panel(
    "by-language",
    "Lines per language",
    definition="Lines changed by language in totals_by_language_feature, user-initiated and agent-initiated. "
    "Its sums need not equal those of the other breakdowns.",
    source=METRICS,
)
def by_language(asked: Asked) -> Panel:
    return _changed_by(asked, "language_feature", "language")


@code_generation.panel(
    "language-over-time",
    "Lines added per language over time",
    definition="Lines added to files (loc_added_sum) by language in totals_by_language_feature, of people "
    "and agents together.",
    source=METRICS,
)
def language_over_time(asked: Asked) -> Panel:
    return _added_over_time(asked, "language_feature", "language")


def _added_over_time(asked: Asked, dimension: Dimension, name: str) -> Panel:
    now = told(asked.scope, asked.period, dimension)
    return by_name.over_time(asked, now, name, by_name.LINES_ADDED, Form.STACKED)


def _changed_by(asked: Asked, dimension: Dimension, name: str) -> Panel:
    now = told(asked.scope, asked.period, dimension, in_sum=True)
    found = changed_by(now, name, asked.days())
    columns = [
        Column(name, by_name.label_of(name), Kind.TEXT),
        Column("user_lines", "User-initiated"),
        Column("agent_lines", "Agent-initiated"),
        Column("agent_contribution", "Agent contribution", Kind.RATE),
        Column("added", "Added"),
        Column("deleted", "Deleted"),
    ]
    rows = [
        [
            label(name, each),
            lines.by_users.changed,
            lines.by_agents.changed,
            lines.agent_contribution,
            lines.added,
            lines.deleted,
        ]
        for each, lines in found.items()
        if lines.all_lines
    ]
    drawing = Drawing(Form.RANKED, ["user_lines", "agent_lines"])
    if not rows:
        return by_name.nothing(asked, now)
    return Panel(columns, rows, drawing, note=by_name.missing_note(asked, now))


# Words ------------------------------------------------------------------------------------------


@code_generation.opens_with
def words(asked: Asked) -> list[str]:
    now = told(asked.scope, asked.period, "feature", in_sum=True)
    before = told(asked.scope, asked.period.before(), "feature", in_sum=True)
    sentences = [
        lines_and_agents(asked, now),
        agents_moved(asked, now, before),
        completions_kept(asked, now),
        by_name.incomplete(asked, now),
    ]
    return [sentence for sentence in sentences if sentence]


def lines_and_agents(asked: Asked, now: Breakdown) -> str:
    """How many lines changed and whose part that was; nothing where none did."""
    found = changed(now, told_days(now, asked.days()))
    share = found.agent_contribution
    if not found.all_lines:
        return ""
    lines = several(found.all_lines, "line was", "lines were")
    by = "" if share is None else f", {percent(share)} of them by agents"
    return f"{lines} added or deleted with Copilot{by}."


def agents_moved(asked: Asked, now: Breakdown, before: Breakdown) -> str:
    """How agent contribution changed; nothing unless every day of both periods is told."""
    earlier = asked.period.before()
    return moved(
        "Agent contribution",
        changed(before, asked.days(earlier)).agent_contribution,
        changed(now, asked.days()).agent_contribution,
        compared_with(len(earlier)),
    )


def completions_kept(asked: Asked, now: Breakdown) -> str:
    """Which part of the completions was accepted; nothing where none was suggested."""
    found = completions(now, told_days(now, asked.days()))
    if found.rate_by_count is None or found.suggested is None:
        return ""
    by_lines = "" if found.rate_by_lines is None else f", and {percent(found.rate_by_lines)} of their lines"
    shown = several(found.suggested, "completion", "completions")
    return f"People accepted {percent(found.rate_by_count)} of {shown}{by_lines}."
