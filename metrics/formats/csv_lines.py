"""CSV files line by line: each line is one row, whatever is wrong with its neighbours."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import BinaryIO

from metrics.formats.errors import BadRecord, BrokenOffError
from metrics.formats.records import KEPT_OF_BROKEN

MAX_LINE_BYTES = 64 * 1024
UTF_8 = "utf-8"
# What Excel saves as "CSV" on Windows.
WINDOWS = "cp1252"
READ_AS_WINDOWS = "It is not UTF-8, and was read as Windows-1252."

# A line of nothing else is blank.
BLANKS = b' \t\r\n,"'

# A last line without a line break may be a good one that was cut short.
AT_END = "(the file ends in this line and may be cut short)"
_BROKEN_OFF = "the file breaks off before its end: get it again and import it whole"


def plain(name: str) -> str:
    """A column's name as names are compared: without case, spaces and underscores."""
    return name.strip().lower().replace("_", "").replace(" ", "").replace("-", "")


def physical_lines(stream: BinaryIO, report: str) -> Iterator[tuple[int, bytes, str]]:
    """Number, text and problem of each line; one too long is passed over without being held.

    `report` is what the file is called in the sentence about such a line.
    """
    number = 0
    try:
        while line := stream.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) <= MAX_LINE_BYTES or line.endswith(b"\n"):
                yield number, line, ""
                continue
            while (part := stream.readline(MAX_LINE_BYTES)) and not part.endswith(b"\n"):
                pass
            yield number, line[:KEPT_OF_BROKEN], f"the line is longer than any line of {report}"
    except BrokenOffError:
        yield number + 1, b"", _BROKEN_OFF


class Encoding:
    """How lines are written: as Windows does it only where some are no UTF-8, and none beyond ASCII is."""

    def __init__(self) -> None:
        self._is_utf_8 = self._is_other = False

    def see(self, text: bytes) -> None:
        """One line more."""
        if not text.isascii():
            try:
                text.decode()
                self._is_utf_8 = True
            except UnicodeDecodeError:
                self._is_other = True

    @property
    def name(self) -> str:
        return WINDOWS if self._is_other and not self._is_utf_8 else UTF_8


def as_utf_8(text: bytes, encoding: str) -> bytes:
    """A line of this encoding as UTF-8; as it is where it cannot be read, for the parser to say so."""
    if encoding == UTF_8 or text.isascii():
        return text
    try:
        return text.decode(encoding).encode()
    except UnicodeDecodeError:
        return text


def fields_of(text: bytes, encoding: str = UTF_8) -> list[str]:
    """The fields of one line; BadRecord where it is none by itself."""
    try:
        line = text.decode(encoding).strip("\r\n")
    except UnicodeDecodeError:
        raise BadRecord("the text is not UTF-8: export the file again, or save it as UTF-8") from None
    if '"' not in line:
        return line.split(",") if line else []
    if line.count('"') % 2:
        raise BadRecord("a quoted field does not end on this line")
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        raise BadRecord("the quotes of this line do not match") from None
