"""A running demo portal, and an installed Chromium that sees it as a person does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.running import Portal, demo

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # Nothing but the pages may cause a request.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal that `quickstart --demo` has filled, running."""
    folder = tmp_path_factory.mktemp("portal")
    with Portal(folder, password=demo(folder)) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for a module. Its loop ends with it: while one runs, Django allows no query in its thread,
    and other tests come next.
    """
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium is installed (apt install chromium)")
    # Chromium's own sandbox does not work for root.
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else [*FLAGS]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def logged_in(chromium: Browser, portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cookies of an admin who has logged in through the page."""
    return log_in(chromium, portal, tmp_path_factory.mktemp("browser") / "state.json")


def log_in(chromium: Browser, portal: Portal, state: Path) -> Path:
    """Log the admin in through the page; the cookies are kept in `state`."""
    context = chromium.new_context(base_url=portal.url)
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(portal.password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/")
    context.storage_state(path=state)
    context.close()
    return state


class Watch:
    """What goes wrong behind the pages of a browser window."""

    def __init__(self, context: BrowserContext, own_host: str) -> None:
        self.own_host = own_host
        self.seen: list[str] = []
        context.on("request", lambda request: self._is_ours(request.url))
        context.on("weberror", lambda error: self.seen.append(f"script error: {error.error}"))
        context.on(
            "console",
            lambda message: (
                self.seen.append(f"console: {message.text} ({message.location.get('url')})")
                if message.type == "error"
                else None
            ),
        )

    def _is_ours(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != self.own_host:
            self.seen.append(f"request to another host: {url}")


class Window:
    """A window of a size and a colour scheme, in which the admin is logged in."""

    def __init__(self, chromium: Browser, portal: Portal, state: Path, width: int, scheme: str) -> None:
        self.context = chromium.new_context(
            base_url=portal.url,
            storage_state=state,
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
        )
        self.context.set_default_timeout(30_000)
        self.watch = Watch(self.context, urlsplit(portal.url).netloc)
        self.page: Page = self.context.new_page()

    def open(self, path: str, *, and_wait: bool = False) -> Page:
        """The page, loaded; `and_wait` until it asks for nothing more."""
        answer = self.page.goto(path, wait_until="networkidle" if and_wait else "load")
        assert answer is not None
        assert answer.status == 200, f"{path} answers {answer.status}"
        return self.page


@pytest.fixture
def window(
    request: pytest.FixtureRequest, chromium: Browser, portal: Portal, logged_in: Path
) -> Iterator[Window]:
    """1440 pixels wide and light, unless a test asks otherwise by `parametrize(…, indirect=True)`."""
    width, scheme = getattr(request, "param", (1440, "light"))
    opened = Window(chromium, portal, logged_in, width, scheme)
    yield opened
    opened.context.close()
