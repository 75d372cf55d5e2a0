"""Every page holds on a desk and on a phone, in light and dark, for the keyboard and for a screen reader."""

from __future__ import annotations

import re

import pytest

from tests.browser.conftest import Window
from tests.browser.holding import WINDOWS, axe, missed_by_the_keyboard, serious_violations, too_wide

PAGES = (
    "/",
    "/seats/seat/",
    "/seats/seat/?verdict=inactive",
    "/seats/account/",
    "/seats/team/",
    "/seats/githubuser/",
    "/seats/inactivitypolicy/",
    "/seats/exemption/",
    "/seats/seatreview/",
    "/seats/seatprice/",
    "/seats/notice/",
    "/seats/noticetemplate/",
    "/seats/noticetemplate/add/",
    "/seats/githubuser/import/",
    "/portal/reportfile/",
    "/portal/rejectedline/",
    "/portal/job/",
    "/portal/syncschedule/",
    "/portal/syncschedule/add/",
    "/portal/workerheartbeat/",
    "/portal/connection/",
    "/portal/connection/add/",
    "/upload/",
)
# Lists whose first row has a page of its own.
LISTS_WITH_A_STORY = (
    "/seats/seat/",
    "/seats/account/",
    "/seats/githubuser/",
    "/seats/inactivitypolicy/",
    "/seats/seatreview/",
    "/seats/noticetemplate/",
)


@pytest.fixture
def paths(window: Window) -> list[str]:
    """The pages, and the first story behind each list."""
    found = list(PAGES)
    for path in LISTS_WITH_A_STORY:
        page = window.open(path)
        links = page.locator("#result_list a").evaluate_all("links => links.map(a => a.getAttribute('href'))")
        own = re.compile(rf"^{re.escape(path)}\d+/")
        found += [link for link in links if own.match(link)][:1]
    return found


@pytest.mark.parametrize("window", WINDOWS, indirect=True, ids=[f"{w}-{s}" for w, s in WINDOWS])
def test_no_page_is_wider_than_its_window_or_calls_another_host(window: Window, paths: list[str]) -> None:
    misfits = []
    for path in paths:
        page = window.open(path, and_wait=True)
        if found := too_wide(page):
            misfits.append(f"{path} is {found}")

    assert not misfits, "\n".join(misfits)
    assert not window.watch.seen, "\n".join(window.watch.seen)


@pytest.mark.parametrize("window", WINDOWS, indirect=True, ids=[f"{w}-{s}" for w, s in WINDOWS])
def test_axe_finds_no_serious_violation(window: Window, paths: list[str]) -> None:
    script = axe()
    violations = [
        f"{path}: {violation}"
        for path in paths
        for violation in serious_violations(window.open(path), script)
    ]
    assert not violations, "\n".join(violations)


@pytest.mark.parametrize("path", ["/", "/seats/seat/", "/upload/"])
def test_the_keyboard_reaches_everything(window: Window, path: str) -> None:
    missed = missed_by_the_keyboard(window.open(path))
    assert not missed, "\n".join(missed)
