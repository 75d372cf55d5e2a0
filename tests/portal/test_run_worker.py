"""The worker is started again when it dies, ends whole, and refuses a database that is not ready."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import MANAGE, ROOT, environment, processes_marked, wait_for

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="watches its processes through /proc"
)


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {**environment(tmp_path), "SECRET_KEY": "x" * 50}


@pytest.fixture
def worker(env: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`run_worker` on a migrated database."""
    subprocess.run([sys.executable, str(MANAGE), "migrate", "-v", "0"], cwd=ROOT, env=env, check=True)
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(MANAGE), "run_worker"], cwd=ROOT, env=env, stdout=log, stderr=log
        )
    yield process
    for pid, _command in processes_marked(env["PORTAL_TEST_MARK"]):
        os.kill(pid, signal.SIGKILL)
    process.wait()


def clusters(env: dict[str, str]) -> list[int]:
    """The processes of the cluster, its main one first."""
    marked = processes_marked(env["PORTAL_TEST_MARK"])
    return sorted(pid for pid, command in marked if "run_cluster" in command)


def test_a_killed_cluster_is_started_again_without_orphans(
    env: dict[str, str], worker: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    wait_for("the cluster and its children", lambda: len(clusters(env)) >= 4)
    first = clusters(env)

    os.kill(first[0], signal.SIGKILL)

    wait_for("a new cluster", lambda: clusters(env) and not set(first) & set(clusters(env)))
    assert "killed by signal 9" in (tmp_path / "worker.log").read_text()


def test_it_ends_with_everything_it_started(env: dict[str, str], worker: subprocess.Popen[bytes]) -> None:
    wait_for("the cluster and its children", lambda: len(clusters(env)) >= 4)

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(30) == 0
    assert list(processes_marked(env["PORTAL_TEST_MARK"])) == []


def test_it_refuses_a_database_that_was_never_migrated(env: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, str(MANAGE), "run_worker"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert "Run `manage.py migrate` first." in done.stderr
