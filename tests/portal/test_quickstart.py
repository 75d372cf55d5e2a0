"""From a fresh clone to a running portal, in processes of its own, on an SQLite file of its own."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from portal.management.commands.quickstart import DEFAULT_PORT
from tests.running import MANAGE, ROOT, Browser, Portal, environment, wait_for

KEYS = ("SECRET_KEY", "CREDENTIAL_KEYS")

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="watches its processes through /proc"
)


def test_it_starts_from_nothing_and_stops_without_leaving_a_process(tmp_path: Path) -> None:
    with Portal(tmp_path) as portal:
        assert Browser(portal.url).get("/healthz") == "ok\n"
        assert 'name="password"' in Browser(portal.url).get("/login/")
        assert "Copilot" in portal.browser().get("/")
        wait_for("the worker", lambda: portal.runs("qcluster"))

        assert portal.stop(signal.SIGTERM) == 0
        assert portal.alive() == []
        assert portal.output.rstrip().endswith("Stopped.")


def test_it_keeps_what_it_made_the_first_time(tmp_path: Path) -> None:
    env = environment(tmp_path)
    with Portal(tmp_path, env=env) as first:
        password = first.password
        assert first.stop(signal.SIGINT) == 0
    settings = (tmp_path / ".env").read_text()

    with Portal(tmp_path, env=env) as second:
        Browser(second.url).log_in("admin", password)
        second.stop()

    assert (tmp_path / ".env").read_text() == settings
    assert "those set earlier" in second.output
    assert password not in second.output


def test_its_settings_are_random_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    keys = set()
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        quickstart_on_a_taken_port(folder)
        assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
        keys |= {
            line
            for line in (folder / ".env").read_text().splitlines()
            if line.partition("=")[0].endswith(KEYS)
        }

    assert len(keys) == 4


def test_a_taken_port_is_said_before_anything_is_started(tmp_path: Path) -> None:
    done = quickstart_on_a_taken_port(tmp_path)

    assert done.returncode == 2
    assert "address already in use" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "portal.sqlite3").exists()


def test_without_a_port_named_the_next_free_one_is_taken(tmp_path: Path) -> None:
    with ExitStack() as taken:
        with suppress(OSError):  # then another program has it, which is as good
            taken.enter_context(socket.create_server(("127.0.0.1", DEFAULT_PORT)))
        with Portal(tmp_path) as portal:
            assert not portal.url.endswith(f":{DEFAULT_PORT}")


def test_a_dead_web_server_takes_the_worker_with_it(tmp_path: Path) -> None:
    with Portal(tmp_path) as portal:
        assert portal.url
        os.kill(portal.pid_of("gunicorn"), signal.SIGKILL)

        assert portal.process.wait(40) == 1
        assert "The web server ended (killed by signal 9)." in portal.output
        assert portal.alive() == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_killed_outright_it_leaves_no_process_either(tmp_path: Path) -> None:
    with Portal(tmp_path) as portal:
        assert portal.url
        portal.process.kill()
        portal.process.wait()

        wait_for("its processes to end", lambda: portal.alive() == [], seconds=40)


def test_it_refuses_to_serve_plain_http_where_https_is_on(tmp_path: Path) -> None:
    done = quickstart(tmp_path, HTTPS="true")

    assert done.returncode == 2
    assert "HTTPS=false" in done.stderr


def test_settings_without_a_key_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HTTPS=false\n")

    done = quickstart(tmp_path)

    assert done.returncode == 2
    assert "has no SECRET_KEY" in done.stderr
    assert (tmp_path / ".env").read_text() == "HTTPS=false\n"


# --- How they ask -----------------------------------------------------------------------------


def quickstart(folder: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(MANAGE), "quickstart", "--no-input", *options],
        cwd=ROOT,
        env={**environment(folder), **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def quickstart_on_a_taken_port(folder: Path) -> subprocess.CompletedProcess[str]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return quickstart(folder, "--port", str(taken.getsockname()[1]))
