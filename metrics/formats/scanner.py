"""Walks through JSON of any size in constant memory, value by value.

It finds where values begin and end; whether they are right is for the decoder to say. A value may span
any number of chunks, be longer than memory, or be nested deeper than any stack.
"""

from __future__ import annotations

import re
from io import BufferedIOBase
from typing import BinaryIO, NamedTuple, cast

from metrics.formats.errors import BrokenOffError

CHUNK = 256 * 1024

# Possessive throughout: each byte is looked at once, whatever the text.
_STRING_REST = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'
_TEXT = rb'[^"\[\]{}]*+(?:"' + _STRING_REST + rb'"[^"\[\]{}]*+)*+'
_FLAT = rb"[\[{]" + _TEXT + rb"[\]}]"
# Up to the next bracket that is not a whole flat list or object. Stops at a quote whose string is cut off.
_RUN = re.compile(_TEXT + rb"(?:" + _FLAT + _TEXT + rb")*+", re.DOTALL)
_IN_STRING = re.compile(_STRING_REST, re.DOTALL)
_IN_SCALAR = re.compile(rb"[^\s,:\[\]{}\"]*+")
# A byte order mark may stand where files were joined; outside of text it means nothing.
SPACE = b" \t\r\n\x1e\xef\xbb\xbf"
_SPACE = re.compile(rb"[" + SPACE + rb"]*+")

_OPENING, _CLOSING, _QUOTE, _BACKSLASH = b"[{", b"]}", 0x22, 0x5C
END = -1


class Value(NamedTuple):
    """A value's text, cut to the limit, and what became of it."""

    raw: bytes
    is_whole: bool  # its end was reached, not the end of the file
    is_long: bool  # longer than the limit: `raw` is only its beginning
    depth: int  # how deep lists and objects lie in each other


class Scanner:
    """Reads on from where a stream stands. `is_cut` tells that the stream itself broke off."""

    def __init__(self, stream: BinaryIO, chunk: int = CHUNK) -> None:
        # One read at a time: what came before a stream breaks off is not lost.
        self._read = cast("BufferedIOBase", stream).read1
        self._chunk = chunk
        self._buffer = b""
        self._at = 0
        self._base = 0
        self.is_cut = False

    @property
    def offset(self) -> int:
        """Bytes of the stream already passed."""
        return self._base + self._at

    def go_to(self, offset: int) -> None:
        """Moves on to a place further on in the stream."""
        while self.offset < offset:
            self._at = min(len(self._buffer), self._at + offset - self.offset)
            if self.offset < offset and not self._more():
                return

    def _more(self) -> bool:
        """Replaces the used-up buffer by the next chunk; False at the end."""
        self._base += len(self._buffer)
        self._at = 0
        try:
            self._buffer = self._read(self._chunk)
        except BrokenOffError:
            self.is_cut = True
            self._buffer = b""
        return bool(self._buffer)

    def peek(self) -> int:
        """The next byte that is no white space, END at the end of the stream."""
        while True:
            self._at = _end(_SPACE, self._buffer, self._at)
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more():
                return END

    def skip(self, byte: bytes) -> bool:
        """Steps over the byte if it is the next one that is no white space."""
        if self.peek() != byte[0]:
            return False
        self._at += 1
        return True

    def value(self, limit: int) -> Value:
        """Passes over the value that begins here. At most `limit` bytes of it are held."""
        return self._value(_Held(limit))

    def value_within(self, limit: int) -> Value | None:
        """The value that begins here; None, and nothing passed, where it is longer than `limit`."""
        self.peek()
        held = _HeldWhole(limit)
        try:
            return self._value(held)
        except _LimitReachedError:
            whole = held.bytes()
            # What was added last is still in the buffer, up to where it was added.
            self._base -= len(whole) - held.end
            self._buffer = whole + self._buffer[held.end :]
            self._at = 0
            return None

    def _value(self, held: _Held) -> Value:
        first = self.peek()
        if first == END:
            return Value(b"", is_whole=False, is_long=False, depth=0)
        if first in _OPENING:
            is_whole, depth = self._container(held)
        elif first == _QUOTE:
            self._pass(held, 1)
            is_whole, depth = self._string(held), 0
        else:
            self._scalar(held)
            is_whole, depth = True, 0
        return Value(held.bytes(), is_whole, held.is_long, depth)

    def _pass(self, held: _Held, count: int) -> None:
        held.add(self._buffer, self._at, self._at + count)
        self._at += count

    def _container(self, held: _Held) -> tuple[bool, int]:
        """Passes over a list or object; returns whether it ended, and how deep it went."""
        depth = deepest = 0
        while True:
            buffer, at = self._buffer, self._at
            start, length = at, len(buffer)
            while at < length:
                byte = buffer[at]
                if byte in _OPENING:
                    depth += 1
                    if depth > deepest:
                        deepest = depth
                    at += 1
                elif byte in _CLOSING:
                    depth -= 1
                    at += 1
                    if depth == 0:
                        self._at = at
                        held.add(buffer, start, at)
                        # What the pattern passes over whole is flat: one level more than was counted.
                        return True, deepest + 1
                else:
                    ended = _end(_RUN, buffer, at)
                    if ended == at:
                        break
                    at = ended
                    continue
                at = _end(_RUN, buffer, at)
            held.add(buffer, start, at)
            self._at = at
            if at < length:  # a string that goes on in the next chunk
                self._pass(held, 1)
                if not self._string(held):
                    return False, deepest + 1
            elif not self._more():
                return False, deepest + 1

    def _string(self, held: _Held) -> bool:
        """Passes over the rest of a string, its opening quote being behind; False if it never ends."""
        while True:
            end = _end(_IN_STRING, self._buffer, self._at)
            self._pass(held, end - self._at)
            if self._at < len(self._buffer):
                if self._buffer[self._at] == _QUOTE:
                    self._pass(held, 1)
                    return True
                # A backslash at the chunk's end: the character it protects comes next.
                self._pass(held, 1)
                if not self._more():
                    return False
                self._pass(held, 1)
            elif not self._more():
                return False

    def _scalar(self, held: _Held) -> None:
        """Passes over a number, a word or whatever stands there; at least one byte."""
        self._pass(held, 1)
        while True:
            end = _end(_IN_SCALAR, self._buffer, self._at)
            self._pass(held, end - self._at)
            if self._at < len(self._buffer) or not self._more():
                return


