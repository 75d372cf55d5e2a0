"""Filters of the seats list. Each calls a queryset verb or says its condition in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter, RadioFilter, RangeNumericListFilter
from unfold.contrib.filters.forms import AutocompleteDropdownForm

from seats.admin.policy_simulation import asked_for
from seats.models import Account, Assignment, Seat, SeatGrant, SeatReview, TeamMembership
from seats.models.seat import INACTIVE, PlanType, Verdict
from seats.verdicts import today

Lookups = list[tuple[str, str]]


class HeldFilter(RadioFilter):
    """Held seats unless asked otherwise: that is what a governance question is about."""

    title = "held or ended"
    parameter_name = "held"
    all_option = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [("", "Held now"), ("ended", "Ended"), ("all", "Held and ended")]

    def value(self) -> str:
        return super().value() or ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Seat]) -> QuerySet[Seat]:
        if self.value() == "all":
            return queryset
        return queryset.filter(ended_at__isnull=self.value() != "ended")


class MembershipFilter(DropdownFilter):
    """By the organization's own list of members: whoever left it and still holds a seat."""

    title = "member of the organization"
    parameter_name = "member"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [("left", "Left, but still seated")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Seat]) -> QuerySet[Seat]:
        if self.value() != "left":
            return queryset
        return queryset.filter(pk__in=Seat.objects.of_people_who_left().values("pk"))


class VerdictFilter(DropdownFilter):
    title = "verdict"
    parameter_name = "verdict"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [("inactive", "Inactive: idle or never used"), *Verdict.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Seat]) -> QuerySet[Seat]:
        if self.value() == "inactive":
            return queryset.filter(verdict__in=INACTIVE)
        return queryset.filter(verdict=self.value()) if self.value() else queryset


class DeskFilter(DropdownFilter):
    """By the open review, of which a seat has one at most."""

    title = "on the desk"
    parameter_name = "desk"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        opened = [(state.value, f"Yes: {state.label}") for state in map(SeatReview.State, SeatReview.OPEN)]
        return [("yes", "Yes: an open review"), *opened, ("no", "No open review")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Seat]) -> QuerySet[Seat]:
        if not self.value():
            return queryset
        reviews = SeatReview.objects.open().filter(seat=OuterRef("pk"))
        if self.value() == "no":
            return queryset.filter(~Exists(reviews))
        return queryset.filter(
            Exists(reviews if self.value() == "yes" else reviews.filter(state=self.value()))
        )


class PlanFilter(DropdownFilter):
    title = "plan"
    parameter_name = "plan"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return list(PlanType.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Seat]) -> QuerySet[Seat]:
        return queryset.filter(plan_type=self.value()) if self.value() else queryset


class GrantedFilter(DropdownFilter):
    title = "how granted"
    parameter_name = "granted"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return list(SeatGrant.Route.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Seat]) -> QuerySet[Seat]:
        if not self.value():
            return queryset
        return queryset.filter(Exists(SeatGrant.objects.filter(seat=OuterRef("pk"), route=self.value())))


class EditorFilter(DropdownFilter):
    """By the editor's name; GitHub writes its version behind a slash or a space."""

    title = "editor"
    parameter_name = "editor"
    NONE = "-"
    VERSION = r"[ /]v?[0-9]"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        editors = Seat.objects.held().exclude(last_activity_editor="").order_by()
        written = editors.values_list("last_activity_editor", flat=True).distinct()
        names = {re.split(self.VERSION, editor, maxsplit=1)[0] for editor in written}
        return [(self.NONE, "None known"), *((name, name) for name in sorted(names, key=str.lower))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Seat]) -> QuerySet[Seat]:
        name = self.value()
        if not name:
            return queryset
        if name == self.NONE:
            return queryset.filter(last_activity_editor="")
        versions = Q(last_activity_editor__regex=f"^{re.escape(name)}{self.VERSION}")
        return queryset.filter(Q(last_activity_editor=name) | versions)


