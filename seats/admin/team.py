"""Teams as last known: who is in them, and which of those hold a seat."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.decorators import display

from seats.admin.base import NOTHING, ReadOnlyAdmin, seats_link
from seats.models import Seat, Team, TeamMembership


class MembershipInline(TabularInline):
    model = TeamMembership
    verbose_name_plural = "members, as last known"
    fields: ClassVar[list[str]] = ["user", "seen_on"]
    readonly_fields = fields
    per_page = 50
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Team | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Team | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[TeamMembership]:
        members: QuerySet[TeamMembership] = super().get_queryset(request)
        return members.select_related("user").order_by("user__login_key", "id")


@admin.register(Team)
class TeamAdmin(ReadOnlyAdmin):
    list_title = "Teams"
    list_display: ClassVar[list[str]] = ["team", "account", "members", "seats", "parent"]
    list_select_related: ClassVar[list[str]] = ["account", "parent"]
    search_fields: ClassVar[list[str]] = ["slug", "name", "account__login"]
    search_help_text = "Team or organization"
    fields: ClassVar[list[str]] = [
        "account", "slug", "name", "github_id", "parent", "also_called", "seats",
    ]  # fmt: skip
    readonly_fields = fields
    inlines: ClassVar[list[Any]] = [MembershipInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        teams: QuerySet[Team] = super().get_queryset(request)
        # Subqueries, asked for the rows of one page only.
        members = TeamMembership.objects.filter(team=OuterRef("pk")).order_by().values("team")
        holders = members.filter(Exists(Seat.objects.held().filter(user_id=OuterRef("user_id"))))
        return teams.annotate(
            member_count=Coalesce(Subquery(members.annotate(people=Count("pk")).values("people")), 0),
            holder_count=Coalesce(Subquery(holders.annotate(people=Count("pk")).values("people")), 0),
        )

    @display(description="team", ordering="slug")
    def team(self, team: Team) -> str:
        return str(team)

    @display(description="former slugs")
    def also_called(self, team: Team) -> str:
        return ", ".join(map(str, team.former_slugs)) or NOTHING

    @display(description="members", ordering="member_count")
    def members(self, team: Any) -> int:
        count: int = team.member_count
        return count

    @display(description="members with a seat", ordering="holder_count")
    def seats(self, team: Any) -> str:
        return seats_link(team.holder_count, team=team.pk)
