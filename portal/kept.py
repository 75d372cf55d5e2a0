"""What takes long to work out, kept until anything it was read from is written to.

`kept` watches which tables are read while a value is worked out, and keeps the value with their stamps. It
is told again as long as those stand, and for `KEEP_PANELS_SECONDS` at most: past the portal somebody may
write as well. What was read from a table without a stamp is never kept, and nothing is within a transaction,
which may yet be undone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path
from typing import Any, TypeVar, cast

from django.conf import settings
from django.core.cache import caches
from django.db import connection

from portal.stamps import stamps, was_read, watching

# Rather worked out again than kept: the cache holds a thousand values.
MOST_BYTES = 500_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Kept:
    value: Any
    stamps: Mapping[str, int]


def kept(key: str, make: Callable[[], T], *, shared: bool = False) -> T:
    """The value of this key, worked out by `make` if it is not known or out of date.

    `key` names all that the value depends on besides the database: what was asked, who may see what, the day.
    `shared`: with all processes also where there is no Redis, as files; for what takes seconds.
    """
    if connection.in_atomic_block or not settings.KEEP_PANELS_SECONDS:
        return make()
    now = stamps()
    name = _name(key)
    cache = caches["default" if shared else "kept"]
    known: _Kept | None = cache.get(name)
    if known is not None and all(now.get(table) == number for table, number in known.stamps.items()):
        was_read(known.stamps)
        return cast("T", known.value)
    with watching() as tables:
        value = make()
    # Of before anything was read: what was written meanwhile shows as a later number.
    if tables <= now.keys() and not (isinstance(value, str) and len(value) > MOST_BYTES):
        cache.set(name, _Kept(value, {table: now[table] for table in tables}), settings.KEEP_PANELS_SECONDS)
    return value


def _name(key: str) -> str:
    return hashlib.sha256(f"{code_version()}\n{key}".encode()).hexdigest()


@once
def code_version() -> str:
    """Another one whenever the portal's own code or templates are: what it made before is not told again."""
    version = hashlib.sha256()
    for folder in ("metrics", "seats", "portal", "templates"):
        for path in sorted(Path(settings.BASE_DIR, folder).rglob("*")):
            if path.suffix in {".py", ".html"}:
                version.update(f"{path} {path.stat().st_mtime_ns} {path.stat().st_size}".encode())
    return version.hexdigest()
