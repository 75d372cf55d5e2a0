"""Policies, prices, exemptions and holidays as spreadsheets: the same columns out and in.

Scopes are written as words (`everybody`, `organization:acme`, `enterprise:acme-inc`, `team:acme/frontend`),
people as logins, so that a sheet means the same in another installation.
"""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from import_export import fields, resources

from seats.models import Exemption, Holiday, InactivityPolicy, SeatPrice
from seats.models.policy import FROM_EVER
from seats.policy_sql import today
from seats.sheet_widgets import (
    AccountWidget,
    CalendarWidget,
    DayWidget,
    PersonWidget,
    SafeTextWidget,
    TeamWidget,
    scope_of,
    widget_of,
    words_of_scope,
)


class KeptByHandResource(resources.ModelResource):
    """Rows are validated as a form would, and one wrong row keeps the whole file out."""

    class Meta:
        clean_model_instances = True
        skip_unchanged = True
        report_skipped = True
        store_instance = True
        use_transactions = True

    @classmethod
    def widget_from_django_field(cls, f: Any, default: Any = None) -> Any:
        return widget_of(f) or super().widget_from_django_field(f, default)

    def get_instance(self, instance_loader: Any, row: Any) -> Any:
        """The row that this line speaks of; None where it cannot be read: its fields then say why."""
        try:
            return self.find(row, instance_loader)
        except ValueError:
            return None

    def find(self, row: Any, instance_loader: Any) -> Any:
        return super().get_instance(instance_loader, row)


class PolicyResource(KeptByHandResource):
    """A line without `starts_on` speaks of the policy of its scope that holds today."""

    scope = fields.Field(column_name="scope", attribute="scope")
    working_calendar = fields.Field(
        column_name="working_calendar", attribute="working_calendar", widget=CalendarWidget()
    )

    class Meta(KeptByHandResource.Meta):
        model = InactivityPolicy
        import_id_fields: ClassVar[list[str]] = ["scope"]
        fields = (
            "scope", "starts_on", "ends_on", "mode", "idle_days", "grace_days", "sign_in_counts",
            "notice_days", "working_calendar", "keep_days", "min_watched_days", "needs_usage_reports",
            "max_idle_jump", "max_seats_per_run", "max_percent_per_run", "max_seats_per_day",
            "max_percent_per_day", "confirm_above", "needs_second_person",
        )  # fmt: skip

    def get_queryset(self) -> Any:
        return InactivityPolicy.objects.select_related("account", "team__account", "working_calendar")

    def dehydrate_scope(self, policy: InactivityPolicy) -> str:
        return words_of_scope(policy.account, policy.team)

    def find(self, row: Any, instance_loader: Any) -> InactivityPolicy | None:
        account, team = scope_of(row.get("scope"))
        key = InactivityPolicy(account=account, team=team).own_scope_key()
        if starts_on := _day(row, "starts_on"):
            return self.get_queryset().filter(scope_key=key, starts_on=starts_on).first()  # type: ignore[no-any-return]
        return next((one for one in InactivityPolicy.objects.deciding(today()) if one.scope_key == key), None)

    def import_field(self, field: Any, instance: Any, row: Any, is_m2m: bool = False, **kwargs: Any) -> None:
        if field.column_name == "scope":
            # Its key is computed when it is saved.
            instance.account, instance.team = scope_of(row.get("scope"))
        elif field.column_name == "starts_on" and _day(row, "starts_on") is None:
            instance.starts_on = instance.starts_on or FROM_EVER
        else:
            super().import_field(field, instance, row, is_m2m, **kwargs)


class PriceResource(KeptByHandResource):
    account = fields.Field(column_name="account", attribute="account", widget=AccountWidget())
    plan_type = fields.Field(column_name="plan_type", attribute="plan_type", widget=SafeTextWidget())

    class Meta(KeptByHandResource.Meta):
        model = SeatPrice
        import_id_fields: ClassVar[list[str]] = ["account", "plan_type", "starts_on"]
        fields = ("account", "plan_type", "monthly_price", "currency", "starts_on")

    def get_queryset(self) -> Any:
        return SeatPrice.objects.select_related("account")


class ExemptionResource(KeptByHandResource):
    """One of the first four columns says whom it is about. Without `starts_on` it holds from today on."""

    login = fields.Field(column_name="login", attribute="user", widget=PersonWidget())
    team = fields.Field(column_name="team", attribute="team", widget=TeamWidget())
    login_pattern = fields.Field(
        column_name="login_pattern", attribute="login_pattern", widget=SafeTextWidget()
    )
    account = fields.Field(column_name="account", attribute="account", widget=AccountWidget())
    reason = fields.Field(column_name="reason", attribute="reason", widget=SafeTextWidget())
    owner = fields.Field(column_name="owner", attribute="owner", widget=SafeTextWidget())

    TARGET: ClassVar[tuple[str, ...]] = ("login", "team", "login_pattern", "newcomer_days", "account")

    class Meta(KeptByHandResource.Meta):
        model = Exemption
        # What no line can do without; `find` tells which row it speaks of.
        import_id_fields: ClassVar[list[str]] = ["reason"]
        fields = (
            "login", "team", "login_pattern", "newcomer_days", "kind", "account", "reason", "owner",
            "starts_on", "until",
        )  # fmt: skip

    def get_queryset(self) -> Any:
        return Exemption.objects.select_related("user", "team__account", "account")

    def find(self, row: Any, instance_loader: Any) -> Exemption | None:
        asked = {"user": None, "team": None, "login_pattern": "", "newcomer_days": None, "account": None}
        for name in self.TARGET:
            field = self.fields[name]
            if field.column_name in row:
                asked[field.attribute] = field.clean(row)
        starts_on = _day(row, "starts_on") or today()
        return self.get_queryset().filter(**asked, starts_on=starts_on).first()  # type: ignore[no-any-return]

    def import_field(self, field: Any, instance: Any, row: Any, is_m2m: bool = False, **kwargs: Any) -> None:
        if field.column_name == "starts_on" and _day(row, "starts_on") is None:
            instance.starts_on = instance.starts_on or today()
        else:
            super().import_field(field, instance, row, is_m2m, **kwargs)

    def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        if instance.pk is None:
            instance.created_by = kwargs.get("user")


class HolidayResource(KeptByHandResource):
    calendar = fields.Field(column_name="calendar", attribute="calendar", widget=CalendarWidget())
    name = fields.Field(column_name="name", attribute="name", widget=SafeTextWidget())

    class Meta(KeptByHandResource.Meta):
        model = Holiday
        import_id_fields: ClassVar[list[str]] = ["calendar", "day"]
        fields = ("calendar", "day", "name")

    def get_queryset(self) -> Any:
        return Holiday.objects.select_related("calendar")


def _day(row: Any, column: str) -> date | None:
    """The day a cell tells; None where it is empty or not there."""
    return DayWidget().clean(row.get(column))
