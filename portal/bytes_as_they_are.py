"""Read columns of bytes as bytes: PostgreSQL sends them as text twice as long unless it is asked not to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def bytes_as_they_are() -> Iterator[None]:
    """Queries made in here have their results sent as they are stored.

    To take bytes out of text takes longer than all that is done with them. Only for numbers, days, texts and
    bytes: moments would come without the time zone that Django gives them.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with connection.execute_wrapper(_in_binary):
        yield


def _in_binary(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    from psycopg import ClientCursor, Cursor
    from psycopg.pq import Format

    wrapper = context["cursor"]
    if isinstance(wrapper.cursor, ClientCursor):
        # Django's usual cursor, which writes values into the statement, cannot ask for it: another sends it.
        sql, params = wrapper.cursor.mogrify(sql, params), None
        wrapper.cursor = Cursor(connection.connection)
    wrapper.cursor.format = Format.BINARY
    return execute(sql, params, many, context)
