"""What came of a batch, or would come of it, as the command line tells it: per seat, in sum, by brake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from seats.figures import Cost, Money
from seats.models import Account, Revocation, RevocationBatch, Seat
from seats.reclaim import bill
from seats.reclaim.propose import Proposal
from seats.reclaim.refusals import BRAKES, Brake, Refusal
from seats.standing import SeatStanding

State = Revocation.State
WOULD_TAKE_BACK, WOULD_REFUSE = "would_take_back", "would_refuse"
# Outcomes with which a seat is, or would be, taken back.
GOOD = (WOULD_TAKE_BACK, *Revocation.TAKEN_BACK)
NOT_DONE = (State.REFUSED.value, State.FAILED.value)


@dataclass(frozen=True, slots=True)
class SeatTold:
    """One seat: `outcome` is a state of a revocation, or what it would be in a dry run."""

    login: str
    outcome: str
    saving: Money | None = None
    brake: str = ""
    says: str = ""
    ends_on: date | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "login": self.login,
            "outcome": self.outcome,
            "brake": self.brake or None,
            "says": self.says or None,
            "pending_cancellation_date": self.ends_on.isoformat() if self.ends_on else None,
            "monthly_saving": f"{self.saving.amount:f}" if self.saving else None,
            "currency": self.saving.currency if self.saving else None,
        }


@dataclass(slots=True)
class Told:
    """`refusals` are of the whole account; `needs` says what is left to do, and by whom."""

    account: Account
    seats: Sequence[SeatTold]
    batch: RevocationBatch | None = None
    is_dry_run: bool = False
    refusals: Sequence[Refusal] = field(default_factory=list)
    needs: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """Seats by outcome, zeros included."""
        counted = Counter(seat.outcome for seat in self.seats)
        outcomes = (WOULD_TAKE_BACK, WOULD_REFUSE, State.LEFT_OUT) if self.is_dry_run else State.values
        return {str(outcome): counted[str(outcome)] for outcome in outcomes}

    @property
    def brakes(self) -> dict[str, int]:
        """Seats by the brake that holds them back, the most frequent first; those of the account count 0."""
        counted = Counter(seat.brake for seat in self.seats if seat.brake)
        of_account = {refusal.brake.value: 0 for refusal in self.refusals}
        return {**of_account, **dict(counted.most_common())}

    @property
    def good(self) -> list[SeatTold]:
        """Those that are, or would be, taken back."""
        return [seat for seat in self.seats if seat.outcome in GOOD]

    @property
    def saving(self) -> Cost:
        """What a month costs less without them."""
        return bill.total(seat.saving for seat in self.good)

    @property
    def is_all_done(self) -> bool:
        """Nothing was refused, nothing is left to do."""
        if self.refusals or self.needs:
            return False
        refused = (WOULD_REFUSE, State.LEFT_OUT.value) if self.is_dry_run else NOT_DONE
        return not any(seat.outcome in refused for seat in self.seats)

    def as_json(self) -> dict[str, Any]:
        saving = self.saving
        return {
            self.account.kind: self.account.label,
            "dry_run": self.is_dry_run,
            "batch": self.batch.pk if self.batch else None,
            "state": self.batch.state if self.batch else None,
            "counts": self.counts,
            "monthly_saving": {money.currency: f"{money.amount:f}" for money in saving.money},
            "without_a_price": saving.unpriced,
            "brakes": self.brakes,
            "refusals": [_refusal(refusal) for refusal in self.refusals],
            "needs": self.needs or None,
            "seats": [seat.as_json() for seat in self.seats],
        }


def of_proposal(proposal: Proposal) -> Told:
    """What would be proposed, and with what is left out."""
    chosen = [
        SeatTold(one.seat.user.login, WOULD_TAKE_BACK, one.saving, ends_on=one.effect.ends_on)
        for one in proposal.chosen
    ]
    left_out = [
        SeatTold(_user_of(stood), State.LEFT_OUT.value, None, refusal.brake.value, str(refusal))
        for stood, refusal in proposal.left_out
    ]
    return Told(proposal.account, [*chosen, *left_out], is_dry_run=True, refusals=proposal.refusals)


def of_dry_run(
    batch: RevocationBatch, checked: Iterable[tuple[Revocation, Refusal | None]], needs: str = ""
) -> Told:
    """What would become of what is still to do in a batch."""
    seats = [
        SeatTold(row.login, WOULD_REFUSE, _saving(row), refusal.brake.value, str(refusal))
        if refusal
        else SeatTold(row.login, WOULD_TAKE_BACK, _saving(row))
        for row, refusal in checked
    ]
    return Told(batch.account, seats, batch, is_dry_run=True, needs=needs)


def of_batch(batch: RevocationBatch, needs: str = "") -> Told:
    """What has become of a batch."""
    rows = batch.revocations.order_by("login", "pk").iterator(chunk_size=2000)
    seats = [
        SeatTold(row.login, row.state, _saving(row), row.brake, row.says, row.pending_cancellation_date)
        for row in rows
    ]
    return Told(batch.account, seats, batch, needs=needs)


def name_of(brake: str) -> str:
    return BRAKES[Brake(brake)].name


def _saving(row: Revocation) -> Money | None:
    return None if row.monthly_saving is None else Money(row.monthly_saving, row.currency)


def _user_of(stood: SeatStanding | Seat) -> str:
    return stood.user.login


def _refusal(refusal: Refusal) -> dict[str, str]:
    return {"brake": refusal.brake.value, "says": refusal.says, "remedy": refusal.remedy}
