"""What a unit of use costs on a day, at GitHub's list price and at the price agreed.

The price of everybody is the list price; an account's own, else its enterprise's, is the agreed one.
https://docs.github.com/copilot/concepts/billing/usage-based-billing-for-organizations-and-enterprises
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from seats.figures import Money
from seats.models import Account, UnitPrice

EVERYBODY = "all"


@dataclass(frozen=True, slots=True)
class PricedDays:
    """Days, both ends included, on which a unit cost the same; None: no price is known, which is not free."""

    first: date
    last: date
    list_price: Money | None
    price: Money | None


class UnitPrices:
    """The prices of one unit; read once, asked without a query."""

    def __init__(self, unit: str) -> None:
        self._starts: dict[str, list[date]] = defaultdict(list)
        self._prices: dict[str, list[Money]] = defaultdict(list)
        rows = UnitPrice.objects.filter(unit=unit).order_by("scope_key", "starts_on")
        for scope, starts_on, price, currency in rows.values_list(
            "scope_key", "starts_on", "price", "currency"
        ):
            self._starts[scope].append(starts_on)
            self._prices[scope].append(Money(price, currency))

    def list_price(self, day: date) -> Money | None:
        return self._on(EVERYBODY, day)

    def of(self, account: Account, day: date) -> Money | None:
        """The account's own price, else its enterprise's, else everybody's."""
        return next((price for scope in _scopes(account) if (price := self._on(scope, day))), None)

    def spans(self, account: Account, first: date, last: date) -> Iterator[PricedDays]:
        """The days from `first` to `last`, cut where a price that matters to the account begins."""
        changes = {start for scope in _scopes(account) for start in self._starts.get(scope, ())}
        begins = sorted({first, *(day for day in changes if first < day <= last)})
        for begin, after in zip(begins, [*begins[1:], last + timedelta(days=1)], strict=True):
            yield PricedDays(
                begin, after - timedelta(days=1), self.list_price(begin), self.of(account, begin)
            )

    def _on(self, scope: str, day: date) -> Money | None:
        place = bisect_right(self._starts.get(scope, []), day)
        return self._prices[scope][place - 1] if place else None


def _scopes(account: Account) -> tuple[str, ...]:
    return f"account:{account.pk}", f"account:{account.parent_id}", EVERYBODY
