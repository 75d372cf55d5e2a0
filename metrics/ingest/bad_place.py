"""Where in a rejected line the fault is: told from the reason, as far as that names a place."""

from __future__ import annotations

import re
from typing import NamedTuple

AROUND = 160

_AT = re.compile(r"at character (\d[\d,]*)$")
_FOLLOWS = re.compile(r"something follows the record at character (\d+)")
_NO_NUMBER = re.compile(r"a value is (NaN|-?Infinity),")
_COLUMNS = re.compile(r"the line has (\d+) columns, its header (\d+)")
_FIELDS = re.compile(r"`([^`]+)`(?: in `([^`]+)`)?")
_QUOTED = re.compile(r"“([^”…]+)”")
_BARE = re.compile(r"^`[^`]+` (?:is )?(\S{2,}?)(?:,| is )")
# Of a value: a text, or whatever stands before the next comma or bracket.
_VALUE = re.compile(r'\s*:\s*("(?:[^"\\]|\\.)*"?|\[[^\]]{0,200}\]?|\{[^}]{0,200}\}?|[^,}\]]*)')


class Place(NamedTuple):
    """Characters `start` to `end` of the line; both the same where something is missing there."""

    start: int
    end: int


class Excerpt(NamedTuple):
    """The line around the fault, and what was left out before and behind it."""

    before: str
    fault: str
    after: str
    left_before: int
    left_after: int


def place_of(line: str, reason: str) -> Place | None:
    """Where the fault is; None where the reason does not tell."""
    if found := _FOLLOWS.search(reason):
        return Place(_characters(line, int(found[1])), len(line))
    if found := _AT.search(reason):
        start = _characters(line, int(found[1].replace(",", "")) - 1)
        return Place(start, min(start + 1, len(line)))
    if "breaks off" in reason or "does not end on this line" in reason:
        return Place(len(line), len(line))
    if found := _NO_NUMBER.search(reason):
        return _of_text(line, found[1])
    if found := _COLUMNS.search(reason):
        return _beyond_columns(line, int(found[1]), int(found[2]))
    return _of_field(line, reason) or _of_value(line, reason)


def excerpt(line: str, place: Place | None, around: int = AROUND) -> Excerpt:
    """The line, shortened around the fault; its beginning where no place is known."""
    start, end = place or Place(0, 0)
    end = min(end, start + 4 * around)
    first, last = max(0, start - around), min(len(line), end + around + (0 if place else around))
    return Excerpt(line[first:start], line[start:end], line[end:last], first, len(line) - last)


def _characters(line: str, size: int) -> int:
    """The decoder counts bytes."""
    if line.isascii():
        return min(size, len(line))
    return len(line.encode()[:size].decode("utf-8", "ignore"))


def _of_field(line: str, reason: str) -> Place | None:
    """The value of the first field that is named, within the one it is said to be in."""
    if (named := _FIELDS.search(reason)) is None or "is missing" in reason:
        return None
    field, parent = named.groups()
    begin = line.find(f'"{parent}"') if parent else 0
    key = line.find(f'"{field}"', max(begin, 0))
    if key < 0:
        return None
    value = _VALUE.match(line, key + len(field) + 2)
    return Place(key, value.end()) if value else Place(key, key + len(field) + 2)


def _of_value(line: str, reason: str) -> Place | None:
    """The value that the reason repeats."""
    for pattern in (_QUOTED, _BARE):
        if (said := pattern.search(reason)) and (place := _of_text(line, said[1])):
            return place
    return None


def _of_text(line: str, text: str) -> Place | None:
    start = line.find(text)
    return Place(start, start + len(text)) if start >= 0 else None


def _beyond_columns(line: str, count: int, width: int) -> Place:
    if count < width:
        return Place(len(line), len(line))
    at = -1
    for _ in range(width):
        at = line.find(",", at + 1)
        if at < 0:
            return Place(len(line), len(line))
    return Place(at, len(line))
