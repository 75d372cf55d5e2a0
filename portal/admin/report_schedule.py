"""When saved reports are made by themselves, and where they go; each person sees their own."""

from __future__ import annotations

from typing import Any, ClassVar
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import capfirst
from django.views.decorators.http import require_POST
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelect2Widget

from portal.admin.base import NOTHING, PortalModelAdmin, moment
from portal.admin.saved_report import WAY
from portal.mailing import is_shown_only
from portal.models import AuditEntry, ReportRun, ReportSchedule, SavedReport
from portal.reports import files, running
from portal.reports.base import ReportError
from portal.reports.recipients import refusals

Delivery = ReportSchedule.Delivery
# Narrows the list of runs to those of a schedule.
RUNS_OF = "schedule__id__exact"
# What the form suggests: the name of the report tells its files from those of others.
SUGGESTED_NAME = "{name}-{day}"
TAKEN = (
    "Another scheduled report writes a file of this name into this folder, and one would be lost: choose "
    "another folder, or a file name that tells them apart, for instance with {name} in it."
)


class ReportScheduleForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    time_zone = forms.ChoiceField(
        choices=lambda: [(zone, zone) for zone in sorted(available_timezones())],
        widget=UnfoldAdminSelect2Widget,
        initial="UTC",
    )

    class Meta:
        model = ReportSchedule
        fields = [
            "saved", "is_on", "cadence", "weekday", "day_of_month", "at", "time_zone", "delivery",
            "recipients", "folder", "file_name",
        ]  # fmt: skip

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("delivery") == Delivery.MAIL:
            addresses = ReportSchedule(recipients=given.get("recipients", "")).addresses
            if not addresses:
                self.add_error("recipients", "Name at least one address.")
            for sentence in refusals(addresses):
                self.add_error("recipients", sentence)
        elif given.get("delivery") == Delivery.FOLDER:
            self._check("folder", lambda: files.target_folder(given.get("folder", "")))
            saved = self.instance.saved if self.instance.pk else given.get("saved")
            if saved is not None and "folder" not in self.errors:
                self._check("file_name", lambda: self._check_file(given, saved))
        return given

    def _check_file(self, given: dict[str, Any], saved: SavedReport) -> None:
        """ReportError unless it has a file of its own; a paused one writes none."""
        schedule = ReportSchedule(
            pk=self.instance.pk, folder=given.get("folder", ""), file_name=given.get("file_name", "")
        )
        today = timezone.now().date()
        files.file_of(schedule, saved, today)
        if given.get("is_on") and files.is_written_by_another(schedule, saved, today):
            raise ReportError(TAKEN)

    def _check(self, field: str, check: Any) -> None:
        try:
            check()
        except ReportError as error:
            self.add_error(field, str(error))


