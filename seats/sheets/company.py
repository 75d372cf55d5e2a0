"""Cost centres, departments, who belongs where, who answers for teams and accounts: as sheets."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q

from portal.bulk import update_rows
from seats.assignments import known_people
from seats.models import Account, Assignment, CostCentre, Department, GitHubUser, TeamOwner
from seats.models.policy import FROM_EVER
from seats.policy_sql import today
from seats.sheets.base import KeptByHandResource, column, day_of, texts_of
from seats.sheets.lookups import (
    AccountWidget,
    CostCentreWidget,
    DepartmentWidget,
    PersonWidget,
    TeamWidget,
    id_of_person,
)
from seats.sheets.widgets import TrimmedTextWidget, plain

NAME_OF_PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}|[^@\s]+@[^@\s]+")


class CostCentreResource(KeptByHandResource):
    code = column("code", "code", TrimmedTextWidget())

    needs = ("code",)
    computed = ("code_key",)

    class Meta(KeptByHandResource.Meta):
        model = CostCentre
        fields = ("code", "name", "owner")

    def key_of(self, instance: CostCentre) -> Hashable:
        return instance.code_key

    def key_of_row(self, row: Any) -> Hashable:
        return plain(row.get("code")).strip().lower()

    def check(self, instance: CostCentre) -> None:
        """A second line of its code was refused, and an existing one is changed."""

    def complete(self, instance: CostCentre) -> None:
        instance.code_key = instance.code.lower()


class _ParentWidget(DepartmentWidget):
    """The department it is part of, which may stand further down in the same sheet."""

    def __init__(self) -> None:
        super().__init__()
        self.in_sheet: dict[str, Department] = {}

    def look_up(self, texts: set[str]) -> Mapping[str, Department]:
        new = {text: self.in_sheet[text.lower()] for text in texts if text.lower() in self.in_sheet}
        return {**super().look_up(texts - new.keys()), **new}


class DepartmentResource(KeptByHandResource):
    name = column("name", "name", TrimmedTextWidget())
    part_of = column("part_of", "parent", _ParentWidget())
    manager = column("manager", "manager", TrimmedTextWidget())

    needs = ("name",)
    computed = ("name_key",)

    class Meta(KeptByHandResource.Meta):
        model = Department
        fields = ("name", "part_of", "manager")

    def get_queryset(self) -> Any:
        return Department.objects.select_related("parent")

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        # One object for each department, so that what a line says of one is seen from below it as well.
        everyone = {one.name_key: one for one in Department.objects.all()}
        by_key = {one.pk: one for one in everyone.values()}
        for one in by_key.values():
            if one.parent_id:
                one.parent = by_key[one.parent_id]
        for name in texts_of(dataset, ["name"]):
            everyone.setdefault(name.lower(), Department(name=name, name_key=name.lower()))
        self._everyone = everyone
        self.fields["part_of"].widget.in_sheet = everyone
        super().before_import(dataset, **kwargs)

    def prepare(self, dataset: Any) -> None:
        """All of them are known already."""

    def key_of_row(self, row: Any) -> Hashable:
        return plain(row.get("name")).strip().lower()

    def find(self, row: Any) -> Department | None:
        known = self._everyone.get(str(self.key_of_row(row)))
        return known if known is not None and known.pk else None

    def init_instance(self, row: Any = None) -> Department:
        return self._everyone.get(str(self.key_of_row(row))) or Department()

    def check(self, instance: Department) -> None:
        if instance.is_part_of_itself():
            raise ValidationError({"parent": "It would be part of itself."})
        _check_person(instance.manager, "manager")

    def complete(self, instance: Department) -> None:
        instance.name_key = instance.name.lower()

    def bulk_create(self, *args: Any, **kwargs: Any) -> None:
        # What is new goes first here: what changes may become part of it.
        self._new: list[Department] = list(self.create_instances)
        self.create_instances.clear()
        super().bulk_create(*args, **kwargs)

    def write_changed(self, rows: Sequence[Department]) -> None:
        waiting = list(self._new)
        while waiting:
            ready = [one for one in waiting if one.parent is None or one.parent.pk]
            Department.objects.bulk_create([_with_key_of_parent(one) for one in ready], batch_size=500)
            waiting = [one for one in waiting if not one.pk]
            if not ready:
                # Its parent is a line that was refused, which keeps the whole sheet out.
                break
        super().write_changed([_with_key_of_parent(one) for one in rows])

    def write_new(self, rows: Sequence[Department]) -> None:
        """They are there already."""


class AssignmentResource(KeptByHandResource):
    """Without `starts_on` a line speaks of the person's place today: another one begins today.

    A person's first place without a first day has always held. An empty `ends_on` is: until the next.
    """

    person = column("person", "person", TrimmedTextWidget())
    department = column("department", "department", DepartmentWidget())
    manager = column("manager", "manager", TrimmedTextWidget())
    cost_centre = column("cost_centre", "cost_centre", CostCentreWidget())

    needs = ("person",)
    computed = ("user", "person_key", "open_key")

    class Meta(KeptByHandResource.Meta):
        model = Assignment
        fields = ("person", "department", "manager", "cost_centre", "starts_on", "ends_on")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._shown_person = PersonWidget()
        self._closed: dict[int, Assignment] = {}

    def get_queryset(self) -> Any:
        return Assignment.objects.select_related("user", "department", "cost_centre")

    def dehydrate_person(self, assignment: Assignment) -> str:
        return assignment.person if assignment.user is None else self._shown_person.render(assignment.user)

    def prepare(self, dataset: Any) -> None:
        self._people = _People(texts_of(dataset, ["person"]))
        for assignment in self.get_queryset().filter(
            Q(user__among={one.pk for one in self._people.known}) | Q(person_key__among=self._people.keys)
        ):
            self._existing[assignment.person_key].append(assignment)

    def key_of_row(self, row: Any) -> Hashable:
        return self._people.key_of(row.get("person"))

    def identity(self, row: Any, instance: Assignment, new: bool) -> Hashable:
        return self.key_of_row(row), self._starts_on(row)

    def _starts_on(self, row: Any) -> Any:
        return day_of(row, "starts_on") or "today"

    def find(self, row: Any) -> Assignment | None:
        theirs = self._existing.get(self.key_of_row(row), [])
        if starts_on := day_of(row, "starts_on"):
            # Also what could not be joined with the person, since it contradicts another.
            written = self._existing.get(_unknown_key(plain(row.get("person")).strip()), [])
            return next((one for one in (*theirs, *written) if one.starts_on == starts_on), None)
        current = next((one for one in theirs if one.starts_on <= today() and one.ends_on is None), None)
        if current is None or current.starts_on == today() or self._says_the_same(row, current):
            return current
        return None

    def _says_the_same(self, row: Any, one: Assignment) -> bool:
        there = [
            field
            for field in self.get_import_fields()
            if field.column_name in row and field.attribute in ("department", "manager", "cost_centre")
        ]
        return all(field.get_value(one) == field.clean(row) for field in there)

    def import_field(self, field: Any, instance: Assignment, row: Any, *args: Any, **kwargs: Any) -> None:
        if field.attribute == "person":
            user, text = self._people.of(row.get("person"))
            if instance._state.adding:
                instance.user, instance.person = user, text
                self._begin_day(instance, row)
            return
        if field.attribute == "starts_on":
            field.clean(row)
        elif field.attribute == "ends_on":
            told = field.clean(row)
            # Empty: until the next one begins.
            instance.ends_on = told or self._day_before_next(instance)
        else:
            super().import_field(field, instance, row, *args, **kwargs)

    def _begin_day(self, instance: Assignment, row: Any) -> None:
        theirs = self._existing.get(self.key_of_row(row), [])
        instance.starts_on = day_of(row, "starts_on") or (today() if theirs else FROM_EVER)
        if "ends_on" not in row:
            instance.ends_on = self._day_before_next(instance)
        # What the sheet has no column for goes along to the new place.
        before = [one for one in theirs if one.starts_on < instance.starts_on]
        if before:
            last = max(before, key=lambda one: one.starts_on)
            for name in {"department", "manager", "cost_centre"} - row.keys():
                setattr(instance, name, getattr(last, name))

    def _day_before_next(self, instance: Assignment) -> Any:
        theirs = self._existing.get(instance.own_person_key(), [])
        later = [
            one.starts_on for one in theirs if one is not instance and one.starts_on > instance.starts_on
        ]
        return min(later) - timedelta(days=1) if later else None

    def check(self, instance: Assignment) -> None:
        _check_person(instance.person, "person", known=instance.user)
        _check_person(instance.manager, "manager")
        theirs = self._existing[instance.own_person_key()]
        for other in theirs:
            if other is instance:
                continue
            if other.ends_on is None and other.starts_on < instance.starts_on:
                # Whoever begins somewhere else has left where they were.
                other.ends_on = instance.day_before()
                if other.pk:
                    self._closed[other.pk] = other
            if instance.starts_on == other.starts_on or instance.overlaps(other):
                raise ValidationError(
                    f"It overlaps with what holds from {other.starts_on} to {other.ends_on or 'another'}: "
                    "let one end before the other begins."
                )
        if instance not in theirs:
            theirs.append(instance)

    def complete(self, instance: Assignment) -> None:
        instance.keep_keys()

    def write_changed(self, rows: Sequence[Assignment]) -> None:
        changed = {row.pk: row for row in (*self._closed.values(), *rows)}
        for row in changed.values():
            row.keep_keys()
        # First those that end: another one of the person may be without an end only then.
        for is_open in (False, True):
            update_rows([row for row in changed.values() if bool(row.open_key) is is_open], self.written)

    def write_new(self, rows: Sequence[Assignment]) -> None:
        for row in rows:
            row.keep_keys()  # a later line may have ended it
        super().write_new(rows)


class TeamOwnerResource(KeptByHandResource):
    team = column("team", "team", TeamWidget())
    person = column("owner", "person", TrimmedTextWidget())

    needs = ("team", "owner")
    computed = ("user", "person_key")

    class Meta(KeptByHandResource.Meta):
        model = TeamOwner
        fields = ("team", "person", "note")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._shown_person = PersonWidget()

    def get_queryset(self) -> Any:
        return TeamOwner.objects.select_related("team__account", "user")

    def dehydrate_person(self, owner: TeamOwner) -> str:
        return owner.person if owner.user is None else self._shown_person.render(owner.user)

    def prepare(self, dataset: Any) -> None:
        self._people = _People(texts_of(dataset, ["owner"]))
        super().prepare(dataset)

    def key_of(self, instance: TeamOwner) -> Hashable:
        return instance.team_id, instance.person_key

    def key_of_row(self, row: Any) -> Hashable:
        team = self.cell(row, "team")
        return team.pk if team else None, self._people.key_of(row.get("owner"))

    def import_field(self, field: Any, instance: TeamOwner, row: Any, *args: Any, **kwargs: Any) -> None:
        if field.attribute == "person":
            user, text = self._people.of(row.get("owner"))
            if instance._state.adding:
                instance.user, instance.person = user, text
        else:
            super().import_field(field, instance, row, *args, **kwargs)

    def check(self, instance: TeamOwner) -> None:
        _check_person(instance.person, "person", known=instance.user)
        if not instance.person:
            raise ValidationError({"person": "Say who: a login or a mail address."})

    def complete(self, instance: TeamOwner) -> None:
        instance.keep_keys()


class _KnownAccountWidget(AccountWidget):
    nothing: tuple[str, ...] = ()

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return super().render(value) if value else ""


class AccountSettingsResource(KeptByHandResource):
    """What is kept by hand of accounts that we know; nobody is added by it."""

    account = column("account", "own_words", _KnownAccountWidget())
    cost_centre = column("cost_centre", "cost_centre", CostCentreWidget())
    owner = column("owner", "owner", TrimmedTextWidget())
    owner_contact = column("owner_contact", "owner_contact", TrimmedTextWidget())

    BY_HAND = ("owner", "owner_contact", "cost_centre")
    needs = ("account",)

    class Meta(KeptByHandResource.Meta):
        model = Account
        fields = ("account", "owner", "owner_contact", "cost_centre")

    def get_queryset(self) -> Any:
        return Account.objects.select_related("cost_centre")

    def dehydrate_account(self, account: Account) -> str:
        return AccountWidget().render(account)

    def prepare(self, dataset: Any) -> None:
        """The accounts were looked up by the column itself."""

    def find(self, row: Any) -> Account:
        account: Account = self.fields["account"].widget.clean(row.get("account"))
        return account

    def identity(self, row: Any, instance: Any, new: bool) -> Hashable:
        return self.find(row).pk

    def import_field(self, field: Any, instance: Account, row: Any, *args: Any, **kwargs: Any) -> None:
        if field.attribute in self.BY_HAND:
            super().import_field(field, instance, row, *args, **kwargs)
        else:
            field.clean(row)

    def validate_instance(
        self,
        instance: Account,
        import_validation_errors: dict[str, Any] | None = None,
        validate_unique: bool = True,
    ) -> None:
        # What GitHub tells is not ours to judge.
        if import_validation_errors:
            raise ValidationError(import_validation_errors)
        ours = ("owner", "owner_contact")
        instance.clean_fields(
            exclude=[field.name for field in instance._meta.fields if field.name not in ours]
        )

    def write_new(self, rows: Sequence[Account]) -> None:
        """Nobody is added by a list of settings."""

    @property
    def written(self) -> list[str]:
        return list(self.BY_HAND)


class _People:
    """Whom the cells of a column name: somebody known, or a login or address that nobody bears yet."""

    def __init__(self, texts: set[str]) -> None:
        names = {text.removeprefix("@") for text in texts}
        by_id = {number for name in names if (number := id_of_person(name)) is not None}
        self._by_id = {one.github_id: one for one in GitHubUser.objects.filter(github_id__among=by_id)}
        self._by_name = known_people(names)
        self.known = [*self._by_id.values(), *self._by_name.values()]
        self.keys = {_unknown_key(name) for name in names}

    def of(self, value: Any) -> tuple[GitHubUser | None, str]:
        """The person, where known, and what is written down. Raises ValueError."""
        text = plain(value).strip().removeprefix("@")
        if (number := id_of_person(text)) is not None:
            person = self._by_id.get(number)
            if person is None:
                raise ValueError(f"Nobody with GitHub's id {text[3:]} is known.")
        else:
            person = self._by_name.get(text.lower())
        return person, person.login if person else text

    def key_of(self, value: Any) -> str:
        person, text = self.of(value)
        return f"user:{person.pk}" if person else _unknown_key(text)


def _unknown_key(text: str) -> str:
    return f"{'mail' if '@' in text else 'login'}:{text.lower()}"


def _check_person(text: str, name: str, known: GitHubUser | None = None) -> None:
    if text and known is None and not NAME_OF_PERSON.fullmatch(text):
        raise ValidationError({name: f"{text!r} is neither a login nor a mail address."})


def _with_key_of_parent(department: Department) -> Department:
    department.parent = department.parent  # its key, which it may have got a moment ago
    return department
