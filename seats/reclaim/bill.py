"""What the bill is less without a seat: a person is paid for once in an enterprise, at the higher plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import NamedTuple

from seats.figures import Cost, Money, Prices, plan_rank
from seats.models import Seat
from seats.policy_sql import today

_CENT = Decimal("0.01")


class _Held(NamedTuple):
    seat_id: int
    user_id: int
    account_id: int
    parent_id: int | None
    plan_type: str

    @property
    def payer_id(self) -> int:
        return self.parent_id or self.account_id


def savings_of(seats: Collection[Seat]) -> dict[int, Money | None]:
    """By the seats' keys: the bill of a month with the seat, less that without it; None: no price is known.

    Each seat by itself, as if all others stayed. What is cancelled already stays no longer.
    """
    prices = Prices.on(today())
    by_payer: dict[tuple[int, int], list[_Held]] = defaultdict(list)
    for held in _held_by({seat.user_id for seat in seats}):
        by_payer[held.user_id, held.payer_id].append(held)
    of_seat = {held.seat_id: some for some in by_payer.values() for held in some}
    return {seat.pk: _difference(seat.pk, of_seat.get(seat.pk, []), prices) for seat in seats}


def total(savings: Iterable[Money | None]) -> Cost:
    """Together, by currency; those without a price are counted."""
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    unpriced = 0
    for money in savings:
        if money is None:
            unpriced += 1
        else:
            amounts[money.currency] += money.amount
    return Cost(dict(amounts), unpriced)


def _held_by(user_ids: Collection[int]) -> Iterable[_Held]:
    held = Seat.objects.held().filter(user_id__among=user_ids, pending_cancellation_date=None).order_by("pk")
    rows = held.values_list("pk", "user_id", "account_id", "account__parent_id", "plan_type")
    return (_Held(*row) for row in rows)


def _difference(seat_id: int, seats: Collection[_Held], prices: Prices) -> Money | None:
    if not seats:
        return None
    with_it = _billed(seats, prices)
    others = [held for held in seats if held.seat_id != seat_id]
    if not others:
        return with_it and Money(with_it.amount.quantize(_CENT), with_it.currency)
    without = _billed(others, prices)
    if with_it is None or without is None or with_it.currency != without.currency:
        return None
    return Money((with_it.amount - without.amount).quantize(_CENT), with_it.currency)


def _billed(seats: Collection[_Held], prices: Prices) -> Money | None:
    """The price of the one that is billed: the higher plan, and of two such the dearer."""

    def rank(held: _Held) -> tuple[int, Decimal]:
        price = price_of(held)
        return plan_rank(held.plan_type), price.amount if price else Decimal(0)

    def price_of(held: _Held) -> Money | None:
        return prices.of_keys(held.account_id, held.parent_id, held.plan_type)

    return price_of(max(seats, key=rank))
