"""What ties the worker's processes to the one that watches them.

The supervisor holds one end of a socket, every process of the cluster inherits the other. The cluster's
end shows when the supervisor asks to stop, and when it is gone, however it died; in the other direction
go a line about every task begun and ended, and one for each beat that came all the way through the queue.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time
from contextlib import suppress
from typing import Any

from django_q import signals

STOP = b"s"
BUSY, IDLE, BEAT = "busy", "idle", "beat"
BEAT_TASK = "portal.tasks.beat"
# A supervisor that asks to stop kills what is left after its own grace; where it is gone, we do.
ORPHANED_SECONDS = 30.0


class Leash:
    """The cluster's end, shared by all its processes. Nobody reads it empty, so that everybody sees it."""

    def __init__(self, end: socket.socket, beat_every: float) -> None:
        self.beat_every = beat_every  # seconds
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
        select.select([self._end], [], [])

    def tell(self, word: str) -> None:
        """Send a line to the supervisor; one that it does not read in time is lost."""
        with suppress(OSError):
            self._end.send(f"{word} {os.getpid()}\n".encode())


_held: Leash | None = None


def hold(leash: Leash) -> None:
    """Tie this process, and every one it forks, to a supervisor."""
    global _held
    _held = leash
    signals.post_spawn.connect(_worker_begins)
    signals.pre_execute.connect(_task_begins)
    signals.post_execute_in_worker.connect(_task_ended)
    signals.post_execute.connect(_result_taken)


def held() -> Leash | None:
    """The leash this process is on, or None: web servers and commands are on none."""
    return _held


def is_stopping() -> bool:
    """Whether this process belongs to a worker that is being stopped."""
    return _held is not None and _held.is_stopping()


def worker_name(pid: int | None = None) -> str:
    """A process of this host, this one by default, as a job's row names it."""
    return f"{socket.gethostname()[:100]}:{pid or os.getpid()}"


# --- In the cluster's processes ---------------------------------------------------------------


def end_when_orphaned() -> None:
    """From now on a thread of this process kills the whole group when nobody else does.

    Not before the process has forked its children: a killed main process leaves orphans that take tasks,
    a killed helper leaves a main process that waits for it for half an hour.
    """
    threading.Thread(target=_kill_orphans, name="leash", daemon=True).start()


def _worker_begins(**kwargs: Any) -> None:
    end_when_orphaned()


def _kill_orphans() -> None:
    if _held is not None:
        _held.wait_for_stop()
        time.sleep(ORPHANED_SECONDS)
        os.killpg(os.getpgrp(), signal.SIGKILL)


def _task_begins(task: dict[str, Any], **kwargs: Any) -> None:
    if _held is not None and task["func"] != BEAT_TASK:
        _held.tell(BUSY)


def _task_ended(task: dict[str, Any], **kwargs: Any) -> None:
    if _held is not None and task["func"] != BEAT_TASK:
        _held.tell(IDLE)


def _result_taken(task: dict[str, Any], **kwargs: Any) -> None:
    if _held is not None and task["func"] == BEAT_TASK:
        _held.tell(BEAT)