class _Held:
    """The bytes of a value as they pass by, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._parts: list[bytes] = []
        self._room = limit
        self.is_long = False

    def add(self, buffer: bytes, start: int, end: int) -> None:
        if end <= start:
            return
        if end - start > self._room:
            self.is_long = True
            end = start + self._room
        if end > start:
            self._parts.append(buffer[start:end])
            self._room -= end - start

    def bytes(self) -> bytes:
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)


class _LimitReachedError(Exception):
    """A value is longer than it may be, all of it so far being held."""


class _HeldWhole(_Held):
    """Everything that passed by, so that it can be gone through again."""

    end = 0

    def add(self, buffer: bytes, start: int, end: int) -> None:
        self._parts.append(buffer[start:end])
        self._room -= end - start
        if self._room < 0:
            self.end = end
            raise _LimitReachedError


def _end(pattern: re.Pattern[bytes], buffer: bytes, at: int) -> int:
    found = pattern.match(buffer, at)
    return at if found is None else found.end()


_STRUCTURE = b"[]{},"
_NOT_STRUCTURE = bytes(byte for byte in range(256) if byte not in _STRUCTURE)
_STRING = re.compile(rb'"' + _STRING_REST + rb'"', re.DOTALL)


def skeleton(raw: bytes) -> bytes:
    """The brackets and commas of a record, those within its strings too: quickly had, quickly looked at."""
    return raw.translate(None, _NOT_STRUCTURE)


def depth_of(raw: bytes) -> int:
    """How deep lists and objects lie in each other in a record that is in memory."""
    depth = deepest = 0
    outside = _STRING.sub(b"", raw) if b"\\" in raw else b"".join(raw.split(b'"')[::2])
    for byte in skeleton(outside):
        if byte in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif byte in _CLOSING:
            depth -= 1
    return deepest
