"""Days of accounts and teams, and what is covered at all."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import display

from metrics.admin.lineage import FromFile, file_origin, files_of
from metrics.models import DirtyDay, ReportDay, ScopeDay, TeamDay, TeamRoster
from metrics.models.counters import COUNTERS
from metrics.models.team_day import NO_TEAM
from portal.admin.base import NOTHING, ReadOnlyAdmin, day, moment
from portal.admin.paginator import CappedPaginator
from seats.models import GitHubUser

SHOWN_MEMBERS = 500
FEW_COUNTERS = [
    "user_initiated_interaction_count",
    "code_generation_activity_count",
    "code_acceptance_activity_count",
    "loc_added_sum",
]


class DayAdmin(ReadOnlyAdmin):
    """A list of days: newest first, narrowed by account and range."""

    list_select_related: Any = ["account"]
    list_filter: Any = [("account", AutocompleteSelectFilter), ("day", RangeDateFilter)]
    ordering: Any = ["-day", "-id"]
    sortable_by: Any = []
    paginator = CappedPaginator
    readonly_fields: Any = ["on"]

    @display(description="day", ordering="day")
    def on(self, row: Any) -> str:
        return day(row.day)


@admin.register(ReportDay)
class ReportDayAdmin(FromFile, DayAdmin):
    list_title = "Covered days"
    list_display = ["on", "account", "report", "file", "as_of", "whole", "is_settled"]
    list_filter = [
        ("account", AutocompleteSelectFilter),
        ("report", ChoicesDropdownFilter),
        ("day", RangeDateFilter),
        ("file", AutocompleteSelectFilter),
    ]
    list_select_related = ["account", "file"]
    fields = [("on", "account", "report"), "source_file", "as_of", "whole", "restated"]
    readonly_fields = ["on", "as_of", "whole", "source_file", "restated"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReportDay]:
        days: QuerySet[ReportDay] = super().get_queryset(request)
        dirty = DirtyDay.objects.filter(account=OuterRef("account"), day=OuterRef("day"))
        return days.annotate(is_dirty=Exists(dirty))

    @display(description="as of")
    def as_of(self, row: ReportDay) -> str:
        return moment(row.observed_at)

    @display(description="complete", boolean=True)
    def whole(self, row: ReportDay) -> bool:
        return row.is_complete

    def row_title(self, row: ReportDay) -> str:
        return f"{row.account}, {row.get_report_display()} of {row.day}"

    @display(description="totals", label={"updating": "warning", "up to date": "success"})
    def is_settled(self, row: Any) -> str:
        return "updating" if row.is_dirty else "up to date"


@admin.register(ScopeDay)
class ScopeDayAdmin(FromFile, DayAdmin):
    list_title = "Account days"
    list_display = [
        "on",
        "account",
        "source",
        "daily_active_users",
        "weekly_active_users",
        "monthly_active_users",
        *FEW_COUNTERS,
    ]
    list_filter = [
        ("account", AutocompleteSelectFilter),
        ("source", ChoicesDropdownFilter),
        ("day", RangeDateFilter),
    ]
    fields = [
        ("on", "account", "source"),
        ("daily_active_users", "weekly_active_users", "monthly_active_users"),
        ("monthly_active_chat_users", "monthly_active_agent_users", "daily_active_cli_users"),
        *COUNTERS,
        "source_file",
        ("observed_at", "restated"),
    ]
    readonly_fields = ["on", "source_file", "restated"]

    @display(description="file")
    def source_file(self, row: ScopeDay) -> str:
        """The account's own report, or the files of the people it is added up from."""
        if row.source == ScopeDay.Source.REPORT:
            return file_origin(row.file_id)
        return files_of(row.account_id, row.day, ReportDay.Report.USERS)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScopeDay]:
        days: QuerySet[ScopeDay] = super().get_queryset(request)
        return days.defer("blob", "content_hash")


@admin.register(TeamDay)
class TeamDayAdmin(FromFile, DayAdmin):
    list_title = "Team days"
    list_display = ["on", "team_name", "account", "member_count", "active_users", *FEW_COUNTERS]
    list_filter = [
        ("account", AutocompleteSelectFilter),
        ("team", AutocompleteSelectFilter),
        ("day", RangeDateFilter),
    ]
    list_select_related = ["account", "team"]
    fields = [
        ("on", "account", "team_name"),
        ("member_count", "active_users"),
        *COUNTERS,
        ("its_people", "its_roster"),
        "restated",
    ]
    readonly_fields = ["on", "team_name", "its_people", "its_roster", "restated"]

    @display(description="people's days from")
    def its_people(self, row: TeamDay) -> str:
        return files_of(row.account_id, row.day, ReportDay.Report.USERS)

    @display(description="members from")
    def its_roster(self, row: TeamDay) -> str:
        roster = TeamRoster.objects.filter(team=row.team_id, day=row.day).first() if row.team_id else None
        if roster is not None:
            return file_origin(roster.file_id)
        return files_of(row.account_id, row.day, ReportDay.Report.USER_TEAMS)

    @display(description="team")
    def team_name(self, row: TeamDay) -> str:
        return str(row.team) if row.team else NO_TEAM


@admin.register(TeamRoster)
class TeamRosterAdmin(FromFile, DayAdmin):
    list_title = "Team rosters"
    list_display = ["on", "team", "account", "member_count", "as_of"]
    list_filter = [
        ("team__account", AutocompleteSelectFilter),
        ("team", AutocompleteSelectFilter),
        ("day", RangeDateFilter),
    ]
    list_select_related = ["team__account"]
    fields = [("on", "team"), "member_count", "people", "source_file", "observed_at"]
    readonly_fields = ["on", "people", "source_file"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[TeamRoster]:
        rosters: QuerySet[TeamRoster] = super().get_queryset(request)
        return rosters.defer("members")

    @display(description="organization or enterprise")
    def account(self, roster: TeamRoster) -> str:
        return roster.team.account.label

    @display(description="as of")
    def as_of(self, roster: TeamRoster) -> str:
        return moment(roster.observed_at)

    @display(description="members")
    def people(self, roster: TeamRoster) -> str:
        people = GitHubUser.objects.filter(pk__in=list(roster.user_keys)[:SHOWN_MEMBERS])
        logins = ", ".join(people.order_by("login_key").values_list("login", flat=True))
        more = roster.member_count - SHOWN_MEMBERS
        return (f"{logins} and {more} more" if more > 0 else logins) or NOTHING
