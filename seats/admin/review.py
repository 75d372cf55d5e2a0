"""Inactive seats on somebody's desk: the list, and the whole story of each on its page."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from seats.admin.base import NOTHING, NullsLastChangeList, ReadOnlyAdmin, day, moment
from seats.admin.review_actions import ReviewActions
from seats.admin.review_filters import (
    NoticeFilter,
    ReviewAccountFilter,
    ReviewPlanFilter,
    ReviewPolicyFilter,
    ReviewStateFilter,
    ReviewTeamFilter,
    ReviewVerdictFilter,
    RouteFilter,
)
from seats.admin.review_steps import buttons, what_is_next
from seats.admin.seat_story import story
from seats.figures import Prices
from seats.models import Revocation, SeatReview, UserLogin
from seats.models.seat import Verdict
from seats.verdicts import today

STATE_COLOURS = {
    SeatReview.State.FLAGGED: "warning",
    SeatReview.State.NOTIFIED: "warning",
    SeatReview.State.APPROVED: "danger",
    SeatReview.State.REVOKED: "info",
    SeatReview.State.FAILED: "danger",
    SeatReview.State.VERIFIED: "success",
    SeatReview.State.KEPT: "info",
    SeatReview.State.REACTIVATED: "success",
    SeatReview.State.ENDED: "default",
}


class ReviewChangeList(NullsLastChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # A price depends on account, plan and day: looked up once for the page, not in SQL per row.
        prices = Prices.on(today())
        for review in self.result_list:
            review.price = prices.of(review.seat.account, review.seat.plan_type)


@admin.register(SeatReview)
class SeatReviewAdmin(ReviewActions, ReadOnlyAdmin):
    list_title = "Reviews"
    empty_title = "No reviews here"
    empty_note = (
        "A review opens when the policy finds a seat inactive, every night or by review_seats, "
        "or when somebody flags one on the seats list."
    )
    filled_through = ()
    list_display: ClassVar[list[str]] = [
        "person", "organization", "state_label", "found", "idle", "notice", "in_batch", "monthly_cost",
        "opened",
    ]  # fmt: skip
    ordering: ClassVar[list[str]] = ["-id"]
    list_filter: ClassVar[list[Any]] = [
        ReviewStateFilter,
        ReviewAccountFilter,
        ReviewTeamFilter,
        ReviewVerdictFilter,
        NoticeFilter,
        RouteFilter,
        ReviewPolicyFilter,
        ReviewPlanFilter,
    ]
    list_select_related: ClassVar[list[str]] = ["seat__user", "seat__account", "opened_by"]
    search_fields: ClassVar[list[str]] = ["seat__user__login_key"]
    search_help_text = "Login, also a former one"
    change_form_outer_before_template = "admin/seats/seatreview/decide.html"
    change_form_after_template = "admin/seats/seat/story.html"
    fields: ClassVar[list[str]] = [
        "seat_link", "state_in_words", "found", "reason", "opened", "opened_by_whom", "notice", "in_batch",
        "closed", "decided",
    ]  # fmt: skip
    readonly_fields = fields

    # --- What is listed ---

    def get_queryset(self, request: HttpRequest) -> QuerySet[SeatReview]:
        revocations = Revocation.objects.order_by("-pk")
        reviews: QuerySet[SeatReview] = super().get_queryset(request)
        return reviews.prefetch_related(Prefetch("revocations", queryset=revocations))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ReviewChangeList]:
        return ReviewChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[SeatReview], search_term: str
    ) -> tuple[QuerySet[SeatReview], bool]:
        for word in search_term.lower().split():
            borne = UserLogin.objects.filter(login_key__contains=word).values("user_id")
            queryset = queryset.filter(Q(seat__user__login_key__contains=word) | Q(seat__user__in=borne))
        return queryset, False

    # --- Columns ---

    @display(description="person", ordering="seat__user__login_key")
    def person(self, review: SeatReview) -> str:
        return review.seat.user.login

    @display(description="organization", ordering="seat__account__login_key")
    def organization(self, review: SeatReview) -> str:
        return review.seat.account.label

    @display(description="state", ordering="state", label=STATE_COLOURS)
    def state_label(self, review: SeatReview) -> tuple[str, str]:
        return review.state, review.get_state_display()

    @display(description="state")
    def state_in_words(self, review: SeatReview) -> str:
        return review.get_state_display().capitalize()

    @display(description="verdict then", ordering="verdict")
    def found(self, review: SeatReview) -> str:
        return dict(Verdict.choices).get(review.verdict, review.verdict)

    @display(description="idle since", ordering="seat__last_used_on")
    def idle(self, review: SeatReview) -> str:
        used_on = review.seat.last_used_on
        if used_on is None:
            return NOTHING
        days = (today() - used_on).days
        return f"{day(used_on)}, {days:,} day{'' if days == 1 else 's'}"

    @display(description="notice", ordering="notice_ends_on")
    def notice(self, review: SeatReview) -> str:
        if review.answer:
            answered_on = f", {day(review.answered_at)}" if review.answered_at else ""
            return f"{review.get_answer_display()}{answered_on}"
        if review.notified_at is None:
            return "not told" if review.is_open else NOTHING
        ends_on = review.notice_ends_on
        if ends_on is None:
            return f"told {day(review.notified_at)}"
        return f"until {day(ends_on)}" if ends_on >= today() else f"over since {day(ends_on)}"

    @display(description="batch")
    def in_batch(self, review: SeatReview) -> str:
        newest = next(iter(review.revocations.all()), None)
        if newest is None:
            return NOTHING
        return f"{newest.batch_id}, {newest.get_state_display()}"

    @display(description="per month")
    def monthly_cost(self, review: SeatReview) -> str:
        price = getattr(review, "price", None)
        return str(price) if price else NOTHING

    @display(description="opened", ordering="opened_on")
    def opened(self, review: SeatReview) -> str:
        return day(review.opened_on)

    # --- One review ---

    @display(description="by")
    def opened_by_whom(self, review: SeatReview) -> str:
        return review.opened_by.get_username() if review.opened_by else "the policy"

    @display(description="closed")
    def closed(self, review: SeatReview) -> str:
        return moment(review.closed_at)

    @display(description="decision")
    def decided(self, review: SeatReview) -> str:
        said = [review.decision] if review.decision else []
        if review.decided_by:
            said.append(f"By {review.decided_by.get_username()}.")
        if review.kept_until:
            said.append(f"Kept until {day(review.kept_until)}.")
        return " ".join(said) or NOTHING

    @display(description="seat")
    def seat_link(self, review: SeatReview) -> str:
        url = reverse("admin:seats_seat_change", args=[review.seat_id])
        return format_html('<a class="portal-link" href="{}">{}</a>', url, review.seat)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        review = self.get_object(request, object_id)
        context: dict[str, Any] = {"show_save": False, "show_close": False}
        if review is not None:
            context |= {
                "story": story(review.seat, request.user),
                "next_step": what_is_next(review),
                "steps": buttons(review, set(self.get_actions(request))),
                "list_url": reverse("admin:seats_seatreview_changelist"),
            }
        response: HttpResponse = super().change_view(
            request, object_id, form_url, {**context, **(extra_context or {})}
        )
        return response
