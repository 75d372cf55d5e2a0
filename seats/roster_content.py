"""What a roster says, as lines that can be compared: one for each grant, the same whatever the order.

From these alone follows whether two lists say the same, and whose seats they tell differently.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import zstandard

if TYPE_CHECKING:
    from seats.roster.reported import ReportedGrant

FIELDS = (
    "assignee_id",
    "assignee_login",
    "organization_id",
    "organization_login",
    "team_id",
    "team_slug",
    "team_name",
    "team_is_enterprise",
    "plan_type",
    "created_at",
    "last_activity_at",
    "last_activity_editor",
    "last_authenticated_at",
    "pending_cancellation_date",
)
# The person's name and address stand at the end of a line that tells either; most tell neither.
_values = attrgetter(*FIELDS)
_encode = msgspec.json.Encoder().encode


class Person(NamedTuple):
    """The head of a line: who holds the seat, and the organization that granted it."""

    assignee_id: int
    login: str
    organization_id: int | None
    organization_login: str


class _Line(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The first elements of a line; the decoder passes over the others."""

    assignee_id: int
    login: str
    organization_id: int | None
    organization_login: str


_decode = msgspec.json.Decoder(_Line).decode
_decode_whole = msgspec.json.Decoder(list[Any]).decode


class Content:
    """The lines of one roster, sorted."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        self.lines = lines

    @classmethod
    def of(cls, grants: Iterable[ReportedGrant]) -> Content:
        return cls(sorted(map(line_of, grants)))

    @classmethod
    def unpack(cls, packed: bytes | memoryview) -> Content:
        text = zstandard.ZstdDecompressor().decompress(bytes(packed))
        return cls(text.split(b"\n") if text else [])

    def pack(self) -> bytes:
        return zstandard.ZstdCompressor(level=1).compress(b"\n".join(self.lines))

    @property
    def digest(self) -> str:
        return hashlib.sha256(b"\n".join(self.lines)).hexdigest()

    def people(self) -> Iterator[Person]:
        """Whom each line is about."""
        return persons(self.lines)


def line_of(grant: ReportedGrant) -> bytes:
    if grant.assignee_name or grant.assignee_email:
        return _encode((*_values(grant), grant.assignee_name, grant.assignee_email))
    return _encode(_values(grant))


def persons(lines: Iterable[bytes]) -> Iterator[Person]:
    for line in map(_decode, lines):
        yield Person(line.assignee_id, line.login, line.organization_id, line.organization_login)


def names_in(lines: Iterable[bytes]) -> Iterator[tuple[int, str, str]]:
    """GitHub id, name and address, of those of whom these lines tell either."""
    for line in map(_decode_whole, lines):
        if len(line) > len(FIELDS):
            yield line[0], line[-2], line[-1]
