"""Where notices reach people, and in which language, as a spreadsheet: login, contact_email, language."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator, validate_email
from import_export import fields

from seats.models import GitHubUser
from seats.resources import KeptByHandResource
from seats.sheet_widgets import SafeTextWidget

LANGUAGE = RegexValidator(
    r"\A[a-z]{2,3}(-[a-z0-9]{2,8})?\Z", "Write a language as en, de or pt-br.", code="language"
)
BY_HAND = ("contact_email", "language")


def checked_email(text: str) -> str:
    """An address that a mail can be sent to, or nothing. Raises ValidationError."""
    email = text.strip()
    if email:
        validate_email(email)
    return email


def checked_language(text: str) -> str:
    """A language code, or nothing. Raises ValidationError."""
    language = text.strip().lower().replace("_", "-")
    if language:
        LANGUAGE(language)
    return language


class _EmailWidget(SafeTextWidget):
    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        return _or_value_error(checked_email, super().clean(value))


class _LanguageWidget(SafeTextWidget):
    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        return _or_value_error(checked_language, super().clean(value))


def _or_value_error(check: Any, text: str) -> str:
    try:
        return str(check(text))
    except ValidationError as error:
        raise ValueError(" ".join(error.messages)) from error


class ContactResource(KeptByHandResource):
    """Changes people whom we know; nobody is added by it. A column that is not there is left as it is."""

    login = fields.Field(column_name="login", attribute="login", widget=SafeTextWidget(), readonly=True)
    contact_email = fields.Field(
        column_name="contact_email", attribute="contact_email", widget=_EmailWidget()
    )
    language = fields.Field(column_name="language", attribute="language", widget=_LanguageWidget())

    class Meta(KeptByHandResource.Meta):
        model = GitHubUser
        import_id_fields: ClassVar[list[str]] = ["login"]
        fields = ("login", *BY_HAND)
        # Only these are written: what GitHub tells may change at the same moment.
        clean_model_instances = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._people: dict[str, list[GitHubUser]] = {}

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        self._people = _by_login(SafeTextWidget().clean(login) for login in dataset["login"] or [])
        super().before_import(dataset, **kwargs)

    def find(self, row: Any, instance_loader: Any) -> GitHubUser:
        login = SafeTextWidget().clean(row.get("login")).strip()
        found = self._people.get(login.lower(), [])
        if len(found) != 1:
            raise ValueError(
                f"Several people bear the login {login!r}: edit them on their pages."
                if found
                else f"Nobody with the login {login!r} is known."
            )
        return found[0]

    def get_instance(self, instance_loader: Any, row: Any) -> GitHubUser:
        return self.find(row, instance_loader)

    def do_instance_save(self, instance: GitHubUser, is_create: bool) -> None:
        instance.save(update_fields=list(BY_HAND))


def _by_login(logins: Iterable[str]) -> dict[str, list[GitHubUser]]:
    """In one query. Somebody with an id goes before whoever is known by the name alone."""
    keys = {login.strip().lower() for login in logins}
    people: dict[str, list[GitHubUser]] = defaultdict(list)
    for person in GitHubUser.objects.filter(login_key__among=keys).order_by("pk"):
        people[person.login_key].append(person)
    return {
        key: [one for one in found if one.github_id is not None] or found for key, found in people.items()
    }
