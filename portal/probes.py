"""What `doctor` looks at: apps register probes, each tells what it found and what to do about it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import checks
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from django_q.models import OrmQ

from portal import connections
from portal.models import AuditEntry, Connection, Job, ReportFile, WorkerHeartbeat

# Below this much room an import of a month of a large company may fail half way.
LEAST_FREE_BYTES = 1_000_000_000
QUEUE_WAITS_TOO_LONG_AFTER = timedelta(minutes=15)
IMPORT_IS_LEFT_AFTER = timedelta(hours=1)
NEWEST_AUDIT_ENTRIES = 1000
# Somebody who runs `doctor` waits, but not for ever for a host that does not answer.
CHECK_WITHIN_SECONDS = 30.0
LOOPBACK = {"localhost", "127.0.0.1", "[::1]", "::1"}


@dataclass(frozen=True)
class Finding:
    """One sentence about the portal's health; a problem always has a remedy."""

    probe: str
    is_fine: bool
    says: str
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Saying:
    """Makes a probe's findings: `ok("…")` or `bad("…", remedy="…")`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def ok(self, says: str) -> Finding:
        return Finding(self.name, True, says)

    def bad(self, says: str, remedy: str) -> Finding:
        return Finding(self.name, False, says, remedy)


@dataclass(frozen=True)
class Probe:
    name: str
    look: Callable[[Saying], Iterable[Finding]]

    def findings(self) -> Iterator[Finding]:
        """What it found; a database or a disk that refuses is a finding, not a traceback."""
        say = Saying(self.name)
        try:
            yield from self.look(say)
        except DatabaseError as error:
            yield say.bad(
                f"The database could not tell: {first_line(error)}", "See what `database` says first."
            )
        except OSError as error:
            yield say.bad(f"The disk refuses: {error}", "See what `files` says.")


_probes: dict[str, Probe] = {}

Look = Callable[[Saying], Iterable[Finding]]


def probe(name: str) -> Callable[[Look], Look]:
    """Register a probe under a name that `doctor` prints. Probes run in the order of registration."""

    def register(look: Look) -> Look:
        _probes[name] = Probe(name, look)
        return look

    return register


def all_findings() -> list[Finding]:
    return [finding for probe in _probes.values() for finding in probe.findings()]


def first_line(error: Exception) -> str:
    """The error's first line, its class where it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


# --- Configuration ----------------------------------------------------------------------------


@probe("settings")
def look_at_settings(say: Saying) -> Iterator[Finding]:
    if settings.SECRET_KEY_IS_TEMPORARY:
        yield say.bad(
            "SECRET_KEY is not set: sessions and the audit trail would not survive a restart.",
            "Run `manage.py quickstart`, which writes one to .env, or set it to a long random string.",
        )
    if settings.DEBUG:
        yield say.bad(
            "DEBUG is on: pages show settings and code to whoever meets an error.", "Set DEBUG=false."
        )
    strangers = sorted(set(settings.ALLOWED_HOSTS) - LOOPBACK)
    if not settings.HTTPS and "*" in strangers:
        yield say.bad(
            "HTTPS is off and every host name is allowed.",
            "Put a proxy with TLS in front, set HTTPS=true and name the hosts in ALLOWED_HOSTS.",
        )
    yield say.ok(
        "Pages are served over HTTPS."
        if settings.HTTPS
        else f"HTTPS is off; pages answer to {', '.join(settings.ALLOWED_HOSTS)}."
    )
    for message in checks.run_checks(databases=["default"]):
        # Django's warnings speak to developers: on MariaDB, for instance, about models of libraries.
        is_ours = str(message.id).startswith("portal.")
        if (is_ours or message.is_serious()) and not message.is_silenced():
            yield say.bad(f"{message.msg} ({message.id})", message.hint or "See Django's system checks.")


# --- Database ---------------------------------------------------------------------------------


@probe("database")
def look_at_the_database(say: Saying) -> Iterator[Finding]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        yield say.bad(
            f"The database does not answer: {first_line(error)}",
            "Start it, and check that DATABASE_URL names the right host, database and user.",
        )
        return
    yield say.ok(f"{connection.display_name} {database_version()} answers.")
    if missing := unapplied_migrations():
        yield say.bad(f"{len(missing)} migrations are not applied.", "Run `manage.py migrate`.")
    else:
        yield say.ok("All migrations are applied.")
    if connection.vendor == "sqlite" and (mode := journal_mode()) not in ("wal", "memory"):
        yield say.bad(
            f"SQLite's journal mode is {mode}: writers will meet locks.",
            "Keep the database on a local disk: write-ahead logging does not work on network folders.",
        )


def database_version() -> str:
    """The version of the database server, as `15.19` or `3.40.1`."""
    version = connection.get_database_version()
    return ".".join(str(part) for part in version)


def journal_mode() -> str:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        return str(cursor.fetchone()[0])


