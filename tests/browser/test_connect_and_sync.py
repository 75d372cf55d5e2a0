"""Everything comes by itself: connect GitHub on a page, see what to fix, sync, and watch the seats come."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Window, log_in
from tests.browser.holding import axe, missed_by_the_keyboard, serious_violations, too_wide
from tests.fake_github import FakeGitHub, Request, State, Trouble, company_state
from tests.running import MANAGE, ROOT, Portal, environment, migrated

TOKEN = "a-token-of-the-browser-tests"
VARIABLE = "TOKEN_OF_THE_BROWSER_TESTS"
ORGANIZATION = "octo-apps"
PATIENCE = 30_000  # milliseconds for what a worker does
EVERYTHING = ("read:org", "manage_billing:copilot", "admin:org")

PAGES = (
    "/",
    "/portal/connection/{connection}/change/",
    "/portal/syncschedule/{schedule}/change/",
    "/portal/job/",
    "/portal/job/{done}/change/",
    "/portal/job/{failed}/change/",
    "/seats/account/{account}/change/",
    "/seats/team/{team}/change/",
    "/seats/seat/{seat}/change/",
    "/seats/seatroster/",
    "/portal/reportfile/{file}/change/",
    "/metrics/repositoryday/",
    "/metrics/legacyday/",
)
FIRST_OF = {
    "connection": "portal_connection",
    "schedule": "portal_syncschedule",
    "done": "portal_job where state = 'done' and kind = 'sync-seats'",
    "failed": "portal_job where state = 'failed'",
    "account": "seats_account",
    "team": "seats_team",
    "seat": "seats_seat",
    "file": "portal_reportfile",
}
FOR_THE_KEYBOARD = ("/connection/1/change/", "/syncschedule/1/change/", "/job/", "/account/1/change/")


class Gate:
    """Lets teams be read one by one, slowly, and no further than half of them until it is opened."""

    def __init__(self, github: FakeGitHub) -> None:
        slugs = [team.slug for team in github.state.organizations[0].teams]
        self._slow, self._last = set(slugs[1 : len(slugs) // 2]), slugs[len(slugs) // 2]
        self._opened = threading.Event()

    def __call__(self, request: Request) -> bool:
        if request.path.endswith("/members"):
            slug = request.path.split("/")[-2]
            if slug == self._last:
                self._opened.wait(20)
            elif slug in self._slow:
                # Longer than a job waits until it says again how far it is.
                self._opened.wait(2.5)
        return False

    def open(self) -> None:
        self._opened.set()


# --- A portal without anything, and a GitHub --------------------------------------------------


@pytest.fixture(scope="module")
def github() -> Iterator[FakeGitHub]:
    """A GitHub with one small organization: two dozen seats, six teams, three days of use."""
    state = company_state(24, 6, 3, 1, organizations=1, enterprise=None)
    with FakeGitHub(state, check=False) as running:
        yield running


@pytest.fixture(scope="module")
def empty_portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """`quickstart` without a demo, running; it may download reports from a GitHub on this machine."""
    folder = tmp_path_factory.mktemp("empty-portal")
    migrated(folder)
    env = {**environment(folder), "REPORT_HOSTS": "127.0.0.1", VARIABLE: TOKEN}
    with Portal(folder, env=env) as running:
        yield running


@pytest.fixture(scope="module")
def cookies(chromium: Browser, empty_portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return log_in(chromium, empty_portal, tmp_path_factory.mktemp("cookies") / "state.json")


@pytest.fixture
def desk(chromium: Browser, empty_portal: Portal, cookies: Path) -> Iterator[Window]:
    window = Window(chromium, empty_portal, cookies, 1440, "light")
    yield window
    window.context.close()


def token_with(state: State, *scopes: str) -> None:
    """Give the token these scopes, as its owner does at GitHub."""
    state.token(TOKEN, scopes=scopes)


def test_from_an_empty_portal_to_its_seats(desk: Window, github: FakeGitHub) -> None:
    token_with(github.state)

    # The home page says how to begin.
    page = desk.open("/")
    expect(page.get_by_role("heading", name="No data yet: two ways to begin")).to_be_visible()
    page.get_by_role("link", name="Connect GitHub").click()

    # A connection is entered; the token is never shown again.
    page.get_by_label("Name").fill("Octo")
    page.get_by_label("Organizations").fill(ORGANIZATION)
    page.get_by_label("API address").fill(github.url)
    page.get_by_label("Token", exact=True).fill(TOKEN)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Not checked yet")).to_be_visible()
    assert TOKEN not in page.content()

    # A check finds what is missing, and says what to do about it.
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_text("to fix, see what and how below")).to_be_visible()
    seats = page.locator(".portal-finding").filter(has=page.get_by_text("Seats", exact=True))
    expect(seats.locator(".portal-finding-state")).to_have_text("to fix")
    expect(seats.locator(".portal-finding-remedy")).to_contain_text("read:org")

    # With the scopes given at GitHub, all works.
    token_with(github.state, *EVERYTHING)
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_text("Octo: all works.")).to_be_visible()

    # Use is switched off, since a year of days would keep the worker busy.
    page.get_by_role("link", name="Sync schedules").click()
    page.get_by_role("link", name="Usage reports").click()
    page.get_by_label("On", exact=True).uncheck()
    page.get_by_role("button", name="Save", exact=True).click()
    usage = page.locator("#result_list tr").filter(has_text="Usage reports")
    expect(usage.get_by_text("off", exact=True)).to_be_visible()

    # The bar moves, and goes over into done, on a page that is not loaded again.
    gate = Gate(github)
    github.trouble = Trouble("500", where=gate)
    page.get_by_role("link", name="Connections").click()
    page.get_by_role("link", name="Octo").click()
    page.get_by_role("button", name="Sync now").click()
    page.get_by_role("link", name="See the jobs").click()
    teams = page.locator("#result_list tr").filter(has_text="Sync teams")
    expect(teams.locator("progress")).to_have_attribute("value", re.compile(r"^[1-9]\d$"), timeout=PATIENCE)
    page.evaluate("window.isTheSamePage = true")
    gate.open()
    expect(teams.get_by_text("done", exact=True)).to_be_visible(timeout=PATIENCE)
    expect(teams.get_by_text("100 %")).to_be_visible()
    expect(page.locator("[data-job]")).to_have_count(0, timeout=PATIENCE)
    assert page.evaluate("window.isTheSamePage")

    # The seats are there, on the page that says as of when.
    page.get_by_role("link", name=re.compile(r"\bSeats$")).first.click()
    expect(page.get_by_text("from GitHub's API")).to_be_visible()
    expect(page.locator("#result_list .field-login").first).to_be_visible()
    held = github.state.organizations[0].seats
    expect(page.get_by_text(f"{len(held)} seats", exact=True)).to_be_visible()
    assert desk.watch.seen == []


# --- The pages of a portal that syncs ---------------------------------------------------------


@pytest.fixture(scope="module")
def paths(empty_portal: Portal, github: FakeGitHub) -> list[str]:
    """The pages that a sync fills: with what came, with what went wrong, and what to fix."""
    github.trouble = None
    one = ("--organization", ORGANIZATION)
    # What a check found stays until the next one.
    token_with(github.state)
    assert manage(empty_portal, "connect", *one, "--token-env", VARIABLE, "--api-url", github.url) == 1
    token_with(github.state, *EVERYTHING)
    since = (datetime.now(UTC) - timedelta(days=3)).date()
    assert manage(empty_portal, "sync_github", *one, "--since", str(since)) == 0
    # A job has failed, and the seats grow old.
    with closing(sqlite3.connect(empty_portal.database, timeout=20)) as database, database:
        for table, column in (
            ("portal_connection", "created_at"),
            ("seats_account", "created_at"),
            ("portal_job", "finished_at"),
        ):
            database.execute(f"update {table} set {column} = '2026-01-01 00:00:00'")
        database.execute("update portal_job set state = 'failed', error = 'Why.' where kind = 'sync-billing'")
        first = {
            name: database.execute(f"select min(id) from {rows}").fetchone()[0]
            for name, rows in FIRST_OF.items()
        }
    return [path.format(**first) for path in PAGES]


def manage(portal: Portal, *arguments: str) -> int:
    """A command in the portal's environment; its exit status."""
    command = [sys.executable, str(MANAGE), *arguments]
    return subprocess.run(command, cwd=ROOT, env=portal.env, capture_output=True, timeout=60).returncode


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_and_axe_finds_nothing_serious(
    chromium: Browser, empty_portal: Portal, cookies: Path, paths: list[str], scheme: str
) -> None:
    script = axe()
    window = Window(chromium, empty_portal, cookies, 1440, scheme)
    found = []
    for path in paths:
        page = window.open(path)
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 900})
            found += [f"{path} at {width}: {violation}" for violation in serious_violations(page, script)]
            if misfit := too_wide(page):
                found.append(f"{path} at {width} is {misfit}")
    window.context.close()

    assert not found, "\n".join(found)
    assert not window.watch.seen, "\n".join(window.watch.seen)


def test_the_keyboard_reaches_everything(desk: Window, paths: list[str]) -> None:
    missed = {
        path: found
        for path in paths
        if path.endswith(FOR_THE_KEYBOARD) and (found := missed_by_the_keyboard(desk.open(path)))
    }
    assert not missed, missed
