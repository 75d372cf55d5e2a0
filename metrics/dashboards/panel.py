"""What a panel shows: a table, and how to draw it. The drawing, the table beside it and the download are one.

Nothing here knows HTML or a charts library: pages make panels of rows, the template and a script draw them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

Value = str | int | float | Decimal | date | bool | None


class Kind(StrEnum):
    """How a column's values read."""

    TEXT = "text"
    DAY = "day"  # a day, or the label of a week or month
    COUNT = "count"
    RATE = "rate"  # a share from 0 on; 0.314 reads 31.4 %
    DECIMAL = "decimal"
    MINUTES = "minutes"
    MONEY = "money"  # in the currency that the label names


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its stable name in downloads, its heading, and how its values read."""

    name: str
    label: str
    kind: Kind = Kind.COUNT


@dataclass(frozen=True, slots=True)
class Linked:
    """A value that leads to the rows it counts."""

    value: Value
    url: str


Row = Sequence[Value | Linked]


class Form(StrEnum):
    """How a table is drawn. None of them has an axis that does not begin at zero."""

    LINES = "lines"  # a line per series over the first column
    BARS = "bars"  # upright bars side by side over the first column
    STACKED = "stacked"  # upright bars on top of each other: parts of a whole
    SHARES = "shares"  # the same, each bar 100 %
    RANKED = "ranked"  # lying bars, a row each, in the table's order
    HEAT = "heat"  # the table itself, its cells coloured by value


@dataclass(frozen=True, slots=True)
class Drawing:
    """Which columns are drawn over the first one; `dashed` ones are what is compared with."""

    form: Form
    series: Sequence[str]
    dashed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Headline:
    """A number in large, with what it counts, what it was before, and where its rows are."""

    label: str
    value: Value
    kind: Kind = Kind.COUNT
    before: Value = None
    url: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """What one panel says now. Without rows it says why in `empty`.

    `weekend` and `provisional` are numbers of rows: shaded, and marked as what GitHub may still change.
    A None in a drawn column is a gap.
    """

    columns: Sequence[Column] = ()
    rows: Sequence[Row] = ()
    drawing: Drawing | None = None
    headlines: Sequence[Headline] = ()
    note: str = ""
    empty: str = "Nothing was taken in of this period."
    weekend: frozenset[int] = frozenset()
    provisional: frozenset[int] = frozenset()
    links: Sequence[tuple[str, str]] = field(default=())

    @property
    def is_empty(self) -> bool:
        return not self.rows and not self.headlines


def plain(value: Value | Linked) -> Value:
    """The value of a cell."""
    return value.value if isinstance(value, Linked) else value
