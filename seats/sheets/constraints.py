"""Whether a row keeps its table's constraints, without asking the database for each of them.

Django asks it once per row and constraint, which for a sheet of thousands is most of the work.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import Exact


class NotSimple(Exception):
    """A condition that is not made of plain comparisons."""


def broken(row: models.Model) -> list[str]:
    """What the check constraints of this row's table say against it. Unique ones are the caller's."""
    says = []
    for constraint in row._meta.constraints:
        if not isinstance(constraint, models.CheckConstraint):
            continue
        try:
            holds = _holds(constraint.condition, row)
        except NotSimple:
            holds = _asked(constraint, row)
        # As in SQL: what cannot be told is no objection.
        if holds is False:
            says.append(str(constraint.get_violation_error_message()))
    return says


def _asked(constraint: models.CheckConstraint, row: models.Model) -> bool:
    try:
        constraint.validate(type(row), row)
    except ValidationError:
        return False
    return True


def _holds(condition: Any, row: models.Model) -> bool | None:
    if not isinstance(condition, Q):
        raise NotSimple
    parts = [
        _holds(child, row) if isinstance(child, Q) else _compares(child, row) for child in condition.children
    ]
    held: bool | None
    if condition.connector == Q.AND:
        held = False if False in parts else None if None in parts else True
    elif condition.connector == Q.OR:
        held = True if True in parts else None if None in parts else False
    else:
        raise NotSimple
    return held if not condition.negated or held is None else not held


def _compares(child: Any, row: models.Model) -> bool | None:
    if isinstance(child, Exact) or not isinstance(child, tuple):
        raise NotSimple
    path, wanted = child
    name, _, lookup = path.partition("__")
    value = _value(row, name)
    if isinstance(wanted, F):
        wanted = _value(row, wanted.deconstruct()[1][0])
    if lookup == "isnull" or (lookup in ("", "exact") and wanted is None):
        return (value is None) == (wanted is None or wanted is True)
    if value is None or wanted is None:
        return None
    match lookup:
        case "" | "exact":
            return bool(_as_compared(value) == _as_compared(wanted))
        case "gte":
            return bool(value >= wanted)
        case "lte":
            return bool(value <= wanted)
        case "in":
            return value in wanted
    raise NotSimple


def _as_compared(value: Any) -> Any:
    """Blanks at the end are nothing, as MariaDB has it: a reason of blanks is none on any database."""
    return value.rstrip(" ") if isinstance(value, str) else value


def _value(row: models.Model, name: str) -> Any:
    field: Any = row._meta.get_field(name)
    if field.is_relation and field.is_cached(row):
        # A row that this one belongs to may be as new as itself.
        return getattr(row, name)
    return getattr(row, field.attname)