def unapplied_migrations() -> list[str]:
    """Migrations of this version of the portal that the database has not seen, as `seats.0002_…`."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]


# --- Files ------------------------------------------------------------------------------------


@probe("files")
def look_at_the_data_folder(say: Saying) -> Iterator[Finding]:
    folder = settings.DATA_DIR
    remedy = "Give the portal's user a folder of its own to write in, and name it in DATA_DIR."
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        yield say.bad(f"{folder} cannot be written to: {error.strerror}.", remedy)
        return
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        yield say.bad(
            f"Only {free / 1e9:.1f} GB are free in {folder}.",
            "Make room, or keep files for a shorter time (KEEP_FILES_DAYS).",
        )
    else:
        yield say.ok(f"{folder} can be written to; {free / 1e9:.0f} GB are free.")


# --- Background work --------------------------------------------------------------------------


@probe("worker")
def look_at_the_worker(say: Saying) -> Iterator[Finding]:
    """A worker's row is renewed as long as a task sent through its own queue comes out at the other end."""
    now = timezone.now()
    start = "Start it: `manage.py run_worker`, as a service beside the web server."
    alive = WorkerHeartbeat.objects.alive(now)
    if working := list(alive):
        names = ", ".join(f"{worker} ({worker.busy} of {worker.workers} busy)" for worker in working)
        yield say.ok(f"The background worker is at work: {names}.")
    elif last := WorkerHeartbeat.objects.order_by("-seen_at").first():
        yield say.bad(f"The background worker was last seen at {last.seen_at:%Y-%m-%d %H:%M} UTC.", start)
    else:
        yield say.bad("No background worker is running.", start)
    oldest = OrmQ.objects.filter(lock__lt=now).order_by("lock").values_list("lock", flat=True).first()
    if oldest is not None and now - oldest > QUEUE_WAITS_TOO_LONG_AFTER:
        yield say.bad(
            f"A task has been waiting since {oldest:%Y-%m-%d %H:%M} UTC.",
            "If the worker runs, stop it and start it again; else start it: `manage.py run_worker`.",
        )
    if silent := Job.objects.silent(now).count():
        yield say.bad(
            f"{silent} running jobs no longer report: their worker died.",
            "A running worker takes them up again within a minute.",
        )


@probe("imports")
def look_at_unfinished_imports(say: Saying) -> Iterator[Finding]:
    left = ReportFile.objects.unfinished().filter(received_at__lt=timezone.now() - IMPORT_IS_LEFT_AFTER)
    if names := [file.name for file in left[:5]]:
        yield say.bad(
            f"{left.count()} files were never read to their end: {', '.join(names)}.",
            "Import them again: reading goes on behind the last row that was written.",
        )
    else:
        yield say.ok("No import was left half done.")


@probe("audit")
def look_at_the_audit_trail(say: Saying) -> Iterator[Finding]:
    """Its end alone: `verify_audit` walks along all of it."""
    broken = list(islice(AuditEntry.objects.broken_links(newest=NEWEST_AUDIT_ENTRIES), 5))
    if broken:
        places = "; ".join(f"{found.place} {found.says}" for found in broken)
        yield say.bad(
            f"The audit trail does not hold: {places}.",
            "Run `manage.py verify_audit`: it names every place. If a key was replaced, add the old one at "
            "the end of AUDIT_KEYS; else somebody changed the database.",
        )
    else:
        yield say.ok("The newest entries of the audit trail follow from each other.")


@probe("connections")
def look_at_connections(say: Saying) -> Iterator[Finding]:
    """Tries every connection: what GitHub lets it do may have changed since the last look."""
    if not Connection.objects.exists():
        yield say.ok("GitHub is not asked: no connection is set up, data comes from files.")
    for one in Connection.objects.all():
        if not one.is_active:
            yield say.ok(f"{one}: switched off, nothing is asked of GitHub.")
            continue
        if not one.is_under_newest_key:
            yield say.bad(
                f"{one}: a credential is encrypted with an older key.",
                "Run `manage.py reencrypt_credentials`; then older keys can be taken out of CREDENTIAL_KEYS.",
            )
        yield from _tried(say, one)


def _tried(say: Saying, one: Connection) -> Iterator[Finding]:
    works: dict[str, list[str]] = {}
    for found in connections.check(one, within=CHECK_WITHIN_SECONDS):
        name = f"{one}, {found.account}" if found.account else str(one)
        if found.state == "bad" or (found.state == "unknown" and found.what != "revoking"):
            yield say.bad(f"{name}: {found.what}: {found.text}", found.remedy)
        elif found.what == "credential":
            yield say.ok(f"{name}: {found.text}")
        elif found.state == "ok" and found.what != "account":
            works.setdefault(name, []).append(found.what)
    for name, whats in works.items():
        yield say.ok(f"{name}: {', '.join(whats)} work.")


@probe("people")
def look_for_an_admin(say: Saying) -> Iterator[Finding]:
    if get_user_model()._default_manager.filter(is_superuser=True, is_active=True).exists():
        yield say.ok("Somebody may administer the portal.")
    else:
        yield say.bad("Nobody may administer the portal.", "Run `manage.py createsuperuser`.")


def is_writable(folder: Path) -> bool:
    """Whether `folder` can be written to, or be made where it is to be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
