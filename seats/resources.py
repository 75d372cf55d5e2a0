"""Policies, prices and exemptions as spreadsheets: the same columns out and in.

Scopes are written as words (`everybody`, `organization:acme`, `enterprise:acme-inc`, `team:acme/frontend`),
people as logins, so that a sheet means the same in another installation.
"""

from __future__ import annotations

from typing import Any, ClassVar

from import_export import fields, resources
from import_export.widgets import CharWidget, Widget

from portal.reports.writers import FORMULA_STARTS, safe
from seats.models import Account, Exemption, GitHubUser, InactivityPolicy, SeatPrice, Team

EVERYBODY = "everybody"


class SafeTextWidget(CharWidget):
    """Text no spreadsheet takes for a formula; the quote that says so is taken off again."""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        return safe(str(value)) if value not in (None, "") else ""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        text = "" if value is None else str(value)
        return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text


class AccountWidget(Widget):
    """An account as `kind:login`; empty or `everybody` is none."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Account | None:
        text = str(value or "").strip()
        if text in ("", EVERYBODY) or text.startswith("team:"):
            return None
        kind, _, login = text.partition(":")
        account = Account.objects.named(kind, login).first() if login else None
        if account is None:
            raise ValueError(f"There is no account {text!r}. Write organization:LOGIN or enterprise:SLUG.")
        return account

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return f"{value.kind}:{value.label}" if value else EVERYBODY


class TeamWidget(Widget):
    """A team out of the scope column: `team:organization/slug`."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Team | None:
        text = str(value or "").strip()
        if not text.startswith("team:"):
            return None
        login, _, slug = text.removeprefix("team:").partition("/")
        teams = Team.objects.filter(slug=slug, account__login__iexact=login)
        if len(found := teams[:2]) != 1:
            raise ValueError(f"There is no one team {text!r}. Write team:ORGANIZATION/SLUG.")
        return found[0]


class PersonWidget(Widget):
    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> GitHubUser:
        login = str(value or "").strip()
        # The person identified by an id before one known by name only.
        person = (
            GitHubUser.objects.filter(login_key=login.lower()).order_by("provisional_key", "-id").first()
            if login
            else None
        )
        if person is None:
            raise ValueError(f"Nobody with the login {login!r} is known.")
        return person

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return safe(value.login)


class KeptByHandResource(resources.ModelResource):
    """Rows are validated as a form would, and one wrong row keeps the whole file out."""

    class Meta:
        clean_model_instances = True
        skip_unchanged = True
        report_skipped = True
        use_transactions = True


class PolicyResource(KeptByHandResource):
    scope = fields.Field(column_name="scope", attribute="scope_key")

    class Meta(KeptByHandResource.Meta):
        model = InactivityPolicy
        import_id_fields: ClassVar[list[str]] = ["scope"]
        fields = (
            "scope", "idle_days", "grace_days", "notice_days", "sign_in_counts", "mode", "max_seats_per_run",
            "max_percent_per_run",
        )  # fmt: skip

    def dehydrate_scope(self, policy: InactivityPolicy) -> str:
        if policy.team:
            return f"team:{policy.team.account.label}/{policy.team.slug}"
        return AccountWidget().render(policy.account)

    def get_instance(self, instance_loader: Any, row: Any) -> InactivityPolicy | None:
        scoped = self._scoped(row)
        return InactivityPolicy.objects.filter(scope_key=scoped.own_scope_key()).first()

    def init_instance(self, row: Any = None) -> InactivityPolicy:
        return self._scoped(row)

    def import_field(self, field: Any, instance: Any, row: Any, is_m2m: bool = False, **kwargs: Any) -> None:
        # The scope made the instance; its key is computed when it is saved.
        if field.column_name != "scope":
            super().import_field(field, instance, row, is_m2m, **kwargs)

    def get_queryset(self) -> Any:
        return InactivityPolicy.objects.select_related("account", "team__account")

    @staticmethod
    def _scoped(row: Any) -> InactivityPolicy:
        scope = row.get("scope") if row else ""
        return InactivityPolicy(account=AccountWidget().clean(scope), team=TeamWidget().clean(scope))


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
    login = fields.Field(column_name="login", attribute="user", widget=PersonWidget())
    account = fields.Field(column_name="account", attribute="account", widget=AccountWidget())
    reason = fields.Field(column_name="reason", attribute="reason", widget=SafeTextWidget())

    class Meta(KeptByHandResource.Meta):
        model = Exemption
        import_id_fields: ClassVar[list[str]] = ["login", "account", "starts_on"]
        fields = ("login", "account", "reason", "starts_on", "until")

    def get_queryset(self) -> Any:
        return Exemption.objects.select_related("user", "account")
