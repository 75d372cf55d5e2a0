"""What is stored of an account's usual period: the only reader and writer of these blobs.

Days are told by how many days they come after the period's first one. A part is decoded as far as it is
asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple, TypeVar

import msgspec
from pyroaring import BitMap

from metrics.breakdowns import DamagedBlob, pack, payload
from metrics.models.counters import COUNTERS
from metrics.week_parts import Names, Row


def sums_of(dimension: str) -> str:
    """The part with a breakdown."""
    return f"sums:{dimension}"


def users_of(family: str) -> str:
    """The part with the sets of the kinds that begin so: "feature:"; "" of the kinds without a name."""
    return f"users:{family}"


def steps_of(family: str) -> str:
    """The part with how many did something in each usual step, of the kinds that begin so."""
    return f"steps:{family}"


def team_of(team_key: int) -> str:
    """The part with what a team did in each usual step, where these are weeks."""
    return f"{OF_TEAM}{team_key}"


OF_TEAM = "team:"
# There where the teams' parts are: a team without one is told of on no day.
TEAMS = "teams"
# How many did it on each day, in the 7 days and in the 28 that end with it, by kind.
TRAILING = "trailing"
# How many did it in each month that the period touches; of the kinds without a name.
MONTHS = "months"
# How many were in which phase as of each day, and how they moved.
PHASES = "phases"
# What people in each phase did, by GitHub's own records.
ACTIVITY = "activity"
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

_by_kind = msgspec.json.Decoder(dict[str, msgspec.Raw])
_counts = msgspec.json.Decoder(list[Counts])


def counts_in(blob: bytes | memoryview, kinds: Collection[str]) -> list[list[Counts]]:
    """Of these kinds, of each day of the period. Raises DamagedBlob, and KeyError if one is not there."""
    try:
        by_kind = _by_kind.decode(payload(blob))
        return [_counts.decode(by_kind[kind]) for kind in kinds]
    except msgspec.DecodeError as error:
        raise DamagedBlob(str(error)) from error


def pack_counts(by_kind: Mapping[str, Sequence[Counts]]) -> bytes:
    return pack(msgspec.json.encode(by_kind))


class Stepped(msgspec.Struct, array_like=True, gc=False):
    """How many did something in each of some steps.

    `told`: whether each day of a step is told person by person; `in_detail`: and what its lines say in
    detail. Each kind has the days on which people did it, added up, then a count per step.
    """

    told: list[bool]
    in_detail: list[bool]
    kinds: dict[str, tuple[int, list[int]]]

    def counts(self, kind: str, *, in_detail: bool) -> list[int | None]:
        """Of each step; None where that is not told."""
        told = self.in_detail if in_detail else self.told
        _, counts = self.kinds.get(kind, (0, [0] * len(told)))
        return [count if is_told else None for count, is_told in zip(counts, told, strict=True)]


_stepped = msgspec.msgpack.Decoder(Stepped)


def stepped_in(blob: bytes | memoryview) -> Stepped:
    """Raises DamagedBlob."""
    return _decoded(_stepped, blob)


def pack_stepped(stepped: Stepped) -> bytes:
    return msgspec.msgpack.encode(stepped)


# --- Phases -----------------------------------------------------------------------------------


class Phases(msgspec.Struct, array_like=True, gc=False):
    """By phase how many were in it: as of the day before the period, then of each day; None: not told.

    `crossed`: from which phase to which, and how many, from that day to the last one.
    """

    as_of: list[dict[int, int] | None]
    crossed: list[tuple[int, int, int]] | None


_phases = msgspec.msgpack.Decoder(Phases)


def phases_in(blob: bytes | memoryview) -> Phases:
    """Raises DamagedBlob."""
    return _decoded(_phases, blob)


def pack_phases(phases: Phases) -> bytes:
    return msgspec.msgpack.encode(phases)


class Activity(msgspec.Struct, array_like=True, gc=False):
    """What people in a phase did: person-days, averages per person-day by name, pull requests merged."""

    person_days: int
    averages: dict[str, Decimal | None]
    merged: int | None


_activity = msgspec.msgpack.Decoder(dict[int, Activity])


def activity_in(blob: bytes | memoryview) -> dict[int, Activity]:
    """By phase, in order. Raises DamagedBlob."""
    return _decoded(_activity, blob)


def pack_activity(by_phase: Mapping[int, Activity]) -> bytes:
    return msgspec.msgpack.encode(by_phase)


# --- Teams ------------------------------------------------------------------------------------


class TeamStep(NamedTuple):
    """What a team did in a step; None: a day of it is not told. Members are those of its last day."""

    active_users: int | None = None
    active_members: int | None = None
    members: int | None = None
    # In the order of COUNTERS.
    counters: tuple[int | None, ...] = (None,) * len(COUNTERS)


_team_steps = msgspec.msgpack.Decoder(list[TeamStep])


def team_steps_in(blob: bytes | memoryview) -> list[TeamStep]:
    """Raises DamagedBlob."""
    return _decoded(_team_steps, blob)


def pack_team_steps(steps: Sequence[TeamStep]) -> bytes:
    return msgspec.msgpack.encode(steps)


T = TypeVar("T")


def _decoded(decoder: msgspec.msgpack.Decoder[T], blob: bytes | memoryview) -> T:
    try:
        return decoder.decode(blob)
    except msgspec.DecodeError as error:
        raise DamagedBlob(str(error)) from error
