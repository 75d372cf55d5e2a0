"""One request and its answer, and the record that a test reads afterwards."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

DOCUMENTATION = "https://docs.github.com/rest"


@dataclass(eq=False)
class Request:
    """A request as it arrived. Headers' names are in lower case; no secret is kept."""

    method: str
    path: str
    query: dict[str, str]
    headers_seen: set[str]
    has_authorization: bool
    at: datetime
    # 0 until it is answered, or when it was never answered.
    status: int = 0
    # The kind of trouble it met, if any.
    trouble: str = ""
    # Which connection it came on, counted from 1.
    connection: int = 0
    # Of a request sent earlier than allowed: until when none was to come.
    until: datetime | None = None
    body: Any = None
    # The operation that answered, such as "GET /orgs/{org}".
    operation: str = ""
    # When it arrived, on a clock that no test moves.
    arrived: float = field(default_factory=time.perf_counter, repr=False)

    @property
    def target(self) -> str:
        """Path and query, in the order of names."""
        query = "&".join(f"{key}={value}" for key, value in sorted(self.query.items()))
        return f"{self.path}?{query}" if query else self.path


@dataclass(eq=False)
class Incoming:
    """What the connection read: the start line, headers by lower-case name, and the body."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    def split(self) -> tuple[str, dict[str, str]]:
        """The path, still encoded, and the query."""
        parts = urlsplit(self.target)
        return parts.path, dict(parse_qsl(parts.query, keep_blank_values=True))


@dataclass
class Reply:
    """An answer: a body that is JSON already (bytes), or still to become it."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"

    def encoded(self) -> bytes:
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else msgspec.json.encode(self.body)


class Refused(Exception):
    """Any answer that is not the one asked for."""

    def __init__(
        self, status: int, message: str = "", headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(message)
        body = {"message": message, "documentation_url": DOCUMENTATION, "status": str(status), **more}
        self.reply = Reply(status, body if message else None, dict(headers or {}))

    @classmethod
    def with_reply(cls, reply: Reply) -> Refused:
        """A refusal in words of its own."""
        refused = cls(reply.status)
        refused.reply = reply
        return refused


def segments(path: str) -> list[str]:
    return [unquote(part) for part in path.split("/")[1:]]
