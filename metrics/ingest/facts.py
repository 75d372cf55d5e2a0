"""Write facts that a newer file may restate: read what is known, classify, insert new, update changed.

One code path on every database, and exact counts for free. The higher `observed_at` wins, ties go to the
file with the higher sha256, so the order in which files arrive never matters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db import connection, models

from metrics.ingest.options import Counts
from portal.bulk import update_values
from portal.models import ReportFile
from portal.stamps import wrote

# Whose fact it is (a person's or account's key), and the day.
Key = tuple[int, date]


class Fact(NamedTuple):
    """A row to be: its key, what tells versions apart, and its columns in the table's order."""

    key: Key
    observed_at: datetime
    content_hash: bytes
    values: tuple[Any, ...]


class Known(NamedTuple):
    """What the table holds under a key."""

    pk: int
    observed_at: datetime
    content_hash: bytes
    file_id: int | None


@dataclass(slots=True)
class Classified:
    counts: Counts = field(default_factory=Counts)
    new: dict[Key, Fact] = field(default_factory=dict)
    changed: dict[int, Fact] = field(default_factory=dict)
    # Same content, seen again later: only the moment moves.
    confirmed: dict[int, Fact] = field(default_factory=dict)


class FileHashes:
    """sha256 by file, looked up when a tie must be settled."""

    def __init__(self, file: ReportFile) -> None:
        self._hashes: dict[int | None, str] = {file.pk: file.sha256, None: ""}

    def of(self, file_id: int | None) -> str:
        if file_id is not None and file_id not in self._hashes:
            found = ReportFile.objects.filter(pk=file_id).values_list("sha256", flat=True).first()
            self._hashes[file_id] = found or ""
        return self._hashes[file_id]


def classify(
    facts: Sequence[Fact],
    known: Mapping[Key, Known],
    file: ReportFile,
    hashes: FileHashes,
    is_closed: Callable[[Fact], bool] | None = None,
    *,
    last_wins: bool = False,
) -> Classified:
    """Sort facts into new, changed, unchanged and superseded.

    `is_closed` says whether a newer complete file has already told that a key is not there. With
    `last_wins` the last of several things that one file says of a key stands.
    """
    result = Classified()
    counts = result.counts
    current: dict[Key, Known] = {}
    for fact in facts:
        held = current.get(fact.key) or known.get(fact.key)
        if held is None:
            if is_closed is not None and is_closed(fact):
                counts.rows_superseded += 1
                continue
            counts.rows_new += 1
            result.new[fact.key] = fact
            current[fact.key] = Known(0, fact.observed_at, fact.content_hash, file.pk)
        elif held.content_hash == fact.content_hash:
            counts.rows_unchanged += 1
            if fact.observed_at > held.observed_at:
                _confirm(result, fact, held, current, file)
        elif fact.observed_at > held.observed_at and is_closed is not None and is_closed(fact):
            # The row was confirmed since, by the day's complete file coming again.
            counts.rows_superseded += 1
        elif _wins(fact, held, file, hashes, counts, last_wins):
            counts.rows_changed += 1
            if held.pk:
                result.changed[held.pk] = fact
                result.confirmed.pop(held.pk, None)
            else:
                result.new[fact.key] = fact
            current[fact.key] = Known(held.pk, fact.observed_at, fact.content_hash, file.pk)
        else:
            counts.rows_superseded += 1
    return result


def _confirm(
    result: Classified, fact: Fact, held: Known, current: dict[Key, Known], file: ReportFile
) -> None:
    if not held.pk:
        result.new[fact.key] = fact
    elif held.pk in result.changed:
        result.changed[held.pk] = fact
    else:
        result.confirmed[held.pk] = fact
    current[fact.key] = held._replace(observed_at=fact.observed_at, file_id=file.pk)


