"""From a fresh clone to a running portal, in processes of its own, on an SQLite file of its own."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from portal import credentials
from portal.management.commands.quickstart import (
    DEFAULT_PORT,
    PORTS_TO_TRY,
    Command,
    hosts_for,
    write_env_file,
)
from portal.models import ReportFile
from tests.running import MANAGE, ROOT, Browser, Portal, environment, furnish, migrated, wait_for

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="watches its processes through /proc"
)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return migrated(tmp_path_factory.mktemp("tables"))


@pytest.fixture
def furnished(tmp_path: Path, tables: Path) -> Path:
    """A folder whose database has its tables: what is tried here begins after that."""
    furnish(tmp_path, tables)
    return tmp_path


@pytest.mark.long  # README's own line does it too, before every merge
def test_it_starts_from_nothing(tmp_path: Path) -> None:
    with Portal(tmp_path) as portal:
        assert "Copilot" in portal.browser().get("/")
        assert portal.stop(signal.SIGTERM) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_it_keeps_what_it_made_and_leaves_no_process_however_it_ends(furnished: Path) -> None:
    env = environment(furnished)
    with Portal(furnished, env=env) as first:
        password = first.password
        assert Browser(first.url).get("/healthz") == "ok\n"
        assert 'name="password"' in Browser(first.url).get("/login/")
        assert "Copilot" in first.browser().get("/")
        wait_for("the worker", lambda: first.runs("--leash"))

        assert first.stop(signal.SIGINT) == 0
        assert first.alive() == []
        assert first.output.rstrip().endswith("Stopped.")
    settings = (furnished / ".env").read_text()

    with Portal(furnished, env=env) as second:
        Browser(second.url).log_in("admin", password)
        second.process.kill()
        second.process.wait()
        wait_for("its processes to end", lambda: second.alive() == [])

    assert (furnished / ".env").read_text() == settings
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


def test_without_a_port_named_the_next_free_one_is_taken() -> None:
    with taken(DEFAULT_PORT), Command()._listen("127.0.0.1", None) as listener:
        assert DEFAULT_PORT < listener.getsockname()[1] < DEFAULT_PORT + PORTS_TO_TRY


def taken(port: int) -> AbstractContextManager[object]:
    """The port, held here unless another program has it."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:
        return nullcontext()


def test_a_dead_web_server_takes_the_worker_with_it(furnished: Path) -> None:
    # Settings that are there already: it need not begin once more to read those that it wrote.
    write_env_file(furnished / ".env", "127.0.0.1")
    with Portal(furnished) as portal:
        assert portal.url
        os.kill(portal.pid_of("gunicorn"), signal.SIGKILL)

        assert portal.process.wait(90) == 1
        assert "The web server ended (killed by signal 9)." in portal.output
        assert portal.alive() == []


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
