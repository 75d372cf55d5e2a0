"""gzip and zip, unpacked as they are read: nothing on disk, nothing held whole.

An archive that swells beyond reason is refused as soon as it does, and one that was cut short says
where: with BrokenOffError after all that could be had.
"""

from __future__ import annotations

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO, NamedTuple, cast

from metrics.formats.errors import BrokenOffError, Unreadable

MAX_MEMBERS = 10_000
MAX_RATIO = 250  # a report shrinks to a tenth, or a fiftieth at best
RATIO_COUNTS_FROM = 64 * 1024**2

GZIP = b"\x1f\x8b"
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
BUFFER = 1024 * 1024

DAMAGED = "The archive is damaged or cut short: get it again."
_LOCKED = "The zip archive is locked with a password: unpack it and import the files."
_UNKNOWN_METHOD = "The zip archive is packed in a way that cannot be read: unpack it and import the files."
_EXCEL = "[Content_Types].xml"

Open = Callable[[], BinaryIO]


class Member(NamedTuple):
    name: str
    size: int  # as packed
    open: Open


def gunzipped(open_packed: Open, packed: int, max_bytes: int) -> Open:
    """How to open what is in a gzip file of `packed` bytes."""

    def unpack() -> BinaryIO:
        with ExitStack() as beneath:
            stream = beneath.enter_context(open_packed())
            unpacking = beneath.enter_context(gzip.GzipFile(fileobj=stream, mode="rb"))
            return _Unpacking(unpacking, beneath.pop_all(), packed, max_bytes).buffered()

    return unpack


def members(open_packed: Open, is_wanted: Callable[[str], bool], max_bytes: int) -> Iterator[Member]:
    """The files in a zip archive, in its order."""
    with ExitStack() as beneath:
        archive = _entered(beneath, open_packed)
        infos = [info for info in archive.infolist() if not info.is_dir() and is_wanted(info.filename)]
    _check(infos, max_bytes)
    for info in infos:

        def unpack(info: zipfile.ZipInfo = info) -> BinaryIO:
            with ExitStack() as beneath:
                archive = _entered(beneath, open_packed)
                with _problems_named():
                    unpacking = cast("zipfile.ZipExtFile", beneath.enter_context(archive.open(info)))
                return _Unpacking(unpacking, beneath.pop_all(), info.compress_size, max_bytes).buffered()

        yield Member(info.filename, info.compress_size, unpack)


def _entered(beneath: ExitStack, open_packed: Open) -> zipfile.ZipFile:
    stream = beneath.enter_context(open_packed())
    with _problems_named():
        return beneath.enter_context(zipfile.ZipFile(cast("io.BufferedReader", stream)))


@contextmanager
def _problems_named() -> Iterator[None]:
    try:
        yield
    except NotImplementedError:  # a RuntimeError, too
        raise Unreadable(_UNKNOWN_METHOD) from None
    except RuntimeError:  # zipfile's word for a missing password
        raise Unreadable(_LOCKED) from None
    except (zipfile.BadZipFile, ValueError, EOFError, OverflowError, io.UnsupportedOperation):
        raise Unreadable(DAMAGED) from None


def _check(infos: list[zipfile.ZipInfo], max_bytes: int) -> None:
    if not infos:
        raise Unreadable("The zip archive is empty.")
    if any(info.filename == _EXCEL for info in infos):
        raise Unreadable("This is an Excel workbook: import the CSV file as GitHub made it.")
    if len(infos) > MAX_MEMBERS:
        raise Unreadable(
            f"The zip archive holds more than {MAX_MEMBERS:,} files: import them in smaller parts."
        )
    if any(info.flag_bits & 1 for info in infos):
        raise Unreadable(_LOCKED)
    packed = sum(info.compress_size for info in infos)
    check_swelling(packed, sum(info.file_size for info in infos), max_bytes)


def check_swelling(packed: int, unpacked: int, max_bytes: int) -> None:
    """Refuses an archive of `packed` bytes that has become, or says it will become, too large."""
    if unpacked > max_bytes:
        raise Unreadable(
            f"The archive unpacks to more than {max_bytes / 1024**2:,.0f} MiB: import it in smaller parts."
        )
    if unpacked > RATIO_COUNTS_FROM and unpacked > MAX_RATIO * max(packed, 1):
        raise Unreadable(
            f"The archive unpacks to over {MAX_RATIO} times its size, as no report does: it is not taken in."
        )


class _Unpacking(io.RawIOBase):
    """Reads a packed stream, watching how it swells and where it breaks off."""

    def __init__(
        self, unpacking: gzip.GzipFile | zipfile.ZipExtFile, beneath: ExitStack, packed: int, max_bytes: int
    ) -> None:
        self._unpacking = unpacking
        self._beneath = beneath  # everything that was opened for it
        self._packed = packed
        self._max_bytes = max_bytes
        self._unpacked = 0

    def buffered(self) -> BinaryIO:
        return cast("BinaryIO", io.BufferedReader(self, BUFFER))

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        try:
            # One piece at a time: what came before the break is not lost.
            part = self._unpacking.read1(len(target))
        except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile) as error:
            raise BrokenOffError from error
        self._unpacked += len(part)
        check_swelling(self._packed, self._unpacked, self._max_bytes)
        target[: len(part)] = part
        return len(part)

    def close(self) -> None:
        if not self.closed:
            self._beneath.close()
        super().close()
