"""The fake GitHub with somebody who looks on: at each request before it is answered, at each answer given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tests.fake_github import FakeGitHub, State, Trouble
from tests.fake_github.door import Outgoing
from tests.fake_github.exchange import Incoming, Reply, Request
from tests.seats.reclaim.directly import LOST


class WatchedGitHub(FakeGitHub):
    def __init__(self, state: State, **options: Any) -> None:
        super().__init__(state, check=False, **options)
        self.before_answer = self._before
        self.before: list[Callable[[Request], None]] = []
        # Told what the client is going to read: the body of a 304 is the one it has kept.
        self.after: list[Callable[[Request, Any], None]] = []
        # Told what was done, also where the answer is lost on its way.
        self.done: list[Callable[[Request, int], None]] = []
        self._kept: dict[str, Any] = {}

    def _before(self, request: Request) -> None:
        for look in self.before:
            look(request)

    def _outgoing(
        self, incoming: Incoming, request: Request, reply: Reply, trouble: Trouble | None
    ) -> Outgoing:
        outgoing = super()._outgoing(incoming, request, reply, trouble)
        for note in self.done:
            note(request, reply.status)
        is_lost = trouble is not None and trouble.kind in LOST
        if not is_lost and not request.path.startswith("/files/"):
            body = self._body(reply) if "/copilot" in request.path else None
            for look in self.after:
                look(request, body)
        return outgoing

    def _body(self, reply: Reply) -> Any:
        tag = reply.headers.get("ETag", "")
        if reply.status == 304:
            return self._kept.get(tag)
        body = reply.body
        if isinstance(body, bytes):
            try:
                body = msgspec.json.decode(body)
            except msgspec.DecodeError:
                body = None
        if tag:
            self._kept[tag] = body
        return body
