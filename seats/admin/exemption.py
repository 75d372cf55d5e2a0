"""People whom the policy leaves alone: why, by whom, until when."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RadioFilter
from unfold.decorators import display

from seats.admin.base import day
from seats.admin.kept_by_hand import KeptByHandAdmin
from seats.models import Exemption
from seats.resources import ExemptionResource
from seats.verdicts import today


class InForceFilter(RadioFilter):
    title = "in force"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("now", "In force today"), ("over", "Over"), ("later", "Not yet")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Exemption]) -> QuerySet[Exemption]:
        conditions = {
            "now": Q(pk__in=Exemption.objects.in_force(today()).values("pk")),
            "over": Q(until__lt=today()),
            "later": Q(starts_on__gt=today()),
        }
        return queryset.filter(conditions.get(self.value() or "", Q()))


@admin.register(Exemption)
class ExemptionAdmin(KeptByHandAdmin):
    noun = "exemption"
    decides_verdicts = True
    resource_classes: ClassVar[list[Any]] = [ExemptionResource]
    list_title = "Exemptions"
    list_display: ClassVar[list[str]] = ["person", "where", "reason", "starts", "ends", "created_by"]
    list_filter: ClassVar[list[Any]] = [InForceFilter]
    list_select_related: ClassVar[list[str]] = ["user", "account", "created_by"]
    search_fields: ClassVar[list[str]] = ["user__login_key", "reason"]
    autocomplete_fields: ClassVar[list[str]] = ["user", "account"]
    fields: ClassVar[list[str]] = ["user", "account", "reason", "starts_on", "until"]

    @display(description="person", ordering="user__login_key")
    def person(self, exemption: Exemption) -> str:
        return exemption.user.login

    @display(description="seats of", ordering="account__login_key")
    def where(self, exemption: Exemption) -> str:
        return exemption.account.label if exemption.account else "every account"

    @display(description="from", ordering="starts_on")
    def starts(self, exemption: Exemption) -> str:
        return day(exemption.starts_on)

    @display(description="until", ordering="until")
    def ends(self, exemption: Exemption) -> str:
        return day(exemption.until) if exemption.until else "taken back"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)
