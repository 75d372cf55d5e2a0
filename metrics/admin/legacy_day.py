"""Days of the two older systems."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    RadioFilter,
    RangeDateFilter,
)
from unfold.decorators import display

from metrics.admin.days import DayAdmin
from metrics.admin.lineage import FromFile
from metrics.models import LegacyDay
from portal.admin.base import NOTHING, UPLOAD


class WhoseFilter(RadioFilter):
    title = "whose"
    parameter_name = "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("account", "Whole accounts"), ("team", "Teams")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LegacyDay]) -> QuerySet[LegacyDay]:
        if self.value() == "account":
            return queryset.filter(team_slug="")
        return queryset.exclude(team_slug="") if self.value() == "team" else queryset


@admin.register(LegacyDay)
class LegacyDayAdmin(FromFile, DayAdmin):
    list_title = "Days of older systems"
    empty_note = (
        "GitHub has closed both older APIs. Upload answers that were saved before, or switch them on in a "
        "connection to a server that still gives them."
    )
    filled_through = (UPLOAD,)
    list_display = [
        "on",
        "account",
        "team",
        "api",
        "total_active_users",
        "total_engaged_users",
        "total_code_suggestions",
        "total_code_acceptances",
        "total_chats",
    ]
    list_filter = [
        ("account", AutocompleteSelectFilter),
        WhoseFilter,
        ("api", ChoicesDropdownFilter),
        ("day", RangeDateFilter),
    ]
    search_fields = ["team_slug__startswith"]
    search_help_text = "Beginning of a team's slug"
    readonly_fields = ["on", "team", "source_file", "restated", "everything_else"]
    fieldsets = [
        (
            None,
            {
                "fields": [("on", "account", "team"), "api"],
                "description": "These systems counted other things than today's reports: never add the two.",
            },
        ),
        ("People", {"fields": [("total_active_users", "total_engaged_users", "total_chat_users")]}),
        (
            "Code",
            {
                "fields": [
                    ("total_code_suggestions", "total_code_acceptances"),
                    ("total_code_lines_suggested", "total_code_lines_accepted"),
                ]
            },
        ),
        (
            "Chat and pull requests",
            {
                "fields": [
                    ("total_chats", "total_chat_insertion_events", "total_chat_copy_events"),
                    ("total_chat_acceptances", "total_dotcom_chats", "total_pr_summaries_created"),
                ]
            },
        ),
        ("Where it comes from", {"fields": ["source_file", ("observed_at", "restated")]}),
        ("The whole document", {"fields": ["everything_else"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LegacyDay]:
        days: QuerySet[LegacyDay] = super().get_queryset(request)
        return days.defer("blob", "content_hash")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[LegacyDay], search_term: str
    ) -> tuple[QuerySet[LegacyDay], bool]:
        found: tuple[QuerySet[LegacyDay], bool] = super().get_search_results(
            request, queryset, search_term.lower()
        )
        return found

    @display(description="team")
    def team(self, row: LegacyDay) -> str:
        return row.team_slug or NOTHING
