"""A portal in processes of its own, and what was measured of it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MANAGE = (sys.executable, str(ROOT / "manage.py"))
MEGABYTE = 1 << 20


@dataclass
class Run:
    """A command that ran: its wall clock, its memory with all its children, what it said."""

    seconds: float
    peak: float
    output: str


@dataclass
class Results:
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(self, what: str, measured: str, goal: str, *, met: bool | None = None) -> None:
        word = {True: "met", False: "missed", None: ""}[met]
        self.rows.append((what, measured, goal, word))


class Memory(threading.Thread):
    """Watches what a process and its children hold together: pages shared between them count once."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.peak = 0
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(0.05):
            self.peak = max(self.peak, sum(_held(pid) for pid in _family(self.pid)))

    def stop(self) -> int:
        self._stopped.set()
        self.join()
        return self.peak


def _family(pid: int) -> list[int]:
    found = [pid]
    for known in found:
        for children in Path(f"/proc/{known}/task").glob("*/children"):
            try:
                found += map(int, children.read_text().split())
            except OSError:
                continue
    return found


def _held(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")), 0)


class Portal:
    """A portal of its own, with an empty SQLite database or the empty PostgreSQL one of this URL."""

    def __init__(self, folder: Path, url: str = "") -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.database = folder / "portal.sqlite3"
        self.environment = {
            name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")
        } | {
            "ENV_FILE": os.devnull,
            "SECRET_KEY": "only-for-benchmarks-0123456789-abcdefghijklmnopqrstuvwxyz",
            "DATABASE_URL": url or f"sqlite:///{self.database}",
            "DATA_DIR": str(folder / "data"),
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "ALLOWED_HOSTS": "testserver",
            "HTTPS": "false",
            "PYTHONPATH": str(ROOT),
        }
        self.run(*MANAGE, "migrate", "--verbosity", "0", "--skip-checks")

    def run(self, *command: str) -> Run:
        return timed(command, self.environment)

    def take_in(self, path: Path, *options: str) -> Run:
        return self.run(*MANAGE, "import_reports", str(path), "--json", *options)

    def connect(self, organization: str, url: str) -> None:
        options = ("--organization", organization, "--token-env", "GITHUB_TOKEN", "--api-url", url)
        self.run(*MANAGE, "connect", *options)

    def settled_size(self) -> int:
        """The database file once the write-ahead log is in it."""
        connection = sqlite3.connect(self.database)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        return self.database.stat().st_size

    def count(self, table: str) -> int:
        return int(self.row(f"SELECT count(*) FROM {table}")[0])

    def row(self, query: str) -> tuple[Any, ...]:
        """The first row of an answer."""
        connection = sqlite3.connect(self.database)
        row: tuple[Any, ...] = connection.execute(query).fetchone()
        connection.close()
        return row


def timed(command: Sequence[str], environment: dict[str, str]) -> Run:
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    memory = Memory(process.pid)
    memory.start()
    output, errors = process.communicate()
    seconds, peak = time.perf_counter() - start, memory.stop()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}\n{output[-2000:]}\n{errors[-4000:]}")
    return Run(seconds, peak / MEGABYTE, output)
