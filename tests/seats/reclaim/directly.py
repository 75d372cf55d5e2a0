"""The fake GitHub without sockets: requests of our client are handed to its door in the same process.

Only the adapter on the wire is replaced. What the client asks, waits for, and makes of the answers is its
own; and it is the same GitHub that answers over HTTP elsewhere. For tests that ask it a million times.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from requests import ConnectionError as NoAnswer
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.exceptions import ProtocolError

from portal.github import transport
from portal.github.wire import Wire
from tests.fake_github import FakeGitHub
from tests.fake_github.exchange import Incoming

LOST = ("reset", "reset-midway", "truncated", "stall", "stall-midway")


class Direct:
    """Stands where the adapter of requests stands."""

    def __init__(self, github: FakeGitHub) -> None:
        self._answers = {github._api.url: github._answer, github._file_host.url: github._answer_file}
        self._adapter = HTTPAdapter()

    def send(self, request: PreparedRequest, **options: Any) -> Response:
        parts = urlsplit(request.url or "")
        answer = self._answers[f"{parts.scheme}://{parts.netloc}"]
        headers = {name.lower(): str(value) for name, value in request.headers.items()} | {
            "host": parts.netloc
        }
        body = request.body or b""
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        incoming = Incoming(
            request.method or "", target, headers, body.encode() if isinstance(body, str) else body
        )
        outgoing = answer(incoming, 1)
        if outgoing.trouble is not None and outgoing.trouble.kind in LOST:
            raise NoAnswer(ProtocolError("Connection aborted.", ConnectionResetError(104, "reset by peer")))
        raw = HTTPResponse(
            body=BytesIO(outgoing.body),
            headers={**outgoing.headers, "Content-Length": str(len(outgoing.body))},
            status=outgoing.status,
            preload_content=False,
        )
        return self._adapter.build_response(request, raw)

    def close(self) -> None: ...


@contextmanager
def spoken_directly(github: FakeGitHub) -> Iterator[None]:
    """Within, whoever asks this GitHub asks it without a socket, and waits no second between two writes."""
    direct = Direct(github)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Wire, "_adapter", lambda wire: direct)
        patch.setattr(transport, "_BETWEEN_WRITES", 0.0)
        yield
