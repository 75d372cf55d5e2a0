"""Teams as last known: who is in them, who maintains them, and which of those hold a seat."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RadioFilter
from unfold.decorators import display

from seats.admin.base import NOTHING, ReadOnlyAdmin, day, few, moment, seats_link
from seats.models import Seat, Team, TeamMembership

Role = TeamMembership.Role
# What GitHub calls a team's privacy.
VISIBLE_TO = {"closed": "everybody in the organization", "secret": "its members only"}


class ExistingFilter(RadioFilter):
    """Teams that exist unless asked otherwise; one that is gone keeps its past."""

    title = "existing or gone"
    parameter_name = "gone"
    all_option = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("", "Existing"), ("gone", "Gone"), ("all", "Existing and gone")]

    def value(self) -> str:
        return super().value() or ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Team]) -> QuerySet[Team]:
        if self.value() == "all":
            return queryset
        return queryset.filter(gone_at__isnull=self.value() != "gone")


class MembershipInline(TabularInline):
    model = TeamMembership
    verbose_name_plural = "members, as last known"
    # The login says it all.
    fields: ClassVar[list[str]] = ["user", "role", "through", "seen"]
    readonly_fields = fields
    per_page = 50
    extra = 0
    can_delete = False
    # A row above each row would only repeat it. The theme has two names for that, by its version.
    if hasattr(TabularInline, "show_title"):
        show_title = False
    else:
        hide_title = True

    def has_add_permission(self, request: HttpRequest, obj: Team | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Team | None = None) -> bool:
        return False

    @display(description="member of")
    def through(self, membership: TeamMembership) -> str:
        return "a team below it" if membership.is_inherited else "this team"

    @display(description="seen on")
    def seen(self, membership: TeamMembership) -> str:
        return day(membership.seen_on)

    def get_queryset(self, request: HttpRequest) -> QuerySet[TeamMembership]:
        members: QuerySet[TeamMembership] = super().get_queryset(request)
        # Maintainers first, by the alphabet as it happens.
        return members.select_related("user").order_by("role", "user__login_key", "id")


@admin.register(Team)
class TeamAdmin(ReadOnlyAdmin):
    list_title = "Teams"
    list_display: ClassVar[list[str]] = [
        "team", "account", "kind_in_words", "parent", "members", "maintainers", "seats",
    ]  # fmt: skip
    list_filter: ClassVar[list[Any]] = [ExistingFilter, ("kind", ChoicesDropdownFilter)]
    list_select_related: ClassVar[list[str]] = ["account", "parent"]
    search_fields: ClassVar[list[str]] = ["slug", "name", "account__login"]
    search_help_text = "Team or organization"
    fields: ClassVar[list[str]] = [
        "account", "slug", "name", "description", "kind_in_words", "visible_to", "number", "parent",
        "children", "also_called", "maintained_by", "owned_by", "seats", "members_as_of", "gone",
    ]  # fmt: skip
    readonly_fields = fields
    inlines: ClassVar[list[Any]] = [MembershipInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        teams: QuerySet[Team] = super().get_queryset(request)
        # Subqueries, asked for the rows of one page only.
        members = TeamMembership.objects.filter(team=OuterRef("pk")).order_by().values("team")
        holders = members.filter(Exists(Seat.objects.held().filter(user_id=OuterRef("user_id"))))
        counted = {
            "member_count": members,
            "maintainer_count": members.filter(role=Role.MAINTAINER),
            "holder_count": holders,
        }
        return teams.annotate(
            **{
                name: Coalesce(Subquery(rows.annotate(people=Count("pk")).values("people")), 0)
                for name, rows in counted.items()
            }
        )

    def get_fields(self, request: HttpRequest, obj: Team | None = None) -> list[str]:
        """Without what there is none of."""
        if obj is None:
            return self.fields
        empty = {
            "description": not obj.description,
            "parent": not obj.parent_id,
            "also_called": not obj.former_slugs,
            "gone": not obj.gone_at,
        }
        return [name for name in self.fields if not empty.get(name)]

    @display(description="team", ordering="slug")
    def team(self, team: Team) -> str:
        return f"{team} (gone)" if team.gone_at else str(team)

    @display(description="kind", ordering="kind")
    def kind_in_words(self, team: Team) -> str:
        return team.get_kind_display() or NOTHING

    @display(description="visible to")
    def visible_to(self, team: Team) -> str:
        return VISIBLE_TO.get(team.privacy, team.privacy) or NOTHING

    @display(description="GitHub id")
    def number(self, team: Team) -> str:
        return str(team.github_id)

    @display(description="former slugs")
    def also_called(self, team: Team) -> str:
        return ", ".join(map(str, team.former_slugs)) or NOTHING

    @display(description="teams below it")
    def children(self, team: Team) -> str:
        return few([str(child) for child in team.children.filter(gone_at=None).order_by("slug")], shown=10)

    @display(description="maintainers")
    def maintained_by(self, team: Team) -> str:
        maintainers = team.memberships.filter(role=Role.MAINTAINER).order_by("user__login_key")
        return few(list(maintainers.values_list("user__login", flat=True)), shown=10)

    @display(description="owners")
    def owned_by(self, team: Team) -> str:
        """Who answers for it, by our own list."""
        return few([owner.shown_person for owner in team.owners.select_related("user")], shown=10)

    @display(description="members", ordering="member_count")
    def members(self, team: Any) -> int:
        count: int = team.member_count
        return count

    @display(description="maintainers", ordering="maintainer_count")
    def maintainers(self, team: Any) -> int:
        count: int = team.maintainer_count
        return count

    @display(description="members with a seat", ordering="holder_count")
    def seats(self, team: Any) -> str:
        return seats_link(team.holder_count, team=team.pk)

    @display(description="members as of")
    def members_as_of(self, team: Team) -> str:
        if team.members_read_at:
            return f"{moment(team.members_read_at)}, from GitHub's list of members"
        seen_on = team.memberships.values_list("seen_on", flat=True).first()
        return f"{seen_on}, from a usage report: teams under five seats are not in it" if seen_on else NOTHING

    @display(description="gone since")
    def gone(self, team: Team) -> str:
        return moment(team.gone_at)
