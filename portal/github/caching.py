"""Answers kept with their ETag: asked again, GitHub says 304, and that costs no allowance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

MOST_KEPT = 64 * 2**20  # bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it was, and what to ask by whether it still is so."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str]
    etag: str = ""
    last_modified: str = ""

    def conditions(self) -> dict[str, str]:
        """The headers of a conditional request."""
        if self.etag:
            return {"If-None-Match": self.etag}
        return {"If-Modified-Since": self.last_modified}


class Cache(Protocol):
    """Where a client keeps answers; asked from several threads at once.

    Keys are addresses of the API. One cache must not serve two credentials: they may see different things.
    """

    def get(self, key: str) -> Kept | None: ...

    def put(self, key: str, kept: Kept) -> None: ...


class InMemoryCache:
    """Keeps what came first, up to a number of bytes: a list that is read again is read in order."""

    def __init__(self, most_bytes: int = MOST_KEPT) -> None:
        self._most = most_bytes
        self._size = 0
        self._kept: dict[str, Kept] = {}

    def get(self, key: str) -> Kept | None:
        return self._kept.get(key)

    def put(self, key: str, kept: Kept) -> None:
        known = self._kept.get(key)
        size = self._size + len(kept.body) - (len(known.body) if known else 0)
        if size <= self._most:
            self._kept[key], self._size = kept, size
