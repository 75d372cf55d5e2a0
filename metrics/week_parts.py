"""What is stored of an account's week beside its sets: the only reader and writer of these blobs.

Each part is compressed JSON as in metrics.breakdowns, laid out in columns: names, then numbers row by row,
of the whole week and of Monday to Friday. A part is decoded as far as it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from metrics.breakdowns import DamagedBlob, pack, payload

# Beside the breakdowns by dimension: what else records say, and languages and editors used together.
RECORDS = "records"
TOGETHER = "together"
# The breakdowns by each of their names alone, of the week and of its days.
NAMED = "names"
NAMED_DAYS = "days"

Names = tuple[str, ...]
Row = Sequence[int | None]
Rows = list[list[int | None] | None]


class _Totals(msgspec.Struct, array_like=True, gc=False):
    told: int
    filled: int
    columns: list[list[str]]
    whole: msgspec.Raw
    # "null" where it is the same.
    working: msgspec.Raw


_totals = msgspec.json.Decoder(_Totals)
_rows = msgspec.json.Decoder(Rows | None)
_records = msgspec.json.Decoder(dict[int, msgspec.Raw])


class Totals:
    """Numbers by names. `told` and `filled` are bits: the days that are told, and those with any entry."""

    def __init__(self, blob: bytes | memoryview) -> None:
        """Raises DamagedBlob."""
        try:
            self._stored = _totals.decode(payload(blob))
        except msgspec.DecodeError as error:
            raise DamagedBlob(str(error)) from error
        self.told, self.filled = self._stored.told, self._stored.filled

    def whole(self) -> tuple[Sequence[Sequence[str]], list[list[int | None]]]:
        """Names in columns, and the numbers that belong to them."""
        return self._stored.columns, _rows.decode(self._stored.whole) or []

    def working(self) -> tuple[Sequence[Sequence[str]], list[list[int | None]]]:
        """The same of Monday to Friday."""
        rows = _rows.decode(self._stored.working)
        if rows is None:
            return self.whole()
        kept = [number for number, row in enumerate(rows) if row is not None]
        columns = [[column[number] for number in kept] for column in self._stored.columns]
        return columns, [row for row in rows if row is not None]


def pack_totals(
    told: int, filled: int, names: int, whole: Mapping[Names, Row], working: Mapping[Names, Row]
) -> bytes:
    """`names`: of how many names each key is."""
    columns = [list(column) for column in zip(*whole, strict=True)] or [[] for _ in range(names)]
    rows = [list(row) for row in whole.values()]
    of_working: Any = [list(working[key]) if key in working else None for key in whole]
    stored = [told, filled, columns, rows, None if of_working == rows else of_working]
    return pack(msgspec.json.encode(stored))


class Named(msgspec.Struct, array_like=True, gc=False):
    """A breakdown by each of its names alone. `told` and `filled` are bits, as in Totals."""

    told: int
    filled: int
    by_name: dict[str, msgspec.Raw]

    def rows(self, name: str) -> tuple[list[str], list[list[int | None]]]:
        """Names, and the numbers that belong to them."""
        return _column.decode(self.by_name[name])


_column = msgspec.json.Decoder(tuple[list[str], list[list[int | None]]])
_named = msgspec.json.Decoder(dict[str, Named])
_named_days = msgspec.json.Decoder(dict[int, dict[str, Named]])


def named_of(blob: bytes | memoryview) -> dict[str, Named]:
    """By dimension. Raises DamagedBlob."""
    try:
        return _named.decode(payload(blob))
    except msgspec.DecodeError as error:
        raise DamagedBlob(str(error)) from error


def named_days_of(blob: bytes | memoryview) -> dict[int, dict[str, Named]]:
    """By day (Monday is 0) and dimension; of the days that are told. Raises DamagedBlob."""
    try:
        return _named_days.decode(payload(blob))
    except msgspec.DecodeError as error:
        raise DamagedBlob(str(error)) from error


def named(told: int, filled: int, by_name: Mapping[str, Mapping[Names, Row]]) -> Named:
    """`by_name`: the sums by one name each."""
    return Named(
        told,
        filled,
        {
            name: msgspec.Raw(
                msgspec.json.encode(([key for (key,) in sums], [list(row) for row in sums.values()]))
            )
            for name, sums in by_name.items()
        },
    )


def pack_named(found: Mapping[str, Named] | Mapping[int, Mapping[str, Named]]) -> bytes:
    return pack(msgspec.json.encode(found))


def records_of(blob: bytes | memoryview) -> dict[int, msgspec.Raw]:
    """By day (Monday is 0) the JSON of its record. Raises DamagedBlob."""
    try:
        return _records.decode(payload(blob))
    except msgspec.DecodeError as error:
        raise DamagedBlob(str(error)) from error


def pack_records(days: Mapping[int, msgspec.Raw]) -> bytes:
    return pack(msgspec.json.encode(days))
