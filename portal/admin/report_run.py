"""What came of reports that were made by themselves: when, how much, where to, or why not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any, BinaryIO, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from portal.admin.base import NOTHING, ReadOnlyAdmin, moment
from portal.admin.saved_report import WAY
from portal.models import AuditEntry, ReportRun
from portal.reports import files, registry, writers
from portal.reports.base import ReportError

BYTES_AT_ONCE = 1 << 16


@admin.register(ReportRun)
class ReportRunAdmin(ReadOnlyAdmin):
    list_title = "Runs of reports"
    empty_title = "No runs yet"
    empty_note = "Each time a scheduled report is made, it is listed here, with what came of it."
    filled_through = WAY
    list_display: ClassVar[list[str]] = [
        "what",
        "due",
        "state_label",
        "row_count",
        "bytes_size",
        "went",
        "says",
    ]
    list_filter: ClassVar[list[Any]] = [("state", ChoicesDropdownFilter)]
    search_fields: ClassVar[list[str]] = ["name", "report"]
    ordering: ClassVar[list[str]] = ["-id"]
    sortable_by: ClassVar[list[str]] = []
    change_form_outer_before_template = "admin/portal/reportrun/file.html"
    fields: ClassVar[list[Any]] = [
        ("name", "report", "file_format"),
        ("state", "due", "started", "finished"),
        ("row_count", "bytes_size"),
        "sha256",
        "where_to",
        "error",
        "asked",
        "whose",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReportRun]:
        rows: QuerySet[ReportRun] = super().get_queryset(request)
        user: Any = request.user
        return rows.filter(pk__in=ReportRun.objects.readable_by(user).order_by().values("pk"))

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup == "schedule__id__exact" or bool(super().lookup_allowed(lookup, value, request))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.file_view)
        return [path("<int:pk>/file/", view, name="portal_reportrun_file"), *super().get_urls()]

    def page_context(self, request: HttpRequest, row: ReportRun | None) -> dict[str, Any]:
        return {"run": row, "has_file": row is not None and files.kept_file(row) is not None}

    def file_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The file of the run once more, for who may read the report today."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = get_object_or_404(self.get_queryset(request), pk=pk)
        try:
            report = registry.get(run.report)
            query = report.read(run.filters, today=run.due_at.astimezone(UTC).date())
        except ReportError as error:
            raise Http404(str(error)) from None
        if not report.is_open_to(request.user, query):
            raise PermissionDenied
        path_of_file = files.kept_file(run)
        if path_of_file is None:
            raise Http404("The file was removed.")
        detail = {"report": run.report, "asked": run.filters, "format": run.file_format, "rows": run.rows}
        AuditEntry.objects.record(
            "report exported",
            subject=f"report-run:{run.pk}",
            actor=request.user,
            detail={**detail, "how": "file of a run"},
        )
        return writers.as_download(_chunks(path_of_file.open("rb")), run.report, run.file_format)

    # --- Columns --------------------------------------------------------------------------------

    @display(description="report")
    def what(self, run: ReportRun) -> str:
        return run.name

    @display(description="due")
    def due(self, run: ReportRun) -> str:
        return format_html('<span class="portal-nowrap">{}</span>', moment(run.due_at))

    @display(description="started")
    def started(self, run: ReportRun) -> str:
        return moment(run.started_at)

    @display(description="finished")
    def finished(self, run: ReportRun) -> str:
        return moment(run.finished_at)

    @display(
        description="state",
        label={"waiting": "info", "running": "primary", "done": "success", "failed": "danger"},
    )
    def state_label(self, run: ReportRun) -> tuple[str, str]:
        return run.state, run.get_state_display()

    @display(description="rows")
    def row_count(self, run: ReportRun) -> str:
        return NOTHING if run.rows is None else f"{run.rows:,}"

    @display(description="bytes")
    def bytes_size(self, run: ReportRun) -> str:
        return NOTHING if run.size is None else f"{run.size:,}"

    @display(description="went to")
    def went(self, run: ReportRun) -> str:
        return run.where_to or NOTHING

    @display(description="what went wrong")
    def says(self, run: ReportRun) -> str:
        return run.error or NOTHING

    @display(description="asks")
    def asked(self, run: ReportRun) -> str:
        return ", ".join(f"{name} {value}" for name, value in sorted(run.filters.items())) or NOTHING

    @display(description="owner")
    def whose(self, run: ReportRun) -> str:
        return run.owner.get_username() if run.owner else NOTHING


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(BYTES_AT_ONCE):
            yield chunk
