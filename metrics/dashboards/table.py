"""A panel's table as HTML: the rows that are drawn. Made as text, since a template is too slow for a year."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from html import escape
from math import ceil

from django.utils.safestring import SafeString, mark_safe

from metrics.dashboards.panel import Column, Form, Kind, Linked, Panel, Value, plain
from metrics.dashboards.written import NUMBERS, written

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
    day = ' class="dash-day"' if panel.columns[0].kind == Kind.DAY else ""
    # What cells are by their column alone is said of it once: a year has thousands of them.
    columns = [(column.kind, f"<td{_align(column)}>", most.get(column.name)) for column in panel.columns[1:]]
    for number, (first, *others) in enumerate(panel.rows[:SHOWN_ROWS]):
        name = _text(first, panel.columns[0].kind)
        lines.append(f'<tr><th scope="row"{day}>{name}{_mark(panel, number)}</th>')
        for (kind, begin, largest), cell in zip(columns, others, strict=True):
            if largest is not None:
                begin = f'<td class="dash-heat dash-heat-{step(plain(cell), largest)}">'
            lines.append(f"{begin}{_text(cell, kind)}</td>")
        lines.append("</tr>")
    lines.append("</tbody></table>")
    return mark_safe("".join(lines))  # noqa: S308 - every text went through escape()


def _text(cell: Value | Linked, kind: Kind) -> str:
    if type(cell) in NUMBERS:
        # Nothing in it that could be escaped.
        return written(cell, kind)  # type: ignore[arg-type]
    text = escape(written(plain(cell), kind))
    if isinstance(cell, Linked) and cell.url:
        return f'<a class="portal-link" href="{escape(cell.url)}">{text}</a>'
    return text


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
            if isinstance(value, NUMBERS):
                largest[column.kind] = max(largest.get(column.kind, Decimal(0)), Decimal(str(value)))
    return {column.name: largest.get(column.kind, Decimal(0)) for column in places.values()}


def step(value: Value, most: Decimal) -> int:
    """0 for nothing or unknown; any use at all is at least 1, the most is STEPS."""
    if not isinstance(value, NUMBERS) or value <= 0 or most <= 0:
        return 0
    return min(STEPS, ceil(Decimal(str(value)) * STEPS / most))
