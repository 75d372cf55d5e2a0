"""What every test stands on: settings of its own, a cast of people, a clock, and no way out of this machine.

The environment is set here, before Django loads, so that no developer's `.env` is read. `DATABASE_URL`
and `REDIS_URL` may be given from outside: the same tests run on SQLite, PostgreSQL and MariaDB.
"""

from __future__ import annotations

import gc
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from pytest_django.plugin import blocking_manager_key

if settings.configured:
    raise pytest.UsageError("Unset DJANGO_SETTINGS_MODULE: the tests bring settings of their own.")

# One folder for each process; `-n 2` starts several.
FOLDER = Path(tempfile.mkdtemp(prefix="portal-tests-"))

for name in (
    "ALLOWED_HOSTS",
    "AUDIT_KEYS",
    "BEHIND_PROXY",
    "CREDENTIAL_KEYS",
    "CSRF_TRUSTED_ORIGINS",
    "DEBUG",
    "EMAIL_URL",
    "GITHUB_API_URL",
    "LOG_LEVEL",
    "PORTAL_URL",
    "REPORT_HOSTS",
    "SECRET_KEY_FALLBACKS",
):
    os.environ.pop(name, None)
os.environ["ENV_FILE"] = os.devnull
os.environ["SECRET_KEY"] = "a-key-that-only-the-tests-use-0123456789-abcdefghij"
os.environ["HTTPS"] = "false"
os.environ["DATA_DIR"] = str(FOLDER / "data")
if "DATABASE_URL" not in os.environ or os.environ.get("PORTAL_TESTS_FOLDER"):
    # A worker of pytest-xdist inherits the controller's choice, and makes its own.
    os.environ["DATABASE_URL"] = f"sqlite:///{FOLDER / 'portal.sqlite3'}"
    os.environ["PORTAL_TESTS_FOLDER"] = str(FOLDER)
os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"

PASSWORD = "the cast's password"  # the same for everybody: logins are tested elsewhere
TODAY = date(2026, 11, 20)


def pytest_configure(config: pytest.Config) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # The settings are loaded: workers of pytest-xdist, which inherit the environment, load their own.
    del os.environ["DJANGO_SETTINGS_MODULE"]
    if _has_workers(config):
        from tests import prepared_database

        os.environ["PORTAL_TESTS_TABLES"] = prepared_database.name_for_all(FOLDER)


def _has_workers(config: pytest.Config) -> bool:
    """Whether other processes run the tests for this one."""
    distributes = config.getoption("numprocesses", 0) and not config.getoption("collectonly")
    return bool(distributes) and not hasattr(config, "workerinput")


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """While its workers collect, make the database that each of them copies."""
    if _has_workers(session.config):
        from tests import prepared_database

        with session.config.stash[blocking_manager_key].unblock():
            prepared_database.make(os.environ["PORTAL_TESTS_TABLES"])


# What asks for a database and says the same on any: how pages are drawn, what GitHub's moods do to a sync.
# The figures behind every panel are held against the files on each of them, in test_every_figure.py.
ANYWHERE = (
    "metrics/dashboards/",
    "metrics/sync/",
    "seats/sync/test_chaos.py",
    "seats/test_connect.py",
    "seats/test_lists.py",
    "portal/test_export_report.py",
    "portal/test_pages_speak.py",
    "portal/test_secrets_stay_secret.py",
)
NOT_ANYWHERE = ("metrics/dashboards/test_every_figure.py",)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """What `-n auto` means: one more than there are cores, since some tests wait for processes of others."""
    return (os.cpu_count() or 1) + 1


