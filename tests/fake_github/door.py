"""HTTP/1.1 with keep-alive on loopback: a thread for each connection, and all that can go wrong there."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from tests.fake_github.exchange import Incoming
from tests.fake_github.trouble import Trouble

LARGEST_HEAD = 64 * 1024
STALL_SECONDS, DRIP_SECONDS = 60.0, 1.0
DRIPS = 20
PHRASES = {status.value: status.phrase for status in HTTPStatus}


@dataclass
class Outgoing:
    """What is to be sent, and what happens while it is."""

    status: int
    headers: dict[str, str]
    body: bytes
    trouble: Trouble | None = None

    def head(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} {PHRASES.get(self.status, '')}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.status not in (204, 304):
            lines.append(f"Content-Length: {len(self.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


Answer = Callable[[Incoming, int], Outgoing]


class Door:
    """A port that is open from `start` to `close`. Every thread and socket is gone afterwards."""

    def __init__(self, answer: Answer, host: str = "127.0.0.1", port: int = 0) -> None:
        self.answer = answer
        self.host = host
        self._listener = socket.create_server((host, port), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._accepted = 0
        # What went wrong in the server itself: raised when it closes.
        self.failures: list[BaseException] = []

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        thread = threading.Thread(target=self._accept, name=f"door-{self.port}", daemon=True)
        self._threads.add(thread)
        thread.start()

    def close(self) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            # Wakes the accepting thread where closing alone would not.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections, threads = list(self._connections), list(self._threads)
        for connection in connections:
            _shut(connection)
        for thread in threads:
            thread.join(5)

    def cut_all(self) -> None:
        """Cuts every connection that is open now, as a restart of the server would."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            _shut(connection)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                if self._stopping.is_set():
                    connection.close()
                    return
                self._accepted += 1
                self._threads = {thread for thread in self._threads if thread.is_alive()}
                thread = threading.Thread(
                    target=self._serve, args=(connection, self._accepted), name="connection", daemon=True
                )
                self._connections.add(connection)
                self._threads.add(thread)
                thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        reader = _Reader(connection)
        try:
            while not self._stopping.is_set():
                incoming = reader.read()
                if incoming is None:
                    return
                outgoing = self.answer(incoming, number)
                if not self._send(connection, outgoing) or incoming.headers.get("connection") == "close":
                    return
        except OSError:
            pass  # the other side has gone
        except BaseException as error:  # noqa: BLE001 - told when the server closes
            self.failures.append(error)
        finally:
            with self._lock:
                self._connections.discard(connection)
            _shut(connection)
            connection.close()

    def _send(self, connection: socket.socket, outgoing: Outgoing) -> bool:
        """Whether the connection can be used again."""
        trouble = outgoing.trouble
        if trouble is None:
            connection.sendall(outgoing.head() + outgoing.body)
            return True
        kind, half = trouble.kind, outgoing.body[: len(outgoing.body) // 2]
        if kind == "reset" or (kind in ("reset-midway", "truncated") and not half):
            _reset(connection)
        elif kind == "reset-midway":
            connection.sendall(outgoing.head() + half)
            self._wait(connection, 0.02)
            _reset(connection)
        elif kind == "truncated":
            connection.sendall(outgoing.head() + half)
        elif kind in ("stall", "stall-midway"):
            if kind == "stall-midway":
                connection.sendall(outgoing.head() + half)
            self._wait(connection, STALL_SECONDS if trouble.seconds is None else trouble.seconds)
        elif kind == "drip":
            return self._drip(connection, outgoing, trouble.seconds)
        return False

    def _drip(self, connection: socket.socket, outgoing: Outgoing, seconds: float | None) -> bool:
        """All of it, but slowly."""
        pause = (DRIP_SECONDS if seconds is None else seconds) / DRIPS
        step = max(len(outgoing.body) // DRIPS, 1)
        connection.sendall(outgoing.head())
        for start in range(0, len(outgoing.body), step):
            if not self._wait(connection, pause):
                return False
            connection.sendall(outgoing.body[start : start + step])
        return True

    def _wait(self, connection: socket.socket, seconds: float) -> bool:
        """Waits so long; False as soon as the other side or the server stops."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if self._stopping.wait(min(left, 0.05)):
                return False
            try:
                if connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"":
                    return False
            except BlockingIOError:
                continue
            except OSError:
                return False
        return True


class _Reader:
    """Reads requests off a connection, one after the other."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest = b""

    def read(self) -> Incoming | None:
        """The next request; None when the other side has finished."""
        while (end := self._rest.find(b"\r\n\r\n")) < 0:
            if len(self._rest) > LARGEST_HEAD or not self._more():
                return None
        head, self._rest = self._rest[:end].decode("latin-1"), self._rest[end + 4 :]
        start, *lines = head.split("\r\n")
        method, target, _ = start.split(" ", 2)
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length") or 0)
        while len(self._rest) < length:
            if not self._more():
                return None
        body, self._rest = self._rest[:length], self._rest[length:]
        return Incoming(method, target, headers, body)

    def _more(self) -> bool:
        piece = self._connection.recv(65536)
        self._rest += piece
        return bool(piece)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _reset(connection: socket.socket) -> None:
    """Closes so that the other side sees "connection reset"."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
