"""A database with every table: made once for a run, copied by each of its processes, and quickly emptied."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.db import connection, transaction

# What migrations and their signals fill and no test changes; and numbers that only ever rise, lest what one
# test kept by them be taken for the next one's.
LEFT_ALONE = {"django_content_type", "auth_permission", "django_migrations", "portal_tablestamp"}

# Nobody asks for the rows back as text; from Django 6.1 on that is the default, and saying so is deprecated.
UNREAD: dict[str, Any] = {} if django.VERSION >= (6, 1) else {"serialize": False}

Rows = dict[str, tuple[list[str], list[tuple[Any, ...]]]]
_first_rows: Rows = {}


# --- The one that is copied -------------------------------------------------------------------


def name_for_all(folder: Path) -> str:
    """What the database is called that every process of the run copies."""
    if connection.vendor == "sqlite":
        return str(folder / "tables.sqlite3")
    return f"{connection.creation._get_test_db_name()}_tables"


def make(name: str) -> None:
    """By the migrations."""
    with _leading_elsewhere():
        connection.settings_dict["TEST"]["NAME"] = name
        connection.creation.create_test_db(verbosity=0, autoclobber=True, **UNREAD)
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                # All of it goes into the one file that is copied.
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def throw_away(name: str) -> None:
    """Leave none on a server."""
    if connection.vendor != "sqlite":
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {connection.ops.quote_name(name)}")


@contextmanager
def own(name_to_copy: str | None, *, keep: bool = False) -> Iterator[None]:
    """The connection leads to this process's test database, empty but for what migrations write."""
    with _leading_elsewhere():
        if name_to_copy is None:
            connection.creation.create_test_db(verbosity=0, autoclobber=True, keepdb=keep, **UNREAD)
        else:
            # pytest-django gives each process its own suffix.
            name = connection.creation._get_test_db_name()
            _copy(name_to_copy, name)
            connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = name
        _remember_first_rows()
        yield
        connection.close()
        if not keep:
            connection.creation._destroy_test_db(connection.settings_dict["NAME"], verbosity=0)


@contextmanager
def _leading_elsewhere() -> Iterator[None]:
    connected, test = connection.settings_dict, connection.settings_dict["TEST"]
    name, name_for_tests = connected["NAME"], test["NAME"]
    connection.close()
    try:
        yield
    finally:
        connection.close()
        test["NAME"] = name_for_tests
        connected["NAME"] = settings.DATABASES["default"]["NAME"] = name


def _copy(old: str, new: str) -> None:
    if connection.vendor == "sqlite":
        copy_file(Path(old), Path(new))
        return
    quote = connection.ops.quote_name
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {quote(new)}")
        if connection.vendor == "postgresql":
            cursor.execute(f"CREATE DATABASE {quote(new)} TEMPLATE {quote(old)}")
            # Whatever a loss of power takes from a test, it is run again.
            cursor.execute(f"ALTER DATABASE {quote(new)} SET synchronous_commit TO off")
        else:
            suffix = connection.creation.sql_table_creation_suffix()
            cursor.execute(f"CREATE DATABASE {quote(new)} {suffix}")
            # Below Django's own cursor: this connection has no database that could keep stamps.
            _copy_tables(cursor.cursor, quote(old), quote(new))


def _copy_tables(cursor: Any, old: str, new: str) -> None:
    """MariaDB copies no database, and `CREATE TABLE … LIKE` no foreign keys."""
    cursor.execute(f"SHOW TABLES FROM {old}")
    made = []
    for (name,) in cursor.fetchall():
        table = connection.ops.quote_name(name)
        cursor.execute(f"SHOW CREATE TABLE {old}.{table}")
        made.append((table, cursor.fetchone()[1]))
    cursor.execute(f"USE {new}")
    cursor.execute("SET foreign_key_checks = 0")
    for table, sentence in made:
        cursor.execute(sentence)
        cursor.execute(f"INSERT INTO {table} SELECT * FROM {old}.{table}")


def copy_file(old: Path, new: Path) -> None:
    """An SQLite file."""
    with closing(sqlite3.connect(old)) as source, closing(sqlite3.connect(new)) as target:
        source.backup(target)


# --- Emptied again ----------------------------------------------------------------------------


def _remember_first_rows() -> None:
    """Keep in mind what the migrations put into the tables."""
    with connection.cursor() as cursor:
        for table in _tables_with_rows(cursor) - LEFT_ALONE:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            columns = [column[0] for column in cursor.description]
            _first_rows[table] = columns, list(cursor.fetchall())


def empty() -> None:
    """Every table as the migrations left it: what `flush` takes seconds for on a server, by few deletions."""
    quote = connection.ops.quote_name
    with transaction.atomic(), connection.cursor() as cursor:
        tables = _tables_with_rows(cursor) - LEFT_ALONE
        if connection.vendor == "mysql":
            cursor.execute("SET foreign_key_checks = 0")
        # On the others foreign keys are looked at when the transaction ends.
        for table in sorted(tables):
            cursor.execute(f"DELETE FROM {quote(table)}")
        for table, (columns, rows) in _first_rows.items():
            names, places = ", ".join(map(quote, columns)), ", ".join(["%s"] * len(columns))
            cursor.executemany(f"INSERT INTO {quote(table)} ({names}) VALUES ({places})", rows)
        if connection.vendor == "mysql":
            cursor.execute("SET foreign_key_checks = 1")


def _tables_with_rows(cursor: Any) -> set[str]:
    tables = connection.introspection.table_names(cursor)
    quote = connection.ops.quote_name
    asked = " UNION ALL ".join(
        f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {quote(table)})"
        if connection.vendor != "mysql"
        else f"SELECT '{table}' FROM DUAL WHERE EXISTS (SELECT 1 FROM {quote(table)})"
        for table in tables
    )
    cursor.execute(asked)
    return {table for (table,) in cursor.fetchall()}
