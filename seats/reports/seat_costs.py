"""`seat-costs`: what seats cost a month, at list prices and as agreed, and what the idle ones do."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from portal.reports import registry
from portal.reports.base import Cells, Column, Report, ReportQuery, Row, columns_named
from seats.figures import PlanCost, costs_by_plan
from seats.models import Account
from seats.reports.behind import LeadsToSeats
from seats.reports.scope import accounts_of


@registry.register
class SeatCosts(LeadsToSeats, Report):
    """The seats held now, at the prices of today or of `--as-of`.

    A row per plan and currency. An enterprise's rows hold the seats of its organizations as well, each person
    paid for once, at the higher plan; so the organizations do not add up to it. List prices are those set for
    every account. No invoice: what GitHub charged is told by its billing files.
    """

    name = "seat-costs"
    title = "Cost of seats"
    question = "What do seats cost a month, and what do those cost that nobody uses?"
    subject = "Money"
    order = "organization, enterprise, plan_type, currency"
    permission = "seats.view_seat"
    options = frozenset({"--as-of"})

    def check(self, query: ReportQuery) -> None:
        super().check(query)
        accounts_of(query)

    def columns(self, query: ReportQuery) -> list[Column]:
        return [
            *columns_named("organization", "enterprise", "plan_type"),
            Column("seats", "Seats", Cells.NUMBER, definition="Seats held now."),
            Column("inactive_seats", "", Cells.NUMBER, definition="Of these, idle or never used."),
            Column(
                "licences",
                "",
                Cells.NUMBER,
                definition="Seats that are paid for: an enterprise pays once for a person with several.",
            ),
            Column("list_cost", "", Cells.MONEY, "a month", "At the prices set for every account."),
            Column("list_currency", definition="Of the list price."),
            Column(
                "monthly_cost", "", Cells.MONEY, "a month", "At the account's or enterprise's own prices."
            ),
            Column(
                "idle_cost", "", Cells.MONEY, "a month", "What falls away once the inactive seats are gone."
            ),
            Column("currency", definition="Of the agreed price."),
            Column(
                "licences_without_price",
                "",
                Cells.NUMBER,
                definition="Licences of a plan without a known price: not free, but unknown.",
            ),
        ]

    def rows(self, query: ReportQuery) -> Iterator[Row]:
        plans = costs_by_plan(query.as_of)
        for account in accounts_of(query):
            for plan in plans(account):
                yield from _rows(account, plan)


def _rows(account: Account, plan: PlanCost) -> Iterator[Row]:
    """Counts stand in the first row of several currencies only, so that a column can be added up."""
    idle = plan.idle_cost.amounts
    listed = plan.list_cost.single
    told: list[tuple[Decimal | None, str]]
    told = [(money.amount, money.currency) for money in plan.cost.money] or [(None, "")]
    for place, (amount, currency) in enumerate(told):
        is_first = place == 0
        yield (
            account.organization_label,
            account.enterprise_label,
            plan.plan_type,
            plan.seats if is_first else None,
            plan.inactive if is_first else None,
            plan.licences if is_first else None,
            listed.amount if listed and is_first else None,
            listed.currency if listed and is_first else "",
            amount,
            None if amount is None else idle.get(currency, Decimal("0.00")),
            currency,
            plan.cost.unpriced if is_first else None,
        )
