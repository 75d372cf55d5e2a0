"""Doorways for background work."""

from __future__ import annotations

from metrics.ingest import rebuild


def rebuild_dirty_days() -> int:
    """What a killed import left to be added up."""
    return rebuild.rebuild_dirty_days()
