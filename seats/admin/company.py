"""Departments, cost centres, who belongs where and who answers for teams: kept by hand, here or as sheets."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import DropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from seats.admin.base import NOTHING, day
from seats.admin.kept_by_hand import KeptByHandAdmin
from seats.assignments import known_people
from seats.models import Assignment, CostCentre, Department, TeamOwner
from seats.models.policy import FROM_EVER
from seats.policy_sql import today
from seats.sheets.people_named import NAME_OF_PERSON


def checked_person(text: str) -> str:
    """A login or a mail address, or nothing. Raises ValidationError."""
    text = text.strip().removeprefix("@")
    if text and not NAME_OF_PERSON.fullmatch(text):
        raise ValidationError(f"{text!r} is neither a login nor a mail address.")
    return text


class NamesManager(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    def clean_manager(self) -> str:
        return checked_person(self.cleaned_data["manager"])


class NamesPerson(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """Whoever is named is looked up before anything else is asked of the row."""

    def clean_person(self) -> str:
        text = checked_person(self.cleaned_data["person"])
        self.instance.user = known_people([text]).get(text.lower())
        return self.instance.user.login if self.instance.user else text


class AssignmentForm(NamesPerson, NamesManager):
    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        asked = Assignment(
            user=self.instance.user,
            person=cleaned["person"],
            starts_on=cleaned["starts_on"],
            ends_on=cleaned["ends_on"],
        )
        theirs = Assignment.objects.filter(person_key=asked.own_person_key()).exclude(pk=self.instance.pk)
        for other in theirs.select_related("department", "cost_centre", "user"):
            if asked.overlaps(other):
                self.add_error(
                    "starts_on",
                    f"It overlaps with {other.place}, from {other.starts_on} to "
                    f"{other.ends_on or 'further notice'}: end that one first.",
                )
        return cleaned


def _people_link(count: int, **filters: Any) -> str:
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    url = reverse("admin:seats_assignment_changelist")
    return format_html('<a class="portal-link" href="{}?{}">{}</a>', url, query, f"{count:,}")


def _people_of(column: str) -> Coalesce:
    """How many people belong there today."""
    there = Assignment.objects.on(today()).filter(**{column: OuterRef("pk")}).order_by().values(column)
    return Coalesce(Subquery(there.annotate(people=Count("pk")).values("people")), 0)


@admin.register(CostCentre)
class CostCentreAdmin(KeptByHandAdmin):
    noun = "cost centre"
    list_title = "Cost centres"
    empty_note = "Who pays: entered here, or brought as a sheet with the columns code, name and owner."
    list_display: ClassVar[list[str]] = ["code", "named", "owned_by", "people"]
    search_fields: ClassVar[list[str]] = ["code", "name", "owner"]
    ordering: ClassVar[list[str]] = ["code_key"]
    fields: ClassVar[list[str]] = ["code", "name", "owner"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[CostCentre]:
        return super().get_queryset(request).annotate(people_now=_people_of("cost_centre"))  # type: ignore[no-any-return]

    @display(description="name", ordering="name")
    def named(self, centre: CostCentre) -> str:
        return centre.name or NOTHING

    @display(description="owner", ordering="owner")
    def owned_by(self, centre: CostCentre) -> str:
        return centre.owner or NOTHING

    @display(description="people today", ordering="people_now")
    def people(self, centre: Any) -> str:
        return _people_link(centre.people_now, cost_centre__id__exact=centre.pk, when="now")


@admin.register(Department)
class DepartmentAdmin(KeptByHandAdmin):
    noun = "department"
    form = NamesManager
    list_title = "Departments"
    empty_note = "Entered here, or brought as a sheet with the columns name, part_of and manager."
    list_display: ClassVar[list[str]] = ["name", "part_of", "managed_by", "people"]
    list_select_related: ClassVar[list[str]] = ["parent"]
    search_fields: ClassVar[list[str]] = ["name", "manager"]
    autocomplete_fields: ClassVar[list[str]] = ["parent"]
    ordering: ClassVar[list[str]] = ["name_key"]
    fields: ClassVar[list[str]] = ["name", "parent", "manager"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Department]:
        return super().get_queryset(request).annotate(people_now=_people_of("department"))  # type: ignore[no-any-return]

    @display(description="part of", ordering="parent__name_key")
    def part_of(self, department: Department) -> str:
        return department.parent.name if department.parent else NOTHING

    @display(description="manager", ordering="manager")
    def managed_by(self, department: Department) -> str:
        return department.manager or NOTHING

    @display(description="people today", ordering="people_now")
    def people(self, department: Any) -> str:
        return _people_link(department.people_now, department__id__exact=department.pk, when="now")


class WhenFilter(DropdownFilter):
    title = "when it holds"
    parameter_name = "when"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("now", "Today"),
            ("over", "Over"),
            ("later", "Not yet"),
            ("unknown", "Of people not met yet"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Assignment]) -> QuerySet[Assignment]:
        now: date = today()
        conditions = {
            "now": Q(starts_on__lte=now) & (Q(ends_on=None) | Q(ends_on__gte=now)),
            "over": Q(ends_on__lt=now),
            "later": Q(starts_on__gt=now),
            "unknown": Q(user=None),
        }
        return queryset.filter(conditions.get(self.value() or "", Q()))


@admin.register(Assignment)
class AssignmentAdmin(KeptByHandAdmin):
    noun = "assignment"
    form = AssignmentForm
    list_title = "Who belongs where"
    empty_note = (
        "Department, manager and cost centre of each person, from a day until a day: entered here, or "
        "brought as a sheet by login or mail address. Figures of a day go by what held on that day."
    )
    list_display: ClassVar[list[str]] = [
        "who",
        "department",
        "reports_to",
        "cost_centre",
        "since",
        "until",
        "met",
    ]
    list_filter: ClassVar[list[Any]] = [
        WhenFilter, ("department", RelatedDropdownFilter), ("cost_centre", RelatedDropdownFilter),
    ]  # fmt: skip
    list_select_related: ClassVar[list[str]] = ["user", "department", "cost_centre"]
    search_fields: ClassVar[list[str]] = ["user__login_key", "person", "manager"]
    search_help_text = "Login, mail address or manager"
    autocomplete_fields: ClassVar[list[str]] = ["department", "cost_centre"]
    ordering: ClassVar[list[str]] = ["person_key", "-starts_on"]
    fields: ClassVar[list[Any]] = ["person", "department", "manager", "cost_centre", ("starts_on", "ends_on")]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"starts_on": today(), **super().get_changeform_initial_data(request)}

    @display(description="person", ordering="person_key")
    def who(self, assignment: Assignment) -> str:
        return assignment.shown_person

    @display(description="manager", ordering="manager")
    def reports_to(self, assignment: Assignment) -> str:
        return assignment.manager or NOTHING

    @display(description="from", ordering="starts_on")
    def since(self, assignment: Assignment) -> str:
        return "ever" if assignment.starts_on == FROM_EVER else day(assignment.starts_on)

    @display(description="until", ordering="ends_on")
    def until(self, assignment: Assignment) -> str:
        return day(assignment.ends_on) if assignment.ends_on else "another begins"

    @display(description="known at GitHub")
    def met(self, assignment: Assignment) -> str:
        return "yes" if assignment.user_id else "not met yet"


@admin.register(TeamOwner)
class TeamOwnerAdmin(KeptByHandAdmin):
    noun = "team owner"
    form = NamesPerson
    list_title = "Team owners"
    empty_note = (
        "Who answers for a team: entered here, or brought as a sheet with the columns team and owner."
    )
    list_display: ClassVar[list[str]] = ["team_name", "account", "who", "note"]
    list_select_related: ClassVar[list[str]] = ["team__account", "user"]
    search_fields: ClassVar[list[str]] = ["team__slug", "person", "user__login_key", "note"]
    autocomplete_fields: ClassVar[list[str]] = ["team"]
    ordering: ClassVar[list[str]] = ["team__slug", "person_key"]
    fields: ClassVar[list[str]] = ["team", "person", "note"]

    @display(description="team", ordering="team__slug")
    def team_name(self, owner: TeamOwner) -> str:
        return str(owner.team)

    @display(description="of", ordering="team__account__login_key")
    def account(self, owner: TeamOwner) -> str:
        return owner.team.account.label

    @display(description="owner", ordering="person_key")
    def who(self, owner: TeamOwner) -> str:
        return owner.shown_person
