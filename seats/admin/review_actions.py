"""What can be done with selected reviews: keep, propose to take back, note that people were told."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminTextareaWidget

from seats import verdicts
from seats.admin import proposing
from seats.admin.base import concerned, confirmation
from seats.admin.seat_actions import DayInput
from seats.models import SeatReview
from seats.reclaim import flag, notify
from seats.reclaim.propose import OF_TEAMS


class KeepForm(forms.Form):
    reason = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Why do these seats stay?",
    )
    until = forms.DateField(
        required=False,
        widget=DayInput(),
        help_text="The last day on which they are left alone. Empty: as long as each seat's policy says.",
    )

    def clean_until(self) -> date | None:
        until: date | None = self.cleaned_data["until"]
        if until is not None and until < verdicts.today():
            raise forms.ValidationError("This day is over already.")
        return until


class AnewForm(forms.Form):
    reason = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Why are they reviewed anew, before the time they are kept for is over?",
    )


class ToldForm(forms.Form):
    note = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="How were they told? For example: in the team's meeting. Their notice begins today.",
    )


class ProposeForm(forms.Form):
    reason = forms.CharField(
        max_length=500,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="What should whoever approves it know?",
    )


class ReviewActions:
    actions: ClassVar[list[str]] = ["keep", "told", "propose", "keep_no_longer"]

    # --- Who may ---

    def has_keep_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("seats.decide_seatreview")

    def has_told_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("seats.send_notice")

    def has_propose_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("seats.propose_revocationbatch")

    # --- A page asks first ---

    @admin.action(description="Keep the seats…", permissions=["keep"])
    def keep(self, request: HttpRequest, queryset: QuerySet[SeatReview]) -> HttpResponseBase | None:
        chosen = queryset.filter(state__in=flag.CLOSABLE)
        form = KeepForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid() or self._has_changed(request, chosen):
            return self._ask(request, queryset, chosen, form, "Keep these seats", "Keep them")
        kept = flag.keep(chosen, request.user, form.cleaned_data["reason"], form.cleaned_data["until"])
        messages.success(request, f"{_reviews(kept)} closed: the seats are kept.")
        return None

    @admin.action(description="Keep them no longer…", permissions=["keep"])
    def keep_no_longer(self, request: HttpRequest, queryset: QuerySet[SeatReview]) -> HttpResponseBase | None:
        chosen = queryset.keeping(verdicts.today()).filter(answer="", seat__ended_at=None)  # type: ignore[attr-defined]
        form = AnewForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid() or self._has_changed(request, chosen):
            return self._ask(request, queryset, chosen, form, "Review these seats anew", "Review them anew")
        lifted = flag.keep_no_longer(chosen, request.user, form.cleaned_data["reason"])
        kept = "1 seat is" if lifted == 1 else f"{lifted:,} seats are"
        messages.success(request, f"{kept} kept no longer; whose is inactive is on the desk again.")
        return None

    @admin.action(description="I told them myself…", permissions=["told"])
    def told(self, request: HttpRequest, queryset: QuerySet[SeatReview]) -> HttpResponseBase | None:
        chosen = queryset.filter(state=SeatReview.State.FLAGGED)
        form = ToldForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid() or self._has_changed(request, chosen):
            return self._ask(
                request, queryset, chosen, form, "They were told otherwise", "Begin their notice"
            )
        told = notify.told_by_hand(chosen, request.user, form.cleaned_data["note"])
        messages.success(request, f"Noted for {_reviews(told)}: the time to answer begins today.")
        return None

    @admin.action(description="Propose to take back…", permissions=["propose"])
    def propose(self, request: HttpRequest, queryset: QuerySet[SeatReview]) -> HttpResponseBase | None:
        chosen = queryset.filter(state__in=flag.CLOSABLE)
        form = ProposeForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid() or self._has_changed(request, chosen):
            return self._preview(request, queryset, chosen, form)
        made, refused = proposing.propose_all(chosen, request.user, form.cleaned_data["reason"])
        for account, refusal in refused:
            messages.warning(request, f"{account.label}: {refusal}")
        if any(brake in OF_TEAMS for _, refusal in refused for brake in refusal.brakes):
            asked = "Tasks are written down for the owners of the teams that grant them."
            messages.info(request, asked)
        for batch in made:
            url = reverse("admin:seats_revocationbatch_change", args=[batch.pk])
            words = f"Batch {batch.pk} of {batch.account.label}"
            said = '<a class="portal-link" href="{}">{}</a> is proposed and waits to be approved.'
            messages.success(request, format_html(said, url, words))
        return None

    def _preview(
        self,
        request: HttpRequest,
        queryset: QuerySet[SeatReview],
        chosen: QuerySet[SeatReview],
        form: forms.Form,
    ) -> HttpResponseBase:
        """Nothing is written: per account how many, whose, why each, what is left out, money, effect."""
        accounts = proposing.previews(chosen, request.user)
        count = chosen.count()
        return confirmation(
            self,
            request,
            "admin/seats/seatreview/propose.html",
            {
                "title": "Propose to take seats back",
                "form": form,
                "count": count,
                "left_out": queryset.count() - count,
                "accounts": accounts,
                "seats": sum(len(one.proposal.chosen) for one in accounts if one.is_possible),
                "batches": sum(one.is_possible for one in accounts),
                "asked": sum(one.asks_owners for one in accounts if not one.proposal.refusals),
            },
        )

    def _has_changed(self, request: HttpRequest, chosen: QuerySet[SeatReview]) -> bool:
        """Whether the list holds other reviews than the page that was confirmed; says so."""
        if request.POST.get("count", "") == str(chosen.count()):
            return False
        messages.warning(request, "The reviews have changed in the meantime: please look again.")
        return True

    def _ask(
        self,
        request: HttpRequest,
        queryset: QuerySet[SeatReview],
        chosen: QuerySet[SeatReview],
        form: forms.Form,
        title: str,
        submit: str,
    ) -> HttpResponseBase:
        ordered = chosen.select_related("seat__user").order_by("seat__user__login_key")
        return confirmation(
            self,
            request,
            "admin/seats/seatreview/confirm.html",
            {
                "title": title,
                "form": form,
                "submit": submit,
                **concerned(queryset, ordered, lambda review: review.seat.user.login),
            },
        )


def _reviews(count: int) -> str:
    return "1 review" if count == 1 else f"{count:,} reviews"
