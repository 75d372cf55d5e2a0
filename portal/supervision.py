"""A cluster of workers seen from outside: started, listened to, judged, ended whole.

Whether a process lives says little: a cluster whose idle worker was killed lives, takes tasks and never
runs them. So a beat is sent through its queue, and a cluster is hung when the beats stay away though not
all of its workers are busy.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import sys
import time
from contextlib import suppress

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from portal import jobs, leash, processes
from portal.models import WorkerHeartbeat
from portal.models.worker_heartbeat import SEEN_EVERY

logger = logging.getLogger(__name__)

BEAT_EVERY_SECONDS = 15.0
# Three beats; a database that does not answer holds the queue up for ten seconds at a time.
LOST_AFTER_SECONDS = 60.0
STARTS_WITHIN_SECONDS = 60.0
LISTEN_EVERY_SECONDS = 0.1


class WorkerGroup:
    """A running cluster and all its processes."""

    def __init__(
        self, beat_every: float = BEAT_EVERY_SECONDS, lost_after: float = LOST_AFTER_SECONDS
    ) -> None:
        self.workers: int = settings.Q_CLUSTER["workers"]
        self.busy: set[int] = set()
        self._lost_after = lost_after
        self._ours, theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._heard = b""
        self.process = processes.start(
            [
                *(sys.executable, str(settings.BASE_DIR / "manage.py"), "run_worker"),
                *("--leash", str(theirs.fileno()), "--beat-every", str(beat_every)),
            ],
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        self._has_beaten = False
        self._next_beat_by = time.monotonic() + STARTS_WITHIN_SECONDS
        self._written_at = -math.inf

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def is_hung(self) -> bool:
        """Whether beats no longer come through though there are workers free to take them."""
        return time.monotonic() > self._next_beat_by

    def watch(self) -> None:
        """Hear what its processes tell, bring back what dead ones were at, and say that it lives."""
        self._listen()
        for pid in [pid for pid in self.busy if not is_alive(pid)]:
            self.busy.discard(pid)
            self._worker_died(pid)
        if len(self.busy) >= self.workers:
            self._lives()  # and would beat if it had a moment
        is_time = time.monotonic() - self._written_at >= SEEN_EVERY.total_seconds()
        if self._has_beaten and not self.is_hung and is_time:
            self._written_at = time.monotonic()
            self._write_heartbeat()

    def end(self, grace_seconds: float) -> None:
        """Let running tasks reach the end of their batch, then kill what is left."""
        ended_by_itself = self.has_ended
        with suppress(OSError):
            self._ours.send(leash.STOP)
        if not ended_by_itself:
            self.process.terminate()
        deadline = time.monotonic() + grace_seconds
        while not self.has_ended and time.monotonic() < deadline:
            self._listen()
            # A hung cluster does not hear a polite request; but a task may still be at work in it.
            if self.is_hung and not any(map(is_alive, self.busy)):
                break
            time.sleep(LISTEN_EVERY_SECONDS)
        ended_when_asked = self.has_ended and not ended_by_itself
        processes.kill_group(self.process)
        self._listen()
        self._ours.close()
        for pid in self.busy:
            self._worker_died(pid)
        self.busy.clear()
        if not ended_when_asked:
            self._messages_lost()
        self._remove_heartbeat()

    def _listen(self) -> None:
        with suppress(BlockingIOError, ConnectionError):
            while data := self._ours.recv(65536):
                self._heard += data
        *lines, self._heard = self._heard.split(b"\n")
        for line in lines:
            word, _, pid = line.decode().partition(" ")
            if word == leash.BUSY:
                self.busy.add(int(pid))
            elif word == leash.IDLE:
                self.busy.discard(int(pid))
            elif word == leash.BEAT:
                self._lives()

    def _lives(self) -> None:
        self._has_beaten = True
        self._next_beat_by = time.monotonic() + self._lost_after

    # --- What it writes: a database that is away must not end the supervisor ------------------

    def _worker_died(self, pid: int) -> None:
        try:
            close_old_connections()
            if count := jobs.worker_died(leash.worker_name(pid)):
                logger.warning("A worker died; %s job goes back to the queue.", count)
        except DatabaseError:
            # The reaper sees the job fall silent.
            logger.exception("What the dead worker %s was at could not be put back", pid)
            connection.close()

    def _messages_lost(self) -> None:
        try:
            close_old_connections()
            jobs.messages_lost()
        except DatabaseError:
            logger.exception("What the dead cluster had taken could not be sent again")
            connection.close()

    def _write_heartbeat(self) -> None:
        try:
            close_old_connections()
            WorkerHeartbeat.objects.update_or_create(
                host=host(),
                pid=self.process.pid,
                defaults={"seen_at": timezone.now(), "workers": self.workers, "busy": len(self.busy)},
            )
        except DatabaseError:
            logger.warning("The worker's heartbeat could not be written", exc_info=True)
            connection.close()

    def _remove_heartbeat(self) -> None:
        with suppress(DatabaseError):
            close_old_connections()
            WorkerHeartbeat.objects.filter(host=host(), pid=self.process.pid).delete()


def host() -> str:
    return socket.gethostname()[:120]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
