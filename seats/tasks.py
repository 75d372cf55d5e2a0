"""Doorways for background work."""

from __future__ import annotations

from seats import verdicts


def refresh_verdicts() -> int:
    """At midnight every seat is a day older."""
    return verdicts.refresh()
