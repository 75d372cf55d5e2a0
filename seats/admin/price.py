"""What a seat costs a month, and a unit of use: dated, for everybody or for one account."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from unfold.decorators import display

from seats.admin.base import day
from seats.admin.kept_by_hand import KeptByHandAdmin
from seats.models import SeatPrice, UnitPrice


@admin.register(SeatPrice)
class SeatPriceAdmin(KeptByHandAdmin):
    noun = "price"
    list_title = "Prices"
    list_display: ClassVar[list[str]] = ["plan_type", "where", "monthly_price", "currency", "from_day"]
    list_select_related: ClassVar[list[str]] = ["account"]
    ordering: ClassVar[list[str]] = ["plan_type", "scope_key", "-starts_on", "id"]
    autocomplete_fields: ClassVar[list[str]] = ["account"]
    fields: ClassVar[list[str]] = ["plan_type", "account", "monthly_price", "currency", "starts_on"]

    @display(description="for", ordering="scope_key")
    def where(self, price: SeatPrice) -> str:
        return price.account.label if price.account else "every account"

    @display(description="from", ordering="starts_on")
    def from_day(self, price: SeatPrice) -> str:
        return day(price.starts_on)


@admin.register(UnitPrice)
class UnitPriceAdmin(KeptByHandAdmin):
    noun = "unit price"
    list_title = "Prices of use"
    list_display: ClassVar[list[str]] = ["unit", "where", "price_in_full", "currency", "from_day"]
    list_select_related: ClassVar[list[str]] = ["account"]
    ordering: ClassVar[list[str]] = ["unit", "scope_key", "-starts_on", "id"]
    autocomplete_fields: ClassVar[list[str]] = ["account"]
    fields: ClassVar[list[str]] = ["unit", "account", "price", "currency", "starts_on"]

    @display(description="for", ordering="scope_key")
    def where(self, price: UnitPrice) -> str:
        return price.account.label if price.account else "every account"

    @display(description="price", ordering="price")
    def price_in_full(self, price: UnitPrice) -> str:
        return f"{price.price.normalize():f}"

    @display(description="from", ordering="starts_on")
    def from_day(self, price: UnitPrice) -> str:
        return day(price.starts_on)
