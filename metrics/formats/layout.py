"""Is a file of JSON a record a line, or one or more documents? Told from its first lines."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO

from metrics.formats.documents import LOOKS_WRAPPED
from metrics.formats.errors import BrokenOffError
from metrics.formats.scanner import END, SPACE, Scanner, depth_of

_LINES = 50


def is_document(open_stream: Callable[[], BinaryIO], limit: int, max_depth: int) -> bool:
    """Whether the file is made of documents. A broken first line does not make a document of lines.

    `limit` and `max_depth` are those of a record.
    """
    lines = _first_lines(open_stream, limit)
    if not lines or lines[0][:1] not in (b"{", b"["):
        return False
    first, following = lines[0], lines[1:]
    if len(first) > limit:
        return True  # perhaps a whole document in one line; as a record it would be refused anyway
    after = _after_value(first)
    if after is None:
        return depth_of(first) <= max_depth and not _goes_on_in_lines(first, following)
    if after:
        return after[:1] in (b"{", b"[")
    if first[:1] == b"[":
        return not (following and following[0][:1] == b"{")
    return bool(LOOKS_WRAPPED.search(first))


def _first_lines(open_stream: Callable[[], BinaryIO], limit: int) -> list[bytes]:
    """The first lines that are not blank; the last may be cut off."""
    lines: list[bytes] = []
    held = 0
    with open_stream() as stream:
        try:
            while len(lines) < _LINES and held <= limit and (line := stream.readline(limit + 1)):
                held += len(line)
                if bare := line.strip(SPACE):
                    lines.append(bare)
        except BrokenOffError:
            pass
    return lines


def _after_value(line: bytes) -> bytes | None:
    """What follows the line's first value; None if that does not end in this line."""
    scanner = Scanner(io.BytesIO(line))
    value = scanner.value(0)
    return line[scanner.offset :].strip(SPACE) if value.is_whole else None


def _goes_on_in_lines(first: bytes, following: list[bytes]) -> bool:
    """Whether a first line without an end is a broken record, with whole records in the lines after it."""
    if first == b"{" or first[:1] == b"[" or LOOKS_WRAPPED.search(first):
        return False
    if first[-1:] in (b",", b":", b"{", b"[") and following and following[0][:1] in (b'"', b"}", b"]"):
        return False
    return any(line[:1] == b"{" and _after_value(line) == b"" for line in following)


def is_whole(raw: bytes) -> bool:
    """Whether the value that begins in `raw` ends in it."""
    scanner = Scanner(io.BytesIO(raw))
    return scanner.peek() != END and scanner.value(0).is_whole
