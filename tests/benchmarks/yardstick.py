"""The yardstick S: what storing the lines costs at the least, with nothing that makes it a product.

Typed decode with the arrays as they are (msgspec Raw), the arrays compressed (zstd level 3), one plain
`executemany` into SQLite in one transaction. No validation, rejects, history or totals.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
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


if __name__ == "__main__":
    store(Path(sys.argv[1]), Path(sys.argv[2]))