class IdleDaysFilter(RangeNumericListFilter):
    """Days since the newest evidence of use; seats without any are left out once a bound is set."""

    title = "days idle"
    parameter_name = "idle_days"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Seat]) -> QuerySet[Seat]:
        least, most = self._bound("from"), self._bound("to")
        if least is not None:
            queryset = queryset.filter(last_used_on__lte=today() - timedelta(days=least))
        if most is not None:
            queryset = queryset.filter(last_used_on__gte=today() - timedelta(days=most))
        return queryset

    def _bound(self, end: str) -> int | None:
        try:
            # Beyond this a date cannot be written; nobody was idle longer.
            return max(0, min(700_000, int(float(self.used_parameters.get(f"idle_days_{end}") or ""))))
        except (ValueError, OverflowError):
            return None

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        for choice in super().choices(changelist):
            for name, field in choice["form"].fields.items():
                field.widget.attrs["aria-label"] = f"Days idle, {name.rpartition('_')[2]}"
            yield choice


class AutocompleteFilter(admin.SimpleListFilter):
    """One row of another table, found by typing: there may be hundreds."""

    template = "unfold/filters/filters_field.html"
    form_class = AutocompleteDropdownForm
    source: ClassVar[tuple[type[Model], str]]

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.request, self.model_admin = request, model_admin

    def has_output(self) -> bool:
        return True

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return []

    def key(self) -> int | None:
        """The primary key asked for; 0, which no row has, for anything that is not a number."""
        value = self.value()
        if not value:
            return None
        return int(value) if value.isdecimal() and len(value) < 19 else 0

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        model, name = self.source
        field = model._meta.get_field(name)
        if not field.is_relation:
            raise FieldDoesNotExist(name)
        yield {
            "form": AutocompleteDropdownForm(
                request=self.request,
                label=f" By {self.title} ",
                name=self.parameter_name,
                choices=(),
                field=field,
                model_admin=self.model_admin,
                data={self.parameter_name: self.key()},
            )
        }


class AccountFilter(AutocompleteFilter):
    """An organization's seats; for an enterprise its own and those of its organizations."""

    title = "organization or enterprise"
    parameter_name = "account"
    source = (Seat, "account")

    def queryset(self, request: HttpRequest, queryset: QuerySet[Seat]) -> QuerySet[Seat]:
        key = self.key()
        if key is None:
            return queryset
        family = Account.objects.filter(Q(pk=key) | Q(parent_id=key))
        return queryset.filter(account__in=family.values("pk"))


class TeamFilter(AutocompleteFilter):
    """Seats of the team's members as last known."""

    title = "team"
    parameter_name = "team"
    source = (TeamMembership, "team")

    def queryset(self, request: HttpRequest, queryset: QuerySet[Seat]) -> QuerySet[Seat]:
        key = self.key()
        if key is None:
            return queryset
        members = TeamMembership.objects.filter(team_id=key)
        return queryset.filter(user__in=members.values("user_id"))


class DepartmentFilter(AutocompleteFilter):
    """Seats of people who belong to the department today."""

    title = "department"
    parameter_name = "department"
    source = (Assignment, "department")

    def queryset(self, request: HttpRequest, queryset: QuerySet[Seat]) -> QuerySet[Seat]:
        key = self.key()
        if key is None:
            return queryset
        there = Assignment.objects.on(today()).filter(department_id=key, user__isnull=False)
        return queryset.filter(user__in=there.values("user_id"))


class CostCentreFilter(AutocompleteFilter):
    """Seats of people whom the cost centre pays for today."""

    title = "cost centre"
    parameter_name = "cost_centre"
    source = (Assignment, "cost_centre")

    def queryset(self, request: HttpRequest, queryset: QuerySet[Seat]) -> QuerySet[Seat]:
        key = self.key()
        if key is None:
            return queryset
        there = Assignment.objects.on(today()).filter(cost_centre_id=key, user__isnull=False)
        return queryset.filter(user__in=there.values("user_id"))


class SimulatedFilter(DropdownFilter):
    """The seats that a simulated policy would call inactive; only where the simulator's links lead here."""

    title = "simulated policy"
    parameter_name = "simulated"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        value = self.value()
        if not value:
            return []
        asked = asked_for(value)
        return [(value, asked.words if asked else "Nothing: the address is not as it should be")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Seat]) -> QuerySet[Seat]:
        value = self.value()
        if not value:
            return queryset
        asked = asked_for(value)
        return queryset.filter(pk__in=asked.seats().values("pk")) if asked else queryset.none()


class PolicyFilter(AutocompleteFilter):
    """Seats for which this policy is the nearest."""

    title = "policy"
    parameter_name = "policy"
    source = (Seat, "policy")

    def queryset(self, request: HttpRequest, queryset: QuerySet[Seat]) -> QuerySet[Seat]:
        key = self.key()
        return queryset if key is None else queryset.filter(policy_id=key)
