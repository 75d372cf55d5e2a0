"""Run django-q2's cluster in its own process group; start it again when it dies or hangs; leave nothing."""

from __future__ import annotations

import argparse
import socket
import subprocess
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from django_q.cluster import Cluster

from portal import leash, processes
from portal.probes import unapplied_migrations
from portal.supervision import BEAT_EVERY_SECONDS, LOST_AFTER_SECONDS, WorkerGroup
from portal.tasks import install_schedules

# Running tasks get this long to reach the end of their batch; their Job rows let another worker go on.
GRACE_SECONDS = 20.0
# A cluster that dies young is started again after 1, 2, 4 … seconds.
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
GROWN_UP_SECONDS = 60.0
LOOK_EVERY_SECONDS = 0.5


class Command(BaseCommand):
    help = "Run the background worker. Ctrl-C or SIGTERM stops it once running tasks have paused."

    def add_arguments(self, parser: Any) -> None:
        # For tests that cannot wait so long.
        for name, default in (
            ("beat-every", BEAT_EVERY_SECONDS),
            ("lost-after", LOST_AFTER_SECONDS),
            ("longest-pause", LONGEST_PAUSE_SECONDS),
        ):
            parser.add_argument(f"--{name}", type=float, default=default, help=argparse.SUPPRESS)
        # What it starts is itself, with an open socket: then it is the cluster, and does the work.
        parser.add_argument("--leash", type=int, help=argparse.SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["leash"] is not None:
            leash.hold(leash.Leash(socket.socket(fileno=options["leash"]), options["beat_every"]))
            Cluster().start()
            leash.end_when_orphaned()
            return
        self._must_be_ready()
        install_schedules()
        stop_request = processes.StopRequest()
        longest_pause = options["longest_pause"]
        pause = FIRST_PAUSE_SECONDS
        while not stop_request:
            started = time.monotonic()
            group = WorkerGroup(options["beat_every"], options["lost_after"])
            try:
                self._watch(group, stop_request)
                says = "hangs" if group.is_hung and not group.has_ended else ""
            finally:
                group.end(GRACE_SECONDS)
            if stop_request:
                break
            if time.monotonic() - started > GROWN_UP_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            pause = min(pause, longest_pause)
            says = says or f"ended ({outcome(group.process)})"
            self.stderr.write(f"The background worker {says}. Starting it again in {pause:.0f} s.")
            stop_request.wait(pause)
            pause *= 2

    def _must_be_ready(self) -> None:
        try:
            missing = unapplied_migrations()
        except OperationalError as error:
            raise CommandError(f"The database does not answer: {error}", returncode=2) from error
        if missing:
            raise CommandError(
                f"{len(missing)} migrations are not applied. Run `manage.py migrate` first.", returncode=2
            )

    def _watch(self, group: WorkerGroup, stop_request: processes.StopRequest) -> None:
        while not stop_request and not group.has_ended and not group.is_hung:
            group.watch()
            stop_request.wait(LOOK_EVERY_SECONDS, unless=lambda: group.has_ended)


def outcome(process: subprocess.Popen[bytes]) -> str:
    """How a process ended, in words."""
    code = process.returncode
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
