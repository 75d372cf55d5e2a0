"""Values of a report as people read them in a table; files hold them as they are."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from portal.reports.base import Cells, Column, Value

NOTHING = "–"
NUMBERS = (Cells.NUMBER, Cells.DECIMAL, Cells.RATE, Cells.MONEY)


def written(value: Value, column: Column) -> str:
    """`1,234`, `31.4 %`, `2026-10-31 08:15 UTC`; a dash where nothing is known."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if isinstance(value, str | date):
        return str(value)
    if column.cells == Cells.RATE:
        return f"{value * 100:,.1f} %"
    if column.cells == Cells.MONEY:
        return f"{value:,.2f}"
    if isinstance(value, Decimal):
        return f"{value:,f}"
    # Ids and years are names that are made of digits.
    return f"{value:,}" if column.cells in NUMBERS else str(value)


def is_number(column: Column) -> bool:
    """Whether its cells are read from the right."""
    return column.cells in NUMBERS
