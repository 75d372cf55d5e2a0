"""Requests for seats as a sheet: each line that makes no sense says why."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from django.core.exceptions import ValidationError

from seats.models import SeatRequest
from seats.reclaim.seat_requests import Objections
from seats.sheets.base import KeptByHandResource, column, texts_of
from seats.sheets.lookups import OrganizationWidget
from seats.sheets.widgets import InstantWidget, TrimmedTextWidget

ASKED_AT = InstantWidget()


class LoginWidget(TrimmedTextWidget):
    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        return str(super().clean(value, row, **kwargs)).removeprefix("@")


class SeatRequestResource(KeptByHandResource):
    """A line asks anew, unless `asked_at` or its very words say which request it speaks of.

    A request stays as it was asked: `state` and `asked_at` are written, and not read.
    """

    organization = column("organization", "account", OrganizationWidget())
    login = column("login", "login", LoginWidget())
    state = column("state", "state", TrimmedTextWidget(), readonly=True)
    created_at = column("asked_at", "created_at", ASKED_AT, readonly=True)

    needs = ("organization", "login", "reason")
    told_only = ("state",)
    computed = ("open_key", "user", "created_by")

    class Meta(KeptByHandResource.Meta):
        model = SeatRequest
        fields = ("organization", "login", "reason", "asked_by", "state", "created_at")

    def get_queryset(self) -> Any:
        return SeatRequest.objects.select_related("account")

    def prepare(self, dataset: Any) -> None:
        logins = {text.removeprefix("@") for text in texts_of(dataset, ["login"])}
        self._objections = Objections(logins)
        known = self.get_queryset().filter(account__in={*_accounts(self, dataset)}).order_by("pk")
        keys = {login.lower() for login in logins}
        for request in known:
            if request.login.lower() in keys:
                self._existing[request.account_id, request.login.lower()].append(request)

    def find(self, row: Any) -> SeatRequest | None:
        account, login = self.cell(row, "account"), self.cell(row, "login")
        asked_at = ASKED_AT.clean(row.get("asked_at"))
        told = {name: self.cell(row, name) for name in ("reason", "asked_by")}
        known: list[SeatRequest] = self._existing.get((account.pk, login.lower()), [])
        for request in known:
            if asked_at:
                is_meant = ASKED_AT.render(request.created_at) == asked_at and request.login == login
            else:
                is_meant = all(getattr(request, name) == said for name, said in told.items())
            if is_meant:
                known.remove(request)  # of two asked for in one second each has a line of its own
                return request
        return None

    def identity(self, row: Any, instance: SeatRequest, new: bool) -> Hashable:
        return object() if new else instance.pk

    def validate_instance(
        self,
        instance: SeatRequest,
        import_validation_errors: dict[str, Any] | None = None,
        validate_unique: bool = True,
    ) -> None:
        errors = dict(import_validation_errors or {})
        if not instance._state.adding:
            errors.setdefault("login", ValidationError("A request stays as it was asked. Ask anew."))
        elif instance.account_id is not None and instance.login:
            if why_not := self._objections.to(instance.account, instance.login):
                errors["login"] = ValidationError(why_not)
            else:
                self._objections.now_asked(instance)
        super().validate_instance(instance, errors, validate_unique)

    def begin(self, instance: SeatRequest, by: Any) -> None:
        instance.user = self._objections.person_of(instance.login)
        instance.created_by = by
        instance.open_key = instance.own_open_key()


def _accounts(resource: SeatRequestResource, dataset: Any) -> list[int]:
    widget = resource.fields["organization"].widget
    found = []
    for text in texts_of(dataset, ["organization"]):
        try:
            found.append(widget.clean(text).pk)
        except ValueError:
            continue  # its line says so
    return found
