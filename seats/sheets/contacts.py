"""Where notices reach people, and in which language, as a sheet: login, contact_email, language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator, validate_email

from seats.models import GitHubUser
from seats.sheets.base import KeptByHandResource, column
from seats.sheets.lookups import PersonWidget
from seats.sheets.widgets import TextWidget

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


class _EmailWidget(TextWidget):
    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        return _or_value_error(checked_email, super().clean(value))


class _LanguageWidget(TextWidget):
    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        return _or_value_error(checked_language, super().clean(value))


def _or_value_error(check: Any, text: str) -> str:
    try:
        return str(check(text))
    except ValidationError as error:
        raise ValueError(" ".join(error.messages)) from error


class _WhoWidget(PersonWidget):
    """The person a line is about, whose own login the cell is."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> GitHubUser:
        person = super().clean(value, row, **kwargs)
        if person is None:
            raise ValueError("Write whose contact this is: a login.")
        return person


class ContactResource(KeptByHandResource):
    """Changes people whom we know; nobody is added by it. A column that is not there is left as it is."""

    login = column("login", "login", _WhoWidget())
    contact_email = column("contact_email", "contact_email", _EmailWidget())
    language = column("language", "language", _LanguageWidget())

    needs = ("login",)

    class Meta(KeptByHandResource.Meta):
        model = GitHubUser
        fields = ("login", *BY_HAND)

    def dehydrate_login(self, person: GitHubUser) -> str:
        return str(self.fields["login"].widget.render(person))

    def prepare(self, dataset: Any) -> None:
        """The people were looked up by the column itself."""

    def find(self, row: Any) -> GitHubUser:
        person: GitHubUser = self.fields["login"].widget.clean(row.get("login"))
        return person

    def identity(self, row: Any, instance: Any, new: bool) -> int:
        return self.find(row).pk

    def import_field(self, field: Any, instance: Any, row: Any, is_m2m: bool = False, **kwargs: Any) -> None:
        if field.attribute in BY_HAND:
            super().import_field(field, instance, row, is_m2m, **kwargs)
        else:
            field.clean(row)

    def validate_instance(
        self,
        instance: GitHubUser,
        import_validation_errors: dict[str, Any] | None = None,
        validate_unique: bool = True,
    ) -> None:
        # What GitHub tells is not ours to judge.
        if import_validation_errors:
            raise ValidationError(import_validation_errors)
        instance.clean_fields(exclude=[f.name for f in instance._meta.fields if f.name not in BY_HAND])

    def write_new(self, rows: Sequence[GitHubUser]) -> None:
        """Nobody is added by a list of addresses."""

    @property
    def written(self) -> list[str]:
        # Only these: what GitHub tells may change at the same moment.
        return list(BY_HAND)
