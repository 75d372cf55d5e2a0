"""The tables that people keep by hand: their sheets, and what the audit calls their rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Model

from seats.models import SeatRequest
from seats.sheets.base import KeptByHandResource
from seats.sheets.company import (
    AccountSettingsResource,
    CostCentreResource,
    DepartmentResource,
    TeamOwnerResource,
)
from seats.sheets.contacts import ContactResource
from seats.sheets.governance import (
    ExemptionResource,
    HolidayResource,
    PolicyResource,
    PriceResource,
    UnitPriceResource,
)
from seats.sheets.places import AssignmentResource
from seats.sheets.requests import SeatRequestResource

# An action, a subject and a detail: what the audit is told of a row.
Told = tuple[str, str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Table:
    noun: str
    resource: type[KeptByHandResource]
    decides_verdicts: bool = False
    told: Callable[[Any], Told] | None = None
    """How the audit tells of a row that was added, where it has words of its own."""
    needs: tuple[str, ...] = ("add", "change")
    """What a sheet may do to rows, and its sender must be allowed to."""

    @property
    def model(self) -> type[Model]:
        model: type[Model] = self.resource._meta.model
        return model

    @property
    def name(self) -> str:
        return str(self.model._meta.model_name)

    def may_bring(self, user: Any) -> bool:
        """Whether this user is active, and may do to rows what a sheet does."""
        label = self.model._meta.app_label
        return all(user.has_perm(f"{label}.{action}_{self.name}") for action in self.needs)


def _told_of_request(request: SeatRequest) -> Told:
    detail = {
        "account": request.account.subject,
        "login": request.login,
        "reason": request.reason,
        "asked_by": request.asked_by,
    }
    return "seat requested", request.subject, detail


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table("policy", PolicyResource, decides_verdicts=True),
        Table("price", PriceResource),
        Table("unit price", UnitPriceResource),
        Table("exemption", ExemptionResource, decides_verdicts=True),
        Table("holiday", HolidayResource),
        Table("contact", ContactResource, needs=("change",)),
        Table("seat request", SeatRequestResource, told=_told_of_request, needs=("add",)),
        Table("cost centre", CostCentreResource),
        Table("department", DepartmentResource),
        Table("assignment", AssignmentResource),
        Table("team owner", TeamOwnerResource),
        Table("account settings", AccountSettingsResource, needs=("change",)),
    )
}


def told_of_row(table: Table, row: Any) -> Told:
    """What the audit is told of a row that a sheet added or changed."""
    instance = row.instance
    if row.is_new():
        if table.told is not None:
            return table.told(instance)
        detail: dict[str, Any] = {"is": str(instance), "from": "a file"}
        return f"{table.noun} added", f"{table.noun}:{instance.pk}", detail
    return f"{table.noun} changed", f"{table.noun}:{instance.pk}", changes(row.original, instance)


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
