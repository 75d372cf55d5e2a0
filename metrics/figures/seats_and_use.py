"""Use against seats: how many of those who hold a seat were active.

Use is attributed to every organization a person belongs to, a seat to the account that granted it. So an
organization's active users are never divided by its seats: only people who hold a seat it granted are
counted, above and below. An enterprise counts a person once.
https://docs.github.com/copilot/concepts/copilot-usage-metrics
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pyroaring import BitMap

from metrics.figures.distinct import day_sets, people_of, union
from metrics.figures.rates import ratio
from metrics.figures.scope import Scope
from metrics.figures.seat_holders import SeatHolders, seat_holders
from metrics.periods import Period


@dataclass(frozen=True, slots=True)
class SeatUse:
    """Some days: who held a seat at the end of the last one, and who of them was active on any of them.

    `active` is everybody who was active, with such a seat or without. None: not all days are covered, or no
    seat list tells.
    """

    holders: int | None
    active_holders: int | None
    active: int | None

    @property
    def adoption(self) -> Decimal | None:
        """The share of those who hold a seat who were active; None where nobody holds one."""
        return ratio(self.active_holders, self.holders)

    @property
    def active_elsewhere(self) -> int | None:
        """Active people without such a seat: theirs was granted elsewhere, or has ended."""
        if self.active is None or self.active_holders is None:
            return None
        return self.active - self.active_holders


UNKNOWN = SeatUse(None, None, None)


class SeatsAndUse:
    """Seats and use of a scope over a period; asked for any of its days without a query."""

    def __init__(self, sets: Mapping[date, BitMap], holders: SeatHolders) -> None:
        self._sets = sets
        self._holders = holders

    @property
    def listed_since(self) -> date | None:
        """The day of the first seat list; None: there is none."""
        return self._holders.since

    def over(self, days: Iterable[date]) -> SeatUse:
        asked: Sequence[date] = list(days)
        if not asked:
            return UNKNOWN
        return _together(self._holders.on(asked[-1]), union(self._sets, asked))


def seats_and_use(scope: Scope, period: Period) -> SeatsAndUse:
    """At most nine queries, however long the period and however many the seats."""
    return SeatsAndUse(day_sets(scope, period), seat_holders(scope, period))


def seat_use_of(scope: Scope, several: Sequence[tuple[Period, Sequence[date]]]) -> list[SeatUse]:
    """The same of periods in the whole, or of some days of each."""
    reach = Period(min(period.first for period, _ in several), max(period.last for period, _ in several))
    holders = seat_holders(scope, reach)
    return [
        _together(holders.on(days[-1]), people_of(scope, period, days=days)) if days else UNKNOWN
        for period, days in several
    ]


def _together(holders: BitMap | None, active: BitMap | None) -> SeatUse:
    return SeatUse(
        None if holders is None else len(holders),
        None if holders is None or active is None else active.intersection_cardinality(holders),
        None if active is None else len(active),
    )
