"""The seven counters added up. Where no line had a counter, its sum is unknown, not 0."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Sum

from metrics.models.counters import COUNTERS

# In the order of COUNTERS.
Counted = tuple[int | None, ...]
NONE_DONE: Counted = (0,) * len(COUNTERS)


def sums() -> dict[str, Sum]:
    """The seven counters as aggregates, each under its own name; a sum over nothing known is NULL."""
    return {name: Sum(name) for name in COUNTERS}


def total(values: Iterable[int | None]) -> int | None:
    """The sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None
