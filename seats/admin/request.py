"""Requests for seats: asked for by a form or a file, decided and granted from the list."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import RadioFilter, RelatedDropdownFilter
from unfold.decorators import display

from seats.admin.base import NOTHING, moment
from seats.admin.kept_by_hand import KeptByHandAdmin
from seats.admin.request_actions import RequestActions
from seats.models import Account, SeatRequest
from seats.reclaim import seat_requests

State = SeatRequest.State


class StateFilter(RadioFilter):
    """What is still to be done, unless asked otherwise."""

    title = "state"
    parameter_name = "state"
    all_option = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        states = [(value, label.capitalize()) for value, label in State.choices]
        return [("", "Open"), *states, ("all", "All")]

    def value(self) -> str:
        return super().value() or ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[SeatRequest]) -> QuerySet[SeatRequest]:
        if self.value() == "all":
            return queryset
        states = [self.value()] if self.value() in State.values else SeatRequest.OPEN
        return queryset.filter(state__in=states)


class SeatRequestForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    class Meta:
        model = SeatRequest
        fields = ["account", "login", "reason", "asked_by"]
        labels: ClassVar[dict[str, str]] = {"account": "Organization", "asked_by": "Asked by"}
        help_texts: ClassVar[dict[str, str]] = {"login": "Who needs the seat: their login at GitHub."}

    def clean_login(self) -> str:
        return str(self.cleaned_data["login"]).strip().removeprefix("@")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        account, login = cleaned.get("account"), cleaned.get("login")
        if account and login and (why_not := seat_requests.objection(account, login)):
            self.add_error("login", why_not)
        return cleaned


@admin.register(SeatRequest)
class SeatRequestAdmin(RequestActions, KeptByHandAdmin):
    noun = "seat request"
    form = SeatRequestForm
    list_title = "Seat requests"
    empty_title = "No requests"
    empty_note = "People or their managers ask for a seat here, singly or with a file; the oldest come first."
    list_display: ClassVar[list[str]] = [
        "person", "organization", "state_label", "place", "why", "from_whom", "asked", "said",
    ]  # fmt: skip
    ordering: ClassVar[list[str]] = ["created_at", "id"]
    list_filter: ClassVar[list[Any]] = [StateFilter, ("account", RelatedDropdownFilter)]
    list_select_related: ClassVar[list[str]] = ["account", "created_by"]
    search_fields: ClassVar[list[str]] = ["login", "reason", "asked_by"]
    search_help_text = "Login, reason or who asked"
    fields_of_one: ClassVar[list[str]] = [
        "seen_as", "organization", "state_in_words", "place", "reason", "from_whom", "asked", "decided",
        "decision", "said", "granted",
    ]  # fmt: skip
    readonly_fields: ClassVar[list[str]] = [
        "seen_as", "organization", "state_in_words", "place", "from_whom", "asked", "decided", "said",
        "granted",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[SeatRequest]:
        requests: QuerySet[SeatRequest] = super().get_queryset(request)
        before = Q(created_at__lt=OuterRef("created_at")) | Q(
            created_at=OuterRef("created_at"), pk__lt=OuterRef("pk")
        )
        ahead = (
            SeatRequest.objects.filter(before, account=OuterRef("account"), state=State.APPROVED)
            .order_by()
            .values("account")
            .annotate(requests=Count("pk"))
        )
        return requests.annotate(ahead=Coalesce(Subquery(ahead.values("requests")), 0) + 1)

    def get_fields(self, request: HttpRequest, obj: SeatRequest | None = None) -> Any:
        return self.fields_of_one if obj else SeatRequestForm.Meta.fields

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "account":
            kwargs["queryset"] = Account.objects.organizations().exclude(login="")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    # --- Who may ---

    def has_change_permission(self, request: HttpRequest, obj: SeatRequest | None = None) -> bool:
        # What was asked for stays as it was asked; it is decided by actions.
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SeatRequest | None = None) -> bool:
        return False

    def has_import_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_add_permission(request))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.created_by = request.user
        obj.user = seat_requests.person_of(obj.login)
        super().save_model(request, obj, form, change)

    def _record(self, request: HttpRequest, verb: str, obj: Any, detail: dict[str, Any]) -> None:
        # A request is told of in the same words, however it came.
        seat_requests.record_asked(obj, request.user)

    # --- Columns --------------------------------------------------------------------------------

    @display(description="person", ordering="login")
    def person(self, request: SeatRequest) -> str:
        return request.login

    @display(description="person")
    def seen_as(self, request: SeatRequest) -> str:
        if request.user_id is None:
            return f"{request.login}, whom no list has shown yet"
        url = reverse("admin:seats_githubuser_change", args=[request.user_id])
        return format_html('<a class="portal-link" href="{}">{}</a>', url, request.login)

    @display(description="organization", ordering="account__login_key")
    def organization(self, request: SeatRequest) -> str:
        return request.account.label

    @display(
        description="state",
        ordering="state",
        label={
            "waiting": "warning", "approved": "info", "granting": "warning", "granted": "success",
            "failed": "danger", "refused": "", "withdrawn": "",
        },
    )  # fmt: skip
    def state_label(self, request: SeatRequest) -> tuple[str, str]:
        return request.state, request.get_state_display()

    @display(description="state")
    def state_in_words(self, request: SeatRequest) -> str:
        return request.get_state_display().capitalize()

    @display(description="place in line")
    def place(self, request: Any) -> str:
        return str(request.ahead) if request.state == State.APPROVED else NOTHING

    @display(description="reason")
    def why(self, request: SeatRequest) -> str:
        return request.reason

    @display(description="asked by")
    def from_whom(self, request: SeatRequest) -> str:
        entered = request.created_by.get_username() if request.created_by else ""
        if request.asked_by and entered:
            return f"{request.asked_by}, entered by {entered}"
        return request.asked_by or entered or NOTHING

    @display(description="asked on", ordering=F("created_at"))
    def asked(self, request: SeatRequest) -> str:
        return moment(request.created_at)

    @display(description="why not")
    def said(self, request: SeatRequest) -> str:
        if request.state == State.REFUSED:
            return request.decision or NOTHING
        return request.says if request.state in (State.FAILED, State.APPROVED) and request.says else NOTHING

    @display(description="decided")
    def decided(self, request: SeatRequest) -> str:
        if request.decided_at is None:
            return NOTHING
        by = request.decided_by.get_username() if request.decided_by else "the portal"
        return f"{moment(request.decided_at)}, by {by}"

    @display(description="granted")
    def granted(self, request: SeatRequest) -> str:
        return moment(request.granted_at)
