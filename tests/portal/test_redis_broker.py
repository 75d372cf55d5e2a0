"""Redis as the queue, by choice: what it loses, the reaper finds."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

pytest.importorskip("redis", reason="needs the extra `redis`")

from portal import jobs, redis_broker
from portal.models import Job
from portal.tasks import reap_jobs
from tests.portal.working import WRITE_ROWS, Worker, all_rows, kill, rows_written, state, wait_for, worker_of
from tests.running import MANAGE, ROOT

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server"),
]


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A Redis of our own, which keeps nothing."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        "redis-server",
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--dir",
        str(tmp_path),
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            assert time.monotonic() < deadline, "redis-server does not start"
            time.sleep(0.05)
    yield f"redis://127.0.0.1:{port}/0"
    server.kill()
    server.wait()


@pytest.fixture
def broker(redis_url: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The portal's queue in that Redis."""
    from django_q.conf import Conf

    settings.BROKER = "redis"
    monkeypatch.setattr(Conf, "BROKER_CLASS", "portal.redis_broker.RedisBroker")
    monkeypatch.setattr(Conf, "REDIS", redis_url)
    made = redis_broker.RedisBroker()
    yield made
    made.connection.close()


def rows(prefix: str) -> Job:
    arguments = {"rows": 200, "prefix": prefix, "pause": 0.03}
    return jobs.enqueue("write-rows", f"rows:{prefix}", WRITE_ROWS, arguments)


@pytest.fixture(autouse=True)
def _connections_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each broker opens connections of its own, which the test would leave open."""
    opened: list[Any] = []
    init = redis_broker.RedisBroker.__init__

    def noted(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        opened.append(self.connection)

    monkeypatch.setattr(redis_broker.RedisBroker, "__init__", noted)
    yield
    for connection in opened:
        connection.close()


def test_a_worker_killed_with_its_message_loses_nothing(broker: Any, redis_url: str, tmp_path: Path) -> None:
    job = rows("a")
    assert broker.queue_size() == 1

    with Worker(tmp_path, BROKER="redis", REDIS_URL=redis_url) as worker:
        wait_for("the first rows", lambda: len(rows_written("a")) > 20, worker)
        kill(worker_of(job))
        wait_for("the end", lambda: state(job) == "done", worker)

    assert rows_written("a") == all_rows("a", 200)
    assert job.attempts == 2


def test_a_message_that_redis_lost_is_sent_again(broker: Any) -> None:
    job = rows("a")
    broker.delete_queue()
    Job.objects.filter(pk=job.pk).update(woken_at=timezone.now() - timedelta(minutes=11))

    assert reap_jobs()["woken"] == 1
    assert broker.queue_size() == 1


def test_a_redis_that_is_away_keeps_no_job_from_being_made(
    broker: Any, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_q.conf import Conf

    monkeypatch.setattr(Conf, "REDIS", "redis://127.0.0.1:1/0")

    assert state(rows("a")) == "queued"


@pytest.mark.parametrize("env", [{"BROKER": "redis", "REDIS_URL": ""}, {"BROKER": "rabbits"}])
def test_a_queue_that_is_none_is_refused_in_words(env: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, str(MANAGE), "check"],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    assert "Use database, or redis together with REDIS_URL." in done.stderr
