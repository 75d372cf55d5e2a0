"""Files on disk → readable streams: folders walked, archives unpacked as they are read.

Nothing is unpacked to disk or held whole. An archive that swells beyond reason is refused as soon as
it does.
"""

from __future__ import annotations

import gzip
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from metrics.formats.errors import BrokenOffError
from metrics.formats.errors import Unreadable as Unreadable

MAX_BYTES = 64 * 1024**3  # unpacked; a year of an enterprise's largest report is below it
MAX_MEMBERS = 10_000
MAX_NESTING = 2  # an archive within an archive, no more
MAX_RATIO = 250  # a report shrinks to a tenth, or a fiftieth at best
RATIO_COUNTS_FROM = 64 * 1024**2

_BUFFER = 1024 * 1024
_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_BOM = b"\xef\xbb\xbf"
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_EXCEL = "[Content_Types].xml"

DAMAGED = "The archive is damaged or cut short: get it again."

Open = Callable[[], BinaryIO]


@dataclass(frozen=True)
class Source:
    """One readable file: on disk, or one of the files in an archive."""

    path: Path
    member: str  # its name in the archive; empty unless the archive holds several
    size: int  # bytes as stored, so packed where it is packed
    open: Open


def expand(paths: Iterable[Path]) -> list[Path]:
    """The files behind the paths: folders walked, in order, without what systems hide in them."""
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not _is_hidden(name))
            found.extend(Path(folder) / name for name in sorted(names) if not _is_hidden(name))
    return found


def sources(path: Path, max_bytes: int = MAX_BYTES) -> Iterator[Source]:
    """The streams of a file. Unreadable for what is no text, and for archives that are a trap.

    A stream raises Unreadable, too, when it turns out to be a trap only while it is read.
    """
    try:
        size = path.stat().st_size
        if size == 0:
            raise Unreadable("The file is empty: get it again.")
        yield from _unpacked(Source(path, "", size, lambda: path.open("rb", buffering=_BUFFER)), 0, max_bytes)
    except FileNotFoundError:
        raise Unreadable("There is no such file.") from None
    except OSError as error:
        raise Unreadable(f"The file cannot be read: {error.strerror or 'the system refuses'}.") from None


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in ("__MACOSX", "Thumbs.db", "desktop.ini")


def _unpacked(source: Source, nesting: int, max_bytes: int) -> Iterator[Source]:
    head = _head(source)
    is_gzip, is_zip = head.startswith(_GZIP), head in _ZIP
    if (is_gzip or is_zip) and nesting >= MAX_NESTING:
        raise Unreadable("The archive holds archives within archives: unpack it and import the files.")
    if is_gzip:
        yield from _unpacked(_gunzipped(source, max_bytes), nesting + 1, max_bytes)
    elif is_zip:
        if nesting:
            raise Unreadable("This is a zip archive within another: unpack it and import the files.")
        for member in _members(source, max_bytes):
            yield from _member(member, max_bytes)
    elif head.startswith(_WIDE) or _is_wide(head):
        raise Unreadable(
            "The file is saved as UTF-16: save it as UTF-8, or get it again and leave it as it is."
        )
    else:
        yield Source(
            source.path, source.member, source.size, lambda: cast("BinaryIO", _without_bom(source.open()))
        )


def _is_wide(head: bytes) -> bool:
    """Whether every second byte is zero, as in UTF-16 without its mark."""
    return len(head) == 4 and (head[0] == head[2] == 0 != head[1] or head[1] == head[3] == 0 != head[0])


def _head(source: Source) -> bytes:
    """The first four bytes, or as many as there are."""
    try:
        with _without_bom(source.open()) as stream:
            return stream.peek(4)[:4]
    except BrokenOffError:
        raise Unreadable(DAMAGED) from None


def _member(member: Source, max_bytes: int) -> Iterator[Source]:
    """A file of an archive. What is wrong with it is told when it is opened: its neighbours are fine."""
    try:
        yield from _unpacked(member, 1, max_bytes)
    except Unreadable as refusal:
        reason = refusal

        def refuse() -> BinaryIO:
            raise Unreadable(str(reason))

        yield Source(member.path, member.member, member.size, refuse)


