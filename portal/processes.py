"""Long-lived child processes: each in a group of its own, ended politely and then whole.

A killed worker pool leaves orphans that go on taking tasks, and a hung one ignores a polite request;
so a child is started as the leader of a session, and what is left of its group is killed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import FrameType

PR_SET_PDEATHSIG = 1


def start(
    command: list[str], *, env: Mapping[str, str] | None = None, pass_fds: Iterable[int] = ()
) -> subprocess.Popen[bytes]:
    """Start `command` as the leader of its own process group, without our standard input."""
    return subprocess.Popen(  # noqa: S603 -- our own commands, no shell
        command,
        env=dict(env) if env is not None else None,
        stdin=subprocess.DEVNULL,
        pass_fds=tuple(pass_fds),
        start_new_session=True,
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,
    )


def _end_with_parent() -> None:
    """Ask Linux to end this process politely when the one that started it is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def stop(processes: Iterable[subprocess.Popen[bytes]], grace_seconds: float) -> None:
    """End the processes: their leaders politely and at the same time, then what is left of the groups."""
    processes = list(processes)
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + grace_seconds
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
        kill_group(process)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill whatever of the process's group still lives, orphans included."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class StopRequest:
    """Turns Ctrl-C, SIGTERM and a closed terminal into a flag; false until one of them came."""

    def __init__(self) -> None:
        self.came = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note)

    def __bool__(self) -> bool:
        return self.came

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.came = True

    def wait(self, seconds: float, unless: Callable[[], bool] = lambda: False) -> None:
        """Sleep for so long, or until a request comes, or until `unless` is true."""
        deadline = time.monotonic() + seconds
        while not self.came and not unless() and time.monotonic() < deadline:
            time.sleep(0.1)
