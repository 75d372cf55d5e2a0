"""Text of two or four bytes a character, as Windows' shell and Excel save it, read as UTF-8."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable
from typing import BinaryIO, cast

from metrics.formats.errors import BrokenOffError, Unreadable

BLOCK = 256 * 1024

# The longer marks first: one begins with another.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def encoding_of(head: bytes) -> str | None:
    """The encoding that a file's first four bytes tell, by its mark or by every second one being zero."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if len(head) == 4 and head[0] == head[2] == 0 != head[1]:
        return "utf-16-be"
    if len(head) == 4 and head[1] == head[3] == 0 != head[0]:
        return "utf-16-le"
    return None


def as_utf_8(open_stream: Callable[[], BinaryIO], encoding: str) -> BinaryIO:
    """The text of the stream, without its mark. Half a character at its end is a file cut short."""
    return cast("BinaryIO", io.BufferedReader(_Narrowed(open_stream(), encoding), BLOCK))


class _Narrowed(io.RawIOBase):
    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
        self._ready = b""
        self._is_first = True
        self._is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        while not self._ready and not self._is_over:
            self._decode()
        count = min(len(target), len(self._ready))
        target[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _decode(self) -> None:
        block = cast("io.BufferedReader", self._stream).read1(BLOCK)
        self._is_over = not block
        try:
            text = self._decoder.decode(block, final=self._is_over)
        except UnicodeDecodeError as error:
            if self._is_over:
                raise BrokenOffError from error
            raise Unreadable(
                f"The file begins as {self._encoding[:6].upper()} and does not go on so: "
                "get it again, or save it as UTF-8."
            ) from None
        if self._is_first and text:
            text, self._is_first = text.removeprefix("\ufeff"), False
        # Half of a pair by itself stands for nothing in UTF-8.
        self._ready = text.encode(errors="replace")

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()
