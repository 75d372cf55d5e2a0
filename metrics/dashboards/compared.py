"""A drawing over time beside the same one of the period before, step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from metrics.dashboards.asked import Asked
from metrics.dashboards.panel import Column, Drawing, Form, Kind, Panel, plain

# More lines than these, each drawn twice, cannot be told apart.
MOST = {Form.LINES: 3, Form.BARS: 2}


def panel_of(function: Callable[[Asked], Panel], asked: Asked) -> Panel:
    """What a panel says, and where the period before is asked for as well, that as further columns."""
    panel = function(asked)
    if asked.before is None or panel.drawing is None or not _is_over_time(panel, asked):
        return panel
    if panel.drawing.dashed or len(panel.drawing.series) > MOST.get(panel.drawing.form, 0):
        return panel
    earlier = function(replace(asked, period=asked.before, before=None))
    if not earlier.rows:
        return panel
    step = asked.by.value
    note = f"Before: {asked.before.first} to {asked.before.last}, {step} beside {step}."
    return _beside(panel, panel.drawing, earlier, note)


def _is_over_time(panel: Panel, asked: Asked) -> bool:
    """Whether its rows are the steps that were asked for."""
    labels = [plain(row[0]) for row in panel.rows]
    return panel.columns[0].kind == Kind.DAY and labels == [bucket.label for bucket in asked.buckets()]


def _beside(panel: Panel, drawing: Drawing, earlier: Panel, note: str) -> Panel:
    """The first step beside the first one before, and so on; None where the period before was shorter."""
    drawn = [column for column in panel.columns if column.name in drawing.series]
    places = {column.name: place for place, column in enumerate(earlier.columns)}
    kept = [column for column in drawn if column.name in places]
    rows = []
    for number, row in enumerate(panel.rows):
        before = earlier.rows[number] if number < len(earlier.rows) else None
        rows.append([*row, *(before[places[column.name]] if before else None for column in kept)])
    added = [Column(f"{column.name}_before", f"{column.label}, before", column.kind) for column in kept]
    return replace(
        panel,
        columns=[*panel.columns, *added],
        rows=rows,
        drawing=replace(drawing, dashed=[column.name for column in added]),
        note=f"{panel.note} {note}".strip(),
    )
