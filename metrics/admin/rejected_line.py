"""Lines that could not be read: why, what they say, and a way to mend them and try again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RadioFilter
from unfold.decorators import action, display

from metrics.ingest import rejects
from portal.admin.base import NOTHING, PortalModelAdmin, moment
from portal.admin.paginator import CappedPaginator
from portal.models import AuditEntry, RejectedLine

EXCERPT = 120


class ResolvedFilter(RadioFilter):
    """Open ones unless asked otherwise: those are the ones to do something about."""

    title = "state"
    parameter_name = "resolved"
    all_option = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("", "Open"), ("yes", "Resolved"), ("all", "Open and resolved")]

    def value(self) -> str:
        return super().value() or ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[RejectedLine]) -> QuerySet[RejectedLine]:
        if self.value() == "all":
            return queryset
        return queryset.filter(resolved_at__isnull=self.value() != "yes")


@admin.register(RejectedLine)
class RejectedLineAdmin(PortalModelAdmin):
    list_title = "Rejected lines"
    empty_title = "No rejected lines"
    empty_note = "Lines that cannot be read are kept here, with the reason, and can be mended."
    list_display = ["number", "in_file", "reason", "excerpt", "state_label"]
    list_filter = [ResolvedFilter, ("file", AutocompleteSelectFilter)]
    list_select_related = ["file"]
    search_fields = ["reason", "file__name"]
    search_help_text = "Reason or file name"
    ordering = ["-file_id", "line_number"]
    sortable_by: list[str] = []
    paginator = CappedPaginator
    actions = ["retry_selected"]
    fieldsets = [
        (
            None,
            {
                "fields": ["in_file", "line_number", "reason", "line", "resolved_at"],
                "description": "Mend the line and save it: it is tried again as it then stands. "
                "The kept file stays as it came.",
            },
        )
    ]
    readonly_fields = ["in_file", "line_number", "reason", "resolved_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: RejectedLine | None = None) -> bool:
        if obj is not None and obj.resolved_at is not None:
            return False
        return bool(super().has_change_permission(request, obj))

    def get_queryset(self, request: HttpRequest) -> QuerySet[RejectedLine]:
        lines: QuerySet[RejectedLine] = super().get_queryset(request)
        return lines.select_related("file")

    @display(description="file")
    def in_file(self, line: RejectedLine) -> str:
        url = reverse("admin:portal_reportfile_change", args=[line.file_id])
        return format_html('<a class="portal-link" href="{}">{}</a>', url, line.file.name)

    @display(description="line", ordering="line_number")
    def number(self, line: RejectedLine) -> str:
        return f"{line.line_number:,}"

    @display(description="what it says")
    def excerpt(self, line: RejectedLine) -> str:
        text = " ".join(line.line[: EXCERPT * 2].split())
        return (text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…") or NOTHING

    @display(description="state", label={"open": "warning", "resolved": "success"})
    def state_label(self, line: RejectedLine) -> tuple[str, str]:
        if line.resolved_at is None:
            return "open", "open"
        return "resolved", f"resolved {moment(line.resolved_at)}"

    def save_model(self, request: HttpRequest, obj: RejectedLine, form: Any, change: bool) -> None:
        """Saving is mending: the line is tried again as it now stands."""
        if form.has_changed():
            super().save_model(request, obj, form, change)
            AuditEntry.objects.record(
                "rejected line mended",
                subject=f"file:{obj.file_id}",
                actor=request.user,
                detail={"line": obj.line_number},
            )
        self._retry(request, [obj])

    def response_change(self, request: HttpRequest, obj: RejectedLine) -> HttpResponse:
        """What came of the retry has been said; a line that is still rejected stays on the screen."""
        if obj.resolved_at is None:
            return redirect("admin:portal_rejectedline_change", obj.pk)
        return redirect("admin:portal_rejectedline_changelist")

    @action(description="Retry selected lines", permissions=["change"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[RejectedLine]) -> None:
        self._retry(request, list(queryset.open().select_related("file")))  # type: ignore[attr-defined]

    def _retry(self, request: HttpRequest, lines: list[RejectedLine]) -> None:
        outcomes = rejects.retry(lines, by=request.user)
        for error in {outcome.error for outcome in outcomes if outcome.error}:
            messages.error(request, error)
        tried = sum(outcome.counts.rows_read for outcome in outcomes)
        still = sum(outcome.counts.rows_rejected for outcome in outcomes)
        if tried - still:
            messages.success(request, f"{tried - still:,} of {tried:,} lines are in now.")
        if still:
            reason = next(reason for outcome in outcomes for _, reason in outcome.rejected)
            messages.warning(request, f"{still:,} still rejected: {reason}")
        if not outcomes:
            messages.info(request, "None of these lines is open any more.")
