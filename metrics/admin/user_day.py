"""What people did on a day: the rows behind every figure of use."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateFilter
from unfold.decorators import display

from metrics.admin.lineage import FromFile
from metrics.models import UserDay
from metrics.models.counters import COUNTERS
from portal.admin.base import NOTHING, ReadOnlyAdmin, day
from portal.admin.paginator import CappedPaginator

FLAGS = {
    "used_chat": "chat",
    "used_agent": "agent",
    "used_vscode_agent": "VS Code agent",
    "used_cli": "CLI",
    "used_copilot_cloud_agent": "cloud agent",
    "used_copilot_app": "app",
    "used_copilot_code_review_active": "code review",
    "used_copilot_code_review_passive": "passive code review",
}


@admin.register(UserDay)
class UserDayAdmin(FromFile, ReadOnlyAdmin):
    list_title = "User days"
    list_display = [
        "on",
        "user",
        "account",
        "user_initiated_interaction_count",
        "code_generation_activity_count",
        "code_acceptance_activity_count",
        "loc_added_sum",
        "used",
        "credits",
    ]
    list_filter = [
        ("account", AutocompleteSelectFilter),
        ("user", AutocompleteSelectFilter),
        ("day", RangeDateFilter),
    ]
    list_select_related = ["account", "user"]
    search_fields = ["user__login_key__startswith"]
    search_help_text = "Beginning of a login"
    sortable_by: list[str] = []
    paginator = CappedPaginator
    readonly_fields = ["on", "used", "credits", "source_file", "restated", "everything_else"]
    fieldsets = [
        (None, {"fields": [("on", "user", "account"), *COUNTERS]}),
        ("Use", {"fields": ["used", ("credits", "phase_number")]}),
        ("Where it comes from", {"fields": ["source_file", ("observed_at", "restated")]}),
        ("Everything else the line says", {"fields": ["everything_else"]}),
    ]

    def get_ordering(self, request: HttpRequest) -> list[str]:
        """By day where an index leads the way; over everything, as it came in."""
        narrowed = {"account__id__exact", "user__id__exact"} & request.GET.keys()
        return ["-day", "-id"] if narrowed else ["-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[UserDay]:
        days: QuerySet[UserDay] = super().get_queryset(request)
        # The blob is read where one day is looked at, not for every row of a list.
        return days.defer("blob", "content_hash")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[UserDay], search_term: str
    ) -> tuple[QuerySet[UserDay], bool]:
        found: tuple[QuerySet[UserDay], bool] = super().get_search_results(
            request, queryset, search_term.lower()
        )
        return found

    @display(description="day")
    def on(self, user_day: UserDay) -> str:
        return day(user_day.day)

    @display(description="used")
    def used(self, user_day: UserDay) -> str:
        return ", ".join(words for flag, words in FLAGS.items() if getattr(user_day, flag)) or NOTHING

    @display(description="AI credits")
    def credits(self, user_day: UserDay) -> str:
        used = user_day.ai_credits_used
        return NOTHING if used is None else f"{used.normalize():,f}"
