"""A server on loopback that sends exactly the bytes it is told to, at its own pace."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

Reply = Sequence[bytes | float]  # bytes are sent, numbers are seconds of silence


def reply(body: bytes, status: str = "200 OK", **headers: str) -> Reply:
    """A whole answer; `Content_Type="…"` becomes a header. Content-Length is told unless it is given."""
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items() if value)]
    return ["\r\n".join(lines).encode() + b"\r\n\r\n" + body]


class Scripted:
    """Answers each request with the next reply, the last one for ever; keeps the requests as they came."""

    def __init__(self, *replies: Reply, closes: bool = False) -> None:
        self.replies = list(replies)
        self.requests: list[bytes] = []
        self.connections = 0
        self._closes = closes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stop = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for connection in [self._listener, *self._open]:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            for request in self._requests_of(connection):
                self.requests.append(request)
                for piece in self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]:
                    if isinstance(piece, bytes):
                        connection.sendall(piece)
                    elif self._stop.wait(piece):
                        return
                if self._closes:
                    return
        self._open.discard(connection)

    @staticmethod
    def _requests_of(connection: socket.socket) -> Iterator[bytes]:
        """Heads of requests: those of the tests have no body."""
        buffer = b""
        while chunk := connection.recv(65536):
            buffer += chunk
            while b"\r\n\r\n" in buffer:
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                yield head


def dripping(data: bytes, seconds: float) -> Reply:
    """The same bytes, one by one, with silence between."""
    return [piece for byte in data for piece in (bytes([byte]), seconds)]


def wait_until(is_so: object, seconds: float = 30.0) -> None:
    """Until `is_so()` holds; AssertionError where it never does."""
    end = time.monotonic() + seconds
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < end, "it never came to pass"
        time.sleep(0.005)
