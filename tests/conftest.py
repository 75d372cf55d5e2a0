"""What every test stands on: settings of its own, a cast of people, a clock, and no way out of this machine.

The environment is set here, before Django loads, so that no developer's `.env` is read. `DATABASE_URL`
and `REDIS_URL` may be given from outside: the same tests run on SQLite, PostgreSQL and MariaDB.
"""

from __future__ import annotations

import gc
import importlib
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from pytest_django.plugin import blocking_manager_key

from tests.caches import forget as forget_what_is_cached

if settings.configured:
    raise pytest.UsageError("Unset DJANGO_SETTINGS_MODULE: the tests bring settings of their own.")

# Until everything is collected, see pytest_collection_finish: what is made meanwhile stands until the end.
gc.disable()

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
    # Each process has a database of its own, and so nothing to tell the others.
    forget_what_is_cached()
    # The settings are loaded: workers of pytest-xdist, which inherit the environment, load their own.
    del os.environ["DJANGO_SETTINGS_MODULE"]
    if not hasattr(config, "workerinput"):
        # Where processes of one run find what one of them has made for all.
        os.environ["PORTAL_TESTS_SHARED"] = str(FOLDER)
    if _has_workers(config):
        from tests import prepared_database

        os.environ["PORTAL_TESTS_TABLES"] = prepared_database.name_for_all(FOLDER)


def _has_workers(config: pytest.Config) -> bool:
    """Whether other processes run the tests for this one."""
    distributes = config.getoption("numprocesses", 0) and not config.getoption("collectonly")
    return bool(distributes) and not hasattr(config, "workerinput")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    """What a test put into the database is gone with it, and is not added up any more."""
    if stored := sys.modules.get("tests.metrics.stored"):
        stored.forget()


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """While its workers collect, make the database that each of them copies."""
    if _has_workers(session.config):
        from tests import prepared_database

        with session.config.stash[blocking_manager_key].unblock():
            prepared_database.make(os.environ["PORTAL_TESTS_TABLES"])
    elif hasattr(session.config, "workerinput"):
        _load_from_elsewhere(session.config)


def _load_from_elsewhere(config: Any) -> None:
    """Load each file of tests, every worker beginning with others: what one has compiled, the others find.

    In a fresh clone that takes longer than all the rest of collecting, and each would do the same at once.
    """
    root = config.rootpath
    if {config.invocation_params.dir / name for name in config.args} != {root / "tests"}:
        return
    files = sorted((root / "tests").rglob("test_*.py"))
    number, count = int(config.workerinput["workerid"].removeprefix("gw")), config.workerinput["workercount"]
    first = len(files) * number // count
    for path in files[first:] + files[:first]:
        name = ".".join(path.relative_to(root).with_suffix("").parts)
        # Whatever is wrong with it, or is missing for it, is told when it is collected.
        with suppress(Exception, pytest.skip.Exception):
            importlib.import_module(name)


def pytest_pycollect_makeitem(collector: Any, name: str, obj: Any) -> Any:
    """Thousands of long tests would be made only to be left out."""
    if not collector.config.getoption("markexpr").startswith(NOT_LONG) or not callable(obj):
        return None
    marks = getattr(obj, "pytestmark", None)
    return [] if isinstance(marks, list) and any(mark.name == "long" for mark in marks) else None


