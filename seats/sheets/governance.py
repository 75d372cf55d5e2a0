"""Policies, prices, exemptions and holidays as sheets: the same columns out and in.

Scopes are written as words (`everybody`, `organization:acme`, `enterprise:acme-inc`, `team:acme/frontend`),
people as logins, so that a sheet means the same in another installation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from typing import Any

from import_export.fields import Field

from seats.models import Exemption, Holiday, InactivityPolicy, SeatPrice, UnitPrice
from seats.models.policy import FROM_EVER
from seats.policy_sql import today
from seats.sheets.base import KeptByHandResource, column, day_of
from seats.sheets.lookups import (
    AccountWidget,
    CalendarWidget,
    PersonWidget,
    TeamWidget,
    scope_of,
    words_of_scope,
)
from seats.sheets.widgets import TrimmedTextWidget


class PolicyResource(KeptByHandResource):
    """A line without `starts_on` speaks of the policy of its scope that holds today."""

    scope = Field(column_name="scope", attribute="scope")
    working_calendar = column("working_calendar", "working_calendar", CalendarWidget())
    needs = ("scope",)

    class Meta(KeptByHandResource.Meta):
        model = InactivityPolicy
        # A few rows, each of which is compared with those of its scope when it is saved.
        use_bulk = False
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

    def prepare(self, dataset: Any) -> None:
        """Each line asks for its own."""

    def identity(self, row: Any, instance: Any, new: bool) -> Hashable:
        account, team = scope_of(row.get("scope"))
        key = InactivityPolicy(account=account, team=team).own_scope_key()
        return key, day_of(row, "starts_on") or (FROM_EVER if new else instance.starts_on)

    def find(self, row: Any) -> InactivityPolicy | None:
        account, team = scope_of(row.get("scope"))
        key = InactivityPolicy(account=account, team=team).own_scope_key()
        if starts_on := day_of(row, "starts_on"):
            return self.get_queryset().filter(scope_key=key, starts_on=starts_on).first()  # type: ignore[no-any-return]
        return next((one for one in InactivityPolicy.objects.deciding(today()) if one.scope_key == key), None)

    def import_field(self, field: Any, instance: Any, row: Any, is_m2m: bool = False, **kwargs: Any) -> None:
        if field.column_name == "scope":
            # Its key is computed when it is saved.
            instance.account, instance.team = scope_of(row.get("scope"))
            instance.scope_key = instance.own_scope_key()
        elif field.column_name == "starts_on" and day_of(row, "starts_on") is None:
            instance.starts_on = instance.starts_on or FROM_EVER
        else:
            super().import_field(field, instance, row, is_m2m, **kwargs)


class PriceResource(KeptByHandResource):
    account = column("account", "account", AccountWidget())
    plan_type = column("plan_type", "plan_type", TrimmedTextWidget())
    currency = column("currency", "currency", TrimmedTextWidget())

    key = ("account", "plan_type", "starts_on")
    needs = ("plan_type", "monthly_price", "starts_on")
    computed = ("scope_key",)

    class Meta(KeptByHandResource.Meta):
        model = SeatPrice
        fields = ("account", "plan_type", "monthly_price", "currency", "starts_on")

    def get_queryset(self) -> Any:
        return SeatPrice.objects.select_related("account")

    def complete(self, instance: SeatPrice) -> None:
        instance.scope_key = instance.own_scope_key()


class UnitPriceResource(KeptByHandResource):
    account = column("account", "account", AccountWidget())
    currency = column("currency", "currency", TrimmedTextWidget())

    key = ("account", "unit", "starts_on")
    needs = ("unit", "price", "starts_on")
    computed = ("scope_key",)

    class Meta(KeptByHandResource.Meta):
        model = UnitPrice
        fields = ("account", "unit", "price", "currency", "starts_on")

    def get_queryset(self) -> Any:
        return UnitPrice.objects.select_related("account")

    def complete(self, instance: UnitPrice) -> None:
        instance.scope_key = instance.own_scope_key()


class ExemptionResource(KeptByHandResource):
    """One of the first four columns says whom it is about.

    A line without `starts_on` speaks of the one that holds today; where none does, it begins today.
    """

    login = column("login", "user", PersonWidget())
    team = column("team", "team", TeamWidget())
    login_pattern = column("login_pattern", "login_pattern", TrimmedTextWidget())
    account = column("account", "account", AccountWidget())

    key = ("user", "team", "login_pattern", "newcomer_days", "account", "starts_on")
    needs = ("reason",)

    class Meta(KeptByHandResource.Meta):
        model = Exemption
        fields = (
            "login", "team", "login_pattern", "newcomer_days", "kind", "account", "reason", "owner",
            "starts_on", "until",
        )  # fmt: skip

    def get_queryset(self) -> Any:
        return Exemption.objects.select_related("user", "team__account", "account")

    def prepare(self, dataset: Any) -> None:
        super().prepare(dataset)
        self._in_force = set(Exemption.objects.in_force(today()).values_list("pk", flat=True))
        self._of_target: dict[Hashable, list[Exemption]] = defaultdict(list)
        for exemptions in self._existing.values():
            for one in exemptions:
                self._of_target[_target(self.key_of(one))].append(one)

    def find(self, row: Any) -> Exemption | None:
        """Of several that differ in their reason or last day alone, the one that says the same, if any."""
        theirs = self._of_target.get(_target(self.key_of_row(row)), [])
        starts_on = day_of(row, "starts_on")
        twins = [
            one for one in theirs if (one.starts_on == starts_on if starts_on else one.pk in self._in_force)
        ]
        if not twins:
            return None
        same = next((one for one in twins if self._says_the_same(row, one)), twins[0])
        theirs.remove(same)
        return same

    def identity(self, row: Any, instance: Exemption, new: bool) -> Hashable:
        # Two may hold for the same people at once; only to add the same twice is a slip.
        told = tuple(self.cell(row, name) for name in ("reason", "kind", "owner", "until"))
        key = _target(self.key_of_row(row)), day_of(row, "starts_on"), told
        if new:
            return key
        self._met.setdefault(key, self._number)
        return object()

    def import_field(self, field: Any, instance: Exemption, row: Any, *args: Any, **kwargs: Any) -> None:
        if field.attribute == "starts_on" and not instance._state.adding and not day_of(row, "starts_on"):
            return  # it goes on as it began
        super().import_field(field, instance, row, *args, **kwargs)

    def begin(self, instance: Exemption, by: Any) -> None:
        instance.created_by = by

    def _says_the_same(self, row: Any, one: Exemption) -> bool:
        there = (
            field
            for field in self.get_import_fields()
            if field.column_name in row and (field.attribute != "starts_on" or day_of(row, "starts_on"))
        )
        return all(field.get_value(one) == self.cell(row, field.attribute) for field in there)


def _target(key: Any) -> tuple[Hashable, ...]:
    """Whom an exemption is about, of its key: all but the first day."""
    return tuple(key[:-1])


class HolidayResource(KeptByHandResource):
    calendar = column("calendar", "calendar", CalendarWidget())

    key = ("calendar", "day")
    needs = key

    class Meta(KeptByHandResource.Meta):
        model = Holiday
        fields = ("calendar", "day", "name")

    def get_queryset(self) -> Any:
        return Holiday.objects.select_related("calendar")
