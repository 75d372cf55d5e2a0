"""Tables people keep by hand: edited here or in a spreadsheet; every change is audited and takes effect."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from portal.models import AuditEntry
from seats import verdicts
from seats.admin.base import PortalModelAdmin
from seats.admin.sheets import SheetPages
from seats.sheets.tables import changes, told

__all__ = ["KeptByHandAdmin", "changes", "told"]


class KeptByHandAdmin(SheetPages, PortalModelAdmin):
    """`noun` names the rows in the audit; `decides_verdicts` says whether a change may alter one.

    Its sheet is the one that `seats.sheets.tables` has for the model, if any.
    """

    noun: ClassVar[str]
    decides_verdicts: ClassVar[bool] = False

    class Media:
        css = {"all": ["portal/records.css", "portal/sheets.css"]}

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

    def _record(self, request: HttpRequest, verb: str, obj: Model, detail: dict[str, Any]) -> None:
        AuditEntry.objects.record(
            f"{self.noun} {verb}", subject=f"{self.noun}:{obj.pk}", actor=request.user, detail=detail
        )

    def _take_effect(self) -> None:
        if self.decides_verdicts:
            verdicts.refresh()
