"""The queue's traps, with real processes: what is killed comes back, and nothing is lost or done twice."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from django_q.models import OrmQ, Task
from django_q.tasks import async_task

from portal import jobs
from portal.models import Job, WorkerHeartbeat
from tests.portal.working import (
    SLEEP,
    WRITE_ROWS,
    Worker,
    all_rows,
    is_alive,
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


def rows(prefix: str, count: int = 100, pause: float = 0.03) -> Job:
    """A job that writes so many rows in batches, with a pause after each."""
    arguments = {"rows": count, "prefix": prefix, "pause": pause}
    return jobs.enqueue("write-rows", f"rows:{prefix}", WRITE_ROWS, arguments)


def nap(seconds: float, subject: str = "nap:1") -> Job:
    return jobs.enqueue("sleep", subject, SLEEP, {"seconds": seconds})


def test_a_process_killed_at_work_loses_nothing_and_its_work_goes_on_at_once(tmp_path: Path) -> None:
    job = rows("a")
    with Worker(tmp_path) as worker:
        wait_for("the first rows", lambda: len(rows_written("a")) > 20, worker)

        kill(worker_of(job))

        wait_for("the end", lambda: state(job) == "done", worker)
    assert rows_written("a") == all_rows("a", 100)
    assert (job.attempts, job.deaths) == (2, 1)
    assert not Task.objects.exists(), "the row of the job is the record, not the queue's table of results"


def test_a_cluster_whose_idle_processes_were_killed_is_found_hung_and_replaced(tmp_path: Path) -> None:
    """They die holding the lock of the queue: the cluster lives, takes tasks, and runs none."""
    with Worker(tmp_path) as worker:
        wait_for("a heartbeat", lambda: worker.is_ready() and WorkerHeartbeat.objects.exists(), worker)
        time.sleep(0.5)  # until all of them wait for a task
        first = worker.cluster()
        for pid in worker.pool():
            kill(pid)

        job = rows("a", 10)

        wait_for("the end", lambda: state(job) == "done", worker)
        assert not set(first) & set(worker.cluster())
        assert "The background worker hangs." in worker.output


def test_orphans_of_a_killed_main_process_take_no_task(tmp_path: Path) -> None:
    job = rows("a")
    with Worker(tmp_path) as worker:
        wait_for("the first rows", lambda: len(rows_written("a")) > 20, worker)
        first = worker.cluster()

        kill(first[0])

        wait_for("the end", lambda: state(job) == "done", worker)
        assert [pid for pid in first if is_alive(pid)] == []
    assert rows_written("a") == all_rows("a", 100)


def test_a_killed_supervisor_takes_its_processes_along_and_leaves_the_job_to_the_next(tmp_path: Path) -> None:
    job = rows("a", 1_000)
    with Worker(tmp_path) as worker:
        wait_for("the first rows", lambda: len(rows_written("a")) > 20, worker)
        kill(worker.process.pid)

        wait_for("its processes to end", lambda: worker.alive() == [], worker)

    assert state(job) == "queued"
    assert job.deaths == 0
    assert rows_written("a") == all_rows("a", len(rows_written("a")))


def test_a_worker_that_is_stopped_pauses_its_job_and_the_next_one_goes_on(tmp_path: Path) -> None:
    job = rows("a", pause=0.1)
    with Worker(tmp_path) as worker:
        wait_for("the first rows", lambda: len(rows_written("a")) > 20, worker)
        assert worker.stop() == 0
        assert worker.alive() == []
    assert state(job) == "queued"
    assert not WorkerHeartbeat.objects.exists()

    with Worker(tmp_path) as worker:
        wait_for("the end", lambda: state(job) == "done", worker)
    assert rows_written("a") == all_rows("a", 100)
    assert (job.attempts, job.deaths) == (2, 0)


def test_a_job_cut_off_by_the_time_limit_ends_in_words_and_the_next_is_done(tmp_path: Path) -> None:
    """The queue's time limit is a SystemExit, after which it ends the process."""
    job = nap(60)
    OrmQ.objects.all().delete()
    async_task(SLEEP, job.pk, timeout=1, ack_failure=True)
    after = rows("a", 10)

    with Worker(tmp_path, WORKERS="1") as worker:
        wait_for("the end of both", lambda: state(job) == "failed" and state(after) == "done", worker)

    assert job.error == "It took longer than 30 minutes and was stopped."
    assert job.live_key is None


def test_two_workers_and_a_button_pressed_ten_times_do_it_once(tmp_path: Path) -> None:
    with Worker(tmp_path) as one, Worker(tmp_path) as two:
        wait_for("both", lambda: one.is_ready() and two.is_ready(), one)

        pressed = {rows("a").pk for _ in range(10)}
        # And the queue delivers it ten times over.
        [pk] = pressed
        for _ in range(10):
            async_task(WRITE_ROWS, pk, ack_failure=True)

        wait_for("the end", lambda: state(Job.objects.get(pk=pk)) == "done", one)
        wait_for("the queue to be empty", lambda: not OrmQ.objects.exists(), two)
    assert rows_written("a") == all_rows("a", 100)
    assert Job.objects.get().attempts == 1


# --- Chaos ------------------------------------------------------------------------------------


def survive(folder: Path, kills: int, seed: int) -> None:
    """Kill -9 something of a worker so many times while it works; all the rows are there in the end, once."""
    dice = random.Random(seed)
    count = kills * 60
    rows("a", count)
    workers = [Worker(folder)]
    try:
        for number in range(kills):
            wait_for(f"work after kill {number}", lambda: is_at_work(workers[-1]), workers[-1])
            time.sleep(dice.uniform(0.0, 0.4))
            kill_something(workers[-1], dice)
            if workers[-1].process.poll() is not None:
                wait_for("its processes to end", lambda: workers[-1].alive() == [], workers[-1])
                workers.append(Worker(folder))
            rows("a", count)  # the button, pressed again: a new job only where the last one is over
        job = rows("a", count)
        # A message that a process took along is sent again some minutes later.
        wait_for("the end", lambda: state(job) == "done", workers[-1], seconds=300)
    finally:
        for worker in workers:
            worker.end()
    assert rows_written("a") == all_rows("a", count)


def is_at_work(worker: Worker) -> bool:
    return worker.is_ready() and state(Job.objects.latest("id")) in ("running", "done")


def kill_something(worker: Worker, dice: random.Random) -> None:
    victim = dice.choice(["supervisor", "main", "any", "any", "busy", "busy"])
    cluster = worker.cluster()
    if victim == "supervisor":
        kill(worker.process.pid)
        worker.process.wait()
    elif victim == "busy":
        kill(worker_of(Job.objects.latest("id")))
    elif cluster:
        kill(cluster[0] if victim == "main" else dice.choice(cluster))


def test_three_kills_at_random_moments_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    survive(tmp_path, kills=3, seed=1)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fifty_kills_at_random_moments_lose_nothing_and_repeat_nothing(tmp_path: Path, seed: int) -> None:
    survive(tmp_path, kills=50, seed=seed)


@pytest.mark.long
def test_orphans_whose_supervisor_and_main_process_were_killed_end_themselves(tmp_path: Path) -> None:
    job = rows("a", 3_000)
    with Worker(tmp_path) as worker:
        wait_for("the first rows", lambda: len(rows_written("a")) > 20, worker)
        main = worker.cluster()[0]
        kill(worker.process.pid)
        kill(main)

        wait_for("its processes to end", lambda: worker.alive() == [], worker, seconds=60)

    assert state(job) == "queued"
