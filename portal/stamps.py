"""What was written since, told by table: so that what was worked out from some tables can be kept until then.

Every statement of this portal goes through Django's connections, whichever door it comes from: a page, a job,
a command. Those that write raise the number of each table they name, in the same transaction and as the last
thing in it. Those that read are told to whoever is watching. So what was worked out while watching is up to
date exactly as long as the numbers of the tables that it was read from stand. Only what somebody writes into
the database past the portal goes unnoticed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any

from django.apps import AppConfig, apps
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Value
from django.db.models.functions import Greatest

from portal.models import TableStamp

# Written all the time, and of no page's figures: without a stamp, what is read from them is not kept.
UNSTAMPED_APPS = frozenset({"sessions", "admin", "django_q"})
UNSTAMPED_TABLES = frozenset({"portal_tablestamp", "portal_workerheartbeat"})
# Statements that write no row. Whatever else there is counts as one that does.
READING = frozenset({"SELECT", "VALUES", "SHOW", "EXPLAIN", "PRAGMA", "SET", "DECLARE", "FETCH"})
STEERING = frozenset({"SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT", "START", "LOCK", "ANALYZE"})
DEFINING = frozenset({"CREATE", "ALTER", "DROP", "VACUUM", "COMMENT", "RESET", "DEALLOCATE"})
# Longer statements carry their values, and do not come again.
SHORT = 4_000
_WRITES = re.compile(r"\b(?:INSERT|UPDATE|DELETE|MERGE|REPLACE)\b", re.IGNORECASE)
_FIRST_WORD = re.compile(r"[\s(]*(\w+)")
_NAMED = re.compile(r"""\b(?:FROM|JOIN|INTO|UPDATE)\s+["`]?(\w+)""", re.IGNORECASE)

_watching: ContextVar[tuple[set[str], ...]] = ContextVar("watching", default=())
_read: ContextVar[dict[str, int] | None] = ContextVar("read", default=None)


@contextmanager
def watching() -> Iterator[set[str]]:
    """The tables that are read meanwhile, in this thread."""
    tables: set[str] = set()
    before = _watching.set((*_watching.get(), tables))
    try:
        yield tables
    finally:
        _watching.reset(before)


@contextmanager
def unwatched() -> Iterator[None]:
    """Nobody is told of what is read meanwhile: of what was worked out before, its own tables are told."""
    before = _watching.set(())
    try:
        yield
    finally:
        _watching.reset(before)


def was_read(tables: Collection[str]) -> None:
    """Tell whoever is watching that something rests on these tables, though nothing was read of them now."""
    for watched in _watching.get():
        watched.update(table for table in tables if table != TableStamp._meta.db_table)


@contextmanager
def read_once() -> Iterator[None]:
    """The stamps are those of the first who asks meanwhile: for a page that only reads, in several pieces."""
    before = _read.set({})
    try:
        yield
    finally:
        _read.reset(before)


def stamps() -> Mapping[str, int]:
    """The number of every table that has one; one query."""
    known = _read.get()
    if known is None:
        return _stamps()
    if not known:
        known.update(_stamps())
    return known


def _stamps() -> dict[str, int]:
    name = connection.ops.quote_name
    columns = f"{name('table')}, {name('number')}"
    with connection.cursor() as cursor:
        # Asked with nearly every page: by a queryset it would take twice as long.
        cursor.execute(f"SELECT {columns} FROM {name(TableStamp._meta.db_table)}")  # noqa: S608 - names alone
        return dict(cursor.fetchall())


def wrote(table: str, database: BaseDatabaseWrapper = connection) -> None:
    """Tell, within its transaction, of what was written past Django's statements, as COPY does."""
    for watch in database.execute_wrappers:
        if isinstance(watch, _Watch):
            watch.wrote(table)


# --- At the connection ------------------------------------------------------------------------


