"""People in the cells of a sheet: known ones, and those whom nobody has met yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from django.core.exceptions import ValidationError

from seats.assignments import known_people
from seats.models import Assignment, GitHubUser, TeamOwner
from seats.sheets.lookups import PersonWidget, id_of_person
from seats.sheets.widgets import plain

NAME_OF_PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}|[^@\s]+@[^@\s]+")


class PeopleNamed:
    """Whom the cells of a column name: somebody known, or a login or address that nobody bears yet."""

    def __init__(self, texts: set[str]) -> None:
        names = {text.removeprefix("@") for text in texts}
        by_id = {number for name in names if (number := id_of_person(name)) is not None}
        self._by_id = {one.github_id: one for one in GitHubUser.objects.filter(github_id__among=by_id)}
        self._by_name = known_people(names)
        self.known = [*self._by_id.values(), *self._by_name.values()]
        self.keys = {unknown_key(name) for name in names}

    def of(self, value: Any) -> tuple[GitHubUser | None, str]:
        """The person, where known, and what is written down. Raises ValueError."""
        text = plain(value).strip().removeprefix("@")
        if (number := id_of_person(text)) is not None:
            person = self._by_id.get(number)
            if person is None:
                raise ValueError(f"Nobody with GitHub's id {text[3:]} is known.")
        else:
            person = self._by_name.get(text.lower())
        # An address stays: logins may change, and who wrote it finds it again.
        return person, text if person is None or "@" in text else person.login

    def key_of(self, value: Any) -> str:
        person, text = self.of(value)
        return f"user:{person.pk}" if person else unknown_key(text)


class PeopleShown:
    """People in the cells of a column: as they were written down where nothing else is known or it is their
    address still, else by login."""

    def __init__(self, model: type[Assignment] | type[TeamOwner]) -> None:
        self._model = model
        self._by_login = PersonWidget()

    def render(self, row: Assignment | TeamOwner) -> str:
        if row.user is None:
            return row.person
        if "@" in row.person and self._by_mail.get(row.person.strip().lower()) == row.user:
            return row.person
        return self._by_login.render(row.user)

    @cached_property
    def _by_mail(self) -> Mapping[str, GitHubUser]:
        """Whom the addresses name that are written anywhere in the table; asked once for a sheet."""
        written = self._model._default_manager.filter(person__contains="@").exclude(user=None).order_by()
        return known_people(written.values_list("person", flat=True).distinct())


def unknown_key(text: str) -> str:
    return f"{'mail' if '@' in text else 'login'}:{text.lower()}"


def check_person(text: str, name: str, known: GitHubUser | None = None) -> None:
    if text and known is None and not NAME_OF_PERSON.fullmatch(text):
        raise ValidationError({name: f"{text!r} is neither a login nor a mail address."})


def check_person_key(row: Assignment | TeamOwner) -> None:
    """Small letters of some languages take more room than their capitals. Raises ValidationError."""
    most = row._meta.get_field("person_key").max_length or 0
    if len(row.own_person_key()) > most:
        raise ValidationError({"person": "This is too long in small letters, as it is compared. Shorten it."})
