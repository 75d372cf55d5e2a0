"""The yardsticks: what storing the lines costs at the least, with nothing that makes it a product.

Typed decode with the arrays as they are (msgspec Raw), the arrays compressed (zstd level 3), all in one
transaction. No validation, rejects, history or totals. S stores them in SQLite by one plain `executemany`;
its counterpart on PostgreSQL by COPY into a table without indexes, and from there where they belong.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec
import zstandard

EMPTY = msgspec.Raw(b"[]")
COLUMNS = (
    "user_id", "day", "enterprise_id", "user_login",
    "user_initiated_interaction_count", "code_generation_activity_count", "code_acceptance_activity_count",
    "loc_suggested_to_add_sum", "loc_suggested_to_delete_sum", "loc_added_sum", "loc_deleted_sum",
    "used_agent", "used_chat", "used_cli", "used_copilot_cloud_agent", "ai_credits_used",
)  # fmt: skip


class Line(msgspec.Struct):
    user_id: int
    day: str
    enterprise_id: str
    user_login: str
    user_initiated_interaction_count: int
    code_generation_activity_count: int
    code_acceptance_activity_count: int
    loc_suggested_to_add_sum: int
    loc_suggested_to_delete_sum: int
    loc_added_sum: int
    loc_deleted_sum: int
    used_agent: bool
    used_chat: bool
    used_cli: bool
    used_copilot_cloud_agent: bool | None = None
    ai_credits_used: float | None = None
    totals_by_ide: msgspec.Raw = EMPTY
    totals_by_feature: msgspec.Raw = EMPTY
    totals_by_language_feature: msgspec.Raw = EMPTY
    totals_by_language_model: msgspec.Raw = EMPTY
    totals_by_model_feature: msgspec.Raw = EMPTY
    totals_by_cli: msgspec.Raw = EMPTY
    totals_by_copilot_app: msgspec.Raw = EMPTY
    totals_by_vscode_agent: msgspec.Raw = EMPTY
    ai_adoption_phase: msgspec.Raw = EMPTY


ARRAYS = Line.__struct_fields__[len(COLUMNS) :]


def rows(path: Path) -> Iterator[tuple[object, ...]]:
    decode = msgspec.json.Decoder(Line).decode
    compress = zstandard.ZstdCompressor(level=3).compress
    with path.open("rb") as file:
        for raw in file:
            line = decode(raw)
            blob = compress(b",".join(bytes(getattr(line, name)) for name in ARRAYS))
            yield (*(getattr(line, name) for name in COLUMNS), blob)


def store(path: Path, database: Path) -> None:
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    columns = ", ".join(COLUMNS)
    connection.execute(f"CREATE TABLE user_day (id INTEGER PRIMARY KEY, {columns}, blob)")
    connection.execute("CREATE UNIQUE INDEX user_day_once ON user_day (user_id, day)")
    connection.execute("CREATE INDEX user_day_by_day ON user_day (day)")
    marks = ", ".join("?" * (len(COLUMNS) + 1))
    with connection:
        connection.executemany(f"INSERT INTO user_day ({columns}, blob) VALUES ({marks})", rows(path))
    connection.close()


TYPES = ("bigint", "date", "text", "text", *["integer"] * 7, *["boolean"] * 4, "double precision")
COPIED_AT_ONCE = 20_000


def store_in_postgresql(path: Path, url: str) -> None:
    """Into a schema of its own, which goes at the end."""
    import psycopg

    names = (*COLUMNS, "blob")
    listed = ", ".join(names)
    columns = ", ".join(map(" ".join, zip(names, (*TYPES, "bytea"), strict=True)))
    kept = ", ".join(f"{name} = excluded.{name}" for name in names[2:])
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA yardstick")
        cursor.execute("SET search_path = yardstick")
        for table, before in (("user_day", "id bigserial PRIMARY KEY, "), ("come_in", "")):
            cursor.execute(f"CREATE TABLE {table} ({before}{columns})")
            cursor.execute(f"ALTER TABLE {table} ALTER blob SET STORAGE EXTERNAL")
        cursor.execute("CREATE UNIQUE INDEX ON user_day (user_id, day)")
        cursor.execute("CREATE INDEX ON user_day (day)")
        told = rows(path)
        while some := list(islice(told, COPIED_AT_ONCE)):
            with cursor.copy(f"COPY come_in ({listed}) FROM STDIN") as copy:
                for row in some:
                    copy.write_row(row)
            cursor.execute(
                f"INSERT INTO user_day ({listed}) SELECT {listed} FROM come_in"
                f" ON CONFLICT (user_id, day) DO UPDATE SET {kept} WHERE user_day.blob <> excluded.blob"
            )
            cursor.execute("TRUNCATE come_in")
        connection.commit()
        cursor.execute("DROP SCHEMA yardstick CASCADE")


if __name__ == "__main__":
    if sys.argv[2].startswith("postgres"):
        store_in_postgresql(Path(sys.argv[1]), sys.argv[2])
    else:
        store(Path(sys.argv[1]), Path(sys.argv[2]))
