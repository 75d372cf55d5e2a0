"""A panel as the data that our script draws, and in a sentence for who does not see the drawing."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any

from metrics.dashboards.panel import Column, Drawing, Form, Kind, Panel, Value, plain
from metrics.dashboards.written import NUMBERS, written

# More lying bars than these cannot be told apart; the table has all.
BARS = 20
# Series that the sentence speaks of.
TOLD = 3

FORMS = {
    Form.LINES: "Lines",
    Form.BARS: "Bars",
    Form.STACKED: "Stacked bars",
    Form.SHARES: "Bars of shares, each 100 %",
    Form.RANKED: "Bars",
    Form.HEAT: "A table, coloured by value",
}


def chart(panel: Panel) -> dict[str, Any] | None:
    """What the script draws; None where the panel is a table, or nothing."""
    drawing = panel.drawing
    if drawing is None or drawing.form == Form.HEAT or not panel.rows:
        return None
    rows = panel.rows[:BARS] if drawing.form == Form.RANKED else panel.rows
    return {
        "form": drawing.form.value,
        "labels": [written(plain(row[0]), panel.columns[0].kind) for row in rows],
        "over": panel.columns[0].name if panel.columns[0].kind == Kind.DAY else "",
        "series": [
            {
                "name": column.name,
                "label": column.label,
                "kind": column.kind.value,
                "dashed": column.name in drawing.dashed,
                "values": [_number(plain(row[place])) for row in rows],
            }
            for place, column in drawn_columns(panel, drawing)
        ],
        "weekend": sorted(number for number in panel.weekend if number < len(rows)),
        "provisional": sorted(number for number in panel.provisional if number < len(rows)),
        "left": len(panel.rows) - len(rows),
    }


def drawn_columns(panel: Panel, drawing: Drawing) -> Sequence[tuple[int, Column]]:
    """The drawn columns in the order of the drawing, what is compared with last; with their places.

    One of which nothing at all is known is left to the table.
    """
    places = {column.name: (place, column) for place, column in enumerate(panel.columns)}
    names = [*drawing.series, *(name for name in drawing.dashed if name not in drawing.series)]
    found = [places[name] for name in names]
    told = [(place, column) for place, column in found if _is_told(panel, place)]
    return told or found


def _is_told(panel: Panel, place: int) -> bool:
    return any(plain(row[place]) is not None for row in panel.rows)


def in_a_sentence(panel: Panel, title: str) -> str:
    """What a screen reader says in place of the drawing."""
    drawing = panel.drawing
    if drawing is None or not panel.rows:
        return title
    first, last = (written(plain(panel.rows[place][0]), panel.columns[0].kind) for place in (0, -1))
    said = f"{title}. {FORMS[drawing.form]}, {len(panel.rows)} from {first} to {last}."
    columns = drawn_columns(panel, drawing)
    is_over_time = panel.columns[0].kind == Kind.DAY
    for place, column in columns[:TOLD]:
        values = [plain(row[place]) for row in panel.rows]
        known = [(number, value) for value in values if (number := _number(value)) is not None]
        newest = f", last {written(values[-1], column.kind)}" if is_over_time else ""
        if known:
            (_, low), (_, high) = min(known, key=itemgetter(0)), max(known, key=itemgetter(0))
            said += f" {column.label}: from {written(low, column.kind)} to {written(high, column.kind)}"
            said += f"{newest}."
    if more := len(columns[TOLD:]):
        said += f" {more} more series." if more > 1 else " One more series."
    return f"{said} The same numbers are in the table."


def _number(value: Value) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, NUMBERS):
        return None
    return float(value) if isinstance(value, Decimal) else value
