"""Files on disk → readable streams: folders walked, archives unpacked as they are read."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePath
from typing import BinaryIO, cast

from metrics.formats import archives, wide_text
from metrics.formats.archives import BUFFER, DAMAGED
from metrics.formats.errors import BrokenOffError
from metrics.formats.errors import Unreadable as Unreadable

MAX_BYTES = 64 * 1024**3  # unpacked; a year of an enterprise's largest report is below it
BLOCK = 1024 * 1024
MAX_NESTING = 2  # an archive within an archive, no more

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Source:
    """One readable file: on disk, or one of the files in an archive."""

    path: Path
    member: str  # its name in the archive; empty unless the archive holds several
    size: int  # bytes as stored, so packed where it is packed
    open: Callable[[], BinaryIO]
    plain: Path | None = None  # the file on disk, where the stream is just its bytes
    notes: tuple[str, ...] = ()  # what whoever brought the file should know of how it was read


def expand(paths: Iterable[Path], passed_over: list[Path] | None = None) -> list[Path]:
    """The files behind the paths: folders walked, in order, without what systems hide in them.

    What is left out is added to `passed_over`, a folder with all that is in it as one.
    """
    passed_over = [] if passed_over is None else passed_over
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        for folder, folders, names in os.walk(path):
            passed_over.extend(Path(folder) / name for name in sorted([*folders, *names]) if _is_hidden(name))
            folders[:] = sorted(name for name in folders if not _is_hidden(name))
            found.extend(Path(folder) / name for name in sorted(names) if not _is_hidden(name))
    return found


def shown(path: PurePath | str) -> str:
    """The path or name as text that can be stored and printed: bytes that are no UTF-8 stand as \\xff.

    The file is only found under the path as it is.
    """
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def blocks(stream: BinaryIO) -> Iterator[bytes]:
    """The stream to its end, or to where it breaks off: what is there is taken in all the same."""
    try:
        while block := stream.read(BLOCK):
            yield block
    except BrokenOffError:
        return


def sources(path: Path, max_bytes: int = MAX_BYTES) -> Iterator[Source]:
    """The streams of a file. Unreadable for what is no text, and for archives that are a trap.

    A stream raises Unreadable, too, when it turns out to be a trap only while it is read.
    """
    try:
        size = path.stat().st_size
        if size == 0:
            raise Unreadable("The file is empty: get it again.")
        stored = Source(path, "", size, lambda: path.open("rb", buffering=BUFFER), plain=path)
        yield from _unpacked(stored, 0, max_bytes)
    except FileNotFoundError:
        raise Unreadable("There is no such file.") from None
    except OSError as error:
        raise Unreadable(f"The file cannot be read: {error.strerror or 'the system refuses'}.") from None


# Of desktops, and the marks that object stores and data lakes leave beside finished files.
_LEFT_BESIDE = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini", "_SUCCESS", "_committed", "_started"})


def _is_hidden(name: str) -> bool:
    # A way up in an archive's names hides nothing: no file is ever written where they say.
    return (name.startswith(".") and name not in (".", "..")) or name in _LEFT_BESIDE


def _unpacked(source: Source, nesting: int, max_bytes: int) -> Iterator[Source]:
    head = _head(source)
    is_gzip, is_zip = head.startswith(archives.GZIP), head in archives.ZIP
    if (is_gzip or is_zip) and nesting >= MAX_NESTING:
        raise Unreadable("The archive holds archives within archives: unpack it and import the files.")
    if is_gzip:
        unpack = archives.gunzipped(source.open, source.size, max_bytes)
        yield from _unpacked(replace(source, open=unpack, plain=None), nesting + 1, max_bytes)
    elif is_zip:
        if nesting:
            raise Unreadable("This is a zip archive within another: unpack it and import the files.")
        hidden: list[str] = []
        members = list(archives.members(source.open, partial(_is_visible, hidden=hidden), max_bytes))
        notes = (passed_over_in_words(hidden),) if hidden else ()
        for member in members:
            name = member.name if len(members) > 1 else ""
            yield from _member(Source(source.path, name, member.size, member.open, notes=notes), max_bytes)
            notes = ()
    elif (encoding := wide_text.encoding_of(head)) is not None:
        narrow = partial(wide_text.as_utf_8, source.open, encoding)
        note = f"It is saved as {encoding[:6].upper()}, and was read so."
        yield replace(source, open=narrow, plain=None, notes=(*source.notes, note))
    else:
        yield replace(source, open=lambda: _without_bom(source.open()))


def passed_over_in_words(names: Sequence[str]) -> str:
    """That files were left out which systems leave beside others."""
    some = ", ".join(sorted({shown(PurePath(name).name) for name in names})[:3])
    files = "1 file" if len(names) == 1 else f"{len(names):,} files"
    return f"Passed over {files} that systems leave beside others ({some})."


def _member(member: Source, max_bytes: int) -> Iterator[Source]:
    """A file of an archive. What is wrong with it is told when it is opened: its neighbours are fine."""
    try:
        yield from _unpacked(member, 1, max_bytes)
    except Unreadable as refusal:
        sentence = str(refusal)

        def refuse() -> BinaryIO:
            raise Unreadable(sentence)

        yield replace(member, open=refuse)


def _is_visible(name: str, hidden: list[str]) -> bool:
    is_visible = not any(_is_hidden(part) for part in name.replace("\\", "/").split("/"))
    if not is_visible:
        hidden.append(name)
    return is_visible


def _head(source: Source) -> bytes:
    """The first four bytes, or as many as there are."""
    try:
        with source.open() as stream:
            return _peeked(stream, 4)
    except BrokenOffError:
        raise Unreadable(DAMAGED) from None


def _without_bom(stream: BinaryIO) -> BinaryIO:
    try:
        if _peeked(stream, 3) == _BOM:
            stream.read(3)
    except BaseException:
        stream.close()
        raise
    return stream


def _peeked(stream: BinaryIO, count: int) -> bytes:
    return cast("io.BufferedReader", stream).peek(count)[:count]
