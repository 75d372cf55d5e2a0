"""From a fresh clone to a running portal, in processes of its own, on an SQLite file of its own."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from portal import credentials
from portal.management.commands.quickstart import DEFAULT_PORT, Command, hosts_for, write_env_file
from portal.models import ReportFile
from tests.running import MANAGE, ROOT, Browser, Portal, environment, furnish, migrated, wait_for

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="watches its processes through /proc"
)


def test_it_starts_from_nothing_and_stops_without_leaving_a_process(tmp_path: Path) -> None:
    with Portal(tmp_path) as portal:
        assert Browser(portal.url).get("/healthz") == "ok\n"
        assert 'name="password"' in Browser(portal.url).get("/login/")
        assert "Copilot" in portal.browser().get("/")
        wait_for("the worker", lambda: portal.runs("--leash"))

        assert portal.stop(signal.SIGTERM) == 0
        assert portal.alive() == []
        assert portal.output.rstrip().endswith("Stopped.")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return migrated(tmp_path_factory.mktemp("tables"))


@pytest.fixture
def furnished(tmp_path: Path, tables: Path) -> Path:
    """A folder whose database has its tables: what is tried here begins after that."""
    furnish(tmp_path, tables)
    return tmp_path


def test_it_keeps_what_it_made_the_first_time(furnished: Path, tmp_path: Path) -> None:
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


@pytest.mark.long  # README's own line does it too, before every merge
def test_the_demo_ends_with_a_company_to_look_at(tmp_path: Path) -> None:
    with Portal(tmp_path, "--demo") as portal:
        browser = portal.browser()
        assert "octo" in browser.get("/seats/account/").lower()
        assert "idle" in browser.get("/").lower()
        assert portal.stop() == 0


@pytest.mark.django_db
def test_the_demo_leaves_a_portal_with_data_of_its_own_alone() -> None:
    ReportFile.objects.create(
        source=ReportFile.Source.UPLOAD, kind="users-28-day", name="october.ndjson", size=1
    )
    output = StringIO()

    Command(stdout=output)._load_sample_company()

    assert "has data of its own" in output.getvalue()
    assert ReportFile.objects.count() == 1


def test_its_settings_are_random_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    written = [tmp_path / "one", tmp_path / "two"]
    for path in written:
        assert write_env_file(path, "127.0.0.1")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    keys = [
        line for path in written for line in path.read_text().splitlines() if "KEY" in line.partition("=")[0]
    ]
    assert len(set(keys)) == 6
    assert {line.partition("=")[0] for line in keys} == {"SECRET_KEY", "CREDENTIAL_KEYS", "AUDIT_KEYS"}


def test_credentials_can_be_kept_from_the_start(tmp_path: Path, settings: Any) -> None:
    write_env_file(tmp_path / ".env", "127.0.0.1")
    written = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines() if "=" in line)
    settings.CREDENTIAL_KEYS = [written["CREDENTIAL_KEYS"]]

    assert credentials.decrypt(credentials.encrypt("a token")) == "a token"


def test_settings_that_are_there_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DEBUG=false\n")

    assert not write_env_file(tmp_path / ".env", "127.0.0.1")
    assert (tmp_path / ".env").read_text() == "DEBUG=false\n"


@pytest.mark.parametrize(
    ("host", "hosts"),
    [
        ("127.0.0.1", "localhost 127.0.0.1 [::1]"),
        ("::1", "localhost 127.0.0.1 [::1]"),
        ("portal.example.com", "localhost 127.0.0.1 [::1] portal.example.com"),
        ("fe80::1", "localhost 127.0.0.1 [::1] [fe80::1]"),
    ],
)
def test_the_host_it_serves_is_allowed(host: str, hosts: str) -> None:
    assert hosts_for(host) == hosts.split()


def test_a_taken_port_is_said_before_anything_is_started(tmp_path: Path) -> None:
    done = quickstart_on_a_taken_port(tmp_path)

    assert done.returncode == 2
    assert "address already in use" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_a_port_named_the_next_free_one_is_taken(furnished: Path) -> None:
    with held(DEFAULT_PORT), Portal(furnished) as portal:
        assert not portal.url.endswith(f":{DEFAULT_PORT}")


def held(port: int, patience: float = 60) -> socket.socket:
    """Take the port, waiting for another test's portal to leave it."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        with suppress(OSError):
            return socket.create_server(("127.0.0.1", port))
        time.sleep(0.2)
    pytest.skip(f"another program has port {port}, and may leave it at any moment")


def test_a_dead_web_server_takes_the_worker_with_it(furnished: Path) -> None:
    with Portal(furnished) as portal:
        assert portal.url
        os.kill(portal.pid_of("gunicorn"), signal.SIGKILL)

        assert portal.process.wait(40) == 1
        assert "The web server ended (killed by signal 9)." in portal.output
        assert portal.alive() == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_killed_outright_it_leaves_no_process_either(furnished: Path) -> None:
    with Portal(furnished) as portal:
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
