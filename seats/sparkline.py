"""A small drawing of days side by side, and the same days as a table for those who do not see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from portal.cards import Cell

# In units of the drawing, which grows with the page.
BAR, GAP, HEIGHT, LEAST = 4, 1, 40, 3


@dataclass(frozen=True, slots=True)
class Day:
    """`value` None: nothing is known of the day; `is_faint`: there is something that counts for nothing."""

    day: date
    value: int | None
    says: str
    is_faint: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    x: int
    y: int
    height: int
    kind: str  # "use", "faint", "none" or "unknown"
    says: str


@dataclass(frozen=True, slots=True)
class Sparkline:
    template: ClassVar[str] = "admin/seats/_sparkline.html"
    title: str
    days: Sequence[Day]
    summary: str
    # How many of the newest days a line divides from the older ones.
    newest: int
    headers: Sequence[str] = ()
    rows: Sequence[Sequence[Cell]] = ()
    note: str = ""

    @property
    def width(self) -> int:
        return len(self.days) * (BAR + GAP) - GAP

    @property
    def height(self) -> int:
        return HEIGHT

    @property
    def bar(self) -> int:
        return BAR

    @property
    def divided_at(self) -> float:
        return (len(self.days) - self.newest) * (BAR + GAP) - GAP / 2

    @property
    def bars(self) -> Sequence[Bar]:
        most = max((day.value or 0 for day in self.days if not day.is_faint), default=0) or 1
        return [self._bar(number, day, most) for number, day in enumerate(self.days)]

    def _bar(self, number: int, day: Day, most: int) -> Bar:
        x = number * (BAR + GAP)
        if day.value is None:
            return Bar(x, 0, HEIGHT, "unknown", day.says)
        if day.value == 0:
            return Bar(x, HEIGHT - 1, 1, "none", day.says)
        if day.is_faint:
            return Bar(x, HEIGHT - LEAST, LEAST, "faint", day.says)
        height = max(LEAST, round(HEIGHT * day.value / most))
        return Bar(x, HEIGHT - height, height, "use", day.says)
