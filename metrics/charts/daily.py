"""An account's days as charts. Days without a report are gaps; young days are drawn dashed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from metrics.figures import DayTotals, acceptance_rate
from metrics.models.counters import COUNTERS
from portal.cards import Cell, Chart, Series

NOTHING = "–"
VIOLET, BLUE, GREEN, ORANGE = "#9333ea", "#2563eb", "#12a150", "#d97706"

Values = list[int | float | None]
IsProvisional = Callable[[date], bool]
Url = Callable[[date], str]


def active_users(days: Sequence[DayTotals], is_provisional: IsProvisional, url: Url, note: str) -> Chart:
    """People with any line on the day."""
    values: Values = [row.daily_active_users for row in days]
    return Chart(
        key="active-users",
        title="Daily active users",
        kind="line",
        labels=_labels(days),
        series=_lines("Active users", values, days, is_provisional, VIOLET),
        headers=["Day", "Active users", ""],
        rows=[
            [
                Cell(str(row.day), url(row.day)),
                Cell(_count(row.daily_active_users)),
                _standing(row, is_provisional),
            ]
            for row in _newest_first(days)
        ],
        note=note,
    )


def interactions(days: Sequence[DayTotals], is_provisional: IsProvisional, url: Url, note: str) -> Chart:
    """Prompts people sent, code Copilot proposed, and how much of it was taken."""
    drawn = [
        ("Interactions", "user_initiated_interaction_count", VIOLET),
        ("Generations", "code_generation_activity_count", BLUE),
        ("Acceptances", "code_acceptance_activity_count", GREEN),
    ]
    series: list[Series] = []
    for label, counter, colour in drawn:
        series += _lines(label, [counted(row, counter) for row in days], days, is_provisional, colour)
    return Chart(
        key="interactions",
        title="Interactions and acceptance",
        kind="line",
        labels=_labels(days),
        series=series,
        headers=["Day", "Interactions", "Generations", "Acceptances", "Acceptance rate", ""],
        rows=[
            [
                Cell(str(row.day), url(row.day)),
                *(Cell(_count(counted(row, counter))) for _, counter, _ in drawn),
                Cell(_rate(row)),
                _standing(row, is_provisional),
            ]
            for row in _newest_first(days)
        ],
        note=note,
    )


def counted(row: DayTotals, counter: str) -> int | None:
    return row.counters[COUNTERS.index(counter)]


def _rate(row: DayTotals) -> str:
    rate = acceptance_rate(
        counted(row, "code_acceptance_activity_count"), counted(row, "code_generation_activity_count")
    )
    return NOTHING if rate is None else f"{rate:.1%}"


def _lines(
    label: str, values: Values, days: Sequence[DayTotals], is_provisional: IsProvisional, colour: str
) -> list[Series]:
    """The settled days drawn through, and the young ones dashed from the last settled day on."""
    young = [is_provisional(row.day) for row in days]
    settled: Values = [None if is_young else value for value, is_young in zip(values, young, strict=True)]
    lines = [Series(label, settled, colour)]
    if any(young):
        starts = [*young[1:], False]
        dashed: Values = [
            value if is_young or next_is else None
            for value, is_young, next_is in zip(values, young, starts, strict=True)
        ]
        lines.append(Series(f"{label}, provisional", dashed, colour, dashed=True))
    return lines


def _labels(days: Sequence[DayTotals]) -> list[str]:
    return [f"{row.day:%b} {row.day.day}" for row in days]


def _newest_first(days: Sequence[DayTotals]) -> Sequence[DayTotals]:
    return list(reversed(days))


def _count(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def _standing(row: DayTotals, is_provisional: IsProvisional) -> Cell:
    return Cell("provisional" if is_provisional(row.day) else "")
