"""Every seat that was proposed to be taken back, with what became of it; and the page of what that saves."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.decorators import display

from seats.admin.base import NOTHING, ReadOnlyAdmin, day, moment
from seats.admin.filters import PlanFilter
from seats.admin.savings_panels import panels
from seats.cards import chosen_account
from seats.models import Revocation

COLOURS = {
    "left_out": "default", "proposed": "warning", "intended": "warning", "revoked": "info",
    "verified": "success", "refused": "default", "failed": "danger", "came_back": "danger",
    "reinstated": "info", "dropped": "default",
}  # fmt: skip


@admin.register(Revocation)
class RevocationAdmin(ReadOnlyAdmin):
    list_title = "Seats taken back"
    empty_title = "No seat was taken back yet"
    empty_note = "Seats are proposed from the reviews, approved and taken back in batches."
    filled_through = ()
    list_display: ClassVar[list[str]] = [
        "login", "organization", "state_label", "in_batch", "saving", "made", "ends", "verified", "back",
    ]  # fmt: skip
    ordering: ClassVar[list[str]] = ["-id"]
    list_filter: ClassVar[list[Any]] = [
        ("state", ChoicesDropdownFilter),
        ("batch", AutocompleteSelectFilter),
        ("seat__account", AutocompleteSelectFilter),
        PlanFilter,
    ]
    list_select_related: ClassVar[list[str]] = ["seat__account", "batch__account"]
    search_fields: ClassVar[list[str]] = ["login", "seat__user__login_key"]
    search_help_text = "Login"
    fields: ClassVar[list[str]] = [
        "seat_link", "state_in_words", "in_batch", "reason", "evidence", "saving", "made", "ends", "verified",
        "back", "given_back", "says",
    ]  # fmt: skip
    readonly_fields = fields

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.savings_view)
        return [path("savings/", view, name="seats_savings"), *super().get_urls()]

    def savings_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        account = chosen_account(request)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Savings of {account.label}" if account else "Savings",
            "panels": panels(account),
        }
        return TemplateResponse(request, "portal/panels.html", context)

    @display(description="organization", ordering="seat__account__login_key")
    def organization(self, row: Revocation) -> str:
        return row.seat.account.label

    @display(description="state", ordering="state", label=COLOURS)
    def state_label(self, row: Revocation) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description="state")
    def state_in_words(self, row: Revocation) -> str:
        return row.get_state_display().capitalize()

    @display(description="batch", ordering="batch_id")
    def in_batch(self, row: Revocation) -> str:
        url = reverse("admin:seats_revocationbatch_change", args=[row.batch_id])
        return format_html('<a class="portal-link" href="{}">{}</a>', url, f"Batch {row.batch_id}")

    @display(description="saves a month", ordering="monthly_saving")
    def saving(self, row: Revocation) -> str:
        return NOTHING if row.monthly_saving is None else f"{row.monthly_saving:,.2f} {row.currency}"

    @display(description="taken back", ordering="revoked_at")
    def made(self, row: Revocation) -> str:
        return moment(row.revoked_at)

    @display(description="ends on", ordering="pending_cancellation_date")
    def ends(self, row: Revocation) -> str:
        return day(row.pending_cancellation_date)

    @display(description="verified", ordering="verified_at")
    def verified(self, row: Revocation) -> str:
        return moment(row.verified_at)

    @display(description="has a seat again", ordering="came_back_at")
    def back(self, row: Revocation) -> str:
        return f"{day(row.came_back_at)}, {row.came_back_by}" if row.came_back_at else NOTHING

    @display(description="given back")
    def given_back(self, row: Revocation) -> str:
        return moment(row.reinstated_at)

    @display(description="last evidence then")
    def evidence(self, row: Revocation) -> str:
        if row.last_evidence_on is None:
            return NOTHING
        return f"{day(row.last_evidence_on)}, {row.last_evidence_source.replace('_', ' ')}"

    @display(description="seat")
    def seat_link(self, row: Revocation) -> str:
        url = reverse("admin:seats_seat_change", args=[row.seat_id])
        return format_html('<a class="portal-link" href="{}">{}</a>', url, row.seat)