# The dearest files come first, lest one process be left alone with one of them at the end.
DEAREST = (
    "tests/metrics/test_figures_are_true.py",
    "tests/seats/reclaim/test_revoke.py",
    "tests/metrics/dashboards/test_edge_cases.py",
    "tests/seats/sync/test_chaos.py",
    "tests/metrics/dashboards/test_every_figure.py",
    "tests/metrics/sync/test_usage.py",
    "tests/seats/reclaim/test_witness.py",
    "tests/portal/test_secrets_stay_secret.py",
    "tests/metrics/test_rebuild_of_a_company.py",
    "tests/metrics/dashboards/test_query_counts.py",
    "tests/metrics/figures/test_against_the_files.py",
    "tests/metrics/sync/test_same_as_files.py",
    "tests/seats/reclaim/test_reinstate.py",
    "tests/seats/reclaim/test_brakes.py",
    "tests/metrics/test_sample_company.py",
    "tests/browser/test_take_seats_back.py",
    "tests/browser/test_connect_and_sync.py",
)
# What mostly waits for processes of its own: each test goes to whichever process is free.
APART = (
    "tests/browser/test_dashboards.py",
    "tests/browser/test_pages_hold.py",
    "tests/portal/test_quickstart.py",
    "tests/portal/test_redis_broker.py",
    "tests/portal/test_worker_traps.py",
    "tests/seats/reclaim/test_killed.py",
    "tests/seats/reclaim/test_two_workers.py",
    "tests/seats/reclaim/test_years.py",
)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """One process has all tests of a file, so that what they share is made once."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.partition("::")[0]
            return nodeid if path.startswith(APART) else path

        def _assign_work_unit(self, node: Any) -> None:
            for path in DEAREST:
                if path in self.workqueue:
                    self.workqueue.move_to_end(path, last=False)
                    break
            super()._assign_work_unit(node)

    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark those that would only be the same again on another database."""
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        if item.get_closest_marker("django_db") is None and not names & {"db", "transactional_db"}:
            item.add_marker(pytest.mark.databaseless)
        path = item.path.relative_to(Path(__file__).parent).as_posix()
        if path.startswith(ANYWHERE) and not path.startswith(NOT_ANYWHERE):
            item.add_marker(pytest.mark.anywhere)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What stands until the end is not looked through for garbage again and again: a sixth of the run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _has_workers(config):
        from tests import prepared_database

        with config.stash[blocking_manager_key].unblock():
            prepared_database.throw_away(os.environ["PORTAL_TESTS_TABLES"])
    shutil.rmtree(FOLDER, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """On SQLite the tests use a file, as the portal does: WAL, locks and all."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database["TEST"]["NAME"] = str(FOLDER / "test.sqlite3")


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None,
    django_db_blocker: Any,
    django_db_modify_db_settings: None,
    django_db_keepdb: bool,
) -> Iterator[None]:
    """A copy of what the run has prepared, and tests that commit leave it as they found it."""
    from django.test import TransactionTestCase

    from tests import prepared_database

    owned = prepared_database.own(os.environ.get("PORTAL_TESTS_TABLES"), keep=django_db_keepdb)
    with django_db_blocker.unblock():
        owned.__enter__()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: prepared_database.empty())
        yield
    with django_db_blocker.unblock():
        owned.__exit__(None, None, None)


# --- The way out ------------------------------------------------------------------------------


class OutgoingConnection(AssertionError):
    """A test tried to leave this machine."""


def _must_stay_here(host: Any) -> None:
    if isinstance(host, bytes):
        host = host.decode()
    if host and host not in ("localhost", "::1", "::", "0.0.0.0") and not host.startswith("127."):
        raise OutgoingConnection(f"A test asked for {host}. Tests stay on the loopback interface.")


@pytest.fixture(autouse=True, scope="session")
def no_way_out() -> Iterator[None]:
    """Refuses every connection and name look-up beyond the loopback interface."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _must_stay_here(address[0])
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _must_stay_here(address[0])
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        _must_stay_here(host)
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


# --- The clock --------------------------------------------------------------------------------


@pytest.fixture
def clock() -> Iterator[time_machine.Coordinates]:
    """Stands still at noon UTC of TODAY; `clock.move_to(...)` and `clock.shift(...)` move it."""
    noon = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC)
    with time_machine.travel(noon, tick=False) as coordinates:
        yield coordinates


@pytest.fixture
def frozen_day(clock: time_machine.Coordinates) -> date:
    """The day on which the clock stands still: 2026-11-20."""
    return TODAY


# --- The cast ---------------------------------------------------------------------------------


@pytest.fixture
def olga(db: None, django_user_model: Any) -> Any:
    """Olga runs the portal: she may do everything."""
    return django_user_model.objects.create_superuser("olga", "olga@example.com", PASSWORD)


@pytest.fixture
def vic(db: None, django_user_model: Any) -> Any:
    """Vic may look at everything of the portal's own and change nothing."""
    from django.contrib.auth.models import Permission

    user = django_user_model.objects.create_user("vic", "vic@example.com", PASSWORD, is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(
            codename__startswith="view_", content_type__app_label__in=["portal", "seats", "metrics"]
        )
    )
    return user


@pytest.fixture
def noa(db: None, django_user_model: Any) -> Any:
    """Noa may log in, and has no permission at all."""
    return django_user_model.objects.create_user("noa", "noa@example.com", PASSWORD, is_staff=True)


@pytest.fixture
def olga_client(olga: Any) -> Any:
    """A browser in which Olga is logged in."""
    return _client_of(olga)


@pytest.fixture
def vic_client(vic: Any) -> Any:
    """A browser in which Vic is logged in."""
    return _client_of(vic)


@pytest.fixture
def noa_client(noa: Any) -> Any:
    """A browser in which Noa is logged in."""
    return _client_of(noa)


def _client_of(user: Any) -> Any:
    from django.test import Client

    client = Client()
    client.force_login(user)
    return client
