"""Values as people read them: in tables, in large numbers, in what a screen reader says of a drawing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from metrics.dashboards.panel import Kind, Value

# As a tuple: a union is made anew wherever it is written, and every value of a table is asked.
NUMBERS = (int, float, Decimal)
NOTHING = "–"
MINUS = "−"


def written(value: Value, kind: Kind) -> str:
    """`1,234`, `31.4 %`, `95.5 min`; a dash where nothing is known."""
    if value is None:
        return NOTHING
    if type(value) is str:
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (str, date)):
        return str(value)
    if kind == Kind.RATE:
        return f"{value * 100:,.1f} %"
    if kind == Kind.MINUTES:
        return f"{_short(value, 1)} min"
    if kind == Kind.MONEY:
        return f"{value:,.2f}"
    if kind == Kind.DECIMAL:
        return f"{value:,.2f}"
    return _short(value, 2)


def unbroken(text: str) -> str:
    """The same with no line ended between a number and its percent sign."""
    return text.replace(" %", "\u00a0%")


def change(value: Value, before: Value, kind: Kind) -> str:
    """How a number differs from that of the period before: `+12.3 %`, or `+2.1 points` of a rate."""
    if not (_is_number(value) and _is_number(before)):
        return ""
    now, then = Decimal(str(value)), Decimal(str(before))
    if kind == Kind.RATE:
        return f"{_signed((now - then) * 100)} points"
    if not then:
        return "unchanged" if not now else ""
    return f"{_signed((now - then) / then * 100)} %"


def _signed(number: Decimal) -> str:
    rounded = f"{abs(number):,.1f}"
    if rounded == "0.0":
        return "±0.0"
    return f"{'+' if number > 0 else MINUS}{rounded}"


def _short(number: int | float | Decimal, places: int) -> str:
    """Without the zeros after the point."""
    if isinstance(number, int):
        return f"{number:,}"
    text = f"{number:,.{places}f}"
    return text.rstrip("0").rstrip(".")


def _is_number(value: Value) -> bool:
    return isinstance(value, NUMBERS) and not isinstance(value, bool)
