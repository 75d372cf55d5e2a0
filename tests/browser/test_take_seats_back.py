"""Somebody new takes seats back without a manual: from the policy to what GitHub bears out, and undo."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Window, log_in
from tests.browser.holding import axe, missed_by_the_keyboard, serious_violations, too_wide
from tests.fake_github import FakeGitHub, Request, State, Trouble, seat
from tests.running import MANAGE, ROOT, Portal, environment, migrated

TOKEN = "a-token-of-the-browser-tests"
VARIABLE = "TOKEN_OF_THE_BROWSER_TESTS"
ORGANIZATION = "octo-apps"
IDLE = [f"idle-{name}" for name in ("ana", "ben", "cleo", "dan", "eva", "finn")]
PATIENCE = 30_000  # milliseconds for what a worker does
AUDITED = (
    "Seats proposed",
    "Batch approved",
    "Seats to be taken back",
    "Seats taken back",
    "Revocations verified",
    "Seats given back",
)

PAGES = (
    "/",
    "/seats/inactivitypolicy/{policy}/change/",
    "/seats/seatreview/",
    "/seats/seatreview/{review}/change/",
    "/seats/revocationbatch/",
    "/seats/revocationbatch/{batch}/change/",
    "/seats/revocationbatch/{batch}/give-back/",
    "/seats/revocation/",
    "/seats/revocation/{revocation}/change/",
    "/seats/revocation/savings/",
    "/seats/removaltask/",
    "/seats/removaltask/{task}/change/",
    "/seats/seatrequest/",
    "/seats/notice/",
    "/seats/noticetemplate/",
    "/seats/workingcalendar/",
)
FIRST_OF = {
    "policy": "seats_inactivitypolicy",
    "review": "seats_seatreview",
    "batch": "seats_revocationbatch",
    "revocation": "seats_revocation",
    "task": "seats_removaltask",
}
FOR_THE_KEYBOARD = ("/revocationbatch/1/change/", "/give-back/", "/removaltask/")


def ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture(scope="module")
def github() -> Iterator[FakeGitHub]:
    """Six people who have not used Copilot for two months, one of them through a team, and two who work."""
    state = State()
    octo = state.organization(ORGANIZATION, 900)
    state.token(TOKEN)
    team = octo.team("Web", number=9)
    for number, login in enumerate([*IDLE, "idle-by-team", "busy-gus", "busy-hana"], start=1):
        person = octo.member(login, number)
        used = ago(60 if login.startswith("idle") else 1)
        through = None
        if login == "idle-by-team":
            team.members.append(person)
            through = team.facts
        octo.seats.append(seat(person, created_at=ago(300), last_activity_at=used, assigning_team=through))
    with FakeGitHub(state, check=False) as running:
        yield running


@pytest.fixture(scope="module")
def connected(tmp_path_factory: pytest.TempPathFactory, github: FakeGitHub) -> Iterator[Portal]:
    """`quickstart` without a demo, connected to that GitHub, its seats fetched; no schedule interferes."""
    folder = tmp_path_factory.mktemp("portal")
    migrated(folder)
    with Portal(folder, env={**environment(folder), VARIABLE: TOKEN}) as portal:
        assert portal.url
        one = ("--organization", ORGANIZATION)
        manage(portal, "connect", *one, "--token-env", VARIABLE, "--api-url", github.url)
        with closing(sqlite3.connect(portal.database, timeout=20)) as database, database:
            database.execute("update portal_syncschedule set is_on = 0, next_run_at = null")
        manage(portal, "sync_github", *one, "--only", "seats,teams,billing")
        yield portal


def manage(portal: Portal, *arguments: str) -> None:
    """A command in the portal's environment, which does what it is to do."""
    command = [sys.executable, str(MANAGE), *arguments]
    ended = subprocess.run(command, cwd=ROOT, env=portal.env, capture_output=True, timeout=60)
    assert ended.returncode == 0, (ended.stdout + ended.stderr).decode()


