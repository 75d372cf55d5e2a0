"""What ties the worker's processes to the one that watches them.

The supervisor holds one end of a socket, every process of the cluster inherits the other. The cluster's
end shows when the supervisor asks to stop, and when it is gone, however it died; in the other direction
go a word about every task begun and ended, and the beats that came all the way through the queue.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress

STOP = b"s"


class Leash:
    """The cluster's end, shared by all its processes. Nobody reads it empty, so that everybody sees it."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        end.setblocking(False)

    def is_stopping(self) -> bool:
        """Whether the supervisor asked to stop, or is gone."""
        try:
            self._end.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def wait_for_stop(self) -> None:
        """Sleep until the supervisor asks to stop or is gone."""
        import select

        select.select([self._end], [], [])

    def tell(self, word: str, *what: object) -> None:
        """Send a line to the supervisor; one it does not read in time is lost."""
        line = " ".join([word, *map(str, what)])
        with suppress(OSError):
            self._end.send(f"{line}\n".encode())


_held: Leash | None = None


def hold(leash: Leash) -> None:
    """This process, and every one it forks, is tied to a supervisor from now on."""
    global _held
    _held = leash


def held() -> Leash | None:
    """The leash this process is on, or None: web servers and commands are on none."""
    return _held


def is_stopping() -> bool:
    """Whether this process belongs to a worker that is being stopped."""
    return _held is not None and _held.is_stopping()


def worker_name() -> str:
    """This process as a job's row names it."""
    return f"{socket.gethostname()[:100]}:{os.getpid()}"