def _without_bom(stream: BinaryIO) -> io.BufferedReader:
    reader = (
        stream
        if isinstance(stream, io.BufferedReader)
        else io.BufferedReader(cast("io.RawIOBase", stream), _BUFFER)
    )
    if reader.peek(3)[:3] == _BOM:
        reader.read(3)
    return reader


def _gunzipped(source: Source, max_bytes: int) -> Source:
    def unpack() -> BinaryIO:
        packed = source.open()
        return _buffered(
            _Unpacking(gzip.GzipFile(fileobj=packed, mode="rb"), [packed], source.size, max_bytes)
        )

    return Source(source.path, source.member, source.size, unpack)


def _members(source: Source, max_bytes: int) -> Iterator[Source]:
    with _zip(source) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir() and not _is_junk(info.filename)]
    _check_archive(infos, max_bytes)
    for info in infos:
        name = info.filename if len(infos) > 1 else source.member

        def unpack(info: zipfile.ZipInfo = info) -> BinaryIO:
            archive = _zip(source)
            packed = _opened(archive, info)
            return _buffered(_Unpacking(packed, [archive], info.compress_size, max_bytes))

        yield Source(source.path, name, info.compress_size, unpack)


def _is_junk(name: str) -> bool:
    return any(_is_hidden(part) for part in name.replace("\\", "/").split("/"))


def _zip(source: Source) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source.open())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, io.UnsupportedOperation):
        raise Unreadable(DAMAGED) from None


def _opened(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    try:
        return archive.open(info)
    except RuntimeError:  # zipfile's word for a missing password
        raise Unreadable(_ENCRYPTED) from None
    except NotImplementedError:
        raise Unreadable(
            "The zip archive is packed in a way that cannot be read: unpack it yourself."
        ) from None
    except (zipfile.BadZipFile, EOFError, ValueError):
        raise Unreadable(DAMAGED) from None


_ENCRYPTED = "The zip archive is locked with a password: unpack it and import the files."


def _check_archive(infos: list[zipfile.ZipInfo], max_bytes: int) -> None:
    if not infos:
        raise Unreadable("The zip archive is empty.")
    if any(info.filename == _EXCEL for info in infos):
        raise Unreadable("This is an Excel workbook: import the CSV file as GitHub made it.")
    if len(infos) > MAX_MEMBERS:
        raise Unreadable(
            f"The zip archive holds more than {MAX_MEMBERS:,} files: import them in smaller parts."
        )
    if any(info.flag_bits & 1 for info in infos):
        raise Unreadable(_ENCRYPTED)
    packed = sum(info.compress_size for info in infos)
    unpacked = sum(info.file_size for info in infos)
    _check_swelling(packed, unpacked, max_bytes)


def _check_swelling(packed: int, unpacked: int, max_bytes: int) -> None:
    if unpacked > max_bytes:
        raise Unreadable(
            f"The archive unpacks to more than {max_bytes / 1024**2:,.0f} MiB: import it in smaller parts."
        )
    if unpacked > RATIO_COUNTS_FROM and unpacked > MAX_RATIO * max(packed, 1):
        raise Unreadable(
            f"The archive unpacks to over {MAX_RATIO} times its size, as no report does: it is not taken in."
        )


def _buffered(raw: io.RawIOBase) -> BinaryIO:
    return cast("BinaryIO", io.BufferedReader(raw, _BUFFER))


class _Unpacking(io.RawIOBase):
    """Reads a packed stream, watching how it swells and where it breaks off."""

    def __init__(
        self,
        unpacking: IO[bytes] | gzip.GzipFile,
        beneath: list[IO[bytes] | zipfile.ZipFile | BinaryIO],
        packed: int,
        max_bytes: int,
    ) -> None:
        self._unpacking = unpacking
        self._beneath = beneath
        self._packed = packed
        self._max_bytes = max_bytes
        self._unpacked = 0

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        try:
            part = self._unpacking.read(len(target))
        except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile) as error:
            raise BrokenOffError from error
        self._unpacked += len(part)
        _check_swelling(self._packed, self._unpacked, self._max_bytes)
        target[: len(part)] = part
        return len(part)

    def close(self) -> None:
        if not self.closed:
            self._unpacking.close()
            for stream in self._beneath:
                stream.close()
        super().close()
