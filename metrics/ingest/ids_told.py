"""Whom the lines of a kept file say they are of, without reading the rest of them."""

from __future__ import annotations

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


class _Said(msgspec.Struct):
    enterprise_id: int | str | None = None
    organization_id: int | str | None = None


def ids_told(file: ReportFile) -> Iterator[Ids]:
    """The (enterprise id, organization id) of every line of a kept file that tells any."""
    path = file.kept_file
    if path is None or not path.is_file():
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
