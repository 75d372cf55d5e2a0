"""What can be done with selected seats: flag for review, exempt, export. Each has its own permission."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from portal.models import AuditEntry
from portal.reports import registry, writers
from portal.reports.base import ReportQuery
from seats import verdicts
from seats.admin.base import concerned, confirmation
from seats.models import Exemption, Seat
from seats.reclaim import flag


class DayInput(UnfoldAdminTextInputWidget):
    """The browser's own day picker: the keyboard and screen readers know it."""

    input_type = "date"


class FlagForm(forms.Form):
    reason = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="What should whoever reviews the seat know?",
    )


class ExemptForm(forms.Form):
    reason = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Why is this person left alone? For example: parental leave until March.",
    )
    kind = forms.ChoiceField(
        choices=Exemption.Kind.choices,
        initial=Exemption.Kind.OTHER,
        required=False,
        widget=UnfoldAdminSelectWidget(),
        help_text="What sort of reason it is: for lists and filters.",
    )
    owner = forms.CharField(
        max_length=150,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Who answers for it: a name or an address. Empty: you.",
    )
    until = forms.DateField(
        required=False,
        widget=DayInput(),
        help_text="The last day it holds. Empty: until somebody takes it back.",
    )

    def clean_until(self) -> date | None:
        until: date | None = self.cleaned_data["until"]
        if until is not None and until < verdicts.today():
            raise forms.ValidationError("This day is over already.")
        return until


class SeatActions:
    actions: ClassVar[list[str]] = ["flag", "exempt", "export_csv", "export_xlsx", "export_ndjson"]

    # --- Who may ---

    def has_flag_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("seats.flag_seat")

    def has_exempt_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("seats.add_exemption")

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("seats.export_seat")

    # --- Flag and exempt: a page asks first ---

    @admin.action(description="Flag for review…", permissions=["flag"])
    def flag(self, request: HttpRequest, queryset: QuerySet[Seat]) -> HttpResponseBase | None:
        form = FlagForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self._ask(request, queryset, form, "Flag for review", "Flag for review")
        held = queryset.filter(ended_at=None)
        flagged = flag.flag(held.select_related("account", "user"), request.user, form.cleaned_data["reason"])
        already = held.count() - flagged
        _tell(request, f"{_seats(flagged)} flagged for review.", already, "had an open review already.")
        return None

    @admin.action(description="Exempt…", permissions=["exempt"])
    def exempt(self, request: HttpRequest, queryset: QuerySet[Seat]) -> HttpResponseBase | None:
        form = ExemptForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self._ask(request, queryset, form, "Exempt from the inactivity policy", "Exempt")
        exempted = exempt(
            queryset.filter(ended_at=None),
            by=request.user,
            reason=form.cleaned_data["reason"],
            until=form.cleaned_data["until"],
            kind=form.cleaned_data["kind"] or Exemption.Kind.OTHER,
            owner=form.cleaned_data["owner"] or request.user.get_username(),
        )
        messages.success(request, f"{_seats(exempted)} exempted; verdicts are up to date.")
        return None

    def _ask(
        self, request: HttpRequest, queryset: QuerySet[Seat], form: forms.Form, title: str, submit: str
    ) -> HttpResponseBase:
        held = queryset.filter(ended_at=None).select_related("user").order_by("user__login_key")
        return confirmation(
            self,
            request,
            "admin/seats/seat/confirm.html",
            {
                "title": title,
                "form": form,
                "submit": submit,
                **concerned(queryset, held, lambda seat: seat.user.login),
            },
        )

    # --- Export ---

    @admin.action(description="Export as CSV", permissions=["export"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[Seat]) -> HttpResponseBase:
        return _download(request, queryset, "csv")

    @admin.action(description="Export as XLSX", permissions=["export"])
    def export_xlsx(self, request: HttpRequest, queryset: QuerySet[Seat]) -> HttpResponseBase:
        return _download(request, queryset, "xlsx")

    @admin.action(description="Export as NDJSON", permissions=["export"])
    def export_ndjson(self, request: HttpRequest, queryset: QuerySet[Seat]) -> HttpResponseBase:
        return _download(request, queryset, "ndjson")

    def export_list(self, request: HttpRequest, file_format: str) -> HttpResponseBase:
        """All seats of the list as it is filtered now, not only those of one page."""
        if not self.has_export_permission(request) or not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        if file_format not in writers.FORMATS:
            raise Http404
        changelist = self.get_changelist_instance(request)  # type: ignore[attr-defined]
        return _download(request, changelist.get_queryset(request), file_format)


@transaction.atomic
def exempt(
    seats: Iterable[Seat],
    *,
    by: Any,
    reason: str,
    until: date | None,
    kind: str = Exemption.Kind.OTHER,
    owner: str = "",
) -> int:
    """Exempt these seats, each for the account that granted it; returns how many."""
    made = Exemption.objects.bulk_create(
        Exemption(
            user_id=seat.user_id, account_id=seat.account_id, reason=reason, until=until, kind=kind,
            owner=owner, created_by=by, starts_on=verdicts.today(),
        )
        for seat in seats
    )  # fmt: skip
    AuditEntry.objects.record(
        "seats exempted",
        actor=by,
        detail={
            "seats": len(made),
            "reason": reason,
            "until": until.isoformat() if until else None,
            "kind": kind,
            "owner": owner,
        },
    )
    verdicts.refresh()
    return len(made)


def _download(request: HttpRequest, queryset: QuerySet[Seat], file_format: str) -> HttpResponseBase:
    only = frozenset(queryset.order_by().values_list("pk", flat=True))
    AuditEntry.objects.record(
        "seats exported", actor=request.user, detail={"seats": len(only), "format": file_format}
    )
    return writers.download(registry.get("seats"), ReportQuery(only=only), file_format)


def _seats(count: int) -> str:
    return "1 seat" if count == 1 else f"{count:,} seats"


def _tell(request: HttpRequest, done: str, left: int, why: str) -> None:
    messages.success(request, f"{done} {_seats(left).capitalize()} {why}" if left else done)