@admin.register(ReportSchedule)
class ReportScheduleAdmin(PortalModelAdmin):
    form = ReportScheduleForm
    list_title = "Scheduled reports"
    empty_title = "No scheduled reports"
    empty_note = "Save a report on its page, then schedule it: it is mailed, or written into a folder."
    filled_through = WAY
    list_display: ClassVar[list[str]] = [
        "what",
        "state_label",
        "when",
        "goes",
        "next_run",
        "last_run",
        "whose",
    ]
    list_select_related: ClassVar[list[str]] = ["saved__owner"]
    sortable_by: ClassVar[list[str]] = []
    change_form_outer_before_template = "admin/portal/reportschedule/steer.html"
    readonly_fields: ClassVar[list[str]] = ["next_run", "last_run"]
    fieldsets: ClassVar[list[Any]] = [
        (None, {"fields": ["saved", "is_on"]}),
        (
            "When",
            {"fields": ["cadence", "weekday", "day_of_month", "at", "time_zone", "next_run", "last_run"]},
        ),
        ("Where to", {"fields": ["delivery", "recipients", "folder", "file_name"]}),
    ]
    conditional_fields: ClassVar[dict[str, str]] = {
        "weekday": "cadence == 'weekly'",
        "day_of_month": "cadence == 'monthly'",
        "recipients": "delivery == 'mail'",
        "folder": "delivery == 'folder'",
        "file_name": "delivery == 'folder'",
    }

    # --- Who may: their own, with the permission of the model -----------------------------------

    def _is_theirs(self, request: HttpRequest, obj: ReportSchedule | None) -> bool:
        return obj is None or obj.saved.is_of(request.user)

    def has_view_permission(self, request: HttpRequest, obj: ReportSchedule | None = None) -> bool:
        return bool(super().has_view_permission(request, obj)) and self._is_theirs(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: ReportSchedule | None = None) -> bool:
        return bool(super().has_change_permission(request, obj)) and self._is_theirs(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: ReportSchedule | None = None) -> bool:
        return bool(super().has_delete_permission(request, obj)) and self._is_theirs(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReportSchedule]:
        rows: QuerySet[ReportSchedule] = super().get_queryset(request)
        runs = ReportRun.objects.filter(schedule=OuterRef("pk")).order_by("-id")
        rows = rows.annotate(
            newest_due_at=Subquery(runs.values("due_at")[:1]), newest_state=Subquery(runs.values("state")[:1])
        )
        user: Any = request.user
        return rows if user.is_superuser else rows.filter(saved__owner=user.pk)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "saved":
            user: Any = request.user
            mine = (
                SavedReport.objects.all() if user.is_superuser else SavedReport.objects.filter(owner=user.pk)
            )
            kwargs["queryset"] = mine
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"file_name": SUGGESTED_NAME, **super().get_changeform_initial_data(request)}

    def get_readonly_fields(self, request: HttpRequest, obj: ReportSchedule | None = None) -> list[str]:
        return [*self.readonly_fields, *(["saved"] if obj else [])]

    # --- Pages ----------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        run_now = self.admin_site.admin_view(require_POST(self.run_now_view))
        return [path("<int:pk>/run/", run_now, name="portal_reportschedule_run"), *super().get_urls()]

    def page_context(self, request: HttpRequest, row: ReportSchedule | None) -> dict[str, Any]:
        context: dict[str, Any] = {"show_save_and_continue": False, "show_save_and_add_another": False}
        if row is not None:
            context |= {
                "schedule": row,
                "may_run": self.has_change_permission(request, row),
                "is_shown_only": row.delivery == Delivery.MAIL and is_shown_only(),
                "runs_url": f"{reverse('admin:portal_reportrun_changelist')}?{RUNS_OF}={row.pk}",
            }
        elif not settings.REPORT_FOLDER:
            context["has_no_folder"] = True
        return context

    def save_model(self, request: HttpRequest, obj: ReportSchedule, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        detail = {
            "report": obj.saved.report,
            "is": obj.in_words if obj.is_on else "off",
            "goes": obj.delivery,
            "to": obj.addresses if obj.delivery == Delivery.MAIL else obj.folder,
        }
        AuditEntry.objects.record(
            "report schedule changed", subject=f"report-schedule:{obj.pk}", actor=request.user, detail=detail
        )

    def run_now_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        schedule = get_object_or_404(self.get_queryset(request).select_related("saved__owner"), pk=pk)
        if not self.has_change_permission(request, schedule):
            return HttpResponseForbidden("You may not run this report.", content_type="text/plain")
        run = running.begin(schedule, timezone.now(), request.user)
        says = format_html(
            '{} is in the queue. <a class="portal-link" href="{}">See the run</a>',
            run.name,
            reverse("admin:portal_reportrun_change", args=[run.pk]),
        )
        messages.success(request, says)
        return redirect("admin:portal_reportschedule_change", pk)

    # --- Columns --------------------------------------------------------------------------------

    @display(description="report")
    def what(self, schedule: ReportSchedule) -> str:
        return str(schedule.saved)

    @display(description="state", label={"on": "success", "off": ""})
    def state_label(self, schedule: ReportSchedule) -> tuple[str, str]:
        return ("on", "on") if schedule.is_on else ("off", "paused")

    @display(description="when")
    def when(self, schedule: ReportSchedule) -> str:
        return capfirst(schedule.in_words)

    @display(description="goes")
    def goes(self, schedule: ReportSchedule) -> str:
        if schedule.delivery == Delivery.FOLDER:
            return f"into {schedule.folder or 'the folder for reports'}"
        addresses = schedule.addresses
        return addresses[0] if len(addresses) == 1 else f"to {len(addresses)} addresses"

    @display(description="next run")
    def next_run(self, schedule: ReportSchedule) -> str:
        if schedule.pk is None or not schedule.is_on:
            return NOTHING
        return format_html('<span class="portal-nowrap">{}</span>', moment(schedule.next_run_at))

    @display(description="last run")
    def last_run(self, schedule: ReportSchedule) -> str:
        due_at = getattr(schedule, "newest_due_at", None)
        text = f"{moment(due_at)}, {schedule.newest_state}" if due_at else NOTHING  # type: ignore[attr-defined]
        return format_html('<span class="portal-nowrap">{}</span>', text)

    @display(description="owner")
    def whose(self, schedule: ReportSchedule) -> str:
        return schedule.saved.owner.get_username() if schedule.saved.owner else NOTHING
