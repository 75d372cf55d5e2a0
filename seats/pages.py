"""What apps above this one add to the page of a seat, and of its review."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from portal.cards import Panel
from seats.models import Seat
from seats.sparkline import Sparkline

SeatPanel: TypeAlias = Panel | Sparkline
PanelFunction: TypeAlias = Callable[[Seat], SeatPanel | None]


@dataclass(frozen=True, slots=True)
class _Registered:
    permission: str
    function: PanelFunction


_panels: list[_Registered] = []


def seat_panel(*, permission: str = "") -> Callable[[PanelFunction], PanelFunction]:
    """Register a function that makes a panel about a seat, or None where it has nothing to say."""

    def register(function: PanelFunction) -> PanelFunction:
        _panels.append(_Registered(permission, function))
        return function

    return register


def panels_of(seat: Seat, user: Any) -> Iterator[SeatPanel]:
    """The panels about this seat that this user may see."""
    for entry in _panels:
        if entry.permission and not user.has_perm(entry.permission):
            continue
        made = entry.function(seat)
        if made is not None:
            yield made
