"""An import killed at any moment and run again leaves the rows of an undisturbed one.

These run the real command in processes of their own, on SQLite files of their own.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.metrics.report_files import user_day
from tests.running import migrated

ROOT = Path(__file__).resolve().parents[2]
LINES = 6_000
PEOPLE = 300
BROKEN = (700, 5_500)

# Everything an import leaves behind that people see, without keys and times of our own.
STATE = {
    "people's days": """
        SELECT u.github_id, u.login, d.day, d.user_initiated_interaction_count, hex(d.content_hash),
               d.observed_at, f.sha256
        FROM metrics_userday d JOIN seats_githubuser u ON u.id = d.user_id
        JOIN portal_reportfile f ON f.id = d.file_id ORDER BY 1, 3""",
    "logins": """
        SELECT u.github_id, l.login, l.first_seen_on, l.last_seen_on
        FROM seats_userlogin l JOIN seats_githubuser u ON u.id = l.user_id ORDER BY 1, 2""",
    "evidence": """
        SELECT u.github_id, e.source, e.last_on
        FROM seats_evidence e JOIN seats_githubuser u ON u.id = e.user_id ORDER BY 1, 2""",
    "days": """
        SELECT a.github_id, d.day, d.source, d.daily_active_users, d.user_initiated_interaction_count
        FROM metrics_scopeday d JOIN seats_account a ON a.id = d.account_id ORDER BY 1, 2, 3""",
    "windows": """
        SELECT u.github_id, w.first_day, w.last_day, w.active_days, w.user_initiated_interaction_count
        FROM metrics_userwindow w JOIN seats_githubuser u ON u.id = w.user_id ORDER BY 1""",
    "ends of windows": "SELECT day FROM metrics_windowend",
    "sets": """
        SELECT day, kind, team_key, length(users) FROM metrics_dayusers ORDER BY 1, 2, 3""",
    "covered": "SELECT report, day, observed_at, is_complete FROM metrics_reportday ORDER BY 1, 2",
    "dirty": "SELECT count(*) FROM metrics_dirtyday",
    "rejects": "SELECT line_number, reason FROM portal_rejectedline ORDER BY 1",
    "files": """
        SELECT state, rows_read, rows_new, rows_changed, rows_unchanged, rows_rejected, records_done
        FROM portal_reportfile""",
}


def environment(database: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "DATABASE_URL": f"sqlite:///{database}",
        "DATA_DIR": str(database) + ".files",
    }


def manage(database: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return subprocess.Popen(
        command, env=environment(database), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(database: Path, *arguments: str) -> tuple[int, str]:
    process = manage(database, *arguments)
    out, _ = process.communicate(timeout=120)
    return process.returncode, out


def state(database: Path) -> dict[str, list[tuple]]:
    with closing(sqlite3.connect(database)) as connection:
        return {name: connection.execute(query).fetchall() for name, query in STATE.items()}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    database = migrated(tmp_path_factory.mktemp("empty"))
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return database


@pytest.fixture(scope="module")
def usage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two broken lines among days of people who are renamed on the way."""
    path = tmp_path_factory.mktemp("usage") / "usage.ndjson"
    with path.open("w") as file:
        for number in range(LINES):
            user, day = number % PEOPLE + 1, number // PEOPLE + 1
            login = f"user-{user}" if day < 12 else f"renamed-{user}"
            line = json.dumps(user_day(user, f"2026-09-{day:02}", login=login))
            file.write(line[:40] if number in BROKEN else line)
            file.write("\n")
    return path


@pytest.fixture(scope="module")
def undisturbed(empty: Path, usage: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple]]:
    database = tmp_path_factory.mktemp("undisturbed") / "portal.sqlite3"
    shutil.copy(empty, database)
    assert run(database, "import_reports", str(usage))[0] == 1  # two lines are rejected
    return state(database)


def kill_when(process: subprocess.Popen[str], database: Path, records: int, delay: float) -> None:
    """kill -9 as soon as this many records are committed, and a moment later."""
    while process.poll() is None:
        with closing(sqlite3.connect(database, timeout=5)) as connection:
            (done,) = connection.execute(
                "SELECT coalesce(max(records_done), 0) FROM portal_reportfile"
            ).fetchone()
        if done >= records:
            break
        time.sleep(0.01)
    time.sleep(delay)
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.communicate()


def check(
    empty: Path, usage: Path, undisturbed: dict, tmp_path: Path, kills: list[tuple[int, float]]
) -> None:
    database = tmp_path / "portal.sqlite3"
    shutil.copy(empty, database)
    for records, delay in kills:
        kill_when(manage(database, "import_reports", str(usage)), database, records, delay)
    code, out = run(database, "import_reports", str(usage), "--json")
    found = state(database)
    if code == 1:
        answer = json.loads(out.splitlines()[-1])["files"][0]
        assert answer["rows_read"] == LINES
        assert [reject["line"] for reject in answer["rejected"]] == [number + 1 for number in BROKEN]
    for name in STATE:
        if name != "files":
            assert found[name] == undisturbed[name], name
    assert undisturbed["files"][0] in found["files"]


@pytest.mark.parametrize(
    "kills",
    [
        [(0, 0.9), (2_500, 0.0)],
        pytest.param([(0, 0.5), (2_500, 0.1), (5_000, 0.0)], marks=pytest.mark.long),
    ],
)
def test_a_killed_import_run_again_leaves_the_same_rows(
    empty: Path, usage: Path, undisturbed: dict, tmp_path: Path, kills: list[tuple[int, float]]
) -> None:
    check(empty, usage, undisturbed, tmp_path, kills)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(12))
def test_an_import_killed_at_random_moments_leaves_the_same_rows(
    empty: Path, usage: Path, undisturbed: dict, tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    kills = [(dice.randrange(0, LINES, 1_000), dice.uniform(0, 0.5)) for _ in range(dice.randrange(1, 5))]
    check(empty, usage, undisturbed, tmp_path, kills)
