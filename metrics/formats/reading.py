"""The records of a file of a known kind, whatever they are written in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from metrics.formats import billing
from metrics.formats.kinds import BILLS, Kind
from metrics.formats.records import Broken, Record, records


def records_of(
    kind: Kind, open_stream: Callable[[], BinaryIO], plain: Path | None = None
) -> Iterator[Record | Broken]:
    """Every record of a file that is taken in record by record; `plain` is the file if that is all it is."""
    return billing.read_lines(open_stream) if kind in BILLS else records(open_stream, plain=plain)


def header_of(kind: Kind, open_stream: Callable[[], BinaryIO]) -> Mapping[str, Any]:
    """What the file says of all its records, for one that stands alone."""
    if kind in BILLS:
        return {**billing.look_through(open_stream), "is_alone": True}
    for record in records(open_stream):
        if isinstance(record, Record):
            return record.header
    return {}
