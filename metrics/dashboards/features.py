"""Features and chat modes: what people ask of Copilot, in which mode, and how many do."""

from __future__ import annotations

from metrics.dashboards import by_name
from metrics.dashboards.asked import Asked, Bucket
from metrics.dashboards.panel import Column, Drawing, Form, Kind, Panel, Value
from metrics.dashboards.registry import page
from metrics.dashboards.wording import compared_with, moved
from metrics.figures import Breakdown
from metrics.figures.by_name import told
from metrics.figures.chat import chat_modes, chat_requests, requests_per_active_user, share_of_requests
from metrics.figures.distinct import counts_over
from metrics.models import DayUsers

METRICS = "https://docs.github.com/en/copilot/reference/copilot-usage-metrics/copilot-usage-metrics"
ACTIVE = DayUsers.Kind.ACTIVE.value
AGENT_MODE = "chat_panel_agent_mode"

features = page("features", "Features and chat modes", "extension", order=30)


@features.panel(
    "requests-by-mode",
    "Requests per chat mode over time",
    definition="Explicit prompts (user_initiated_interaction_count) by the features chat_panel_…_mode and "
    "chat_inline of totals_by_feature, each day from GitHub's own record where there is one.",
    source=METRICS,
    wide=True,
)
def requests_by_mode(asked: Asked) -> Panel:
    modes = chat_modes(told(asked.scope, asked.period, "feature"))
    return by_name.over_time(asked, modes, "feature", by_name.REQUESTS, Form.STACKED)


@features.panel(
    "mode-sums",
    "Requests per chat mode in sum",
    definition="The same prompts summed over the period, their share of all chat requests, and the code "
    "blocks that were generated and accepted in each mode.",
    source=METRICS,
)
def mode_sums(asked: Asked) -> Panel:
    return by_name.in_sum(
        asked,
        chat_modes(told(asked.scope, asked.period, "feature", in_sum=True)),
        "feature",
        by_name.REQUESTS,
        [by_name.GENERATIONS, by_name.ACCEPTANCES],
        before=chat_modes(told(asked.scope, asked.before, "feature", in_sum=True)) if asked.before else None,
        heading="Chat mode",
    )


@features.panel(
    "requests-per-user",
    "Chat requests per active user",
    definition="Prompts in any chat mode ÷ the distinct people active on the same days, whether they chatted "
    "or not; a gap where a day has no report of its people or no breakdown.",
    source=METRICS,
)
def requests_per_user(asked: Asked) -> Panel:
    whole = told(asked.scope, asked.period, "feature")
    buckets = asked.buckets()
    active = counts_over(asked.scope, asked.period, [ACTIVE], [bucket.days for bucket in buckets])[ACTIVE]
    people_in = {bucket.label: people for bucket, people in zip(buckets, active, strict=True)}

    def values(bucket: Bucket) -> list[Value]:
        requests = chat_requests(whole, bucket.days)
        people = people_in[bucket.label]
        return [requests_per_active_user(requests, people), requests, people]

    columns = [
        Column("requests_per_user", "Requests per active user", Kind.DECIMAL),
        Column("requests", "Chat requests"),
        Column("active", "Active people"),
    ]
    return asked.over_time(columns, values, Drawing(Form.LINES, ["requests_per_user"]))


@features.panel(
    "feature-use",
    "Use per feature over time",
    definition="Pieces of output (code_generation_activity_count of totals_by_feature): completions shown, "
    "code blocks written in chat, edits made by agents. One prompt can make several.",
    source=METRICS,
    wide=True,
)
def feature_use(asked: Asked) -> Panel:
    whole = told(asked.scope, asked.period, "feature")
    return by_name.over_time(asked, whole, "feature", by_name.GENERATIONS, Form.STACKED)


@features.panel(
    "feature-shares",
    "Share of each feature over time",
    definition="The same counts, drawn as shares of all output that has a feature: each bar is 100 %.",
    source=METRICS,
)
def feature_shares(asked: Asked) -> Panel:
    whole = told(asked.scope, asked.period, "feature")
    return by_name.over_time(asked, whole, "feature", by_name.GENERATIONS, Form.SHARES)


@features.panel(
    "feature-people",
    "People per feature",
    definition="Distinct people with any counter above 0 under a feature on a day of the period, from the "
    "reports of people; somebody who uses two features counts in both.",
    source=METRICS,
)
def feature_people(asked: Asked) -> Panel:
    return by_name.people_in_sum(asked, "feature")


@features.panel(
    "feature-sums",
    "Use per feature in sum",
    definition="Every counter of totals_by_feature over the period: chat and the CLI are counted by "
    "requests, completions by generations and acceptances, agents by generations and lines. Features need "
    "not add up to the day's own totals: what only GitHub's servers saw has no feature.",
    source=METRICS,
    wide=True,
)
def feature_sums(asked: Asked) -> Panel:
    return by_name.in_sum(
        asked,
        told(asked.scope, asked.period, "feature", in_sum=True),
        "feature",
        by_name.GENERATIONS,
        [
            by_name.REQUESTS,
            by_name.ACCEPTANCES,
            by_name.LINES_SUGGESTED,
            by_name.LINES_ADDED,
            by_name.LINES_DELETED,
        ],
        before=told(asked.scope, asked.before, "feature", in_sum=True) if asked.before else None,
    )


# Words ------------------------------------------------------------------------------------------


@features.opens_with
def words(asked: Asked) -> list[str]:
    now = told(asked.scope, asked.period, "feature", in_sum=True)
    before = told(asked.scope, asked.period.before(), "feature", in_sum=True)
    sentences = [
        mode_that_led(asked, now),
        agent_mode_moved(asked, now, before),
        by_name.of_most_people(asked, "feature", "reached most people", "reached most people"),
        by_name.incomplete(asked, now),
    ]
    return [sentence for sentence in sentences if sentence]


def mode_that_led(asked: Asked, now: Breakdown) -> str:
    """Which chat mode had most requests; nothing where there were none."""
    return by_name.most_used(
        asked,
        chat_modes(now),
        "feature",
        by_name.REQUESTS,
        "most used chat mode",
        "chat request",
        "chat requests",
    )


def agent_mode_moved(asked: Asked, now: Breakdown, before: Breakdown) -> str:
    """How the share of agent mode changed; nothing unless every day of both periods is told."""
    earlier = asked.period.before()
    return moved(
        "Agent mode's share of chat requests",
        share_of_requests(before, AGENT_MODE, asked.days(earlier)),
        share_of_requests(now, AGENT_MODE, asked.days()),
        compared_with(len(earlier)),
    )
