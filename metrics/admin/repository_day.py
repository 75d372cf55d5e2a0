"""Repositories' days."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from metrics.admin.days import DayAdmin
from metrics.admin.lineage import FromFile
from metrics.models import RepositoryDay
from metrics.models.repository_day import PULL_REQUEST_COUNTERS


@admin.register(RepositoryDay)
class RepositoryDayAdmin(FromFile, DayAdmin):
    list_title = "Repository days"
    list_display = [
        "on",
        "repository",
        "account",
        "repo_visibility",
        "total_created",
        "total_created_by_copilot",
        "total_reviewed_by_copilot",
        "total_merged",
        "total_merged_created_by_copilot",
    ]
    search_fields = ["repo_name__startswith"]
    search_help_text = "Beginning of a repository's name"
    readonly_fields = ["on", "repository", "source_file", "restated", "everything_else"]
    fieldsets = [
        (None, {"fields": [("on", "repository", "account"), ("repo_visibility", "repo_id")]}),
        ("Pull requests", {"fields": list(PULL_REQUEST_COUNTERS)}),
        ("Where it comes from", {"fields": ["source_file", ("observed_at", "restated")]}),
        ("Everything else the line says", {"fields": ["everything_else"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RepositoryDay]:
        days: QuerySet[RepositoryDay] = super().get_queryset(request)
        return days.defer("blob", "content_hash")

    @display(description="repository")
    def repository(self, row: RepositoryDay) -> str:
        return row.full_name