def attach(sender: object, connection: BaseDatabaseWrapper, **_: object) -> None:
    """Watch a connection: what it executes, and when it commits. Called whenever one is opened."""
    if not any(isinstance(wrapper, _Watch) for wrapper in connection.execute_wrappers):
        watch = _Watch(connection)
        connection.execute_wrappers.insert(0, watch)
        vars(connection).update(_commit=watch.commit, _rollback=watch.rollback)


class _Watch:
    """What one connection has written since it last committed."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection
        database: Any = connection
        self._commit, self._rollback = database._commit, database._rollback
        self._written: set[str] = set()
        # None: it may not be there yet, or not any more.
        self._has_stamps: bool | None = None

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Mapping[str, Any]
    ) -> Any:
        word = _first_word(sql)
        if word in READING or (word == "WITH" and not _WRITES.search(sql)):
            if _watching.get():
                was_read(tables_in(sql))
        elif word in DEFINING:
            self._has_stamps = None
        elif word not in STEERING and (tables := tables_in(sql) & stamped_tables()):
            if not self._connection.get_autocommit():
                self._written |= tables
                return execute(sql, params, many, context)
            if self._connection.vendor == "sqlite" and "RETURNING" in sql:
                # It ends, and with it what was written meanwhile, only once its rows are fetched.
                result = execute(sql, params, many, context)
                if self._stamps_exist():
                    _raise(sorted(tables), self._connection.alias)
                return result
            # A statement by itself becomes a transaction: its stamps are part of it.
            with transaction.atomic(using=self._connection.alias):
                self._written |= tables
                return execute(sql, params, many, context)
        return execute(sql, params, many, context)

    def wrote(self, table: str) -> None:
        if not self._connection.get_autocommit():
            self._written.add(table)
        elif self._stamps_exist():
            _raise([table], self._connection.alias)

    def commit(self) -> None:
        tables, self._written = sorted(self._written), set()
        if tables and self._stamps_exist():
            _raise(tables, self._connection.alias)
        self._commit()

    def rollback(self) -> None:
        self._written = set()
        self._rollback()

    def _stamps_exist(self) -> bool:
        if self._has_stamps is None:
            self._has_stamps = TableStamp._meta.db_table in self._connection.introspection.table_names()
        return self._has_stamps


def _raise(tables: Collection[str], alias: str) -> None:
    # By the clock: where a backup is put back, no number comes again that a kept value bears.
    number = Greatest(F("number") + 1, Value(time.time_ns() // 1000))
    # One by one and in order: two transactions that wrote to the same tables then wait for each other once.
    for table in tables:
        TableStamp._default_manager.using(alias).filter(pk=table).update(number=number)


def make_stamps(sender: AppConfig, using: str = DEFAULT_DB_ALIAS, **_: object) -> None:
    """A stamp for every table there is, after a migration; a table without one is never relied on."""
    if TableStamp._meta.db_table not in connections[using].introspection.table_names():
        return
    rows = [TableStamp(table=table) for table in sorted(stamped_tables())]
    TableStamp._default_manager.using(using).bulk_create(rows, ignore_conflicts=True)


@cache
def stamped_tables() -> frozenset[str]:
    models = apps.get_models(include_auto_created=True)
    tables = {model._meta.db_table for model in models if model._meta.app_label not in UNSTAMPED_APPS}
    return frozenset(tables - UNSTAMPED_TABLES)


def tables_in(sql: str) -> frozenset[str]:
    """Every table that a statement names; also what stands where a table does and is none that we know."""
    return _tables_in_short(sql) if len(sql) <= SHORT else _tables_in(sql)


def _tables_in(sql: str) -> frozenset[str]:
    return frozenset({*_NAMED.findall(sql), *_known().findall(sql)})


_tables_in_short = lru_cache(maxsize=2048)(_tables_in)


@cache
def _known() -> re.Pattern[str]:
    names = sorted(stamped_tables(), key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b")


def _first_word(sql: str) -> str:
    found = _FIRST_WORD.match(sql)
    return found[1].upper() if found else ""
