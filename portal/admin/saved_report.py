"""Reports kept under a name: renamed, shared and deleted by whoever kept them, read by those they chose."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from unfold.decorators import display

from portal.admin.base import NOTHING, PortalModelAdmin, moment
from portal.models import AuditEntry, SavedReport
from portal.reports import registry
from portal.reports.base import ReportError
from portal.reports.header import asked

WAY = (("All reports", "reports:index", ""),)


@admin.register(SavedReport)
class SavedReportAdmin(PortalModelAdmin):
    list_title = "Saved reports"
    empty_title = "No saved reports"
    empty_note = "A report's page saves it with the filters it is asked."
    filled_through = WAY
    list_display: ClassVar[list[str]] = [
        "name",
        "report_title",
        "asks",
        "file_format",
        "whose",
        "shared",
        "open",
    ]
    list_select_related: ClassVar[list[str]] = ["owner"]
    search_fields: ClassVar[list[str]] = ["name", "report"]
    sortable_by: ClassVar[list[str]] = ["name"]
    filter_horizontal: ClassVar[list[str]] = ["groups", "users"]
    readonly_fields: ClassVar[list[str]] = ["report_title", "asks", "whose", "changed"]
    change_form_outer_before_template = "admin/portal/savedreport/steer.html"
    fieldsets: ClassVar[list[Any]] = [
        (None, {"fields": ["name", "report_title", "asks", "file_format", "has_header"]}),
        ("Who reads it", {"fields": ["sharing", "groups", "users", "whose", "changed"]}),
    ]
    conditional_fields: ClassVar[dict[str, str]] = {
        "groups": "sharing == 'chosen'",
        "users": "sharing == 'chosen'",
    }

    # --- Who may ------------------------------------------------------------------------------

    def has_module_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return any(report.is_open_to(user) for report in registry.all_reports())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a report's page saves it

    def has_view_permission(self, request: HttpRequest, obj: SavedReport | None = None) -> bool:
        return self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: SavedReport | None = None) -> bool:
        return self.has_module_permission(request) and (obj is None or obj.is_of(request.user))

    def has_delete_permission(self, request: HttpRequest, obj: SavedReport | None = None) -> bool:
        return self.has_change_permission(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SavedReport]:
        rows: QuerySet[SavedReport] = super().get_queryset(request)
        user: Any = request.user
        if user.is_superuser:
            return rows
        return rows.filter(pk__in=SavedReport.objects.readable_by(user).order_by().values("pk"))

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> dict[str, Any]:
        """No deleting by the dozen: a list shows what is shared as well, which is not the reader's."""
        # Django 6.1 says for which place on the page; 5.2 knows of one.
        where = {} if action_location is None else {"action_location": action_location}
        found: dict[str, Any] = super().get_actions(request, **where)
        return {name: one for name, one in found.items() if name != "delete_selected"}

    # --- Pages ----------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        copy = self.admin_site.admin_view(require_POST(self.copy_view))
        return [path("<int:pk>/copy/", copy, name="portal_savedreport_copy"), *super().get_urls()]

    def page_context(self, request: HttpRequest, row: SavedReport | None) -> dict[str, Any]:
        context: dict[str, Any] = {"show_save_and_continue": False, "show_save_and_add_another": False}
        if row is not None:
            context |= {
                "saved": row,
                "download_query": urlencode(
                    {
                        **row.filters,
                        "format": row.file_format,
                        **({"header": "1"} if row.has_header else {}),
                    }
                ),
                "schedule_url": self._schedule_url(request, row),
            }
        return context

    def _schedule_url(self, request: HttpRequest, saved: SavedReport) -> str:
        if not (saved.is_of(request.user) and request.user.has_perm("portal.add_reportschedule")):
            return ""
        return f"{reverse('admin:portal_reportschedule_add')}?saved={saved.pk}"

    def save_model(self, request: HttpRequest, obj: SavedReport, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        detail = {"name": obj.name, "report": obj.report, "shared_with": obj.sharing}
        AuditEntry.objects.record(
            "saved report changed", subject=f"saved-report:{obj.pk}", actor=request.user, detail=detail
        )

    def copy_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One's own copy of what one may read."""
        saved = self.get_queryset(request).filter(pk=pk).first()
        if saved is None:
            return HttpResponseRedirect(reverse("admin:portal_savedreport_changelist"))
        user: Any = request.user
        copy = SavedReport.objects.create(
            name=f"{saved.name[:110]} (copy)",
            report=saved.report,
            filters=saved.filters,
            file_format=saved.file_format,
            has_header=saved.has_header,
            owner=user,
        )
        messages.success(request, f"“{copy.name}” is yours.")
        return HttpResponseRedirect(reverse("admin:portal_savedreport_change", args=[copy.pk]))

    # --- Columns --------------------------------------------------------------------------------

    @display(description="report", ordering="report")
    def report_title(self, saved: SavedReport) -> str:
        try:
            return saved.known.title
        except ReportError:
            return f"{saved.report} (not there any more)"

    @display(description="asks")
    def asks(self, saved: SavedReport) -> str:
        try:
            return "; ".join(f"{label}: {value}" for label, value in asked(saved.known, saved.query()))
        except ReportError as error:
            return str(error)

    @display(description="owner")
    def whose(self, saved: SavedReport) -> str:
        return saved.owner.get_username() if saved.owner else NOTHING

    @display(description="shared with")
    def shared(self, saved: SavedReport) -> str:
        return saved.get_sharing_display()

    @display(description="changed")
    def changed(self, saved: SavedReport) -> str:
        return moment(saved.changed_at)

    @display(description="page")
    def open(self, saved: SavedReport) -> str:
        return format_html('<a class="portal-link" href="{}">Open</a>', saved.url())