# What asks for a database and says the same on any: how pages are drawn and forms refused, what GitHub's
# moods do to a sync. Every list is opened on each of them by test_lists.py and test_list_as_file.py, and the
# figures behind every panel are held against the files in test_every_figure.py.
ANYWHERE = (
    "metrics/dashboards/",
    "metrics/sync/",
    "metrics/test_older_days_admin.py",
    "metrics/test_report_file_admin.py",
    "metrics/test_upload_page.py",
    "metrics/undo/test_undo_page.py",
    "portal/github/",
    "portal/test_connection_admin.py",
    "portal/test_export_report.py",
    "portal/test_job_admin.py",
    "portal/test_login.py",
    "portal/test_odd_addresses.py",
    "portal/test_pages_speak.py",
    "portal/test_report_pages.py",
    "portal/test_secrets_stay_secret.py",
    "portal/test_sync_schedule_admin.py",
    "seats/sheets/test_sheet_pages.py",
    "seats/sync/test_chaos.py",
    "seats/test_batch_admin.py",
    "seats/test_bills_admin.py",
    "seats/test_connect.py",
    "seats/test_exemption_admin.py",
    "seats/test_notice_admin.py",
    "seats/test_policy_admin.py",
    "seats/test_removal_task_admin.py",
    "seats/test_request_admin.py",
    "seats/test_review_admin.py",
    "seats/test_revocation_admin.py",
    "seats/test_working_calendar_admin.py",
)
NOT_ANYWHERE = ("metrics/dashboards/test_every_figure.py",)

# What takes long and asks for a database: the default run leaves it to the gate, which runs it on servers,
# or, where it says the same on any database, with the newest versions.
THOROUGH = (
    "metrics/dashboards/test_every_figure.py",
    "metrics/dashboards/test_query_counts.py",
    "metrics/figures/test_against_the_files.py",
    "metrics/figures/test_persons.py",
    "metrics/figures/test_phases.py",
    "metrics/figures/test_stored_periods.py",
    "metrics/figures/test_stored_teams.py",
    "metrics/figures/test_whole_weeks.py::test_a_window_read_by_weeks_is_the_same_read_by_days",
    "metrics/sync/test_backfill.py",
    "metrics/sync/test_same_as_files.py",
    "metrics/test_figures_are_true.py::TestTheOrderOfFiles",
    "metrics/test_files_of_one_moment.py",
    "metrics/test_interrupted_imports.py",
    "metrics/test_large_files.py::test_days_that_are_added_up_while_they_come_in_are_added_up_again",
    "metrics/test_reading_beside.py::test_a_killed_worker",
    "metrics/test_reading_beside.py::test_a_worker_that_is_stopped",
    "metrics/test_rebuild_of_a_company.py",
    "metrics/test_report_custom.py::test_days_of_which_nothing_is_known_cost_nothing",
    "metrics/test_report_memory.py",
    "metrics/test_report_rows_behind.py",
    "metrics/test_sample_company.py",
    "metrics/undo/test_undo_is_exact.py::test_an_account_is_known",
    "metrics/undo/test_undo_is_exact.py::test_what_others_said",
    "portal/test_secrets_stay_secret.py::test_no_secret_lies_anywhere",
    "portal/test_worker_traps.py::test_a_cluster_whose_idle",
    "portal/test_worker_traps.py::test_a_job_cut_off_by_the_time_limit",
    "portal/test_worker_traps.py::test_a_killed_supervisor",
    "portal/test_worker_traps.py::test_a_worker_that_is_stopped",
    "portal/test_worker_traps.py::test_orphans",
    "portal/test_worker_traps.py::test_three_kills",
    "seats/reclaim/test_automatic.py",
    "seats/reclaim/test_door_in_trouble.py",
    "seats/reclaim/test_left.py",
    "seats/reclaim/test_reinstate.py::test_an_answer_that_is_lost",
    "seats/reclaim/test_requests.py",
    "seats/reclaim/test_revoke.py::test_a_batch_that_waits_itself",
    "seats/reclaim/test_revoke.py::test_a_seat_under_two_batches",
    "seats/reclaim/test_revoke.py::test_an_answer_that_is_lost_after_the_cancellation",
    "seats/reclaim/test_revoke.py::test_many_are_asked_for_in_calls_of_fifty",
    "seats/reclaim/test_revoke.py::test_nobody_is_asked_for_by_a_look_that_has_grown_old",
    "seats/reclaim/test_revoke.py::test_one_batch_of_an_account_waits_for_another",
    "seats/reclaim/test_revoke.py::test_somebody_kept_while_the_seats_are_read",
    "seats/reclaim/test_revoke.py::test_somebody_stops_it_between_two_calls",
    "seats/reclaim/test_revoke.py::test_three_refusals_in_a_row_stop_the_batch",
    "seats/reclaim/test_revoke.py::test_what_an_enterprise_ends_at_once",
    "seats/reclaim/test_revoke.py::test_what_becomes_known_while_github_is_still_counting",
    "seats/reclaim/test_revoke.py::test_who_answers_while_a_call_is_lost",
    "seats/reclaim/test_revoke.py::test_whoever_came_back_to_life",
    "seats/reclaim/test_revoke_seats.py",
    "seats/reclaim/test_rules_edited_midway.py",
    "seats/reclaim/test_scheduled.py",
    "seats/reclaim/test_ten_thousand_reviews.py",
    "seats/reclaim/test_watchdog.py",
    "seats/reclaim/test_years.py",
    "seats/test_repeated_rosters.py::test_everything_comes_out",
    "seats/test_simulator.py::test_it_tells_what_the_policy_then_does",
    "test_migrations.py::test_the_whole_schema_can_be_taken_back_and_made_again",
)

