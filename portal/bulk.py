"""Writing many rows at the price of their columns: one statement for all of them, no object per row.

Django's bulk_create builds an object and adapts each value by itself, its bulk_update one CASE per column
and row: both cost many times more. Values are adapted column by column, and each database gets the form it
is fast with: a prepared statement on SQLite, arrays on PostgreSQL, rows of one statement on MariaDB.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec
from django.db import connection, models
from django.db.models.constants import OnConflict

Field: TypeAlias = "models.Field[Any, Any]"
# Rows that one statement carries where it carries several: below every limit on its length.
ROWS = 5_000
JOINED_ROWS = 500


def insert_rows(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Collection[Sequence[Any]],
    *,
    ignore_conflicts: bool = False,
) -> int:
    """Insert rows with values in the order of `columns` (field names or attnames); returns how many.

    Every column without a default of the database must be named. `ignore_conflicts`: a row whose unique key
    is taken is left out. No rows is no query.
    """
    if not rows:
        return 0
    fields = _fields(model, columns)
    names = ", ".join(_quoted(field) for field in fields)
    values = [_adapted(field, column) for field, column in zip(fields, zip(*rows, strict=True), strict=True)]
    on_conflict = OnConflict.IGNORE if ignore_conflicts else None
    into = f"{connection.ops.insert_statement(on_conflict)} {_table(model)} ({names})"
    suffix = connection.ops.on_conflict_suffix_sql(fields, on_conflict, [], [])
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            inserted = 0
            for arrays in _slices(values):
                cursor.execute(f"{into} SELECT * FROM {_unnested(fields)} {suffix}", arrays)  # noqa: S608
                inserted += cursor.rowcount
            return inserted
        marks = ", ".join(["%s"] * len(fields))
        cursor.executemany(f"{into} VALUES ({marks}) {suffix}".rstrip(), list(zip(*values, strict=True)))
        return int(cursor.rowcount)


def update_rows(rows: Collection[models.Model], field_names: Sequence[str]) -> None:
    """Save these fields of these saved rows of one model; an empty collection is no query."""
    if not rows:
        return
    fields = _fields(type(next(iter(rows))), field_names)
    update_values(
        type(next(iter(rows))),
        field_names,
        [(*(getattr(row, field.attname) for field in fields), row.pk) for row in rows],
    )


def update_values(model: type[models.Model], columns: Sequence[str], rows: Collection[Sequence[Any]]) -> None:
    """Set `columns` of saved rows; each row is their values and, last, its key. No rows is no query."""
    if not rows:
        return
    # Names come from the model, values are parameters.
    key: Field = model._meta.pk
    fields = [*_fields(model, columns), key]
    values = [_adapted(field, column) for field, column in zip(fields, zip(*rows, strict=True), strict=True)]
    table, names = _table(model), [_quoted(field) for field in fields]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            sets = ", ".join(f"{name} = v.{name}" for name in names[:-1])
            source = f"{_unnested(fields)} AS v ({', '.join(names)})"
            for arrays in _slices(values):
                cursor.execute(
                    f"UPDATE {table} SET {sets} FROM {source} WHERE {table}.{names[-1]} = v.{names[-1]}",  # noqa: S608
                    arrays,
                )
        elif connection.vendor == "mysql":
            marks = ["_binary %s" if isinstance(field, models.BinaryField) else "%s" for field in fields]
            _update_joined(cursor, table, names, marks, list(zip(*values, strict=True)))
        else:
            sets = ", ".join(f"{name} = %s" for name in names[:-1])
            cursor.executemany(
                f"UPDATE {table} SET {sets} WHERE {names[-1]} = %s",  # noqa: S608
                list(zip(*values, strict=True)),
            )


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the collector of reference cycles from going through many thousand new rows again and again.

    Only for work that ends soon and leaves no cycles; what is dropped is freed at once, as ever.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _update_joined(
    cursor: Any, table: str, names: Sequence[str], marks: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """MariaDB sends executemany's updates one by one: join with a table of the values instead.

    Bytes are marked as such, lest they be taken for text; none of them may be NULL.
    """
    sets = ", ".join(f"{table}.{name} = v.{name}" for name in names[:-1])
    first = "SELECT " + ", ".join(f"{mark} AS {name}" for mark, name in zip(marks, names, strict=True))
    further = " UNION ALL SELECT " + ", ".join(marks)
    for start in range(0, len(rows), JOINED_ROWS):
        some = rows[start : start + JOINED_ROWS]
        source = first + further * (len(some) - 1)
        cursor.execute(
            f"UPDATE {table} JOIN ({source}) v ON {table}.{names[-1]} = v.{names[-1]} SET {sets}",  # noqa: S608
            [value for row in some for value in row],
        )


def _fields(model: type[models.Model], columns: Sequence[str]) -> list[Field]:
    named: dict[str, Field] = {}
    for field in model._meta.concrete_fields:
        named[field.name] = named[field.attname] = field
    return [named[column] for column in columns]


def _quoted(field: Field) -> str:
    return connection.ops.quote_name(str(field.column))


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _unnested(fields: Sequence[Field]) -> str:
    return "unnest(" + ", ".join(f"%s::{_array_type(field)}[]" for field in fields) + ")"


def _array_type(field: Field) -> str:
    # A cast to varchar(n) would cut a text that is too long in silence; as text it is refused.
    return "text" if isinstance(field, models.CharField) else str(field.rel_db_type(connection))


def _slices(columns: Sequence[Sequence[Any]]) -> Iterator[list[list[Any]]]:
    for start in range(0, len(columns[0]), ROWS):
        yield [list(column[start : start + ROWS]) for column in columns]


def _adapted(field: Field, column: Sequence[Any]) -> Sequence[Any]:
    adapt = _adapter(field)
    if adapt is None:
        return column
    first = column[0]
    if all(value is first for value in column):
        return [None if first is None else adapt(first)] * len(column)
    return [None if value is None else adapt(value) for value in column]


def _adapter(field: Field) -> Callable[[Any], Any] | None:
    """How one value of this field becomes what the driver takes; None: as it is."""
    if isinstance(field, models.ForeignKey):
        return _adapter(field.target_field)
    if isinstance(field, models.JSONField):
        return _json if field.encoder is None else lambda value: field.get_db_prep_save(value, connection)
    if isinstance(field, models.DateTimeField):
        return _sqlite_instant if connection.vendor == "sqlite" else connection.ops.adapt_datetimefield_value
    if isinstance(field, models.DateField):
        return connection.ops.adapt_datefield_value
    if isinstance(field, (models.CharField, models.TextField, models.IntegerField, models.BooleanField)):
        return None
    return lambda value: field.get_db_prep_save(value, connection)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _sqlite_instant(value: datetime) -> Any:
    # What Django writes, without asking each time what the connection's time zone is.
    return value.isoformat(" ")[:-6] if value.tzinfo is UTC else _adapted_by_django(value)


def _adapted_by_django(value: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(value)
