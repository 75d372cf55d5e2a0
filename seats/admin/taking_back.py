"""What taking one seat back would do, whom to ask where it is not possible here, and what would refuse it."""

from __future__ import annotations

from collections.abc import Iterator

from portal.cards import Cell, Table
from seats.admin.base import day
from seats.models import Seat
from seats.reclaim import brakes, effects
from seats.reclaim.effects import Effect
from seats.reclaim.refusals import Refusal
from seats.standing import standing
from seats.verdicts import today

KINDS = {
    "end_of_cycle": "Ends with the billing cycle",
    "immediate": "Ends at once",
    "not_possible": "Not possible from here",
}


def would_do(seat: Seat) -> Table:
    effect = effects.of_seat(seat)
    rows = [[Cell(KINDS[effect.kind]), Cell(effect.says)]]
    if effect.ends_on:
        rows.append([Cell("Access ends on"), Cell(day(effect.ends_on))])
    if effect.ask:
        rows.append([Cell("Whom to ask"), Cell(effect.ask)])
    refusals = list(_refusals(seat, effect))
    rows += [[Cell(f"Refused now: {one.name}"), Cell(str(one))] for one in refusals]
    note = "" if refusals or not effect.is_possible else "No brake would refuse it now."
    return Table("What taking it back would do", [], rows, note=note)


def _refusals(seat: Seat, effect: Effect) -> Iterator[Refusal]:
    """The brakes that would refuse it now: of its account, and the first one of the seat itself."""
    if not effect.is_possible:
        return  # the effect has said why
    now = today()
    policies = [seat.policy] if seat.policy else None
    told = set()
    for refusal in brakes.of_account(seat.account, policies=policies):
        told.add(refusal.brake)
        yield refusal
    check = brakes.SeatCheck(seat.account, now, seats=[seat])
    for stood in standing(now, seat.account, only=[seat.pk]):
        refusal_of_seat = check(stood)
        if refusal_of_seat and refusal_of_seat.brake not in told:
            yield refusal_of_seat