# Stories that one server tells as well as the other: the gate asks the named one alone.
ON_POSTGRESQL = (
    "metrics/figures/test_against_the_files.py",
    "metrics/figures/test_days.py",
    "metrics/figures/test_persons.py",
    "metrics/figures/test_phases.py",
    "metrics/figures/test_whole_weeks.py",
    "metrics/test_figures_are_true.py::TestTheOrderOfFiles",
    "metrics/test_odd_files.py",
    "metrics/test_older_systems.py",
    "metrics/test_preview_figures.py",
    "metrics/test_reading_beside.py::test_a_worker_that_is_stopped",
    "metrics/test_report_rows_behind.py",
    "metrics/test_report_user_metrics.py",
    "metrics/test_sample_company.py",
    "metrics/test_whose_lines.py",
    "portal/test_connections.py",
    "portal/test_doctor.py",
    "portal/test_worker_traps.py::test_a_cluster_whose_idle",
    "portal/test_worker_traps.py::test_a_job_cut_off_by_the_time_limit",
    "portal/test_worker_traps.py::test_orphans",
    "seats/reclaim/test_automatic.py",
    "seats/reclaim/test_left.py",
    "seats/reclaim/test_notice_words.py",
    "seats/reclaim/test_notices.py",
    "seats/reclaim/test_reinstate.py::test_an_answer_that_is_lost",
    "seats/reclaim/test_revoke_seats.py",
    "seats/reclaim/test_ten_thousand_reviews.py",
    "seats/reclaim/test_watchdog.py",
    "seats/sync/test_asking.py",
    "seats/test_freshness.py",
    "seats/test_home_page.py",
    "seats/test_kept_by_hand.py",
    "seats/test_report_seats.py",
    "seats/test_savings.py",
    "seats/test_seat_admin.py",
    "seats/test_simulator.py",
)
ON_MARIADB = (
    "metrics/figures/test_seats_and_use.py",
    "metrics/figures/test_stored_teams.py",
    "metrics/test_import_command.py",
    "metrics/test_inbox.py",
    "metrics/test_large_files.py",
    "metrics/test_reading_beside.py::test_a_killed_worker",
    "metrics/test_rebuild_of_a_company.py",
    "metrics/test_rejected_lines.py",
    "metrics/test_report_memory.py",
    "metrics/test_report_weekly_trend.py",
    "metrics/test_upload_parts.py",
    "portal/test_redis_broker.py",
    "portal/test_scheduled_reports.py",
    "portal/test_sync_schedules.py",
    "portal/test_worker_traps.py::test_a_killed_supervisor",
    "portal/test_worker_traps.py::test_a_worker_that_is_stopped",
    "portal/test_worker_traps.py::test_three_kills",
    "seats/reclaim/test_door_in_trouble.py",
    "seats/reclaim/test_flag.py",
    "seats/reclaim/test_killed.py",
    "seats/reclaim/test_notice_answers.py",
    "seats/reclaim/test_requests.py",
    "seats/reclaim/test_scheduled.py",
    "seats/reclaim/test_years.py",
    "seats/sync/test_accounts.py",
    "seats/test_contacts.py",
    "seats/test_exemptions.py",
    "seats/test_repeated_rosters.py::test_everything_comes_out",
    "seats/test_seat_actions.py",
    "seats/test_working_days.py",
    "test_migrations.py::test_the_whole_schema_can_be_taken_back_and_made_again",
)


