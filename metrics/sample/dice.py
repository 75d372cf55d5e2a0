"""Chance that is the same for the same seed."""

from __future__ import annotations

from random import Random


def dice(*seed: object) -> Random:
    """A generator of its own for each purpose: what one thing rolls never changes another's luck."""
    return Random(":".join(str(part) for part in seed))  # noqa: S311 - sample data, nothing secret
