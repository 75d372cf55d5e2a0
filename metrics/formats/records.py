"""A stream of JSON → its records, in constant memory.

GitHub's reports come as a record a line (NDJSON), as one list, as an object around a list
(`day_totals`, `user_totals`, `seats`), or as several such documents one after the other, as
`gh api --paginate` prints them. Which it is, is told from the beginning of the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from metrics.formats import documents
from metrics.formats.documents import LOOKS_WRAPPED
from metrics.formats.documents import Page as Page
from metrics.formats.errors import TOO_DEEP, TOO_LONG, BrokenOffError
from metrics.formats.layout import is_document, is_whole
from metrics.formats.scanner import SPACE, depth_of, skeleton

MAX_RECORD_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
KEPT_OF_BROKEN = 64 * 1024

_NO_HEADER: Mapping[str, Any] = {}


class Record(NamedTuple):
    """One record, not yet decoded."""

    number: int  # the line in the file, or the element's number, from 1
    raw: bytes
    header: Mapping[str, Any]  # the other keys of the object around it; empty when there is none
    wrapper: str = ""  # `day_totals`, `user_totals` or `seats` when there is one


class Broken(NamedTuple):
    """What should be a record and is none."""

    number: int
    reason: str
    raw: bytes  # its beginning
    is_cut: bool = False  # what comes behind it is missing, or cannot be told apart


class Records(Iterator[Record | Broken]):
    """The records of a file in its order.

    Numbers never fall. Only where somebody joined two documents on one line do both have its number.
    """

    def __init__(
        self, open_stream: Callable[[], BinaryIO], start_after: int = 0, plain: Path | None = None
    ) -> None:
        self._open_stream = open_stream
        self._plain = plain
        self._items = (item for item in scan(open_stream, start_after) if not isinstance(item, Page))

    def __next__(self) -> Record | Broken:
        return next(self._items)

    def file_of_lines(self) -> Path | None:
        """The file on disk, where it holds nothing but a record a line: it may be read in any order."""
        if self._plain is None or is_document(self._open_stream, MAX_RECORD_BYTES, MAX_DEPTH):
            return None
        return self._plain


def records(open_stream: Callable[[], BinaryIO], start_after: int = 0, plain: Path | None = None) -> Records:
    """Every record with a number above `start_after`; `plain` is the file if the stream is just its bytes."""
    return Records(open_stream, start_after, plain)


def scan(
    open_stream: Callable[[], BinaryIO], start_after: int = 0
) -> Generator[Record | Broken | Page, None, None]:
    """As `records`, with a Page before the records of each object around a list, be it empty."""
    if is_document(open_stream, MAX_RECORD_BYTES, MAX_DEPTH):
        yield from _elements(open_stream, start_after)
        return
    with open_stream() as stream:
        yield from lines(stream, start_after)


def lines(stream: BinaryIO, start_after: int = 0) -> Iterator[Record | Broken]:
    """The records of a stream that holds one a line."""
    number = 0
    read, limit = stream.readline, MAX_RECORD_BYTES + 1
    try:
        while line := read(limit):
            number += 1
            if len(line) == limit:
                if not line.endswith(b"\n"):
                    _pass_line(stream)
                if number > start_after:
                    yield Broken(number, _too_long(), line[:KEPT_OF_BROKEN])
            elif number > start_after and (raw := line.strip(SPACE)):
                bones = skeleton(raw)
                if bones.count(b"{") + bones.count(b"[") > MAX_DEPTH and depth_of(raw) > MAX_DEPTH:
                    yield Broken(number, _too_deep(), raw[:KEPT_OF_BROKEN])
                elif not line.endswith(b"\n") and not is_whole(raw):
                    yield _broken_off(number, raw)
                elif b"}{" in bones:
                    yield from _joined(number, raw)
                else:
                    yield Record(number, raw, _NO_HEADER)
    except BrokenOffError:
        yield _broken_off(number + 1, b"")


def _pass_line(stream: BinaryIO) -> None:
    while (part := stream.readline(MAX_RECORD_BYTES)) and not part.endswith(b"\n"):
        pass


def _joined(number: int, raw: bytes) -> Iterator[Record]:
    """The documents of a line that holds several: files joined where the first had no last line break."""
    for part in documents.split(raw) or [raw]:  # not so: the decoder will say what is wrong with it
        yield Record(number, part, _NO_HEADER)


# What no record has in it, but for the texts of odd ones: a line that begins a document, or two in a row;
# nor has one a list of records.
_MORE_FOLLOWS = re.compile(rb"\n[\[{]|[\]}]\s*+[\[{]")


def _elements(open_stream: Callable[[], BinaryIO], start_after: int) -> Iterator[Record | Broken | Page]:
    number = 0
    for item in documents.walk(open_stream, MAX_RECORD_BYTES):
        if isinstance(item, Page):
            yield item
            continue
        number += 1
        if number <= start_after:
            continue
        if item.problem:
            yield Broken(number, item.problem, item.raw[:KEPT_OF_BROKEN], is_cut=True)
        elif not item.is_whole and (_MORE_FOLLOWS.search(item.raw) or LOOKS_WRAPPED.search(item.raw)):
            yield _endless(number, item)
        elif not item.is_whole:
            yield _broken_off(number, item.raw)
        elif item.is_long:
            yield Broken(number, _too_long(), item.raw[:KEPT_OF_BROKEN])
        elif item.depth > MAX_DEPTH and depth_of(item.raw) > MAX_DEPTH:
            yield Broken(number, _too_deep(), item.raw[:KEPT_OF_BROKEN])
        else:
            yield Record(number, item.raw, item.page.header, item.page.name)


def _too_long() -> str:
    return TOO_LONG.format(limit=MAX_RECORD_BYTES // 1024 // 1024)


def _too_deep() -> str:
    return TOO_DEEP.format(limit=MAX_DEPTH)


def _broken_off(number: int, raw: bytes) -> Broken:
    where = "in the middle of this record" if raw else "before its end"
    reason = f"the file breaks off {where}: get it again and import it whole"
    return Broken(number, reason, raw[:KEPT_OF_BROKEN], is_cut=True)


def _endless(number: int, item: documents.Element) -> Broken:
    """A record without an end, of which others are a part now: the file may well go on to its own."""
    left = f"more than {len(item.raw):,}" if item.is_long else f"{len(item.raw):,}"
    reason = (
        f"the record does not end, and what follows cannot be told apart from it: {left} bytes from here on "
        f"were not read; get the file again and import it whole"
    )
    return Broken(number, reason, item.raw[:KEPT_OF_BROKEN], is_cut=True)
