"""Every page holds on a desk and on a phone, in light and dark, for the keyboard and for a screen reader."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Window

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
LISTS_WITH_A_STORY = ("/seats/seat/", "/seats/account/", "/seats/githubuser/", "/seats/inactivitypolicy/")
WINDOWS = [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]

REACHABLE = """
() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
    .filter(e => e.checkVisibility({checkOpacity: true, checkVisibilityCSS: true})
        && !e.disabled && e.tabIndex >= 0 && e.type !== 'hidden'
        && e.getBoundingClientRect().width > 1 && !e.closest('[inert]'))
"""


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
    too_wide = []
    for path in paths:
        page = window.open(path, and_wait=True)
        width, room = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        if width > room:
            too_wide.append(f"{path} is {width} wide in a window of {room}")

    assert not too_wide, "\n".join(too_wide)
    assert not window.watch.seen, "\n".join(window.watch.seen)


@pytest.mark.parametrize("window", WINDOWS, indirect=True, ids=[f"{w}-{s}" for w, s in WINDOWS])
def test_axe_finds_no_serious_violation(window: Window, paths: list[str]) -> None:
    script = Path(os.environ.get("AXE_PATH", "/nowhere"))
    if not script.is_file():
        pytest.skip("AXE_PATH does not name axe.min.js (npm install axe-core)")
    violations = [
        f"{path}: {violation}"
        for path in paths
        for violation in serious_violations(window.open(path), script.read_text(encoding="utf-8"))
    ]
    assert not violations, "\n".join(violations)


def serious_violations(page: Any, axe: str) -> list[str]:
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']} ({violation['impact']}), {len(violation['nodes'])} times: {node['html'][:200]}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"][:1]
    ]


@pytest.mark.parametrize("path", ["/", "/seats/seat/", "/upload/"])
def test_the_keyboard_reaches_everything(window: Window, path: str) -> None:
    page = window.open(path)
    page.evaluate(f"window.reachable = ({REACHABLE})()")
    total = page.evaluate("window.reachable.length")
    assert total > 5
    page.evaluate("document.activeElement.blur(); window.met = new Set()")
    for _ in range(total * 2 + 20):
        page.keyboard.press("Tab")
        page.evaluate("window.met.add(document.activeElement)")

    missed = page.evaluate("""
        window.reachable
            .filter(e => !window.met.has(e))
            .filter(e => !(e.type === 'radio' && [...window.met].some(m => m.name === e.name)))
            .map(e => e.outerHTML.slice(0, 150))
    """)
    assert not missed, "\n".join(missed)
