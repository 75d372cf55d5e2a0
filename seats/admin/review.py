"""Inactive seats on somebody's desk."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from seats import reviewing
from seats.admin.base import ReadOnlyAdmin, day, moment
from seats.models import SeatReview
from seats.models.seat import Verdict


@admin.register(SeatReview)
class SeatReviewAdmin(ReadOnlyAdmin):
    list_title = "Reviews"
    empty_title = "No reviews yet"
    empty_note = "A review opens when an inactive seat is flagged, on the seats list or by review_seats."
    filled_through = ()
    list_display: ClassVar[list[str]] = [
        "person", "organization", "state_label", "found", "reason", "opened", "opened_by_whom", "closed",
    ]  # fmt: skip
    ordering: ClassVar[list[str]] = ["-id"]
    list_filter: ClassVar[list[Any]] = [("state", ChoicesDropdownFilter)]
    list_select_related: ClassVar[list[str]] = ["seat__user", "seat__account", "opened_by"]
    search_fields: ClassVar[list[str]] = ["seat__user__login_key", "reason"]
    actions: ClassVar[list[str]] = ["keep"]
    fields: ClassVar[list[str]] = [
        "seat_link", "state_in_words", "found", "reason", "opened", "opened_by_whom", "closed",
    ]  # fmt: skip
    readonly_fields = fields

    def has_keep_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("seats.change_seatreview")

    @display(description="person", ordering="seat__user__login_key")
    def person(self, review: SeatReview) -> str:
        return review.seat.user.login

    @display(description="organization", ordering="seat__account__login_key")
    def organization(self, review: SeatReview) -> str:
        return review.seat.account.label

    @display(
        description="state",
        ordering="state",
        label={"flagged": "warning", "kept": "info", "reactivated": "success", "ended": "default"},
    )
    def state_label(self, review: SeatReview) -> tuple[str, str]:
        return review.state, review.get_state_display()

    @display(description="state")
    def state_in_words(self, review: SeatReview) -> str:
        return review.get_state_display().capitalize()

    @display(description="verdict then", ordering="verdict")
    def found(self, review: SeatReview) -> str:
        return dict(Verdict.choices).get(review.verdict, review.verdict)

    @display(description="opened", ordering="opened_on")
    def opened(self, review: SeatReview) -> str:
        return day(review.opened_on)

    @display(description="by", ordering="opened_by__username")
    def opened_by_whom(self, review: SeatReview) -> str:
        return review.opened_by.get_username() if review.opened_by else "the policy"

    @display(description="closed", ordering="closed_at")
    def closed(self, review: SeatReview) -> str:
        return moment(review.closed_at)

    @display(description="seat")
    def seat_link(self, review: SeatReview) -> str:
        url = reverse("admin:seats_seat_change", args=[review.seat_id])
        return format_html('<a class="portal-link" href="{}">{}</a>', url, review.seat)

    @admin.action(description="Keep the seat: close the review", permissions=["keep"])
    def keep(self, request: HttpRequest, queryset: QuerySet[SeatReview]) -> None:
        chosen = list(queryset)
        kept = sum(reviewing.keep(review, request.user) for review in chosen)
        messages.success(request, f"{kept} of {len(chosen)} reviews closed: these seats are kept.")
