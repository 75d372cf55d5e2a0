"""A panel's table as HTML: the rows that are drawn. Made as text, since a template is too slow for a year."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from html import escape
from math import ceil

from django.utils.safestring import SafeString, mark_safe

from metrics.dashboards.panel import Column, Form, Kind, Linked, Panel, Row, Value, plain
from metrics.dashboards.written import written

# More rows than these are in the download.
SHOWN_ROWS = 500
# How strongly a cell is coloured: 0 for nothing, then steps up to this one.
STEPS = 6
# What reads from the left; a day is never broken.
LEFT = {Kind.TEXT: "dash-word", Kind.DAY: "dash-day"}


def table(panel: Panel, caption: str) -> SafeString:
    """The table; its first column names the rows."""
    lines = ['<table class="portal-table dash-table">']
    lines.append(f'<caption class="portal-unseen">{escape(caption)}</caption><thead><tr>')
    lines += [_heading(column) for column in panel.columns]
    lines.append("</tr></thead><tbody>")
    most = _most(panel)
    for number, row in enumerate(panel.rows[:SHOWN_ROWS]):
        lines.append("<tr>")
        lines += _cells(panel, number, row, most)
        lines.append("</tr>")
    lines.append("</tbody></table>")
    return mark_safe("".join(lines))  # noqa: S308 - every value went through escape()


def _cells(panel: Panel, number: int, row: Row, most: Mapping[str, Decimal]) -> Iterator[str]:
    day = ' class="dash-day"' if panel.columns[0].kind == Kind.DAY else ""
    for position, (column, cell) in enumerate(zip(panel.columns, row, strict=True)):
        value = plain(cell)
        text = escape(written(value, column.kind))
        if isinstance(cell, Linked) and cell.url:
            text = f'<a class="portal-link" href="{escape(cell.url)}">{text}</a>'
        if position == 0:
            yield f'<th scope="row"{day}>{text}{_mark(panel, number)}</th>'
        elif column.name in most:
            yield f'<td class="dash-heat dash-heat-{step(value, most[column.name])}">{text}</td>'
        else:
            yield f"<td{_align(column)}>{text}</td>"


def _heading(column: Column) -> str:
    # A heading without a word is none.
    return f'<th scope="col"{_align(column)}>{escape(column.label)}</th>' if column.label else "<td></td>"


def _align(column: Column) -> str:
    return f' class="{LEFT[column.kind]}"' if column.kind in LEFT else ""


def _mark(panel: Panel, number: int) -> str:
    marks = [
        word
        for word, rows in (("weekend", panel.weekend), ("provisional", panel.provisional))
        if number in rows
    ]
    return f' <span class="dash-mark">{", ".join(marks)}</span>' if marks else ""


def _most(panel: Panel) -> Mapping[str, Decimal]:
    """The largest value of the coloured columns, one for all of a kind; nothing where none is coloured."""
    if panel.drawing is None or panel.drawing.form != Form.HEAT:
        return {}
    places = {
        number: column
        for number, column in enumerate(panel.columns)
        if column.name in panel.drawing.series and number
    }
    largest: dict[Kind, Decimal] = {}
    for row in panel.rows:
        for number, column in places.items():
            value = plain(row[number])
            if isinstance(value, int | float | Decimal):
                largest[column.kind] = max(largest.get(column.kind, Decimal(0)), Decimal(str(value)))
    return {column.name: largest.get(column.kind, Decimal(0)) for column in places.values()}


def step(value: Value, most: Decimal) -> int:
    """0 for nothing or unknown; any use at all is at least 1, the most is STEPS."""
    if not isinstance(value, int | float | Decimal) or value <= 0 or most <= 0:
        return 0
    return min(STEPS, ceil(Decimal(str(value)) * STEPS / most))
