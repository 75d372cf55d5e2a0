"""What the templates of a page show: panels side by side, each with its numbers in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.text import slugify

from metrics.dashboards.asking import Question
from metrics.dashboards.drawn import chart, in_a_sentence
from metrics.dashboards.panel import Form, Headline, Panel
from metrics.dashboards.registry import Page, RegisteredPanel
from metrics.dashboards.rows_behind import ways_behind
from metrics.dashboards.table import SHOWN_ROWS, table
from metrics.dashboards.window import scope_name
from metrics.dashboards.written import change, unbroken, written


def in_rows(panels: Sequence[RegisteredPanel]) -> Iterator[tuple[RegisteredPanel, bool]]:
    """Each panel, and whether it has a row to itself: a narrow one that would stand alone gets it as well."""
    is_second = False
    for number, panel in enumerate(panels):
        has_neighbour = number + 1 < len(panels) and not panels[number + 1].wide
        is_wide = panel.wide or not (is_second or has_neighbour)
        is_second = not is_wide and not is_second
        yield panel, is_wide


@dataclass(frozen=True, slots=True)
class Large:
    """A headline in words."""

    headline: Headline
    value: str
    change: str
    before: str


@dataclass(frozen=True, slots=True)
class PanelView:
    """A panel as it is shown."""

    registered: RegisteredPanel
    panel: Panel
    headlines: list[Large]
    chart: dict[str, Any] | None
    says: str
    table: str
    # The table itself is what is looked at: it is not hidden behind a drawing.
    is_table: bool
    is_heat: bool
    hidden_rows: int
    csv_url: str
    chart_id: str
    subtitle: str
    file_name: str
    # Lists of the admin that have the rows its figures are made of.
    rows_behind: list[tuple[str, str]]


def view_of(registered: RegisteredPanel, made: Panel, page: Page, asked: Question, csv_url: str) -> PanelView:
    """All that the template of a panel needs; `csv_url` is where its rows can be had as a file."""
    drawing, period = made.drawing, asked.asked.period
    drawn = chart(made)
    subtitle = f"{scope_name(asked, page)}, {period.first} to {period.last} (UTC)"
    if (before := asked.asked.before) and drawing and drawing.dashed:
        subtitle += f", before: {before.first} to {before.last}"
    if drawn is not None:
        drawn |= {"title": registered.title, "subtitle": subtitle}
    return PanelView(
        registered,
        made,
        [_large(headline) for headline in made.headlines],
        drawn,
        in_a_sentence(made, registered.title),
        table(made, registered.title) if made.rows else "",
        is_table=drawn is None,
        is_heat=drawing is not None and drawing.form == Form.HEAT,
        hidden_rows=max(0, len(made.rows) - SHOWN_ROWS),
        csv_url=csv_url if made.rows else "",
        chart_id=f"chart-{registered.key}",
        subtitle=subtitle,
        file_name=file_name(page, registered, asked),
        rows_behind=list(ways_behind(page.slug, registered.key, asked.asked)),
    )


def file_name(page: Page, registered: RegisteredPanel, asked: Question) -> str:
    """Page, panel, scope and days; without what a scope has that file names have not."""
    period = asked.asked.period
    scope = slugify(scope_name(asked, page))
    return f"{page.slug}-{registered.key}-{scope}-{period.first}-{period.last}"


def _large(headline: Headline) -> Large:
    return Large(
        headline,
        unbroken(written(headline.value, headline.kind)),
        unbroken(change(headline.value, headline.before, headline.kind)),
        unbroken(written(headline.before, headline.kind)) if headline.before is not None else "",
    )
