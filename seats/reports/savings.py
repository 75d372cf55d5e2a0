"""`savings`: what taking seats back has saved, and will, by month, account and plan."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from portal.reports import registry
from portal.reports.base import Column, Report, ReportQuery, Row, columns_named
from seats.reports.behind import LeadsToTakenBack
from seats.reports.scope import account_of
from seats.savings import savings


@registry.register
class SavingsReport(LeadsToTakenBack, Report):
    """A row per currency. Months that have not begun are projected: twelve of them."""

    name = "savings"
    title = "Savings"
    subject = "Money"
    question = "What do the seats that were taken back save, month by month?"
    order = "month, the newest first; account; plan_type; currency"
    permission = "seats.view_revocation"
    options = frozenset({"--as-of"})

    def check(self, query: ReportQuery) -> None:
        super().check(query)
        account_of(query)

    def columns(self, query: ReportQuery) -> list[Column]:
        return [
            Column("month", "Month"),
            *columns_named("organization", "enterprise", "plan_type", "seats"),
            Column("saved", "Saved"),
            *columns_named("currency", "seats_without_price", "is_projected"),
        ]

    def rows(self, query: ReportQuery) -> Iterator[Row]:
        for row in savings(account_of(query), query.as_of).rows:
            told: list[tuple[Decimal | None, str]]
            told = [(money.amount, money.currency) for money in row.cost.money]
            for amount, currency in told or [(None, "")]:
                yield (
                    row.month,
                    row.account.organization_label,
                    row.account.enterprise_label,
                    row.plan_type,
                    row.seats,
                    amount,
                    currency,
                    row.cost.unpriced,
                    row.is_projected,
                )
