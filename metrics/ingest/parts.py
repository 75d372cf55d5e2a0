"""Take in a downloaded report: one file or several parts, whole or not at all.

A report that breaks off is refused before its first row; an empty one says that nobody did anything.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings

from metrics.formats.errors import BrokenOffError, Unreadable
from metrics.formats.kinds import Kind
from metrics.formats.layout import is_document, is_whole
from metrics.formats.records import MAX_DEPTH, MAX_RECORD_BYTES, Broken, Page, Record, records, scan
from metrics.formats.sources import BLOCK, Source, blocks, sources
from metrics.ingest.intake import finish, new_file, take_in_source
from metrics.ingest.options import FileOutcome, Options, Refused
from metrics.ingest.pipelines import USAGE
from portal.kept_files import digest
from portal.models import ReportFile


@dataclass(frozen=True, slots=True)
class _Part:
    source: Source
    is_document: bool
    is_empty: bool


def take_in_parts(
    paths: Sequence[Path],
    *,
    name: str,
    kinds: Sequence[Kind],
    options: Options,
    is_known: bool,
    standing: ReportFile | None = None,
    by: Any = None,
) -> FileOutcome:
    """Take in the parts of one report, under `name`; the days it touched are left to be added up.

    `kinds`: what it may be, the one asked for first. `is_known`: whether there are rows of its days
    already; then an empty report is refused, since GitHub takes back single lines and not whole days.
    `standing`: the file whose rows those are, all of them: the same once more is not read again, and the
    outcome's file is that one.
    """
    outcome = FileOutcome(name, kind=kinds[0].value)
    try:
        parts = [part for path in paths for part in _parts(path) if not part.is_empty]
        if parts:
            source = _joined(parts, name)
            if standing is not None and _is_same(source, standing):
                outcome.report_file = standing
                outcome.counts.rows_unchanged = standing.rows_read
                return outcome
            return take_in_source(source, ReportFile.Source.DOWNLOAD, options, None, by, kinds)
        if is_known:
            raise Refused("GitHub's report is empty, and was not before: what is known of it stays.")
        _take_in_nothing(name, kinds[0], options, by, outcome)
    except (Unreadable, Refused) as error:
        outcome.error = str(error)
    except BrokenOffError:
        outcome.error = BREAKS_OFF
    return outcome


# What the object around a list says of each of its records.
_AROUND = frozenset({"enterprise_id", "organization_id", "report_start_day", "report_end_day", "created_at"})
BREAKS_OFF = "GitHub's report breaks off before its end: nothing of it was taken in. It is asked for again."


def _parts(path: Path) -> list[_Part]:
    """The part, unpacked and looked through to its end. Raises Refused where that end is missing."""
    if not path.stat().st_size:
        return []
    return [_looked_through(source) for source in sources(path, settings.MAX_UNPACKED_MB * 1024 * 1024)]


def _looked_through(source: Source) -> _Part:
    if is_document(source.open, MAX_RECORD_BYTES, MAX_DEPTH):
        is_empty = True
        for item in scan(source.open):
            if isinstance(item, Broken) and item.is_cut:
                raise Refused(BREAKS_OFF)
            is_empty = is_empty and isinstance(item, Page)
        return _Part(source, is_document=True, is_empty=is_empty)
    last = _last_line(source)
    if last is not None and not is_whole(last):
        raise Refused(BREAKS_OFF)
    return _Part(source, is_document=False, is_empty=last is None)


def _last_line(source: Source) -> bytes | None:
    """The last line that is not blank, its beginning at least; None where all are blank."""
    last: bytes | None = None
    with source.open() as stream:
        while line := stream.readline(MAX_RECORD_BYTES + 1):
            if not line.isspace():
                last = line
    return last


def _joined(parts: Sequence[_Part], name: str) -> Source:
    """One source of all parts, a record a line: parts may come in different forms."""
    folder = parts[0].source.path.parent
    path = folder / f"{name}.ndjson"
    if len(parts) == 1:
        source = parts[0].source
        return Source(path, "", source.size, source.open, source.plain)
    with path.open("xb") as joined:
        path.chmod(0o600)
        for part in parts:
            if part.is_document:
                joined.writelines(_as_lines(part.source))
                continue
            with part.source.open() as stream:
                shutil.copyfileobj(stream, joined, BLOCK)
            # The last line of a part may come without its end.
            joined.write(b"\n")
    return Source(path, "", path.stat().st_size, lambda: path.open("rb", buffering=BLOCK), plain=path)


def _as_lines(source: Source) -> Iterator[bytes]:
    """The records of a list, or of pages with keys around it, each on a line of its own."""
    for record in records(source.open):
        raw = record.raw
        with suppress(msgspec.DecodeError):
            raw = msgspec.json.format(raw, indent=-1)
        if isinstance(record, Record) and (around := _AROUND & record.header.keys()):
            own = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
            raw = msgspec.json.encode({**{key: record.header[key] for key in around}, **own})
        yield raw.replace(b"\n", b" ") + b"\n"


def _is_same(source: Source, known: ReportFile) -> bool:
    with source.open() as stream:
        return digest(blocks(stream))[0] == known.sha256


def _take_in_nothing(name: str, kind: Kind, options: Options, by: Any, outcome: FileOutcome) -> None:
    """A report without a line covers its days all the same."""
    source = Source(Path(f"{name}.ndjson"), "", 0, io.BytesIO)
    sha256, size = digest([])
    file = new_file(source, kind, ReportFile.Source.DOWNLOAD, options, by, sha256, size)
    file.save()
    outcome.removed = USAGE[kind](file, options).run([]).removed
    finish(file, outcome, by)
