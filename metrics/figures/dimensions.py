"""The five breakdowns that a day's record can have, and how one is read out of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

import msgspec

from metrics.breakdowns import DamagedBlob, payload
from metrics.figures.entries import DayEntries, Entry, Folded, Names

Dimension = Literal["ide", "feature", "language_feature", "language_model", "model_feature"]

NAMES: Mapping[Dimension, Names] = {
    "ide": ("ide",),
    "feature": ("feature",),
    "language_feature": ("language", "feature"),
    "language_model": ("language", "model"),
    "model_feature": ("model", "feature"),
}


def entries_told(
    row: tuple[Any, ...] | None, dimensions: tuple[Dimension, ...], folded: Folded
) -> dict[Dimension, DayEntries]:
    """The arrays of the blob in a row that can be read, empty where the day has none."""
    if row is None:
        found: dict[Dimension, list[Entry]] = {dimension: [] for dimension in dimensions}
    else:
        text = _text(row)
        found = {} if text is None else _arrays(text, dimensions)
    return {dimension: DayEntries(NAMES[dimension], entries, folded) for dimension, entries in found.items()}


def _text(row: tuple[Any, ...]) -> bytes | None:
    """The record in a row; None where it is damaged, or the day was not added up in detail yet."""
    try:
        return None if row[0] is None else payload(row[0])
    except DamagedBlob:
        return None


def _arrays(text: bytes, dimensions: tuple[Dimension, ...]) -> dict[Dimension, list[Entry]]:
    try:
        record = _decoder(dimensions).decode(text)
    except msgspec.DecodeError:
        if len(dimensions) == 1:
            return {}
        # One of another shape leaves the others.
        return {name: found for one in dimensions for name, found in _arrays(text, (one,)).items()}
    return {dimension: getattr(record, dimension) or [] for dimension in dimensions}


@cache
def _decoder(dimensions: tuple[Dimension, ...]) -> msgspec.json.Decoder[Any]:
    """Decodes these arrays of a record, and passes over the rest of it."""
    fields = [
        (name, list[Entry] | None, msgspec.field(name=f"totals_by_{name}", default=None))
        for name in dimensions
    ]
    return msgspec.json.Decoder(msgspec.defstruct("Record", fields))
