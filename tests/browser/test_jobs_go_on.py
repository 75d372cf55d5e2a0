"""The pages of jobs show by themselves how far a job is, and what came of it."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime

import pytest

from tests.browser.conftest import Window
from tests.running import Portal


class StoredJob:
    """A job in the portal's database, written from outside as a worker would."""

    def __init__(self, portal: Portal) -> None:
        self.path = portal.env["DATABASE_URL"].removeprefix("sqlite:///")
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        key = f"sync-seats:browser:{time.monotonic_ns()}"
        self.pk = self.sql(
            "insert into portal_job (kind, subject, live_key, state, task, arguments, progress_done,"
            " progress_total, note, attempts, deaths, progress_at_death, retries, worker, tally, error,"
            " cancel_requested, created_at, started_at, heartbeat_at)"
            " values ('sync-seats', 'browser:1', ?, 'running', 'nowhere.at_all', '{}', 10, 100,"
            " 'page 1 of 10', 1, 0, 0, 0, 'host:1', '{}', '', 0, ?, ?, '2999-01-01 00:00:00')",
            key, now, now,
        )  # fmt: skip

    def sql(self, statement: str, *values: object) -> int | None:
        with closing(sqlite3.connect(self.path, timeout=20)) as database, database:
            return database.execute(statement, values).lastrowid

    def set(self, **values: object) -> None:
        names = ", ".join(f"{name} = ?" for name in values)
        self.sql(f"update portal_job set {names} where id = ?", *values.values(), self.pk)


@pytest.fixture
def job(portal: Portal) -> StoredJob:
    return StoredJob(portal)


@pytest.mark.parametrize("path", ["/portal/job/", "/portal/job/{pk}/change/"], ids=["list", "page"])
def test_bar_and_words_move_by_themselves(window: Window, job: StoredJob, path: str) -> None:
    page = window.open(path.format(pk=job.pk))
    bar = page.locator(f'[data-job="{job.pk}"] progress')
    assert bar.get_attribute("value") == "10"

    job.set(progress_done=60, note="page 6 of 10")

    page.wait_for_function(
        f"""document.querySelector('[data-job="{job.pk}"] progress')?.value === 60""", timeout=15_000
    )
    assert page.get_by_text("page 6 of 10").is_visible()
    job.set(state="done", live_key=None)
    page.get_by_text("100 %").first.wait_for(timeout=15_000)
    assert not window.watch.seen, "\n".join(window.watch.seen)


def test_a_job_is_cancelled_from_its_page(window: Window, job: StoredJob) -> None:
    page = window.open(f"/portal/job/{job.pk}/change/")

    page.get_by_role("button", name="Cancel").click()

    page.get_by_text("told to stop").wait_for()
    assert page.get_by_text("stopping").is_visible()
    job.set(state="cancelled", live_key=None)
    page.get_by_role("button", name="Resume").wait_for(timeout=15_000)
