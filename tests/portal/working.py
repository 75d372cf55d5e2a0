"""A real worker on the database of the tests: started, watched through /proc, killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import connection, transaction

from portal import jobs
from portal.models import Job
from tests.running import MANAGE, ROOT, processes_marked

WRITE_ROWS = "tests.portal.working.write_rows"
SLEEP = "tests.portal.working.sleep"
BATCH = 5


# --- What the worker does ---------------------------------------------------------------------


def write_rows(job_id: int) -> None:
    """Write numbered rows in small batches, going on behind those that are there."""
    jobs.run(job_id, _write_rows)


def _write_rows(run: jobs.Run) -> dict[str, Any]:
    rows, prefix = run.arguments["rows"], run.arguments["prefix"]
    written = Group.objects.filter(name__startswith=f"{prefix}-").count()
    for first in range(written, rows, BATCH):
        with transaction.atomic():
            for number in range(first, min(first + BATCH, rows)):
                Group.objects.create(name=f"{prefix}-{number:06}")  # its name is unique: never twice
        run.progress(first, rows)
        time.sleep(run.arguments.get("pause", 0.01))
    return {"rows": rows}


def sleep(job_id: int) -> None:
    """Take a nap; wakes up early when it must stop."""
    jobs.run(job_id, _sleep)


def _sleep(run: jobs.Run) -> None:
    until = time.monotonic() + run.arguments["seconds"]
    while time.monotonic() < until:
        run.should_stop()
        time.sleep(0.05)


def rows_written(prefix: str) -> list[str]:
    return list(
        Group.objects.filter(name__startswith=f"{prefix}-").order_by("name").values_list("name", flat=True)
    )


def all_rows(prefix: str, rows: int) -> list[str]:
    return [f"{prefix}-{number:06}" for number in range(rows)]


# --- The worker -------------------------------------------------------------------------------


def database_url() -> str:
    """The address of the database that the tests have made, for another process."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}"


class Worker:
    """`manage.py run_worker` in processes of its own; ends with the `with` block, and all of it."""

    def __init__(self, folder: Path, *options: str, **env: str) -> None:
        self.mark = uuid.uuid4().hex
        self.log = folder / f"worker-{self.mark[:6]}.log"
        self.env = {
            **os.environ,
            "SECRET_KEY": settings.SECRET_KEY,
            "DATABASE_URL": database_url(),
            "PORTAL_TEST_MARK": self.mark,
            **env,
        }
        self.env.pop("DJANGO_SETTINGS_MODULE", None)
        quick = ["--beat-every", "0.5", "--lost-after", "4", "--longest-pause", "0.1"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(MANAGE), "run_worker", *(options or quick)],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Whatever is left of it, at once."""
        for pid in self.alive():
            kill(pid)
        self.process.wait(30)

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def alive(self) -> list[int]:
        """Every process of it, the oldest first."""
        return sorted((pid for pid, _command in processes_marked(self.mark)), key=_started)

    def cluster(self) -> list[int]:
        """The processes of the cluster: its main one, the sentinel, then workers, monitor and pusher."""
        return sorted(
            (pid for pid, command in processes_marked(self.mark) if "--leash" in command), key=_started
        )

    def pool(self) -> list[int]:
        """The cluster's working processes, those that take tasks and results along included."""
        return self.cluster()[2:]

    def is_ready(self) -> bool:
        return len(self.pool()) >= settings.Q_CLUSTER["workers"] + 2

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def kill(pid: int) -> None:
    """kill -9, also what has ended by itself."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits to be collected does not."""
    return _started(pid)[0] != sys.maxsize


def _started(pid: int) -> tuple[int, int]:
    """When a process was started, as it sorts; one that is gone comes last."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return (sys.maxsize, pid)
    return (sys.maxsize if fields[0] == "Z" else int(fields[19]), pid)


def worker_of(job: Job) -> int:
    """The process that has the job."""
    job.refresh_from_db()
    return int(job.worker.rpartition(":")[2])


def state(job: Job) -> str:
    job.refresh_from_db()
    return job.state


def wait_for(what: str, happened: Callable[[], object], worker: Worker, seconds: float = 120.0) -> None:
    """Return once `happened()`; fail with the worker's log when it takes longer."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what}\n{worker.output}"
        time.sleep(0.2)
