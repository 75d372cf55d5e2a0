"""On which days people work, and the holidays among them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display

from seats.admin.base import NOTHING, day
from seats.admin.kept_by_hand import KeptByHandAdmin
from seats.models import Holiday, WorkingCalendar
from seats.verdicts import today


class HolidayInline(TabularInline):
    model = Holiday
    extra = 0
    fields: ClassVar[list[str]] = ["day", "name"]
    verbose_name_plural = "holidays"
    # Unfold writes each row's title above it, under a setting whose name its versions do not share.
    if hasattr(TabularInline, "show_title"):
        show_title = False
    else:
        hide_title = True


@admin.register(WorkingCalendar)
class WorkingCalendarAdmin(KeptByHandAdmin):
    noun = "calendar"
    list_title = "Working calendars"
    empty_note = "Without a calendar every day counts. A policy names the one it goes by."
    list_display: ClassVar[list[str]] = ["name", "works_on", "holiday_count", "next_holiday", "policy_count"]
    search_fields: ClassVar[list[str]] = ["name"]
    inlines: ClassVar[list[Any]] = [HolidayInline]
    fieldsets = (
        (None, {"fields": ["name"]}),
        (
            "Working days",
            {
                "fields": [WorkingCalendar.WEEKDAYS[:4], WorkingCalendar.WEEKDAYS[4:]],
                "description": "Notices wait so many working days; seats are taken back on no other day.",
            },
        ),
    )

    # Its holidays are the sheet: see the list of holidays.
    def has_import_permission(self, request: HttpRequest) -> bool:
        return False

    def has_export_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkingCalendar]:
        calendars: QuerySet[WorkingCalendar] = super().get_queryset(request)
        coming = Holiday.objects.filter(calendar=OuterRef("pk"), day__gte=today()).order_by("day")
        return calendars.annotate(
            coming_on=Subquery(coming.values("day")[:1]),
            used_by=Count("policies", distinct=True),
            listed=Count("holidays", distinct=True),
        )

    @display(description="working days")
    def works_on(self, calendar: WorkingCalendar) -> str:
        return ", ".join(name[:3].capitalize() for name in calendar.WEEKDAYS if getattr(calendar, name))

    @display(description="holidays", ordering="listed")
    def holiday_count(self, calendar: Any) -> str:
        """To the list in which holidays are brought in as a file."""
        url = f"{reverse('admin:seats_holiday_changelist')}?calendar__id__exact={calendar.pk}"
        return format_html('<a class="portal-link" href="{}">{}</a>', url, f"{calendar.listed:,}")

    @display(description="next holiday", ordering="coming_on")
    def next_holiday(self, calendar: Any) -> str:
        return day(calendar.coming_on)

    @display(description="policies", ordering="used_by")
    def policy_count(self, calendar: Any) -> str:
        return f"{calendar.used_by:,}" if calendar.used_by else NOTHING

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        changed = {
            "added": [str(row) for row in formset.new_objects],
            "changed": [str(row) for row, _ in formset.changed_objects],
            "removed": [str(row) for row in formset.deleted_objects],
        }
        if any(changed.values()):
            self._record(request, "holidays changed", form.instance, changed)


@admin.register(Holiday)
class HolidayAdmin(KeptByHandAdmin):
    noun = "holiday"
    list_title = "Holidays"
    empty_note = "Days on which nobody works after all: entered on a calendar, or brought as a file."
    list_display: ClassVar[list[str]] = ["on", "name", "calendar"]
    list_filter: ClassVar[list[Any]] = [("calendar", RelatedDropdownFilter)]
    list_select_related: ClassVar[list[str]] = ["calendar"]
    search_fields: ClassVar[list[str]] = ["name"]
    ordering: ClassVar[list[str]] = ["day", "id"]
    fields: ClassVar[list[str]] = ["calendar", "day", "name"]

    @display(description="day", ordering="day")
    def on(self, holiday: Holiday) -> str:
        return day(holiday.day)
