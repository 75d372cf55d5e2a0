"""JSON documents → their records: a list, an object around a list, or several of them in a row.

Memory stays constant: an object too large to hold is gone through twice, once ahead for the keys
around its list (they may stand behind it), once for the list's elements.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

import msgspec

from metrics.formats.scanner import END, Scanner, Value

# The keys under which GitHub's documents hold their records.
WRAPPERS = frozenset({"day_totals", "user_totals", "seats"})
LOOKS_WRAPPED = re.compile(rb'"(?:day_totals|user_totals|seats)"\s*+:\s*+\[')

_KEY_BYTES = 1024
_HEADER_VALUE_BYTES = 1024 * 1024
_HEADER_KEYS = 200
_LISTS_IN_LISTS = 2  # `gh api --paginate --slurp` puts each page's list into a list

_NOT_JSON = "not valid JSON: from here on nothing can be told apart, and {left} were not read"
_NOT_JSON_IN_PAGE = "not valid JSON: from here to the end of its page nothing can be told apart"


class Page(NamedTuple):
    """The object around a list of records."""

    name: str  # the key of the list; empty where there is no such object
    header: Mapping[str, Any]  # its other keys


class Element(NamedTuple):
    raw: bytes
    page: Page
    is_whole: bool = True
    is_long: bool = False
    depth: int = 0
    problem: str = ""


NO_PAGE = Page("", {})


def walk(open_stream: Callable[[], BinaryIO], limit: int) -> Iterator[Element | Page]:
    """Every record of the documents, each Page before its records. Holds `limit` bytes of one at most.

    Whatever breaks off or cannot be told apart is the last element, unless the page around it has an end.
    """
    return _Walk(open_stream, limit).all()


def split(raw: bytes) -> list[bytes] | None:
    """The documents that stand in `raw` one after the other; None if it is not made of objects."""
    scanner = Scanner(io.BytesIO(raw))
    parts = []
    while (first := scanner.peek()) != END:
        value = scanner.value(len(raw))
        if first != ord("{") or not value.is_whole:
            return None
        parts.append(value.raw)
    return parts


class _Walk:
    def __init__(self, open_stream: Callable[[], BinaryIO], limit: int) -> None:
        self._open = open_stream
        self._limit = limit
        self._is_over = False
        self._ahead: Scanner | None = None

    def all(self) -> Iterator[Element | Page]:
        with self._open() as stream, self._open() as ahead:
            self._ahead = Scanner(ahead)
            scanner = Scanner(stream)
            while not self._is_over and (first := scanner.peek()) != END:
                if first == ord("["):
                    yield from self._list(scanner, 1)
                elif first == ord("{"):
                    yield from self._object(scanner)
                elif not scanner.skip(b","):
                    yield self._lost(scanner)
            if scanner.is_cut and not self._is_over:
                yield self._last(Element(b"", NO_PAGE, is_whole=False))

    def _last(self, element: Element) -> Element:
        self._is_over = True
        return element

    def _lost(self, scanner: Scanner, page: Page = NO_PAGE) -> Element:
        """The end of what can be understood: the file's end, or no JSON."""
        if scanner.peek() == END:
            return self._last(Element(b"", page, is_whole=False))
        start = scanner.offset
        raw = scanner.value(self._limit).raw
        scanner.go_to(sys.maxsize)
        left = f"{scanner.offset - start:,} bytes"
        return self._last(Element(raw, page, problem=_NOT_JSON.format(left=left)))

    def _list(self, scanner: Scanner, level: int) -> Iterator[Element | Page]:
        scanner.skip(b"[")
        while not self._is_over and not scanner.skip(b"]"):
            if scanner.skip(b","):
                continue
            first = scanner.peek()
            if first == ord("{"):
                yield from self._object(scanner)
            elif first == ord("[") and level < _LISTS_IN_LISTS:
                yield from self._list(scanner, level + 1)
            elif first in (END, ord("}"), ord(":")):
                yield self._lost(scanner)
            else:
                yield self._element(scanner.value(self._limit), NO_PAGE)

    def _element(self, value: Value, page: Page) -> Element:
        element = Element(value.raw, page, value.is_whole, value.is_long, value.depth)
        return element if value.is_whole else self._last(element)

    def _object(self, scanner: Scanner) -> Iterator[Element | Page]:
        """An object is a record, unless it is one around records."""
        start = scanner.offset
        value = scanner.value_within(self._limit)
        if value is None:
            yield from self._large_object(scanner, start)
            return
        if LOOKS_WRAPPED.search(value.raw):
            page = _page(Scanner(io.BytesIO(value.raw)))
            if page.name:
                yield page
                yield from self._wrapped(Scanner(io.BytesIO(value.raw)), page, has_end=value.is_whole)
                return
        yield self._element(value, NO_PAGE)

    def _large_object(self, scanner: Scanner, start: int) -> Iterator[Element | Page]:
        assert self._ahead is not None  # noqa: S101 - opened with the walk
        self._ahead.go_to(start)
        page = _page(self._ahead)
        if page.name:
            yield page
            yield from self._wrapped(scanner, page)
        else:
            yield self._element(scanner.value(self._limit), NO_PAGE)

    def _wrapped(self, scanner: Scanner, page: Page, *, has_end: bool = False) -> Iterator[Element]:
        """`has_end`: the scanner holds this page alone, and others may stand behind it."""
        for found in _members(scanner, self._limit, {}):
            if isinstance(found, str):
                continue
            if has_end and (found is None or not found.is_whole):
                raw = found.raw if found else scanner.value(self._limit).raw
                yield Element(raw, page, problem=_NOT_JSON_IN_PAGE)
                return
            if found is not None:
                yield self._element(found, page)
            elif not self._is_over:
                yield self._lost(scanner, page)
        scanner.skip(b"}")


def _page(scanner: Scanner) -> Page:
    """The object that begins here, without its records; passes over it."""
    header: dict[str, Any] = {}
    name = ""
    for found in _members(scanner, 0, header):
        if isinstance(found, str):
            name = name or found
    scanner.skip(b"}")
    return Page(name, header)


def _members(scanner: Scanner, limit: int, header: dict[str, Any]) -> Iterator[Value | str | None]:
    """The name of each list of records and then its values; everything else goes into `header`.

    Stops before the object's closing bracket, or with None where it cannot go on.
    """
    scanner.skip(b"{")
    while scanner.peek() != ord("}"):
        if scanner.skip(b","):
            continue
        if scanner.peek() != ord('"'):
            yield None
            return
        key = _decoded(scanner.value(_KEY_BYTES))
        if not isinstance(key, str) or not scanner.skip(b":") or scanner.peek() == END:
            yield None
            return
        if key in WRAPPERS and scanner.skip(b"["):
            yield key
            while not scanner.skip(b"]"):
                if scanner.skip(b","):
                    continue
                if scanner.peek() in (END, ord("}"), ord(":")):
                    yield None
                    return
                yield scanner.value(limit)
        else:
            value = _decoded(scanner.value(_HEADER_VALUE_BYTES))
            if len(header) < _HEADER_KEYS:
                header[key] = value


def _decoded(value: Value) -> Any:
    """None where the value is no JSON or too large to be a report's own."""
    if not value.is_whole or value.is_long:
        return None
    try:
        return msgspec.json.decode(value.raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
