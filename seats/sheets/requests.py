"""Requests for seats as a spreadsheet: each line that makes no sense says why."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from import_export import fields
from import_export.widgets import Widget

from portal.reports.writers import safe
from seats.models import Account, SeatRequest
from seats.reclaim import seat_requests
from seats.resources import KeptByHandResource
from seats.sheet_widgets import SafeTextWidget


class OrganizationWidget(Widget):  # type: ignore[misc]  # the library has no types
    """An organization by its login."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Account:
        login = str(value or "").strip()
        account = Account.objects.named(Account.Kind.ORGANIZATION, login).first() if login else None
        if account is None:
            raise ValueError(f"There is no organization {login!r}. Write its login.")
        return account

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return safe(value.label) if value else ""


class LoginWidget(SafeTextWidget):
    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        return str(super().clean(value, row, **kwargs)).strip().removeprefix("@")


class InstantWidget(Widget):  # type: ignore[misc]  # the library has no types
    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return f"{value:%Y-%m-%dT%H:%M:%SZ}" if value else ""


class SeatRequestResource(KeptByHandResource):
    """Every line asks anew; columns besides these four are written, and not read."""

    organization = fields.Field(column_name="organization", attribute="account", widget=OrganizationWidget())
    login = fields.Field(column_name="login", attribute="login", widget=LoginWidget())
    reason = fields.Field(column_name="reason", attribute="reason", widget=SafeTextWidget())
    asked_by = fields.Field(column_name="asked_by", attribute="asked_by", widget=SafeTextWidget())
    state = fields.Field(column_name="state", attribute="state", readonly=True)
    created_at = fields.Field(
        column_name="asked_at", attribute="created_at", widget=InstantWidget(), readonly=True
    )

    class Meta(KeptByHandResource.Meta):
        model = SeatRequest
        import_id_fields: ClassVar[list[str]] = ["organization", "login"]
        fields = ("organization", "login", "reason", "asked_by", "state", "created_at")

    def find(self, row: Any, instance_loader: Any) -> None:
        return None

    def validate_instance(
        self,
        instance: SeatRequest,
        import_validation_errors: dict[str, Any] | None = None,
        validate_unique: bool = True,
    ) -> None:
        errors = dict(import_validation_errors or {})
        is_told = instance.account_id is not None and instance.login
        if is_told and (why_not := seat_requests.objection(instance.account, instance.login)):
            errors["login"] = ValidationError(why_not)
        super().validate_instance(instance, errors, validate_unique)

    def before_save_instance(self, instance: SeatRequest, row: Any, **kwargs: Any) -> None:
        instance.user = seat_requests.person_of(instance.login)
        instance.created_by = kwargs.get("user")

    def get_queryset(self) -> Any:
        return SeatRequest.objects.select_related("account")