# How what pyproject.toml asks for begins, and whatever asks for less than that.
NOT_LONG = "not long"


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """What `-n auto` means: one more than there are cores, since some tests wait for processes of others."""
    return (os.cpu_count() or 1) + 1


# The dearest files come first, lest one process be left alone with one of them at the end.
DEAREST = (
    "tests/browser/test_take_seats_back.py",
    "tests/browser/test_connect_and_sync.py",
    "tests/metrics/test_figures_are_true.py",
    "tests/seats/reclaim/test_revoke.py",
    "tests/metrics/dashboards/test_every_figure.py",
    "tests/metrics/sync/test_usage.py",
    "tests/metrics/dashboards/test_edge_cases.py",
    "tests/metrics/figures/test_against_the_files.py",
    "tests/seats/sync/test_chaos.py",
    "tests/seats/test_review_admin.py",
    "tests/metrics/dashboards/test_query_counts.py",
    "tests/portal/test_secrets_stay_secret.py",
    "tests/metrics/test_interrupted_imports.py",
    "tests/portal/test_export_report.py",
    "tests/seats/reclaim/test_witness.py",
    "tests/seats/reclaim/test_reinstate.py",
    "tests/seats/reclaim/test_brakes.py",
    "tests/metrics/test_rebuild_of_a_company.py",
    "tests/seats/test_repeated_rosters.py",
    "tests/metrics/test_sample_company.py",
    "tests/metrics/sync/test_same_as_files.py",
)
# What mostly waits for processes of its own: each test goes to whichever process is free.
APART = (
    "tests/browser/test_dashboards.py",
    "tests/browser/test_pages_hold.py",
    "tests/metrics/test_reading_beside.py",
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
            # Who waits leaves the cores to the others: one process does so from the beginning.
            waiting = [name for name in self.workqueue if node is self.nodes[0] and name.startswith(APART)]
            for name in (*waiting, *DEAREST):
                if name in self.workqueue:
                    self.workqueue.move_to_end(name, last=False)
                    break
            super()._assign_work_unit(node)

    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark which runs a test is for, of the default one and those of the gate."""
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        name = item.nodeid.removeprefix("tests/")
        if item.get_closest_marker("django_db") is None and not names & {"db", "transactional_db"}:
            item.add_marker(pytest.mark.databaseless)
            continue
        if name.startswith(THOROUGH):
            item.add_marker(pytest.mark.thorough)
        if name.startswith(ANYWHERE) and not name.startswith(NOT_ANYWHERE):
            item.add_marker(pytest.mark.anywhere)
        elif name.startswith(ON_POSTGRESQL):
            item.add_marker(pytest.mark.postgresql)
        elif name.startswith(ON_MARIADB):
            item.add_marker(pytest.mark.mariadb)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What stands until the end is not looked through for garbage again and again: a sixth of the run."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    gc.enable()


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


@pytest.fixture(autouse=True, scope="session")
def static_files_found_once() -> Iterator[None]:
    """Each client makes middleware of its own, which would go through every static file again."""
    from whitenoise.middleware import WhiteNoiseMiddleware

    look = WhiteNoiseMiddleware.add_files_from_finders
    found: dict[str, Any] = {}

    def look_once(middleware: Any) -> None:
        if not found:
            look(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", look_once)
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
