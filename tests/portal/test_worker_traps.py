"""The queue's traps, with real processes: what is killed comes back, and nothing is lost or done twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal import jobs
from portal.models import Job
from tests.portal.working import (
    WRITE_ROWS,
    Worker,
    all_rows,
    kill,
    rows_written,
    state,
    wait_for,
    worker_of,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="watches processes through /proc"),
]


def test_a_worker_killed_at_work_loses_nothing(tmp_path: Path) -> None:
    job = jobs.enqueue("write-rows", "rows:a", WRITE_ROWS, {"rows": 200, "prefix": "a", "pause": 0.05})
    with Worker(tmp_path) as worker:
        wait_for("the first rows", lambda: len(rows_written("a")) > 20, worker)

        kill(worker_of(job))

        wait_for("the end", lambda: state(job) == Job.State.DONE, worker)
    assert rows_written("a") == all_rows("a", 200)
    assert (job.attempts, job.deaths) == (2, 1)
