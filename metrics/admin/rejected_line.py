"""Lines that could not be read: why and where, what they say, and ways to mend them and try again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, DropdownFilter, RadioFilter
from unfold.decorators import action, display

from metrics import rejected_groups
from metrics.admin import rejected_pages
from metrics.ingest import rejects
from metrics.ingest.bad_place import excerpt, place_of
from metrics.ingest.reasons import without_particulars
from portal.admin.base import NOTHING, PortalModelAdmin, moment
from portal.admin.paginator import CappedPaginator
from portal.models import AuditEntry, RejectedLine

EXCERPT = 60
UNSEEN = "only for those who may see the people it tells of"


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


class ReasonFilter(DropdownFilter):
    """The reason that the page by reason led here with."""

    title = "reason"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        reason = request.GET.get(self.parameter_name)
        return [(reason, reason)] if reason else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[RejectedLine]) -> QuerySet[RejectedLine]:
        return rejected_groups.narrowed(queryset, self.value()) if self.value() else queryset


@admin.register(RejectedLine)
class RejectedLineAdmin(PortalModelAdmin):
    list_title = "Rejected lines"
    empty_title = "No rejected lines"
    empty_note = "Lines that cannot be read are kept here, with the reason, and can be mended."
    list_display = ["number", "in_file", "why", "around", "state_label"]
    list_filter = [ResolvedFilter, ReasonFilter, ("file", AutocompleteSelectFilter)]
    list_select_related = ["file"]
    search_fields = ["reason", "file__name"]
    search_help_text = "Reason or file name"
    ordering = ["-file_id", "line_number"]
    sortable_by: list[str] = []
    paginator = CappedPaginator
    actions = ["retry_selected"]
    list_before_template = "admin/portal/rejectedline/ways.html"
    readonly_fields = ["in_file", "line_number", "why", "fault", "resolved_at"]

    class Media:
        css = {"all": ["portal/records.css", "metrics/rejected.css"]}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(
            request, {"ways": rejected_pages.ways(request), **(extra_context or {})}
        )

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        pages = rejected_pages.Pages(self)
        return [
            path("by-reason/", guarded(pages.by_reason), name="portal_rejectedline_by_reason"),
            path("retry/", guarded(pages.retry), name="portal_rejectedline_retry"),
            path("export/<str:form>/", guarded(pages.export), name="portal_rejectedline_export"),
            *super().get_urls(),
        ]

    def row_title(self, row: RejectedLine) -> str:
        return f"Line {row.line_number:,} of {row.file.name}"

    # Who may what.

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: RejectedLine | None = None) -> bool:
        if obj is not None and (obj.resolved_at is not None or not self._may_read(request, obj)):
            return False
        return bool(super().has_change_permission(request, obj))

    def _may_read(self, request: HttpRequest, line: RejectedLine) -> bool:
        return rejected_groups.may_read(request.user, line.file.kind)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RejectedLine]:
        lines: QuerySet[RejectedLine] = super().get_queryset(request).select_related("file")
        # The columns know no request: each row says whether this user may read it.
        readable = Q(file__kind__in=rejected_groups.readable_kinds(request.user))
        return lines.annotate(may_read=ExpressionWrapper(readable, output_field=BooleanField()))

    def get_fieldsets(self, request: HttpRequest, obj: RejectedLine | None = None) -> Any:
        if obj is not None and not self._may_read(request, obj):
            note = f"What the line says is shown {UNSEEN}."
            return [(None, {"fields": ["in_file", "line_number", "why", "resolved_at"], "description": note})]
        note = (
            "Mend the line and save it: it is tried again as it then stands. The kept file stays as it came."
        )
        fields = ["in_file", "line_number", "why", "fault", "line", "resolved_at"]
        return [(None, {"fields": fields, "description": note})]

    # Columns.

    @display(description="file")
    def in_file(self, line: RejectedLine) -> str:
        url = reverse("admin:portal_reportfile_change", args=[line.file_id])
        return format_html('<a class="portal-link" href="{}">{}</a>', url, line.file.name)

    @display(description="line", ordering="line_number")
    def number(self, line: RejectedLine) -> str:
        return f"{line.line_number:,}"

    @display(description="reason")
    def why(self, line: RejectedLine) -> str:
        # What a reason quotes is of the line.
        return line.reason if may_read(line) else without_particulars(line.reason)

    @display(description="where")
    def around(self, line: RejectedLine) -> SafeString | str:
        return marked(line, EXCERPT) if may_read(line) else NOTHING

    @display(description="where the fault is")
    def fault(self, line: RejectedLine) -> SafeString | str:
        place = place_of(line.line, line.reason)
        if place is None:
            return NOTHING
        return format_html(
            '<div class="portal-pre">{}</div><p class="portal-figure-note">Character {} of {}</p>',
            marked(line),
            f"{place.start + 1:,}",
            f"{len(line.line):,}",
        )

    @display(description="state", label={"open": "warning", "resolved": "success"})
    def state_label(self, line: RejectedLine) -> tuple[str, str]:
        if line.resolved_at is None:
            return "open", "open"
        return "resolved", f"resolved {moment(line.resolved_at)}"

    # Mending and trying again.

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
        obj.refresh_from_db()
        if obj.resolved_at is None:
            return redirect("admin:portal_rejectedline_change", obj.pk)
        return redirect("admin:portal_rejectedline_changelist")

    @action(description="Retry selected lines", permissions=["change"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[RejectedLine]) -> None:
        kinds = rejected_groups.readable_kinds(request.user)
        lines = queryset.filter(resolved_at=None, file__kind__in=kinds).select_related("file")
        self._retry(request, list(lines))

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


def may_read(line: RejectedLine) -> bool:
    """As the list's own query found it."""
    return bool(getattr(line, "may_read", False))


def marked(line: RejectedLine, around: int = 160) -> SafeString | str:
    """The line around its fault, the fault marked; what is left out is counted."""
    if not line.line:
        return NOTHING
    place = place_of(line.line, line.reason)
    part = excerpt(line.line, place, around)
    fault: SafeString | str = ""
    if place is not None:
        # Where something is missing, there is nothing to mark but the place.
        fault = format_html('<mark class="rejected-fault">{}</mark>', part.fault or "\N{OPEN BOX}")
    return format_html(
        '<span class="rejected-text">{}{}{}{}{}</span>',
        "…" if part.left_before else "",
        part.before,
        fault,
        part.after,
        "…" if part.left_after else "",
    )
