"""What people were told: each mail, to whom, about which review, and what became of it."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from portal.mailing import is_shown_only
from seats.admin.base import NOTHING, ReadOnlyAdmin, confirmation, moment
from seats.models import Notice, SeatReview
from seats.reclaim import deliveries, notify

# A confirmation page names this many people; the rest it counts.
NAMED = 20
COLOURS = {
    "queued": "info",
    "sending": "info",
    "sent": "success",
    "failed": "danger",
    "no_address": "warning",
    "withdrawn": "default",
}
ADDRESS = "to_address"


class ToldForm(forms.Form):
    note = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="How and when? For example: by telephone, on Monday. It is kept with the review.",
    )


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    list_title = "Notices"
    empty_title = "No notices yet"
    empty_note = (
        "Whoever holds a flagged seat is told before it is taken back, where the policy proposes or acts by "
        "itself, and asks for notice."
    )
    filled_through = ()
    list_display: ClassVar[list[str]] = [
        "login", ADDRESS, "about", "kind_label", "state_label", "sent", "answered", "error",
    ]  # fmt: skip
    ordering: ClassVar[list[str]] = ["-id"]
    list_filter: ClassVar[list[Any]] = [("state", ChoicesDropdownFilter), ("kind", ChoicesDropdownFilter)]
    list_select_related: ClassVar[list[str]] = ["user", "review__seat__account", "team__account"]
    list_before_template = "admin/seats/notice/shown_only.html"
    search_fields: ClassVar[list[str]] = ["user__login_key", "team__slug"]
    search_help_text = "Login or team"
    actions: ClassVar[list[str]] = ["tell_by_hand", "resend", "withdraw"]
    fields: ClassVar[list[str]] = [
        "person", ADDRESS, "about", "kind_label", "state_in_words", "error", "attempts", "written", "sent",
        "answered", "language", "subject", "text",
    ]  # fmt: skip
    readonly_fields = fields

    class Media:
        css: ClassVar[dict[str, Any]] = {"all": ["portal/notices.css"]}

    def has_send_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("seats.send_notice")

    # --- Who sees addresses ---

    def get_list_display(self, request: HttpRequest) -> list[str]:
        return self._visible(request, self.list_display)

    def get_fields(self, request: HttpRequest, obj: Notice | None = None) -> list[str]:
        return self._visible(request, self.fields)

    def _visible(self, request: HttpRequest, names: list[str]) -> list[str]:
        return [name for name in names if name != ADDRESS or self.has_send_permission(request)]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"is_shown_only": is_shown_only(), **(extra_context or {})})

    def row_title(self, row: Notice) -> str:
        return f"{capfirst(row.get_kind_display())}: {row.user}"

    # --- Columns ---

    @display(description="person", ordering="user__login_key")
    def login(self, notice: Notice) -> str:
        return notice.user.login

    @display(description="person")
    def person(self, notice: Notice) -> str:
        url = reverse("admin:seats_githubuser_change", args=[notice.user_id])
        return format_html('<a class="portal-link" href="{}">{}</a>', url, notice.user.login)

    @display(description="to", ordering="recipient")
    def to_address(self, notice: Notice) -> str:
        return notice.recipient or NOTHING

    @display(description="about")
    def about(self, notice: Notice) -> str:
        if notice.review is not None:
            url = reverse("admin:seats_seatreview_change", args=[notice.review_id])
            label = f"seat in {notice.review.seat.account.label}"
        elif notice.team is not None:
            url = reverse("admin:seats_team_change", args=[notice.team_id])
            label = f"team {notice.team} of {notice.team.account.label}"
        else:
            return NOTHING
        return format_html('<a class="portal-link" href="{}">{}</a>', url, label)

    @display(description="kind", ordering="kind")
    def kind_label(self, notice: Notice) -> str:
        return notice.get_kind_display()

    @display(description="state", ordering="state", label=COLOURS)
    def state_label(self, notice: Notice) -> tuple[str, str]:
        return notice.state, notice.get_state_display()

    @display(description="state")
    def state_in_words(self, notice: Notice) -> str:
        return notice.get_state_display().capitalize()

    @display(description="written", ordering="created_at")
    def written(self, notice: Notice) -> str:
        return moment(notice.created_at)

    @display(description="sent", ordering="sent_at")
    def sent(self, notice: Notice) -> str:
        return moment(notice.sent_at)

    @display(description="answered", ordering="answered_at")
    def answered(self, notice: Notice) -> str:
        return moment(notice.answered_at)

    @display(description="text")
    def text(self, notice: Notice) -> str:
        """The link is not in it: only the person has that."""
        if not notice.body:
            return NOTHING
        return format_html('<pre class="portal-pre" tabindex="0">{}</pre>', notice.body)

    # --- Actions ---

    @admin.action(description="They were told in another way…", permissions=["send"])
    def tell_by_hand(self, request: HttpRequest, queryset: QuerySet[Notice]) -> HttpResponseBase | None:
        reviews = SeatReview.objects.filter(
            pk__in=queryset.values("review_id"), state=SeatReview.State.FLAGGED
        ).order_by("seat__user__login_key")
        form = ToldForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid() or self._has_changed(request, reviews):
            return self._ask(request, reviews, form)
        told = notify.told_by_hand(reviews, request.user, form.cleaned_data["note"])
        messages.success(request, f"{_people(told)} told: their notice period begins today.")
        return None

    def _has_changed(self, request: HttpRequest, reviews: QuerySet[SeatReview]) -> bool:
        """Whether others are to be told than the page that was confirmed counted; says so."""
        if request.POST.get("count", "") == str(reviews.count()):
            return False
        messages.warning(request, "The notices have changed in the meantime: please look again.")
        return True

    def _ask(self, request: HttpRequest, reviews: QuerySet[SeatReview], form: ToldForm) -> HttpResponseBase:
        count = reviews.count()
        named = list(reviews.values_list("seat__user__login", flat=True)[:NAMED])
        context = {
            "title": "Told in another way", "submit": "Their notice period begins today", "form": form,
            "count": count, "named": named, "more": count - len(named),
        }  # fmt: skip
        return confirmation(self, request, "admin/seats/notice/confirm.html", context)

    @admin.action(description="Send again what failed or was withdrawn", permissions=["send"])
    def resend(self, request: HttpRequest, queryset: QuerySet[Notice]) -> None:
        count = deliveries.resend(queryset, request.user)
        if count:
            messages.success(request, f"{_notices(count)} sent with the next round of notices.")
        else:
            messages.warning(request, "None of the selected notices failed or was withdrawn.")

    @admin.action(description="Withdraw what is not sent yet", permissions=["send"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Notice]) -> None:
        count = deliveries.withdraw(queryset, request.user)
        if count:
            messages.success(
                request, f"{_notices(count)} not sent. The seats are not taken back without notice either."
            )
        else:
            messages.warning(request, "Each of the selected notices was sent already, or withdrawn.")


def _people(count: int) -> str:
    return "1 person is" if count == 1 else f"{count:,} people are"


def _notices(count: int) -> str:
    return "1 notice is" if count == 1 else f"{count:,} notices are"
