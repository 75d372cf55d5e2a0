"""The lines of bills: what GitHub billed, as its reports tell it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    FieldTextFilter,
    RangeDateFilter,
)
from unfold.decorators import display

from portal.admin.base import UPLOAD
from portal.admin.file_origin import origin
from portal.admin.paginator import CappedPaginator
from portal.reports.base import Column, Row
from seats.admin.base import NOTHING, ReadOnlyAdmin, day, moment
from seats.models import BillingLine
from seats.reports.billing_lines import columns, rows_of


@admin.register(BillingLine)
class BillingLineAdmin(ReadOnlyAdmin):
    list_title = "Lines of bills"
    empty_title = "No bill was taken in yet"
    empty_note = (
        "Bills are GitHub's billing reports, CSV files from the billing pages: the AI usage report, the "
        "premium requests report, and the metered usage report, which has the seats."
    )
    filled_through = (UPLOAD,)
    list_display: ClassVar[list[str]] = [
        "on", "account", "report", "username", "what", "model", "amount", "gross", "net", "cost_center_name",
    ]  # fmt: skip
    list_filter: ClassVar[list[Any]] = [
        ("account", AutocompleteSelectFilter),
        ("report", ChoicesDropdownFilter),
        ("day", RangeDateFilter),
        ("sku", FieldTextFilter),
        ("model", FieldTextFilter),
        ("organization", FieldTextFilter),
        ("repository", FieldTextFilter),
        ("cost_center_name", FieldTextFilter),
    ]
    list_select_related: ClassVar[list[str]] = ["account"]
    search_fields: ClassVar[list[str]] = ["username_key__startswith"]
    search_help_text = "Beginning of a login"
    ordering: ClassVar[list[str]] = ["-day", "-id"]
    sortable_by: ClassVar[list[str]] = []
    paginator = CappedPaginator
    fieldsets: ClassVar[list[Any]] = [
        (None, {"fields": [("on", "account", "report"), ("username", "user", "when")]}),
        ("What was used", {"fields": [("product", "sku", "model"), ("amount", "quota", "exceeds_quota")]}),
        ("What it costs", {"fields": [("each", "gross"), ("discount", "net"), ("credits", "credits_gross")]}),
        (
            "Whose it is on the bill",
            {"fields": [("organization", "repository"), ("cost_center_name", "workflow_path")]},
        ),
        ("Where it comes from", {"fields": ["source_file", "as_of", "further"]}),
    ]
    readonly_fields: ClassVar[list[str]] = [
        "on", "when", "amount", "quota", "each", "gross", "discount", "net", "credits", "credits_gross",
        "source_file", "as_of", "further",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[BillingLine]:
        lines: QuerySet[BillingLine] = super().get_queryset(request)
        return lines.defer("more", "content_hash")

    # --- Taking it away ---

    def file_columns(self, request: HttpRequest) -> list[Column]:
        return columns()

    def file_rows(self, request: HttpRequest, changelist: Any) -> Iterator[Row]:
        return rows_of(changelist.queryset)

    # --- Columns ---

    @display(description="day")
    def on(self, line: BillingLine) -> str:
        return day(line.day)

    @display(description="used at")
    def when(self, line: BillingLine) -> str:
        return moment(line.used_at)

    @display(description="SKU")
    def what(self, line: BillingLine) -> str:
        return line.sku or line.product or NOTHING

    @display(description="quantity")
    def amount(self, line: BillingLine) -> str:
        return f"{plain(line.quantity)} {line.unit_type}".strip()

    @display(description="gross")
    def gross(self, line: BillingLine) -> str:
        return money(line.gross_amount, line.currency)

    @display(description="discount")
    def discount(self, line: BillingLine) -> str:
        return money(line.discount_amount, line.currency)

    @display(description="net")
    def net(self, line: BillingLine) -> str:
        return money(line.net_amount, line.currency)

    @display(description="price per unit")
    def each(self, line: BillingLine) -> str:
        return money(line.price, line.currency)

    @display(description="monthly quota")
    def quota(self, line: BillingLine) -> str:
        return NOTHING if line.monthly_quota is None else plain(line.monthly_quota)

    @display(description="AI credits")
    def credits(self, line: BillingLine) -> str:
        return NOTHING if line.ai_credits is None else plain(line.ai_credits)

    @display(description="gross in AI credits")
    def credits_gross(self, line: BillingLine) -> str:
        return money(line.ai_credits_gross_amount, line.currency)

    @display(description="file")
    def source_file(self, line: BillingLine) -> str:
        return origin(line.file)

    @display(description="as of")
    def as_of(self, line: BillingLine) -> str:
        return day(line.observed_at)

    @display(description="further columns")
    def further(self, line: BillingLine) -> str:
        return ", ".join(f"{name}: {value}" for name, value in line.more.items()) or NOTHING


def plain(number: Decimal) -> str:
    """Every digit that counts, and no others."""
    return f"{number.normalize():,f}"


def money(amount: Decimal | None, currency: str) -> str:
    """At least cents; a bill has smaller amounts, too."""
    if amount is None:
        return NOTHING
    digits = max(2, -int(amount.normalize().as_tuple().exponent))
    return f"{amount:,.{digits}f} {currency}"
