"""What was billed: the one sum over lines of bills. Of one report at a time, since reports overlap."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Count, Sum

from seats.models import Account, BillingLine

# Rounding that a database's own sums may need; a cent has two places.
_STEP = Decimal(1).scaleb(-9)


@dataclass(frozen=True, slots=True)
class Bill:
    """Sums over some lines; an amount that no line tells is None, never 0."""

    lines: int
    gross: Decimal | None
    discount: Decimal | None
    net: Decimal | None
    currency: str


def billed(
    account: Account, report: BillingLine.Report, first: date, last: date, *, product: str = ""
) -> Bill:
    """What the account's report says of these days, both included; of one product if it is named."""
    rows = BillingLine.objects.filter(account=account, report=report, day__range=(first, last))
    if product:
        rows = rows.filter(product=product)
    days = rows.order_by().values("day", "currency")
    sums = list(
        days.annotate(
            lines=Count("pk"),
            gross=Sum("gross_amount"),
            discount=Sum("discount_amount"),
            net=Sum("net_amount"),
        )
    )
    currencies = sorted({row["currency"] for row in sums})
    if len(currencies) > 1:
        raise ValueError(f"The bill is in several currencies: {', '.join(currencies)}.")
    return Bill(
        lines=sum(row["lines"] for row in sums),
        gross=_added(row["gross"] for row in sums),
        discount=_added(row["discount"] for row in sums),
        net=_added(row["net"] for row in sums),
        currency=currencies[0] if currencies else "USD",
    )


def _added(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum((amount.quantize(_STEP) for amount in known), Decimal(0)) if known else None
