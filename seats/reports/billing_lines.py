"""`billing-lines`: every line of the bills taken in, as GitHub wrote it."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import QuerySet

from portal.in_order import in_order
from portal.reports import registry
from portal.reports.base import Cells, Column, Report, ReportQuery, Row, columns_named
from portal.reports.options import Kind, Option
from seats.models import BillingLine
from seats.reports.behind import LeadsToList
from seats.reports.scope import accounts_of


def columns() -> list[Column]:
    return [
        *columns_named("organization", "enterprise"),
        Column("bill", "Bill", definition="Which billing report the line is from; they overlap: add up one."),
        Column("day", "Day", Cells.DAY, definition="When it was used (UTC)."),
        Column("username", definition="Login on the bill; empty: the report names nobody."),
        Column("user_id", definition="GitHub's id of who held the login that day, where it is known."),
        Column("product", definition="Product as GitHub names it."),
        Column("sku", "SKU", definition="What was used, as GitHub names it."),
        Column("model", definition="AI model; empty: the report does not say."),
        Column("quantity", "", Cells.DECIMAL, definition="How much was used, in units."),
        Column("unit_type", "Unit", definition="What is counted."),
        Column("price", "", Cells.DECIMAL, definition="Per unit."),
        Column("gross_amount", "", Cells.MONEY, definition="Quantity at the price."),
        Column("discount_amount", "", Cells.MONEY, definition="What of it is included or discounted."),
        Column("net_amount", "", Cells.MONEY, definition="What is paid: gross less discount."),
        *columns_named("currency"),
        Column("exceeds_quota", "", Cells.FLAG, definition="Whether it is beyond the monthly quota."),
        Column("monthly_quota", "", Cells.DECIMAL, definition="What a month includes."),
        Column("ai_credits", "AI credits", Cells.DECIMAL, definition="The quantity in AI credits."),
        Column("billed_organization", definition="Organization on the line, as GitHub names it."),
        Column("repository", definition="Repository on the line."),
        Column("cost_centre", definition="Cost centre on the line."),
        Column("workflow_path", "Workflow", definition="Workflow on the line."),
    ]


def row_of(line: BillingLine) -> Row:
    return (
        line.account.organization_label,
        line.account.enterprise_label,
        line.report,
        line.day,
        line.username,
        line.user.github_id if line.user else None,
        line.product,
        line.sku,
        line.model,
        line.quantity.normalize(),
        line.unit_type,
        *(
            None if amount is None else amount.normalize()
            for amount in (line.price, line.gross_amount, line.discount_amount, line.net_amount)
        ),
        line.currency,
        line.exceeds_quota,
        None if line.monthly_quota is None else line.monthly_quota.normalize(),
        None if line.ai_credits is None else line.ai_credits.normalize(),
        line.organization,
        line.repository,
        line.cost_center_name,
        line.workflow_path,
    )


def rows_of(lines: QuerySet[BillingLine]) -> Iterator[Row]:
    """Rows of these lines, read piece by piece."""
    return map(
        row_of, in_order(lines.select_related("account__parent", "user").defer("more", "content_hash"))
    )


@registry.register
class BillingLines(LeadsToList, Report):
    """Lines of the billing reports: AI usage, premium requests, metered usage. They overlap.

    An enterprise's bill holds what its organizations used; a bill of an organization says it again.
    """

    name = "billing-lines"
    title = "Lines of bills"
    question = "What did GitHub bill, line by line?"
    subject = "Money"
    order = "organization, enterprise, day, as taken in"
    permission = "seats.view_billingline"
    list_of = "seats.billingline"
    found_by = "username"
    options = frozenset({"--from", "--to"})
    own_options = (
        Option(
            "bill", "Bill", Kind.CHOICE, "only lines of this billing report",
            choices=BillingLine.Report.choices, otherwise="every bill",
        ),
        Option("product", "Product", help="only this product, as GitHub names it", otherwise="every product"),
    )  # fmt: skip

    def check(self, query: ReportQuery) -> None:
        super().check(query)
        accounts_of(query)

    def columns(self, query: ReportQuery) -> list[Column]:
        return columns()

    def rows(self, query: ReportQuery) -> Iterator[Row]:
        lines = self._lines(query)
        for account in accounts_of(query):
            yield from rows_of(lines.filter(account=account).order_by("day", "pk"))

    def count(self, query: ReportQuery) -> int | None:
        return self._lines(query).filter(account__in=accounts_of(query)).count()

    def _lines(self, query: ReportQuery) -> QuerySet[BillingLine]:
        lines = BillingLine.objects.all()
        if query.first_day:
            lines = lines.filter(day__gte=query.first_day)
        if query.last_day:
            lines = lines.filter(day__lte=query.last_day)
        if bill := query.extra.get("bill"):
            lines = lines.filter(report=bill)
        if product := query.extra.get("product"):
            lines = lines.filter(product=product)
        return lines
