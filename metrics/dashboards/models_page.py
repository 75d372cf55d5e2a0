"""Models: which ones answer, in which mode and language, and for how many people."""

from __future__ import annotations

from metrics.dashboards import by_name
from metrics.dashboards.asked import Asked
from metrics.dashboards.names import label
from metrics.dashboards.panel import Column, Drawing, Form, Kind, Panel, Value
from metrics.dashboards.registry import page
from metrics.dashboards.wording import listed, percent
from metrics.figures import Breakdown, ratio
from metrics.figures.by_name import sum_of, told, told_days
from metrics.figures.chat import chat_modes
from metrics.figures.first_seen import HISTORY
from metrics.figures.models import requests_without_model, share_without_model

METRICS = "https://docs.github.com/en/copilot/reference/copilot-usage-metrics/copilot-usage-metrics"

models = page("models", "Models", "model_training", order=70)


@models.panel(
    "shares-over-time",
    "Share by model over time",
    definition="Explicit prompts (user_initiated_interaction_count) by model over the features of "
    "totals_by_model_feature, drawn as shares: each bar is 100 %. Completions have no model. Auto, Unknown "
    "and Others are shown as reports have them.",
    source=METRICS,
    wide=True,
)
def shares_over_time(asked: Asked) -> Panel:
    whole = told(asked.scope, asked.period, "model_feature")
    return by_name.over_time(asked, whole, "model", by_name.REQUESTS, Form.SHARES)


@models.panel(
    "shares",
    "Share by model",
    definition="The same prompts over the period, their share, and the code generated, accepted, added and "
    "deleted under each model. The sums need not equal those of the other breakdowns or of the account.",
    source=METRICS,
    wide=True,
)
def shares(asked: Asked) -> Panel:
    return by_name.in_sum(
        asked,
        told(asked.scope, asked.period, "model_feature", in_sum=True),
        "model",
        by_name.REQUESTS,
        [by_name.GENERATIONS, by_name.ACCEPTANCES, by_name.LINES_ADDED, by_name.LINES_DELETED],
        before=told(asked.scope, asked.before, "model_feature", in_sum=True) if asked.before else None,
        drawn="share",
    )


@models.panel(
    "people",
    "People per model",
    definition="Distinct people with any counter above 0 under a model on a day of the period, from the "
    "reports of people; somebody who uses two models counts in both.",
    source=METRICS,
)
def people(asked: Asked) -> Panel:
    return by_name.people_in_sum(asked, "model")


@models.panel(
    "without-model",
    "Requests of no named model",
    definition="Prompts that totals_by_model_feature has under auto (the choice is Copilot's), unknown (old "
    "clients do not tell) or others (rare models together), and their share of all prompts that it has.",
    source=METRICS,
)
def without_model(asked: Asked) -> Panel:
    whole = told(asked.scope, asked.period, "model_feature", in_sum=True)
    days = told_days(whole, asked.days())
    if not days:
        return by_name.nothing(asked, whole)
    every = sum_of(whole.totals(days=days).values(), by_name.REQUESTS)
    rows: list[list[Value]] = [
        [label("model", word), requests, ratio(requests, every)]
        for word, requests in requests_without_model(whole, days).items()
    ]
    columns = [
        Column("model", "Model", Kind.TEXT),
        Column("requests", "Requests"),
        Column("share", "Share of requests", Kind.RATE),
    ]
    return Panel(columns, rows, Drawing(Form.RANKED, ["requests"]), note=by_name.missing_note(asked, whole))


@models.panel(
    "by-mode",
    "Model by chat mode",
    definition="Prompts by model and chat mode (chat_panel_…_mode, chat_inline) in totals_by_model_feature; "
    "an empty cell is a pair that did not occur.",
    source=METRICS,
    wide=True,
)
def by_mode(asked: Asked) -> Panel:
    modes = chat_modes(told(asked.scope, asked.period, "model_feature", in_sum=True))
    return by_name.crossed(asked, modes, "model", "feature", by_name.REQUESTS)


@models.panel(
    "by-language",
    "Model by language",
    definition="Generations (code_generation_activity_count) by model and language in "
    "totals_by_language_model, which counts no prompts and has no completions.",
    source=METRICS,
    wide=True,
)
def by_language(asked: Asked) -> Panel:
    whole = told(asked.scope, asked.period, "language_model", in_sum=True)
    return by_name.crossed(asked, whole, "model", "language", by_name.GENERATIONS)


@models.panel(
    "first-seen",
    "Models new in the period",
    definition="Models that nobody of the account used on any earlier day we have a report of, with the day "
    f"of their first use and the distinct people since. It takes {HISTORY} known days before the period.",
    source=METRICS,
)
def first_seen(asked: Asked) -> Panel:
    return by_name.new_names(asked, "model")


# Words ------------------------------------------------------------------------------------------


@models.opens_with
def words(asked: Asked) -> list[str]:
    now = told(asked.scope, asked.period, "model_feature", in_sum=True)
    sentences = [
        model_that_led(asked, now),
        new_models(asked),
        not_named(asked, now),
        by_name.incomplete(asked, now),
    ]
    return [sentence for sentence in sentences if sentence]


def model_that_led(asked: Asked, now: Breakdown) -> str:
    """The model of most requests; nothing where there were none."""
    return by_name.most_used(
        asked, now, "model", by_name.REQUESTS, "most used named model", "request", "requests"
    )


def new_models(asked: Asked) -> str:
    """Models that nobody used before; nothing where there are none, or too little is known of before."""
    return by_name.new_ones(asked, "model")


def not_named(asked: Asked, now: Breakdown) -> str:
    """Which part of the requests has no model's name; nothing where all have one."""
    days = told_days(now, asked.days())
    share = share_without_model(now, days)
    words = [label("model", word) for word, requests in requests_without_model(now, days).items() if requests]
    if not share:
        return ""
    return f"{percent(share)} of requests name no model but {listed(words)}."
