"""Tell the layers below which steps of a sync are about use, and how far older days are."""

from __future__ import annotations

from metrics.sync.backfill import what_is_left
from metrics.sync.steps import USAGE
from portal import connection_notes
from portal.models import Connection
from seats.sync import now

now.register(USAGE)


@connection_notes.register
def older_days(connection: Connection) -> str:
    """How many older days are left, and when they will be in."""
    left = what_is_left(connection)
    return f"Older days of use: {left}" if left else ""
