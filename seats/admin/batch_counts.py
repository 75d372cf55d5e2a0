"""What batches come to: seats by state, and the money, from two queries however many batches and seats."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Count, Sum

from seats.figures import Cost
from seats.models import Revocation, RevocationBatch

State = Revocation.State
# In which a seat is to cost nothing any more, or does so already.
SAVING = (State.PROPOSED, State.INTENDED, State.REVOKED, State.VERIFIED)


@dataclass(slots=True)
class BatchCounts:
    by_state: Counter[str] = field(default_factory=Counter)
    amounts: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    unpriced: int = 0

    @property
    def seats(self) -> int:
        """Those the batch is about; what was left out is beside it."""
        return self.by_state.total() - self.left_out

    @property
    def left_out(self) -> int:
        return self.by_state[State.LEFT_OUT]

    @property
    def taken_back(self) -> int:
        return sum(self.by_state[state] for state in Revocation.TAKEN_BACK)

    @property
    def refused(self) -> int:
        """By a brake of ours or by GitHub."""
        return self.by_state[State.REFUSED] + self.by_state[State.FAILED]

    @property
    def to_do(self) -> int:
        return self.by_state[State.PROPOSED] + self.by_state[State.INTENDED]

    @property
    def saving(self) -> Cost:
        """A month, of the seats that are taken back, or still to be."""
        return Cost(dict(self.amounts), self.unpriced)


def counts_of(batches: Iterable[RevocationBatch]) -> dict[int, BatchCounts]:
    found = {batch.pk: BatchCounts() for batch in batches}
    rows = Revocation.objects.filter(batch__in=list(found)).order_by()
    for batch, state, count in rows.values_list("batch", "state").annotate(count=Count("pk")):
        found[batch].by_state[state] = count
    saving = rows.filter(state__in=SAVING).values_list("batch", "currency")
    for batch, currency, amount, seats, priced in saving.annotate(
        amount=Sum("monthly_saving"), seats=Count("pk"), priced=Count("monthly_saving")
    ):
        found[batch].unpriced += seats - priced
        if priced:
            found[batch].amounts[currency] += amount
    return found
