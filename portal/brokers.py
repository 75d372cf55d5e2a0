"""django-q2's queues with a heartbeat in them.

Every cluster slips a task into its own queue now and then, without a row and for itself alone. When it
comes out at the other end, everything between lives: the process that takes tasks, the workers and the
one that takes their results. A cluster whose idle worker was killed takes tasks and never runs them.
"""

from __future__ import annotations

import time
from typing import Any

from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.humanhash import uuid
from django_q.signing import SignedPackage

from portal import leash


class Beating:
    """Mixed into a broker: what is taken from it first, every few seconds, is a beat."""

    _next_beat = 0.0

    def dequeue(self) -> Any:
        held = leash.held()
        if held is not None and time.monotonic() >= self._next_beat:
            self._next_beat = time.monotonic() + held.beat_every
            return [(None, _beat())]
        return super().dequeue()  # type: ignore[misc]  # the broker's

    @staticmethod
    def get_cache() -> None:
        """django-q2 writes its state to the cache twice a second; our own heartbeat says more."""


def _beat() -> str:
    name, identifier = uuid()
    task = {
        "id": identifier,
        "name": name,
        "func": leash.BEAT_TASK,
        "args": (),
        "kwargs": {},
        "started": timezone.now(),
        "save": False,
        "ack_failure": True,
    }
    package: str = SignedPackage.dumps(task)
    return package


class DatabaseBroker(Beating, ORM):  # type: ignore[misc]  # untyped
    """The default: messages are rows, committed with what they are about."""
