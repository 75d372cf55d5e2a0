"""Run django-q2's cluster in its own process group; start it again when it dies, and leave nothing behind."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from portal import processes
from portal.probes import unapplied_migrations
from portal.tasks import install_schedules

# Running tasks get this long to reach the end of their batch; their Job rows let another worker go on.
GRACE_SECONDS = 20.0
# A cluster that dies young is started again after 1, 2, 4 … seconds.
LONGEST_PAUSE_SECONDS = 60.0
GROWN_UP_SECONDS = 60.0


class Command(BaseCommand):
    help = "Run the background worker. Ctrl-C or SIGTERM stops it once running tasks have paused."

    def handle(self, *args: Any, **options: Any) -> None:
        self._must_be_ready()
        install_schedules()
        stop_request = processes.StopRequest()
        pause = 1.0
        while not stop_request:
            started = time.monotonic()
            cluster = processes.start([sys.executable, str(settings.BASE_DIR / "manage.py"), "qcluster"])
            try:
                self._watch(cluster, stop_request)
            finally:
                processes.stop([cluster], GRACE_SECONDS)
            if stop_request:
                break
            if time.monotonic() - started > GROWN_UP_SECONDS:
                pause = 1.0
            self.stderr.write(
                f"The background worker ended ({outcome(cluster)}). Starting it again in {pause:.0f} s."
            )
            stop_request.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _must_be_ready(self) -> None:
        try:
            missing = unapplied_migrations()
        except OperationalError as error:
            raise CommandError(f"The database does not answer: {error}", returncode=2) from error
        if missing:
            raise CommandError(
                f"{len(missing)} migrations are not applied. Run `manage.py migrate` first.", returncode=2
            )

    def _watch(self, cluster: subprocess.Popen[bytes], stop_request: processes.StopRequest) -> None:
        while not stop_request and cluster.poll() is None:
            stop_request.wait(1.0, unless=lambda: cluster.poll() is not None)


def outcome(process: subprocess.Popen[bytes]) -> str:
    """How a process ended, in words."""
    code = process.returncode
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
