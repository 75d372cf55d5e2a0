"""Who belongs where, as a sheet: a line begins a place, and ends the one before."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Sequence
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q

from portal.bulk import update_rows
from seats.models import Assignment
from seats.models.policy import FROM_EVER
from seats.policy_sql import today
from seats.sheets.base import KeptByHandResource, column, day_of, texts_of
from seats.sheets.lookups import CostCentreWidget, DepartmentWidget
from seats.sheets.people_named import PeopleNamed, PeopleShown, check_person, check_person_key, unknown_key
from seats.sheets.widgets import TrimmedTextWidget, plain


class AssignmentResource(KeptByHandResource):
    """Without `starts_on` a line speaks of the person's place today: another one begins today.

    What is planned for later stays. A person's first place without a first day has always held. An empty
    `ends_on` is: until the next.
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
        self._people_shown = PeopleShown(Assignment)
        self._closed: dict[int, Assignment] = {}
        self._moves_today: Assignment | None = None
        self._told_ends: set[int] = set()

    def get_queryset(self) -> Any:
        return Assignment.objects.select_related("user", "department", "cost_centre")

    def dehydrate_person(self, assignment: Assignment) -> str:
        return self._people_shown.render(assignment)

    def prepare(self, dataset: Any) -> None:
        self._people = PeopleNamed(texts_of(dataset, ["person"]))
        for assignment in self.get_queryset().filter(
            Q(user__among={one.pk for one in self._people.known}) | Q(person_key__among=self._people.keys)
        ):
            self._existing[assignment.person_key].append(assignment)

    def key_of_row(self, row: Any) -> Hashable:
        return self._people.key_of(row.get("person"))

    def identities(self, row: Any, instance: Assignment, new: bool) -> Sequence[Hashable]:
        person = self.key_of_row(row)
        if told := day_of(row, "starts_on"):
            return ((person, told),)
        day = today() if new else instance.starts_on
        if not any(one.pk for one in self._existing.get(person, [])):
            # Nothing is known of them: without a first day it has always held, wherever the line stands.
            day = FROM_EVER
        return (person, "today"), (person, day)

    def find(self, row: Any) -> Assignment | None:
        theirs = self._existing.get(self.key_of_row(row), [])
        if starts_on := day_of(row, "starts_on"):
            # Also what could not be joined with the person, since it contradicts another.
            written = self._existing.get(unknown_key(plain(row.get("person")).strip()), [])
            return next((one for one in (*theirs, *written) if one.starts_on == starts_on), None)
        current = next((one for one in theirs if _holds_on(one, today())), None)
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
            if told:
                self._told_ends.add(id(instance))
            # Empty: until the next one begins.
            instance.ends_on = told or self._day_before_next(instance)
        else:
            super().import_field(field, instance, row, *args, **kwargs)

    def _begin_day(self, instance: Assignment, row: Any) -> None:
        theirs = self._existing.get(self.key_of_row(row), [])
        told = None
        with contextlib.suppress(ValueError):  # its own column says so
            told = day_of(row, "starts_on")
        instance.starts_on = told or (today() if theirs else FROM_EVER)
        if theirs and not told:
            self._moves_today = instance
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
        check_person(instance.person, "person", known=instance.user)
        check_person_key(instance)
        check_person(instance.manager, "manager")
        theirs = self._existing[instance.own_person_key()]
        for other in theirs:
            if other is instance:
                continue
            if self._is_left(other, instance):
                place = (other.department_id, other.cost_centre_id, other.manager)
                self.note(other.starts_on, other.ends_on, *place)
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

    def _is_left(self, other: Assignment, instance: Assignment) -> bool:
        """Whether the person who begins here leaves that place; one with a last day only today.

        That they were to leave it later, for a place that is planned, does not keep them from moving now.
        """
        if other.starts_on >= instance.starts_on:
            return False
        if other.ends_on is None:
            return True
        is_cut_short = self._moves_today is instance and other.ends_on >= instance.starts_on
        return is_cut_short and id(other) not in self._told_ends

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


def _holds_on(one: Assignment, day: date) -> bool:
    return one.starts_on <= day and (one.ends_on is None or one.ends_on >= day)
