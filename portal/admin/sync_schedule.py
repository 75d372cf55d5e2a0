"""When each connection's data is fetched, and seats are looked after: edited here, and run on demand."""

from __future__ import annotations

from typing import Any, ClassVar
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelect2Widget

from portal import sync_schedules
from portal.admin.base import CONNECT, NOTHING, PortalModelAdmin, moment
from portal.models import AuditEntry, SyncSchedule


class SyncScheduleForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    time_zone = forms.ChoiceField(
        choices=lambda: [(zone, zone) for zone in sorted(available_timezones())],
        widget=UnfoldAdminSelect2Widget,
        initial="UTC",
        help_text="Of midnight and of the time of day.",
    )

    class Meta:
        model = SyncSchedule
        fields = ["connection", "kind", "is_on", "cadence", "every_hours", "daily_at", "time_zone"]


@admin.register(SyncSchedule)
class SyncScheduleAdmin(PortalModelAdmin):
    form = SyncScheduleForm
    list_title = "Sync schedules"
    empty_title = "No schedules yet"
    empty_note = "Each connection to GitHub brings its own."
    filled_through = (CONNECT,)
    list_display: ClassVar[list[str]] = ["what", "connection", "state_label", "when", "next_run", "last_run"]
    list_filter: ClassVar[list[Any]] = [("connection", RelatedDropdownFilter)]
    list_select_related: ClassVar[list[str]] = ["connection"]
    sortable_by: ClassVar[list[str]] = []
    actions: ClassVar[list[str]] = ["run_now"]
    change_form_outer_before_template = "admin/portal/syncschedule/run_now.html"
    fieldsets: ClassVar[list[Any]] = [
        (None, {"fields": ["connection", "kind", "is_on"]}),
        ("When", {"fields": ["cadence", "every_hours", "daily_at", "time_zone", "next_run", "last_run"]}),
    ]
    readonly_fields: ClassVar[list[str]] = ["next_run", "last_run"]
    # Each cadence shows its own fields.
    conditional_fields: ClassVar[dict[str, str]] = {
        "every_hours": "cadence == 'every-hours'",
        "daily_at": "cadence == 'daily'",
        "time_zone": "cadence != 'hourly'",
    }

    def get_readonly_fields(self, request: HttpRequest, obj: SyncSchedule | None = None) -> list[str]:
        # What it fetches, and through which connection, is what it is.
        return [*self.readonly_fields, *(["connection", "kind"] if obj else [])]

    def get_urls(self) -> list[URLPattern]:
        run_now = self.admin_site.admin_view(require_POST(self.run_now_view))
        return [path("<int:pk>/run/", run_now, name="portal_syncschedule_run"), *super().get_urls()]

    def page_context(self, request: HttpRequest, row: SyncSchedule | None) -> dict[str, Any]:
        # A connection has one schedule for each kind: there is seldom another to add.
        context: dict[str, Any] = {"show_save_and_continue": False, "show_save_and_add_another": False}
        if row is not None:
            context |= {"schedule": row, "may_run": self.has_run_permission(request)}
        return context

    def save_model(self, request: HttpRequest, obj: SyncSchedule, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        detail = {"schedule": str(obj), "is": obj.in_words if obj.is_on else "off"}
        AuditEntry.objects.record(
            "sync schedule changed", subject=f"sync-schedule:{obj.pk}", actor=request.user, detail=detail
        )

    # --- Run now --------------------------------------------------------------------------------

    def has_run_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("portal.change_syncschedule")

    def run_now_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_run_permission(request):
            return HttpResponseForbidden("You may not start a sync.", content_type="text/plain")
        self._run(request, get_object_or_404(SyncSchedule.objects.select_related("connection"), pk=pk))
        return redirect("admin:portal_syncschedule_change", pk)

    @action(description="Run now", permissions=["run"])
    def run_now(self, request: HttpRequest, queryset: Any) -> None:
        for schedule in queryset.select_related("connection"):
            self._run(request, schedule)

    def _run(self, request: HttpRequest, schedule: SyncSchedule) -> None:
        if not schedule.connection.is_active:
            messages.warning(request, f"{schedule.connection} is switched off: nothing is asked of GitHub.")
            return
        started = sync_schedules.enqueue(schedule, request.user)
        if not started:
            messages.info(request, f"{schedule}: there is no account to ask for.")
            return
        says = format_html(
            '{}: {} in the queue. <a class="portal-link" href="{}">See the jobs</a>',
            schedule,
            "1 job" if len(started) == 1 else f"{len(started)} jobs",
            reverse("admin:portal_job_changelist"),
        )
        messages.success(request, says)

    # --- Columns --------------------------------------------------------------------------------

    @display(description="what", ordering="kind")
    def what(self, schedule: SyncSchedule) -> str:
        return capfirst(schedule.get_kind_display())

    @display(description="state", label={"on": "success", "paused": "warning", "off": ""})
    def state_label(self, schedule: SyncSchedule) -> tuple[str, str]:
        if schedule.is_on and not schedule.connection.is_active:
            return "paused", "connection off"
        return ("on", "on") if schedule.is_on else ("off", "off")

    @display(description="when")
    def when(self, schedule: SyncSchedule) -> str:
        return capfirst(schedule.in_words)

    @display(description="next run")
    def next_run(self, schedule: SyncSchedule) -> str:
        if schedule.pk is None or not schedule.is_on:
            return NOTHING
        return format_html('<span class="portal-nowrap">{}</span>', moment(schedule.next_run_at))

    @display(description="last run")
    def last_run(self, schedule: SyncSchedule) -> str:
        return format_html('<span class="portal-nowrap">{}</span>', moment(schedule.last_enqueued_at))
