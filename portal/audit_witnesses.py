"""Rows whose story the audit tells too: apps register who compares the two, and tells where they differ.

The chain proves that no entry was changed. A witness proves that what a decisive row says today is what the
entries say that was done: changing the row behind our back shows as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A row that does not agree with the audit, and in what."""

    place: str  # as subjects are named: `batch:3`
    says: str


Witness = Callable[[], Iterable[Contradiction]]
_witnesses: list[Witness] = []


def witness(compare: Witness) -> Witness:
    """Register a comparison; it reads its rows a few at a time."""
    _witnesses.append(compare)
    return compare


def contradictions() -> Iterator[Contradiction]:
    for compare in _witnesses:
        yield from compare()
