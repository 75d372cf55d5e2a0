"""People: the logins they bore, the seats they hold, when they were seen alive; where mail reaches them."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.text import capfirst
from unfold.decorators import display

from portal.cards import Cell, Table
from seats.admin.base import NOTHING, ReadOnlyAdmin, day, seats_link
from seats.admin.kept_by_hand import KeptByHandAdmin, changes
from seats.models import Evidence, GitHubUser, Seat, UserLogin
from seats.sheets.contacts import BY_HAND, checked_email, checked_language

ADDRESSES = ("email", "contact_email")


class ContactForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    class Meta:
        model = GitHubUser
        fields: ClassVar[list[str]] = list(BY_HAND)

    def clean_contact_email(self) -> str:
        return checked_email(self.cleaned_data["contact_email"])

    def clean_language(self) -> str:
        return checked_language(self.cleaned_data["language"])


@admin.register(GitHubUser)
class GitHubUserAdmin(KeptByHandAdmin):
    """What GitHub tells is looked at; where mail reaches the person, and in which language, is kept here."""

    noun = "contact"
    form = ContactForm
    list_title = "People"
    empty_note = ReadOnlyAdmin.empty_note
    filled_through = ReadOnlyAdmin.filled_through
    list_display: ClassVar[list[str]] = ["login", "number", "full_name", "held_seats", "last_seen"]
    ordering: ClassVar[list[str]] = ["login_key", "id"]
    search_fields: ClassVar[list[str]] = ["login_key"]
    search_help_text = "Login, also a former one"
    fields: ClassVar[list[str]] = ["login", "number", "name", "email", *BY_HAND]
    readonly_fields: ClassVar[list[str]] = ["login", "number", "name", "email"]
    change_form_after_template = "admin/seats/githubuser/story.html"

    def get_fields(self, request: HttpRequest, obj: GitHubUser | None = None) -> list[str]:
        """Addresses are for whoever keeps them, or writes to them."""
        if self.has_change_permission(request) or request.user.has_perm("seats.send_notice"):
            return self.fields
        return [name for name in self.fields if name not in ADDRESSES]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_import_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_change_permission(request))

    def has_export_permission(self, request: HttpRequest) -> bool:
        # A sheet of everybody's address is for whoever keeps it.
        return bool(self.has_change_permission(request))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        was = GitHubUser.objects.get(pk=obj.pk)
        # GitHub's lists may change the rest of the row at this moment.
        obj.save(update_fields=BY_HAND)
        changed = {name: change for name, change in changes(was, obj).items() if name in BY_HAND}
        if changed:
            self._record(request, "changed", obj, changed)

    def get_queryset(self, request: HttpRequest) -> QuerySet[GitHubUser]:
        people: QuerySet[GitHubUser] = super().get_queryset(request)
        # Subqueries, asked for the rows of one page only: joins would be counted and sorted for everybody.
        held = Seat.objects.held().filter(user=OuterRef("pk")).order_by().values("user")
        newest = Evidence.objects.filter(user=OuterRef("pk")).order_by().values("user")
        return people.annotate(
            seat_count=Coalesce(Subquery(held.annotate(seats=Count("pk")).values("seats")), 0),
            last_on=Subquery(newest.annotate(newest=Max("last_on")).values("newest")),
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[GitHubUser], search_term: str
    ) -> tuple[QuerySet[GitHubUser], bool]:
        for word in search_term.lower().split():
            borne = UserLogin.objects.filter(login_key__contains=word).values("user_id")
            queryset = queryset.filter(Q(login_key__contains=word) | Q(pk__in=borne))
        return queryset, False

    @display(description="GitHub id", ordering="github_id")
    def number(self, person: GitHubUser) -> str:
        return str(person.github_id or NOTHING)

    @display(description="name", ordering="name")
    def full_name(self, person: GitHubUser) -> str:
        return person.name or NOTHING

    @display(description="seats", ordering="seat_count")
    def held_seats(self, person: Any) -> str:
        return seats_link(person.seat_count, q=person.login)

    @display(description="last evidence", ordering="last_on")
    def last_seen(self, person: Any) -> str:
        return day(person.last_on)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        person = self.get_object(request, object_id)
        context: dict[str, Any] = {}
        if person is not None:
            tables = [
                _logins(person), _seats(person), _places(person), _owned(person), _evidence(person),
                _teams(person),
            ]  # fmt: skip
            context = {"tables": [table for table in tables if table.rows], "title": person.login}
        response: HttpResponse = super().change_view(
            request, object_id, form_url, {**context, **(extra_context or {})}
        )
        return response


def _logins(person: GitHubUser) -> Table:
    return Table(
        "Logins",
        ["Login", "First seen", "Last seen"],
        [
            [Cell(row.login), Cell(day(row.first_seen_on)), Cell(day(row.last_seen_on))]
            for row in person.logins.all()
        ],
        note="The id is the person; a login is only a name, and may go to somebody else.",
    )


def _seats(person: GitHubUser) -> Table:
    seats = Seat.objects.filter(user=person).select_related("account").order_by("ended_at", "id")
    return Table(
        "Seats",
        ["Granted by", "Plan", "Verdict", "Last evidence", "Ended"],
        [
            [
                Cell(seat.account.label, reverse("admin:seats_seat_change", args=[seat.pk])),
                Cell(seat.plan_type),
                Cell(NOTHING if seat.ended_at else seat.get_verdict_display()),
                Cell(day(seat.last_used_on)),
                Cell(day(seat.ended_at)),
            ]
            for seat in seats
        ],
    )


def _places(person: GitHubUser) -> Table:
    places = person.assignments.select_related("department", "cost_centre").order_by("-starts_on")
    return Table(
        "Department and cost centre",
        ["Department", "Manager", "Cost centre", "From", "Until"],
        [
            [
                Cell(
                    str(place.department or NOTHING),
                    reverse("admin:seats_assignment_change", args=[place.pk]),
                ),
                Cell(place.manager or NOTHING),
                Cell(str(place.cost_centre or NOTHING)),
                Cell(day(place.starts_on)),
                Cell(day(place.ends_on)),
            ]
            for place in places
        ],
    )


def _owned(person: GitHubUser) -> Table:
    owned = person.owned_teams.select_related("team__account").order_by("team__slug")
    return Table(
        "Answers for the teams",
        ["Team", "Of", "Note"],
        [
            [
                Cell(str(row.team), reverse("admin:seats_team_change", args=[row.team_id])),
                Cell(row.team.account.label),
                Cell(row.note or NOTHING),
            ]
            for row in owned
        ],
    )


def _evidence(person: GitHubUser) -> Table:
    rows = person.evidence.order_by("-last_on")
    return Table(
        "Evidence of use, by source",
        ["Source", "Newest day"],
        [[Cell(capfirst(row.get_source_display())), Cell(day(row.last_on))] for row in rows],
    )


def _teams(person: GitHubUser) -> Table:
    memberships = person.memberships.select_related("team__account").order_by("team__slug")
    return Table(
        "Teams, as last known",
        ["Team", "Of", "Seen"],
        [
            [
                Cell(str(row.team), reverse("admin:seats_team_change", args=[row.team_id])),
                Cell(row.team.account.label),
                Cell(day(row.seen_on)),
            ]
            for row in memberships
        ],
    )
