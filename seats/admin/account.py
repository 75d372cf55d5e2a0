"""Organizations and enterprises, with what their seats come to."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, OuterRef, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from seats.admin.account_story import tables
from seats.admin.base import NOTHING, NullsLastChangeList, ReadOnlyAdmin, day, seats_link
from seats.admin.kept_by_hand import KeptByHandAdmin, changes
from seats.admin.sync_now import SyncNow
from seats.figures import by_account, of_account
from seats.models import Account, Seat
from seats.models.seat import INACTIVE, Verdict
from seats.sheets.company import AccountSettingsResource

BY_HAND = AccountSettingsResource.BY_HAND


class AccountChangeList(NullsLastChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        figures = by_account()
        for account in self.result_list:
            account.figures = figures(account)


def _seats_of_family(**conditions: Any) -> Combinable:
    """To sort by: seats of the account and its organizations, by index. The page shows `seats.figures`."""
    counted = Seat.objects.held().filter(**conditions).order_by()
    own, below = (
        Subquery(
            counted.filter(**{scope: OuterRef("pk")})
            .values(scope)
            .annotate(seats=Count("pk"))
            .values("seats")
        )
        for scope in ("account", "account__parent")
    )
    return Coalesce(own, 0) + Coalesce(below, 0)


@admin.register(Account)
class AccountAdmin(SyncNow, KeptByHandAdmin):
    """What GitHub tells is looked at; who answers for it, and who pays, is kept here."""

    noun = "account settings"
    empty_note = ReadOnlyAdmin.empty_note
    filled_through = ReadOnlyAdmin.filled_through
    autocomplete_fields: ClassVar[list[str]] = ["cost_centre"]
    list_title = "Organizations & enterprises"
    list_display: ClassVar[list[str]] = [
        "label",
        "kind",
        "enterprise",
        "held_seats",
        "active_seats",
        "inactive_seats",
        "unknown_seats",
        "monthly_cost",
        "watched",
    ]
    list_filter: ClassVar[list[Any]] = [("kind", ChoicesDropdownFilter)]
    list_select_related: ClassVar[list[str]] = ["parent"]
    search_fields: ClassVar[list[str]] = ["login", "name"]
    readonly_fields: ClassVar[list[str]] = [
        "kind", "called", "name", "number", "enterprise_link", "also_called", "seats_link", "watched",
        "asked_through",
    ]  # fmt: skip
    change_form_after_template = "admin/seats/githubuser/story.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[AccountChangeList]:
        return AccountChangeList

    @display(description="name", ordering="login_key")
    def label(self, account: Account) -> str:
        return account.label

    @display(description="enterprise", ordering="parent__login_key")
    def enterprise(self, account: Account) -> str:
        return account.parent.label if account.parent else NOTHING

    @display(description="seats", ordering=_seats_of_family())
    def held_seats(self, account: Any) -> str:
        return seats_link(account.figures.seats, account=account.pk)

    @display(description="active", ordering=_seats_of_family(verdict=Verdict.ACTIVE))
    def active_seats(self, account: Any) -> str:
        return seats_link(account.figures.active, account=account.pk, verdict="active")

    @display(description="inactive", ordering=_seats_of_family(verdict__in=INACTIVE))
    def inactive_seats(self, account: Any) -> str:
        return seats_link(account.figures.inactive, account=account.pk, verdict="inactive")

    @display(description="unknown", ordering=_seats_of_family(verdict=Verdict.UNKNOWN))
    def unknown_seats(self, account: Any) -> str:
        return seats_link(account.figures.by_verdict[Verdict.UNKNOWN], account=account.pk, verdict="unknown")

    # Not a sum in SQL: an enterprise pays for a person once.
    @display(description="per month, estimated")
    def monthly_cost(self, account: Any) -> str:
        return str(account.figures.cost) if account.figures.seats else NOTHING

    @display(description="watched since", ordering="watched_since")
    def watched(self, account: Account) -> str:
        return day(account.watched_since)

    # --- One account ---

    def get_fields(self, request: HttpRequest, obj: Account | None = None) -> list[str]:
        """Without what there is none of: no enterprise is part of another, few are renamed."""
        empty = set()
        if obj and not obj.parent_id:
            empty.add("enterprise_link")
        if obj and not obj.former_logins:
            empty.add("also_called")
        return [name for name in (*self.readonly_fields, *BY_HAND) if name not in empty]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_import_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_change_permission(request))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        was = Account.objects.get(pk=obj.pk)
        # GitHub's lists may change the rest of the row at this moment.
        obj.save(update_fields=BY_HAND)
        if changed := changes(was, obj):
            self._record(request, "changed", obj, changed)

    @display(description="login")
    def called(self, account: Account) -> str:
        return account.login or f"{NOTHING} (known by its id only, as yet)"

    @display(description="GitHub id")
    def number(self, account: Account) -> str:
        return str(account.github_id or NOTHING)

    @display(description="enterprise")
    def enterprise_link(self, account: Account) -> str:
        if account.parent is None:
            return NOTHING
        url = reverse("admin:seats_account_change", args=[account.parent_id])
        return format_html('<a class="portal-link" href="{}">{}</a>', url, account.parent.label)

    @display(description="former logins")
    def also_called(self, account: Account) -> str:
        return ", ".join(map(str, account.former_logins)) or NOTHING

    @display(description="seats")
    def seats_link(self, account: Account) -> str:
        figures = of_account(account)
        return format_html("{}, {} a month", seats_link(figures.seats, account=account.pk), figures.cost)

    @display(description="connection")
    def asked_through(self, account: Account) -> str:
        """The connection that speaks for it, and whose that is."""
        connection = account.sync_connection
        if connection is None:
            return "none: name it on the page of a connection, or upload files"
        url = reverse("admin:portal_connection_change", args=[connection.pk])
        whose = "" if account.connection else f", that of its enterprise {account.parent}"
        return format_html('<a class="portal-link" href="{}">{}</a>{}', url, connection, whose)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        account = self.get_object(request, object_id)
        known = {"title": account.label, "tables": tables(account)} if account else {}
        response: HttpResponse = super().change_view(
            request, object_id, form_url, {**known, **(extra_context or {})}
        )
        return response
