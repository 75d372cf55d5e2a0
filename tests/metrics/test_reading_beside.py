"""A worker reads a large file with other processes beside it; they end with it, however it ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from portal import jobs
from portal.models import Job
from tests.metrics.reading_beside import READ
from tests.metrics.test_large_files import company, write
from tests.portal.working import Worker, is_alive, kill, state, wait_for, worker_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="watches processes through /proc"),
]


def reading(folder: Path, pause: float) -> Job:
    path = write(folder / "users.ndjson", company()[:100])
    return jobs.enqueue("read", "read:1", READ, {"path": str(path), "pause": pause})


def helpers_of(job: Job) -> list[int]:
    job.refresh_from_db()
    return list(job.tally.get("helpers", []))


def test_a_worker_may_have_processes_beside_it_and_they_end_with_the_file(tmp_path: Path) -> None:
    job = reading(tmp_path, pause=0)
    with Worker(tmp_path) as worker:
        wait_for("the end", lambda: state(job) == "done", worker)
        assert (job.tally["lines"], job.tally["may"]) == (100, (os.cpu_count() or 1) > 1)
        helpers = helpers_of(job)
        assert helpers
        wait_for("no helper", lambda: not any(map(is_alive, helpers)), worker)


def test_a_killed_worker_takes_the_processes_beside_it_along(tmp_path: Path) -> None:
    job = reading(tmp_path, pause=0.3)
    with Worker(tmp_path) as worker:
        wait_for("helpers at work", lambda: helpers_of(job), worker)
        helpers = helpers_of(job)
        assert all(map(is_alive, helpers))

        kill(worker_of(job))

        wait_for("no helper", lambda: not any(map(is_alive, helpers)), worker)


def test_a_worker_that_is_stopped_ends_in_the_middle_of_a_file(tmp_path: Path) -> None:
    job = reading(tmp_path, pause=0.3)
    with Worker(tmp_path) as worker:
        wait_for("helpers at work", lambda: helpers_of(job), worker)
        helpers = helpers_of(job)

        assert worker.stop() == 0

        assert state(job) == "queued"
        assert not any(map(is_alive, helpers))
