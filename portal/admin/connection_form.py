"""The form of a connection. Credentials go in and never come out: no page renders one back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanWidget,
)

from portal import credentials
from portal.credentials import CredentialError
from portal.github.auth import AppAuth, TokenAuth
from portal.github.errors import BadCredentials
from portal.github.links import Origin, origin_of
from portal.models import Connection

Kind = Connection.Kind

STORED = "stored – leave empty to keep it, or enter another to replace it"
SECRET_FIELDS = ("token", "private_key", "revoke_token")


class FormPart(Protocol):
    """What an app above adds to the form: the floor knows no account, but people want to name theirs here."""

    title: str
    description: str
    prefetch: tuple[str, ...]  # relations of a connection that `names` needs

    def fields(self) -> Mapping[str, forms.Field]:
        """The fields by name, unbound, with the theme's widgets."""

    def initial(self, connection: Connection) -> dict[str, Any]:
        """What they show of a connection that is there already."""

    def save(self, connection: Connection, cleaned_data: dict[str, Any], by: Any) -> None:
        """Write what was entered, in the transaction that saves the connection."""

    def names(self, connection: Connection) -> list[str]:
        """What the list of connections shows."""


form_parts: list[FormPart] = []


def register_form_part(part: FormPart) -> None:
    form_parts.append(part)


class WriteOnlyPassword(UnfoldAdminPasswordWidget):
    """One line that the browser neither shows nor remembers."""

    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "new-password", "spellcheck": "false"})


class WriteOnlyTextarea(UnfoldAdminTextareaWidget):
    """Several lines, empty whenever the page is rendered: also after an error."""

    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "off", "spellcheck": "false", "rows": 5})

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, None, attrs)
        return context


class ConnectionForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    token = forms.CharField(required=False, widget=WriteOnlyPassword)
    private_key = forms.CharField(
        required=False,
        widget=WriteOnlyTextarea,
        help_text="The whole file that GitHub gave, from its BEGIN line to its END line.",
    )
    revoke_token = forms.CharField(
        label="Token for taking seats back", required=False, widget=WriteOnlyPassword
    )
    forget_revoke_token = forms.BooleanField(
        label="Forget the credential for taking seats back", required=False, widget=UnfoldBooleanWidget
    )

    class Meta:
        model = Connection
        fields: ClassVar[list[str]] = [
            "name",
            "base_url",
            "kind",
            "secret_env",
            "app_id",
            "installation_id",
            "revoke_secret_env",
            "is_active",
            "legacy_apis",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        connection = self.instance
        # The form works on the instance; what was there before decides what has to be entered anew.
        self.was_app = connection.is_app
        self.kept_secret, self.kept_revoke_secret = connection.kept_secret, connection.kept_revoke_secret
        self.was_base_url = connection.base_url if connection.pk else ""
        kept = {
            "token": bool(self.kept_secret) and not self.was_app,
            "private_key": bool(self.kept_secret) and self.was_app,
            "revoke_token": bool(self.kept_revoke_secret),
        }
        for name in ("secret_env", "revoke_secret_env"):
            if name in self.fields:
                self.fields[name].help_text = "Its name, as GITHUB_TOKEN; not what it holds."
        for name in SECRET_FIELDS:
            if name not in self.fields:  # whoever may only look sees no field
                continue
            field = self.fields[name]
            field.strip = True  # type: ignore[attr-defined]
            if kept[name]:
                field.widget.attrs["placeholder"] = STORED
            elif not credentials.can_be_kept():
                field.widget.attrs["placeholder"] = "not without CREDENTIAL_KEYS"
                field.help_text = (
                    "The portal has no CREDENTIAL_KEYS to encrypt with, so it keeps no credential: put it in "
                    "an environment variable of web server and worker, and name that."
                )
        for part in form_parts:
            for name, value in (part.initial(connection) if connection.pk else {}).items():
                self.initial.setdefault(name, value)

    # --- What is entered ------------------------------------------------------------------------

    def clean_base_url(self) -> str:
        url = str(self.cleaned_data["base_url"]).rstrip("/")
        if url != self.was_base_url and not _is_githubs(origin_of(url)):
            raise ValidationError(
                f"Credentials are sent to GitHub only, and {url} is none of its addresses. If it is yours, "
                "name it in the setting GITHUB_API_URL, or connect on the command line with --api-url."
            )
        return url

    def clean_secret_env(self) -> str:
        return self._clean_name("secret_env")

    def clean_revoke_secret_env(self) -> str:
        return self._clean_name("revoke_secret_env")

    def _clean_name(self, field: str) -> str:
        name = str(self.cleaned_data[field]).strip()
        if name:
            try:
                credentials.check_name(name)
            except CredentialError as error:
                raise ValidationError(str(error)) from None
        return name

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        is_app = cleaned.get("kind") == Kind.APP
        field = "private_key" if is_app else "token"
        if is_app and not cleaned.get("app_id"):
            self.add_error("app_id", "A GitHub App is known by its id.")
        if not is_app:
            cleaned["app_id"], cleaned["installation_id"] = "", None
        if not self._is_one_given(field, "secret_env") and not self._may_stay(is_app):
            self.add_error(field, self._why_anew(is_app))
        if not self._is_one_given("revoke_token", "revoke_secret_env"):
            moved = self.kept_revoke_secret and cleaned.get("base_url") != self.was_base_url
            if moved and not cleaned.get("forget_revoke_token"):
                self.add_error("revoke_token", "The address changed: enter this token anew.")
        self._must_be_usable(field, is_app)
        return cleaned

    def _is_one_given(self, secret: str, name: str) -> bool:
        """Whether a credential was entered or named; both at once is an error."""
        entered, named = bool(self.cleaned_data.get(secret)), bool(self.cleaned_data.get(name))
        if entered and named:
            self.add_error(name, "Either enter the credential or name a variable, not both.")
        return entered or named or name in self.errors

    def _may_stay(self, is_app: bool) -> bool:
        """Whether the kept credential goes on being used: it is sent nowhere it was not entered for."""
        is_same = self.was_app == is_app and self.cleaned_data.get("base_url") == self.was_base_url
        return bool(self.kept_secret) and is_same

    def _why_anew(self, is_app: bool) -> str:
        what = "private key" if is_app else "token"
        if not self.kept_secret:
            return f"Enter the {what}, or name the environment variable that holds it."
        if self.was_app != is_app:
            return f"The kind changed: enter the {what}, or name the environment variable that holds it."
        return f"The address changed: enter the {what} anew, so that it is sent nowhere by mistake."

    def _must_be_usable(self, field: str, is_app: bool) -> None:
        for name, is_key in ((field, is_app), ("revoke_token", False)):
            secret = self.cleaned_data.get(name)
            if not secret:
                continue
            try:
                if is_key:
                    AppAuth("", self.cleaned_data.get("app_id") or "", secret)
                else:
                    TokenAuth(secret)
                credentials.encrypt("a try")
            except (BadCredentials, CredentialError) as error:
                self.add_error(name, str(error))

    # --- What becomes of it ---------------------------------------------------------------------

    def replaced(self) -> list[str]:
        """Which credentials are other than before: names of fields, for the audit trail."""
        names = (*SECRET_FIELDS, "forget_revoke_token")
        return [name.replace("_", " ") for name in names if self.cleaned_data.get(name)]

    def save(self, commit: bool = True) -> Connection:
        connection: Connection = self.instance
        entered = self.cleaned_data["private_key" if connection.is_app else "token"]
        if entered:
            connection.keep(entered)
        elif connection.secret_env:
            connection.kept_secret = ""
        if self.cleaned_data.get("forget_revoke_token"):
            connection.kept_revoke_secret = connection.revoke_secret_env = ""
        elif self.cleaned_data["revoke_token"]:
            connection.keep_for_revoking(self.cleaned_data["revoke_token"])
        elif connection.revoke_secret_env:
            connection.kept_revoke_secret = ""
        super().save(commit)
        return connection


def _is_githubs(origin: Origin | None) -> bool:
    """Whether whoever may edit connections may have a credential sent there, or an administrator said so."""
    if origin is None:
        return False
    is_named = origin == origin_of(settings.GITHUB_API_URL)
    return (
        is_named or origin.is_loopback or origin.host == "api.github.com" or origin.host.endswith(".ghe.com")
    )
