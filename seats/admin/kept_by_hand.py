"""Tables people keep by hand: edited here or in a spreadsheet; every change is audited and takes effect."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from import_export.admin import ImportExportMixin
from import_export.formats.base_formats import CSV, XLSX
from unfold.contrib.import_export.forms import ExportForm, ImportForm

from portal.models import AuditEntry
from seats import verdicts
from seats.admin.base import PortalModelAdmin


class KeptByHandAdmin(ImportExportMixin, PortalModelAdmin):
    """`noun` names the rows in the audit; `decides_verdicts` says whether a change may alter one."""

    noun: ClassVar[str]
    decides_verdicts: ClassVar[bool] = False
    import_form_class = ImportForm
    export_form_class = ExportForm
    formats: ClassVar[list[Any]] = [CSV, XLSX]

    def has_import_permission(self, request: HttpRequest) -> bool:
        # A file may add rows and change some: it needs both permissions.
        return bool(self.has_add_permission(request) and self.has_change_permission(request))

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        was = type(obj)._default_manager.filter(pk=obj.pk).first() if change else None
        super().save_model(request, obj, form, change)
        if was is None:
            added = {name: told(form.cleaned_data.get(name)) for name in form.changed_data}
            self._record(request, "added", obj, added)
        else:
            self._record(request, "changed", obj, changes(was, obj))
        self._take_effect()

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        self._record(request, "deleted", obj, {"was": str(obj)})
        super().delete_model(request, obj)
        self._take_effect()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            self._record(request, "deleted", row, {"was": str(row)})
        super().delete_queryset(request, queryset)
        self._take_effect()

    @transaction.atomic
    def process_result(self, result: Any, request: HttpRequest) -> Any:
        """What django-import-export calls once a file has been taken in."""
        for row in result.rows:
            if row.is_new():
                self._record(request, "added", row.instance, {"is": str(row.instance), "from": "a file"})
            elif row.is_update():
                self._record(request, "changed", row.instance, changes(row.original, row.instance))
        AuditEntry.objects.record(f"{self.noun} imported", actor=request.user, detail=dict(result.totals))
        self._take_effect()
        return super().process_result(result, request)

    def _record(self, request: HttpRequest, verb: str, obj: Model, detail: dict[str, Any]) -> None:
        AuditEntry.objects.record(
            f"{self.noun} {verb}", subject=f"{self.noun}:{obj.pk}", actor=request.user, detail=detail
        )

    def _take_effect(self) -> None:
        if self.decides_verdicts:
            verdicts.refresh()


def changes(was: Model, now: Model) -> dict[str, dict[str, str]]:
    """The fields that people edit and that differ, each as it was and as it is."""
    return {
        field.name: {"from": told(getattr(was, field.name)), "to": told(getattr(now, field.name))}
        for field in type(now)._meta.concrete_fields
        if field.editable and getattr(was, field.attname) != getattr(now, field.attname)
    }


def told(value: Any) -> str:
    """A value as the audit keeps it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.isoformat() if isinstance(value, date) else str(value)