def _wins(
    fact: Fact, held: Known, file: ReportFile, hashes: FileHashes, counts: Counts, last_wins: bool
) -> bool:
    if fact.observed_at != held.observed_at:
        return fact.observed_at > held.observed_at
    counts.conflicts += 1
    if held.file_id == file.pk:
        # The same file says two things of one key: by content, so that lines may come in any order.
        return last_wins or fact.content_hash > held.content_hash
    return file.sha256 > hashes.of(held.file_id)


Row = tuple[Any, ...]
SEEN_AGAIN = ("observed_at", "file")


class Table:
    """The SQL of one table of facts; `columns` in the order of `Fact.values`."""

    def __init__(
        self, model: type[models.Model], columns: Sequence[str], seen_again: Sequence[str] = SEEN_AGAIN
    ) -> None:
        """`seen_again`: the columns that change where a row is only confirmed."""
        quote = connection.ops.quote_name
        fields = {field.name: field for field in model._meta.concrete_fields}
        names = [quote(str(fields[name].column)) for name in columns]
        table = quote(model._meta.db_table)
        marks = ", ".join(["%s"] * len(names))
        self._model, self._columns, self._seen_again = model, columns, seen_again
        # Names come from the model, values are parameters.
        self._insert = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608
        self._copy = f"COPY {table} ({', '.join(names)}) FROM STDIN (FORMAT BINARY)"
        # Without what is in brackets: a number's digits are the column's own affair.
        types = (str(fields[name].rel_db_type(connection)) for name in columns)
        self._types = [name.partition("(")[0] for name in types]
        assignments = ", ".join(f"{name} = %s" for name in names)
        self._update = f"UPDATE {table} SET {assignments} WHERE id = %s"  # noqa: S608
        confirmations = ", ".join(f"{quote(str(fields[name].column))} = %s" for name in seen_again)
        self._confirm = f"UPDATE {table} SET {confirmations} WHERE id = %s"  # noqa: S608

    def write(self, classified: Classified, file: ReportFile) -> None:
        self.write_rows(
            [fact.values for fact in classified.new.values()],
            [(*fact.values, pk) for pk, fact in classified.changed.items()],
            [(instants(fact.observed_at), file.pk, pk) for pk, fact in classified.confirmed.items()],
        )

    def write_rows(
        self, new: Sequence[Row], changed: Sequence[Row] = (), confirmed: Sequence[Row] = ()
    ) -> None:
        """Rows as the database wants them; the changed and the confirmed end with their key."""
        if connection.vendor == "postgresql":
            # A statement for each row costs it, and us, more than all that the row went through before.
            self._copy_in(new)
            update_values(self._model, self._columns, changed)
            update_values(self._model, self._seen_again, confirmed)
            return
        with connection.cursor() as cursor:
            if new:
                cursor.executemany(self._insert, new)
            if changed:
                cursor.executemany(self._update, changed)
            if confirmed:
                cursor.executemany(self._confirm, confirmed)

    def _copy_in(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        with (
            connection.cursor() as cursor,
            connection.wrap_database_errors,
            cursor.copy(self._copy) as copy,
        ):
            copy.set_types(self._types)
            for row in rows:
                copy.write_row(row)
        wrote(self._model._meta.db_table)


class Adapted(dict[Any, Any]):
    """Days and instants as this database wants them, each converted once."""

    def __missing__(self, value: date | datetime) -> Any:
        if isinstance(value, datetime):
            adapted = connection.ops.adapt_datetimefield_value(value)
        else:
            adapted = connection.ops.adapt_datefield_value(value)
        self[value] = adapted
        return adapted


class Read(dict[Any, Any]):
    """Days or instants as they come from this database, each converted once."""

    def __init__(self, model: type[models.Model], name: str) -> None:
        super().__init__()
        self._column = model._meta.get_field(name).cached_col  # type: ignore[union-attr]
        self._converters = [
            *connection.ops.get_db_converters(self._column),
            *self._column.get_db_converters(connection),
        ]

    def __missing__(self, value: Any) -> Any:
        read = value
        for convert in self._converters:
            read = convert(read, self._column, connection)
        self[value] = read
        return read


def instants(at: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(at)