@pytest.fixture(scope="module")
def cookies(chromium: Browser, connected: Portal, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return log_in(chromium, connected, tmp_path_factory.mktemp("cookies") / "state.json")


@pytest.fixture
def desk(chromium: Browser, connected: Portal, cookies: Path) -> Iterator[Window]:
    window = Window(chromium, connected, cookies, 1440, "light")
    yield window
    window.context.close()


class Gate:
    """Holds the call that takes seats back until it is opened."""

    def __init__(self) -> None:
        self._opened = threading.Event()

    def __call__(self, request: Request) -> bool:
        if request.method == "DELETE":
            self._opened.wait(20)
        return False

    def open(self) -> None:
        self._opened.set()


def choose(page: Page, action: str) -> None:
    """Select every row of the list, and run an action."""
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option(label=action)
    page.get_by_role("button", name="Run").click()


def test_a_new_admin_takes_seats_back_and_gives_one_back(desk: Window, github: FakeGitHub) -> None:
    octo = github.state.organizations[0]
    gate = Gate()
    github.trouble = Trouble("500", where=gate)

    def pending() -> set[str]:
        return {row["assignee"]["login"] for row in octo.seats if row["pending_cancellation_date"]}

    # The policy: what is inactive, who decides, and what it takes.
    page = desk.open("/")
    page.get_by_role("link", name="Inactivity policies").first.click()
    page.locator("#result_list").get_by_role("link", name="everybody").click()
    page.get_by_label("Mode").select_option("propose")
    page.get_by_label("Notice days").fill("0")
    page.get_by_label("Min watched days").fill("0")
    page.get_by_label("Needs usage reports").uncheck()
    page.get_by_label("Max percent per run").fill("100")
    page.get_by_label("Max percent per day").fill("100")
    page.get_by_label("Confirm above").fill("3")
    page.get_by_role("button", name="Save", exact=True).click()

    # Who is inactive is flagged for review.
    page.get_by_role("link", name="Home").first.click()
    page.get_by_role("link", name="Inactive: 7").click()
    choose(page, "Flag for review…")
    page.get_by_label("Reason").fill("Nobody uses them.")
    page.get_by_role("button", name="Flag for review").click()
    expect(page.get_by_text("7 seats flagged for review.")).to_be_visible()

    # From the desk they are proposed; of the one through a team its owner is asked.
    page.get_by_role("link", name="Home").first.click()
    page.get_by_role("link", name="Reviews on the desk: 7").click()
    choose(page, "Propose to take back…")
    page.get_by_label("Reason").fill("Two months without use.")
    page.get_by_role("button", name="Propose 6 seats").click()
    page.get_by_role("link", name=f"Batch 1 of {ORGANIZATION}").click()
    assert pending() == set()

    # It is approved, with a reason and the number typed; a wrong one is refused.
    expect(page.get_by_text("Next: somebody approves it.")).to_be_visible()
    page.get_by_role("button", name="Dry run").click()
    expect(page.get_by_text("6 seats would be taken back, none refused")).to_be_visible()
    page.get_by_role("link", name="Back to the batch").click()
    page.get_by_role("link", name="Approve…").click()
    page.get_by_label("Reason").fill("They were asked.")
    page.get_by_label("Number of seats").fill("5")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("6 seats are to be taken back, and 5 was typed.")).to_be_visible()
    page.get_by_label("Number of seats").fill("6")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Next: somebody executes it.")).to_be_visible()
    assert pending() == set()

    # It is executed; the page shows how far it is, and goes over into what came of it.
    page.get_by_role("link", name="Execute…").click()
    page.get_by_role("button", name="Take back 6 seats").click()
    expect(page.locator("[data-job-page] progress")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    gate.open()
    expect(page.get_by_text("It is done: 6 seats taken back.")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("GitHub's next seat list verifies 6 of them.")).to_be_visible()
    assert pending() == set(IDLE)

    # The next list bears it out.
    page.get_by_role("link", name="Sync schedules").click()
    page.locator("#result_list").get_by_role("link", name="Seats", exact=True).click()
    page.get_by_role("button", name="Run now").click()
    batch = "/seats/revocationbatch/1/change/"
    deadline = time.monotonic() + PATIENCE / 1000
    while page.get_by_text("GitHub's seat list bears out 6 of them.").count() == 0:
        assert time.monotonic() < deadline
        desk.open(batch)

    # One was a mistake, and is given back while its cycle lasts.
    page.get_by_label("Give back idle-ana").check()
    page.get_by_role("button", name="Give back the selected seats…").click()
    page.get_by_label("Reason").fill("Back from leave on Monday.")
    page.get_by_role("button", name="Give back 1 seat").click()
    expect(page.get_by_text("1 given back")).to_be_visible(timeout=PATIENCE)
    assert pending() == set(IDLE) - {"idle-ana"}

    # The team's owner has something to do, and everything is in the audit.
    page.get_by_role("link", name="Tasks for team owners").click()
    expect(page.get_by_role("link", name="idle-by-team")).to_be_visible()
    desk.open(batch)
    trail = page.get_by_role("region", name="Who did what")
    for action in AUDITED:
        expect(trail.get_by_text(action, exact=True).first).to_be_visible()
    assert desk.watch.seen == []


# --- The pages of a portal that takes seats back ----------------------------------------------


@pytest.fixture(scope="module")
def paths(connected: Portal) -> list[str]:
    with closing(sqlite3.connect(connected.database, timeout=20)) as database:
        first = {
            name: database.execute(f"select min(id) from {rows}").fetchone()[0]
            for name, rows in FIRST_OF.items()
        }
    return [path.format(**first) for path in PAGES]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_and_axe_finds_nothing_serious(
    chromium: Browser, connected: Portal, cookies: Path, paths: list[str], scheme: str
) -> None:
    """Dark only where colours of our own are, and at a desk: how wide a page is depends on none."""
    widths = (1440, 390) if scheme == "light" else (1440,)
    if scheme == "dark":
        paths = [path for path in paths if path.endswith(("/change/", "/give-back/", "/savings/"))]
    script = axe()
    window = Window(chromium, connected, cookies, 1440, scheme)
    found = []
    for path in paths:
        page = window.open(path)
        for width in widths:
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
