"""A part of a whole: each rate defined once. Sums come first, the division last."""

from __future__ import annotations

from decimal import Decimal

RATE = Decimal("0.0001")


def ratio(part: int | None, whole: int | None) -> Decimal | None:
    """`part` of `whole`; None where either is unknown or the whole is nothing."""
    if part is None or not whole:
        return None
    return Decimal(part) / Decimal(whole)


def acceptance_rate(accepted: int | None, generated: int | None) -> Decimal | None:
    """Acceptances ÷ generations, summed first; None when nothing was generated. May exceed 1."""
    return ratio(accepted, generated)


def adoption(active_users: int | None, members: int | None) -> Decimal | None:
    """The share of a team's members who were active."""
    return ratio(active_users, members)


def to_four_places(rate: Decimal | None) -> Decimal | None:
    """As files show a rate."""
    return None if rate is None else rate.quantize(RATE)
