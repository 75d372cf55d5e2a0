"""`ai-credits`: who used how many AI credits, and what they come to at list and at agreed prices."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from metrics.figures.credits import PersonCredits, credits_by_person
from metrics.reports.asked import UsageReport, account_cells, account_columns, period_of, team_keys_of
from portal.reports import registry
from portal.reports.base import Cells, Column, ReportQuery, Row, columns_named
from seats.figures import Cost
from seats.models import UnitPrice
from seats.reports.scope import accounts_of
from seats.unit_prices import UnitPrices


@registry.register
class AICredits(UsageReport):
    """The usage reports' trend, not the bill: what plans include and discounts are not told there.

    A row per person and currency of the agreed price; each day's credits at that day's price. An amount is
    empty where no price is known. With `--team`, only the days on which somebody was in the team.
    """

    name = "ai-credits"
    title = "AI credits"
    question = "Who used how many AI credits, and what do they come to?"
    subject = "Money"
    order = "organization, enterprise, user_id, currency"
    options = UsageReport.options | {"--team"}

    def columns(self, query: ReportQuery) -> list[Column]:
        return [
            *columns_named("user_id", "user_login"),
            *account_columns(),
            Column("days", "", Cells.NUMBER, "days", "Days on which credits were used."),
            Column("ai_credits_used", "AI credits", Cells.DECIMAL, "credits", "As usage reports tell it."),
            Column("list_cost", "", Cells.MONEY, definition="At the prices set for every account."),
            Column("list_currency", definition="Of the list price."),
            Column("cost", "", Cells.MONEY, definition="At the account's or enterprise's own prices."),
            Column("currency", definition="Of the agreed price."),
        ]

    def rows(self, query: ReportQuery) -> Iterator[Row]:
        prices = UnitPrices(UnitPrice.Unit.AI_CREDIT)
        teams = team_keys_of(query)
        for account in accounts_of(query):
            period = period_of(account, query)
            if period is None:
                continue
            keys = None if teams is None else teams.get(account.pk, ())
            for person in credits_by_person(account, period, prices, keys):
                for costs in _costs(person):
                    yield (
                        person.user_id,
                        person.login,
                        *account_cells(account),
                        person.days,
                        person.ai_credits_used.normalize(),
                        *costs,
                    )


def _costs(person: PersonCredits) -> Iterator[tuple[Decimal | None, str, Decimal | None, str]]:
    """List amount and currency, agreed amount and currency; the list's only beside the first of several."""
    listed = _single(person.list_cost)
    if person.cost.unpriced or not person.cost.money:
        yield (*listed, None, "")
        return
    for place, money in enumerate(person.cost.money):
        yield (*(listed if place == 0 else (None, "")), money.amount.normalize(), money.currency)


def _single(cost: Cost) -> tuple[Decimal | None, str]:
    money = cost.single
    return (None, "") if money is None else (money.amount.normalize(), money.currency)
