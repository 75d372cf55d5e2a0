"""What is stored of an account's usual period: the only reader and writer of these blobs.

Days are told by how many days they come after the period's first one. A part is decoded as far as it is
asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import msgspec
from pyroaring import BitMap

from metrics.breakdowns import DamagedBlob, pack, payload
from metrics.week_parts import Names, Row


def sums_of(dimension: str) -> str:
    """The part with a breakdown."""
    return f"sums:{dimension}"


def users_of(family: str) -> str:
    """The part with the sets of the kinds that begin so: "feature:"; "" of the kinds without a name."""
    return f"users:{family}"


# How many did it on each day, in the 7 days and in the 28 that end with it, by kind.
TRAILING = "trailing"
Counts = tuple[int | None, int | None, int | None]


# --- Sums -------------------------------------------------------------------------------------


class _Sums(msgspec.Struct, array_like=True, gc=False):
    told: list[int]
    filled: list[int]
    columns: list[list[str]]
    rows: msgspec.Raw


_sums = msgspec.json.Decoder(_Sums)
_rows = msgspec.json.Decoder(list[list[int | None]])


class Summed:
    """A breakdown in the whole: the days that are told, those of them with any entry, and their sums."""

    def __init__(self, first: date, blob: bytes | memoryview) -> None:
        """Raises DamagedBlob."""
        try:
            self._stored = _sums.decode(payload(blob))
        except msgspec.DecodeError as error:
            raise DamagedBlob(str(error)) from error
        self.told = [first + timedelta(days=after) for after in self._stored.told]
        self.filled = frozenset(first + timedelta(days=after) for after in self._stored.filled)

    def rows(self) -> tuple[Sequence[Sequence[str]], list[list[int | None]]]:
        """Names in columns, and the numbers that belong to them."""
        return self._stored.columns, _rows.decode(self._stored.rows)


def pack_summed(
    first: date, told: Sequence[date], filled: Sequence[date], names: int, sums: Mapping[Names, Row]
) -> bytes:
    """`names`: of how many names each key is."""
    columns = [list(column) for column in zip(*sums, strict=True)] or [[] for _ in range(names)]
    days = ([(day - first).days for day in some] for some in (told, filled))
    return pack(msgspec.json.encode([*days, columns, [list(row) for row in sums.values()]]))


# --- Sets of people ---------------------------------------------------------------------------


class Users(NamedTuple):
    """Who did something on any day, and on how many days they did, added up."""

    users: BitMap
    user_days: int


_users = msgspec.msgpack.Decoder(dict[str, tuple[bytes, int]])


def users_in(blob: bytes | memoryview) -> dict[str, Users]:
    """By kind. Raises DamagedBlob."""
    try:
        stored = _users.decode(blob)
        return {kind: Users(BitMap.deserialize(users), days) for kind, (users, days) in stored.items()}
    except (msgspec.DecodeError, ValueError) as error:
        raise DamagedBlob(str(error)) from error


def pack_users(by_kind: Mapping[str, Users]) -> bytes:
    for each in by_kind.values():
        each.users.run_optimize()
    return msgspec.msgpack.encode(
        {kind: (each.users.serialize(), each.user_days) for kind, each in by_kind.items()}
    )


# --- Counts of people -------------------------------------------------------------------------

_counts = msgspec.json.Decoder(dict[str, list[Counts]])


def counts_in(blob: bytes | memoryview) -> dict[str, list[Counts]]:
    """By kind, of each day of the period. Raises DamagedBlob."""
    try:
        return _counts.decode(payload(blob))
    except msgspec.DecodeError as error:
        raise DamagedBlob(str(error)) from error


def pack_counts(by_kind: Mapping[str, Sequence[Counts]]) -> bytes:
    return pack(msgspec.json.encode(by_kind))
