"""Cost centres, departments, who answers for teams and accounts: as sheets."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError

from seats.models import Account, CostCentre, Department, TeamOwner
from seats.sheets.base import KeptByHandResource, column, texts_of
from seats.sheets.lookups import (
    AccountWidget,
    CostCentreWidget,
    DepartmentWidget,
    TeamWidget,
)
from seats.sheets.people_named import PeopleNamed, PeopleShown, check_person, check_person_key, unknown_key
from seats.sheets.widgets import TrimmedTextWidget, plain


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
        check_person(instance.manager, "manager")

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
        self._people_shown = PeopleShown(TeamOwner)

    def get_queryset(self) -> Any:
        return TeamOwner.objects.select_related("team__account", "user")

    def dehydrate_person(self, owner: TeamOwner) -> str:
        return self._people_shown.render(owner)

    def prepare(self, dataset: Any) -> None:
        self._people = PeopleNamed(texts_of(dataset, ["owner"]))
        super().prepare(dataset)

    def key_of(self, instance: TeamOwner) -> Hashable:
        return instance.team_id, instance.person_key

    def key_of_row(self, row: Any) -> Hashable:
        team = self.cell(row, "team")
        return team.pk if team else None, self._people.key_of(row.get("owner"))

    def find(self, row: Any) -> Any:
        # Also one who is known by now, and was not joined with their name yet.
        pair: Any = self.key_of_row(row)
        team, key = pair
        keys = (key, unknown_key(plain(row.get("owner")).strip()))
        return next((found[0] for one in keys if (found := self._existing.get((team, one)))), None)

    def import_field(self, field: Any, instance: TeamOwner, row: Any, *args: Any, **kwargs: Any) -> None:
        if field.attribute == "person":
            user, text = self._people.of(row.get("owner"))
            if instance._state.adding:
                instance.user, instance.person = user, text
        else:
            super().import_field(field, instance, row, *args, **kwargs)

    def check(self, instance: TeamOwner) -> None:
        check_person(instance.person, "person", known=instance.user)
        if not instance.person:
            raise ValidationError({"person": "Say who: a login or a mail address."})
        check_person_key(instance)

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


def _with_key_of_parent(department: Department) -> Department:
    department.parent = department.parent  # its key, which it may have got a moment ago
    return department
