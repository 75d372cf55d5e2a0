"""Saved seat lists: pages of `GET …/copilot/billing/seats`, `{total_seats, seats: […]}`.

A seat means the same from a file as from the API: the definition is the client's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portal.github.payloads import Seat as SeatRecord
from portal.github.payloads import read_seat, read_total

__all__ = ["SeatRecord", "parse_seat", "total_seats"]


def total_seats(header: Mapping[str, Any]) -> int | None:
    """The number of seats that a page says the whole list has; None where it does not say."""
    return read_total(header.get("total_seats"))


def parse_seat(raw: bytes, header: Mapping[str, Any]) -> SeatRecord:
    """The facts of one seat; BadRecord says what is wrong with it."""
    return read_seat(raw)
