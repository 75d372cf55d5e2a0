"""Whom the lines of a kept file say they are of, without reading the rest of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from metrics.formats.errors import BadRecord
from metrics.formats.fields import read_scope
from metrics.formats.kinds import Kind
from metrics.formats.reading import records_of
from metrics.formats.records import Record
from metrics.ingest.scope import Ids
from portal import kept_files
from portal.models import ReportFile

BLOCK = 1 << 20
# No id lies farther behind its key.
_REACH = 200
_VALUE = re.compile(rb'\s*+:\s*+(?:"([^"]*+)"|([^\s",}\]]*+))')


class _Said(msgspec.Struct):
    enterprise_id: int | str | None = None
    organization_id: int | str | None = None


def tells_one(file: ReportFile, key: str) -> bool:
    """Whether a kept file says the same wherever it names this key; then no line need be looked at.

    Found in the text itself, in a tenth of the time. False where that tells nothing for certain.
    """
    if not _is_there(file):
        return False
    name = f'"{key}"'.encode()
    told: set[bytes] = set()
    with kept_files.opener(file.kept_path)() as stream:
        text = b""
        while block := stream.read(BLOCK):
            text += block
            at = text.find(name)
            while 0 <= at < len(text) - _REACH:
                told.add(_value(text, at + len(name)))
                at = text.find(name, at + len(name))
            if len(told) > 1:
                return False
            # What may go on in the next block.
            text = text[at:] if at >= 0 else text[-len(name) :]
        told.update(_value(text, found.end()) for found in re.finditer(re.escape(name), text))
    return len(told) == 1


def _value(text: bytes, at: int) -> bytes:
    found = _VALUE.match(text, at)
    return found[1] or found[2] if found else b""


def _is_there(file: ReportFile) -> bool:
    return file.kept_file is not None and file.kept_file.is_file()


def ids_told(file: ReportFile) -> Iterator[Ids]:
    """The (enterprise id, organization id) of every line of a kept file that tells any."""
    if not _is_there(file):
        return
    decoder = msgspec.json.Decoder(_Said)
    for record in records_of(Kind(file.kind), kept_files.opener(file.kept_path)):
        if not isinstance(record, Record):
            continue
        try:
            said = decoder.decode(record.raw)
            yield read_scope(said.enterprise_id, said.organization_id, record.header)
        except (msgspec.DecodeError, UnicodeDecodeError, BadRecord):
            # Rejected when its turn comes.
            continue
