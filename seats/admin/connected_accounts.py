"""On a connection's page: the organizations and enterprises it is for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget

from portal.admin.connection_form import register_form_part
from portal.models import Connection
from seats import connecting
from seats.models import Account


class LoginsField(forms.CharField):
    """Logins or slugs, apart by commas, blanks or lines; each once, as first written."""

    def to_python(self, value: Any) -> Any:
        words = re.split(r"[\s,;]+", str(super().to_python(value) or "").strip())
        logins = list({word.lower(): word for word in reversed(words) if word}.values())[::-1]
        for login in logins:
            if not connecting.LOGIN.fullmatch(login):
                raise ValidationError(
                    f"“{login}” is no login: give what follows https://github.com/, as octo-org."
                )
        return logins

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(super().has_changed(str(initial or "").split(), str(data or "").split()))


class AccountsPart:
    title = "What it is for"
    description = "Logins, one a line. An enterprise's organizations are found by themselves."
    prefetch: tuple[str, ...] = ("accounts",)

    def fields(self) -> Mapping[str, forms.Field]:
        return {
            "organizations": LoginsField(
                required=False,
                widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false"}),
                help_text="What follows https://github.com/ on the organization's page.",
            ),
            "enterprises": LoginsField(
                required=False,
                widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "spellcheck": "false"}),
                help_text="The slug: what follows https://github.com/enterprises/.",
            ),
        }

    def initial(self, connection: Connection) -> dict[str, Any]:
        logins: dict[str, list[str]] = {"organization": [], "enterprise": []}
        for account in Account.objects.filter(connection=connection).order_by("login_key"):
            logins[account.kind].append(account.label)
        return {
            "organizations": "\n".join(logins["organization"]),
            "enterprises": "\n".join(logins["enterprise"]),
        }

    def save(self, connection: Connection, cleaned_data: dict[str, Any], by: Any) -> None:
        connecting.assign(connection, cleaned_data["organizations"], cleaned_data["enterprises"], by)

    def names(self, connection: Connection) -> list[str]:
        return [account.label for account in connection.accounts.all()]


register_form_part(AccountsPart())
