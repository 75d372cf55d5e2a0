"""Languages: which ones Copilot is used with, by whom, with which model and in which editor."""

from __future__ import annotations

from collections.abc import Mapping

from metrics.dashboards import by_name
from metrics.dashboards.asked import Asked
from metrics.dashboards.names import label
from metrics.dashboards.panel import Column, Drawing, Form, Kind, Panel
from metrics.dashboards.registry import page
from metrics.dashboards.wording import listed, percents
from metrics.figures import Breakdown, language_by_ide, total
from metrics.figures.by_name import told
from metrics.figures.code import completions_by_language
from metrics.figures.first_seen import HISTORY

METRICS = "https://docs.github.com/en/copilot/reference/copilot-usage-metrics/copilot-usage-metrics"
LINES = "https://docs.github.com/en/copilot/reference/copilot-usage-metrics/lines-of-code-metrics"

# Rates of fewer completions say nothing of a language.
ENOUGH = 100
# New names that a sentence lists.
LISTED = 3

languages = page("languages", "Languages", "code_blocks", order=50)


@languages.panel(
    "shares",
    "Share by language",
    definition="Generations (code_generation_activity_count) by language over the features of "
    "totals_by_language_feature, and the lines suggested, added and deleted. Its sums need not equal those "
    "of the other breakdowns or of the account.",
    source=METRICS,
    wide=True,
)
def shares(asked: Asked) -> Panel:
    return by_name.in_sum(
        asked,
        told(asked.scope, asked.period, "language_feature", in_sum=True),
        "language",
        by_name.GENERATIONS,
        [by_name.ACCEPTANCES, by_name.LINES_SUGGESTED, by_name.LINES_ADDED, by_name.LINES_DELETED],
        before=told(asked.scope, asked.before, "language_feature", in_sum=True) if asked.before else None,
        drawn="share",
    )


@languages.panel(
    "per-day",
    "Languages over time",
    definition="The same generations over time, drawn as shares: each bar is 100 % of what has a language.",
    source=METRICS,
    wide=True,
)
def per_day(asked: Asked) -> Panel:
    whole = told(asked.scope, asked.period, "language_feature")
    return by_name.over_time(asked, whole, "language", by_name.GENERATIONS, Form.SHARES)


@languages.panel(
    "people",
    "People per language",
    definition="Distinct people with any counter above 0 under a language on a day of the period, from the "
    "reports of people; somebody who uses two languages counts in both.",
    source=METRICS,
)
def people(asked: Asked) -> Panel:
    return by_name.people_in_sum(asked, "language")


@languages.panel(
    "acceptance",
    "Acceptance rate by language",
    definition="Of the feature code_completion alone, in totals_by_language_feature. By count: completions "
    "accepted ÷ shown. By lines: lines they added ÷ lines they suggested. No rate where nothing was "
    "suggested.",
    source=LINES,
)
def acceptance(asked: Asked) -> Panel:
    whole = told(asked.scope, asked.period, "language_feature", in_sum=True)
    found = completions_by_language(whole, asked.days())
    columns = [
        Column("language", "Language", Kind.TEXT),
        Column("by_count", "By count", Kind.RATE),
        Column("by_lines", "By lines", Kind.RATE),
        Column("suggested", "Suggested"),
        Column("accepted", "Accepted"),
        Column("lines_suggested", "Lines suggested"),
        Column("lines_added", "Lines added"),
    ]
    rows = [
        [label("language", language), each.rate_by_count, each.rate_by_lines, *each]
        for language, each in found.items()
        if each.suggested
    ]
    if not rows:
        return by_name.nothing(asked, whole)
    drawing = Drawing(Form.RANKED, ["by_count"])
    return Panel(columns, rows, drawing, note=by_name.missing_note(asked, whole))


@languages.panel(
    "by-model",
    "Model by language",
    definition="Generations by language and model in totals_by_language_model, which has chat and agents but "
    "no completions: they have no model.",
    source=METRICS,
    wide=True,
)
def by_model(asked: Asked) -> Panel:
    whole = told(asked.scope, asked.period, "language_model", in_sum=True)
    return by_name.crossed(asked, whole, "language", "model", by_name.GENERATIONS)


@languages.panel(
    "by-editor",
    "Language by editor",
    definition="On how many days of how many people a language and an editor were both used: person-days. "
    "GitHub has no such breakdown, so it is computed from the reports of people; days without one "
    "are missing.",
    source=METRICS,
    wide=True,
)
def by_editor(asked: Asked) -> Panel:
    found: dict[tuple[str, ...], int] = dict(
        language_by_ide(asked.scope, asked.period, days=asked.days()).items()
    )
    rows, columns = (_most_first(found, place) for place in (0, 1))
    if not found:
        return Panel(empty="No report of people of this period tells both a language and an editor.")
    return by_name.heat(
        found,
        "language",
        "ide",
        rows,
        columns,
        note="Person-days, only of days with a report of their people.",
    )


def _most_first(found: Mapping[tuple[str, ...], int], place: int) -> list[str]:
    """The languages or editors, those of most person-days first; which say no more than an order."""
    names = {key[place] for key in found}
    days = {name: total(value for key, value in found.items() if key[place] == name) or 0 for name in names}
    return sorted(names, key=lambda name: (-days[name], name))


@languages.panel(
    "first-seen",
    "Languages new in the period",
    definition="Languages that nobody of the account used on any earlier day we have a report of, with the "
    f"day of their first use and the distinct people since. It takes {HISTORY} known days before the period.",
    source=METRICS,
)
def first_seen(asked: Asked) -> Panel:
    return by_name.new_names(asked, "language")


# Words ------------------------------------------------------------------------------------------


@languages.opens_with
def words(asked: Asked) -> list[str]:
    now = told(asked.scope, asked.period, "language_feature", in_sum=True)
    sentences = [
        language_that_led(asked, now),
        new_languages(asked),
        acceptance_differs(asked, now),
        by_name.incomplete(asked, now),
    ]
    return [sentence for sentence in sentences if sentence]


def language_that_led(asked: Asked, now: Breakdown) -> str:
    """The language of most generations; nothing where there were none."""
    return by_name.most_used(
        asked, now, "language", by_name.GENERATIONS, "most used language", "generation", "generations"
    )


def new_languages(asked: Asked) -> str:
    """Languages that nobody used before; nothing where there are none, or too little is known of before."""
    return by_name.new_ones(asked, "language")


def acceptance_differs(asked: Asked, now: Breakdown) -> str:
    """Where completions are accepted most and least; nothing unless two languages have enough of them."""
    rates = {
        language: each.rate_by_count
        for language, each in completions_by_language(now, asked.days()).items()
        if each.suggested and each.suggested >= ENOUGH and language not in by_name.NAMELESS
    }
    known = {language: rate for language, rate in rates.items() if rate is not None}
    if len(set(known.values())) < 2:
        return ""
    most, least = max(known.values()), min(known.values())
    best, worst = (sorted(name for name, rate in known.items() if rate == end) for end in (most, least))
    high, low = percents(most, least)
    names = [listed([label("language", each) for each in some[:LISTED]]) for some in (best, worst)]
    return f"Completions were accepted most in {names[0]} ({high}) and least in {names[1]} ({low})."
