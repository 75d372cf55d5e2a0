"""People: the logins they bore, the seats they hold, when they were seen alive."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.text import capfirst
from unfold.decorators import display

from portal.cards import Cell, Table
from seats.admin.base import NOTHING, ReadOnlyAdmin, day, seats_link
from seats.models import Evidence, GitHubUser, Seat, UserLogin


@admin.register(GitHubUser)
class GitHubUserAdmin(ReadOnlyAdmin):
    list_title = "People"
    list_display: ClassVar[list[str]] = ["login", "number", "full_name", "held_seats", "last_seen"]
    ordering: ClassVar[list[str]] = ["login_key", "id"]
    search_fields: ClassVar[list[str]] = ["login_key"]
    search_help_text = "Login, also a former one"
    fields: ClassVar[list[str]] = ["login", "number", "name", "email"]
    readonly_fields = fields
    change_form_after_template = "admin/seats/githubuser/story.html"

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
            tables = [_logins(person), _seats(person), _evidence(person), _teams(person)]
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
