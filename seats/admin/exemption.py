"""Whom the policy leaves alone: a person, a team, or whoever a rule fits; why, by whom, until when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter, RadioFilter
from unfold.decorators import display

from seats.admin.base import NOTHING, day
from seats.admin.kept_by_hand import KeptByHandAdmin
from seats.models import Exemption, Seat
from seats.policy_sql import exempt_seats
from seats.verdicts import today

# Time enough to ask whoever answers for it whether it goes on.
SOON = timedelta(days=14)


class InForceFilter(RadioFilter):
    title = "in force"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("now", "In force today"),
            ("soon", f"Ends within {SOON.days} days"),
            ("over", "Over"),
            ("later", "Not yet"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Exemption]) -> QuerySet[Exemption]:
        now = today()
        in_force = Q(pk__in=Exemption.objects.in_force(now).values("pk"))
        conditions = {
            "now": in_force,
            "soon": in_force & Q(until__lte=now + SOON),
            "over": Q(until__lt=now),
            "later": Q(starts_on__gt=now),
        }
        return queryset.filter(conditions.get(self.value() or "", Q()))


class TargetFilter(DropdownFilter):
    title = "whom it is about"
    parameter_name = "about"
    CONDITIONS: ClassVar[dict[str, Q]] = {
        "person": Q(user__isnull=False),
        "team": Q(team__isnull=False),
        "pattern": ~Q(login_pattern=""),
        "newcomers": Q(newcomer_days__isnull=False),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("person", "One person"),
            ("team", "A team"),
            ("pattern", "Logins of a pattern"),
            ("newcomers", "Newcomers"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Exemption]) -> QuerySet[Exemption]:
        return queryset.filter(self.CONDITIONS.get(self.value() or "", Q()))


@admin.register(Exemption)
class ExemptionAdmin(KeptByHandAdmin):
    noun = "exemption"
    decides_verdicts = True
    list_title = "Exemptions"
    empty_note = (
        "An exemption leaves people alone whatever the policy says: on leave, new, not a person at all."
    )
    list_display: ClassVar[list[str]] = [
        "whom", "kind_label", "where", "reason", "owned_by", "starts", "ends", "created_by",
    ]  # fmt: skip
    list_filter: ClassVar[list[Any]] = [InForceFilter, ("kind", ChoicesDropdownFilter), TargetFilter]
    list_select_related: ClassVar[list[str]] = ["user", "team", "account", "created_by"]
    search_fields: ClassVar[list[str]] = ["user__login_key", "team__slug", "login_pattern", "reason", "owner"]
    search_help_text = "Login, team, pattern, reason or owner"
    autocomplete_fields: ClassVar[list[str]] = ["user", "team", "account"]
    readonly_fields: ClassVar[list[str]] = ["covers"]
    fieldsets = (
        (
            "Whom it is about",
            {
                "fields": ["user", "team", "login_pattern", "newcomer_days", "covers"],
                "description": "One of the four.",
            },
        ),
        ("Which of their seats", {"fields": ["account"]}),
        ("Why, and until when", {"fields": ["kind", "reason", "owner", ("starts_on", "until")]}),
    )

    @display(description="who", ordering="user__login_key")
    def whom(self, exemption: Exemption) -> str:
        return exemption.target[:1].upper() + exemption.target[1:] if not exemption.user else exemption.target

    @display(description="kind", ordering="kind")
    def kind_label(self, exemption: Exemption) -> str:
        return exemption.get_kind_display().capitalize()

    @display(description="seats of", ordering="account__login_key")
    def where(self, exemption: Exemption) -> str:
        return exemption.account.label if exemption.account else "every account"

    @display(description="owner", ordering="owner")
    def owned_by(self, exemption: Exemption) -> str:
        return exemption.owner or NOTHING

    @display(description="from", ordering="starts_on")
    def starts(self, exemption: Exemption) -> str:
        return day(exemption.starts_on)

    @display(description="until", ordering="until")
    def ends(self, exemption: Exemption) -> str:
        return day(exemption.until) if exemption.until else "taken back"

    @display(description="covers")
    def covers(self, exemption: Exemption) -> str:
        """How many held seats it is about: a pattern with a slip of the pen covers nobody, or everybody."""
        if exemption._state.adding:
            return "Shown once it is saved."
        this = Exemption.objects.filter(pk=exemption.pk)
        count = Seat.objects.held().filter(exempt_seats(today(), this)).count()
        seats = "1 seat" if count == 1 else f"{count:,} seats"
        holds = Exemption.objects.in_force(today()).filter(pk=exemption.pk).exists()
        return f"{seats} today" if holds else f"{seats}, were it in force today"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)
