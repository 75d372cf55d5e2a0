"""Every page holds on a desk and on a phone, in light and dark, for the keyboard and for a screen reader."""

from __future__ import annotations

import re

import pytest

from tests.browser.conftest import Window
from tests.browser.holding import axe, missed_by_the_keyboard, serious_violations, too_wide

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
    "/seats/assignment/",
    "/seats/assignment/add/",
    "/portal/reportfile/",
    "/portal/rejectedline/",
    "/portal/rejectedline/by-reason/",
    "/portal/job/",
    "/portal/syncschedule/",
    "/portal/syncschedule/add/",
    "/portal/workerheartbeat/",
    "/portal/connection/",
    "/portal/connection/add/",
    "/upload/",
)
SCHEMES = [(1440, "light"), (1440, "dark")]
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


@pytest.mark.parametrize("window", SCHEMES, indirect=True, ids=["light", "dark"])
def test_pages_fit_call_nobody_else_and_axe_finds_nothing_serious(window: Window, paths: list[str]) -> None:
    """Each page is loaded once; the light one is made as narrow as a phone's after that."""
    script = axe()
    found = []
    is_dark = window.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    for path in paths:
        page = window.open(path, and_wait=True)
        for width in (1440,) if is_dark else (1440, 390):
            page.set_viewport_size({"width": width, "height": 900})
            found += [f"{path} at {width}: {violation}" for violation in serious_violations(page, script)]
            if misfit := too_wide(page):
                found.append(f"{path} at {width} is {misfit}")

    assert not found, "\n".join(found)
    assert not window.watch.seen, "\n".join(window.watch.seen)


@pytest.mark.parametrize("path", ["/", "/seats/seat/", "/upload/"])
def test_the_keyboard_reaches_everything(window: Window, path: str) -> None:
    missed = missed_by_the_keyboard(window.open(path))
    assert not missed, "\n".join(missed)
