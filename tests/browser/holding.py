"""What must hold of every page: it fits its window, keyboard and screen reader get along with it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

REACHABLE = """
() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
    .filter(e => e.checkVisibility({checkOpacity: true, checkVisibilityCSS: true})
        && !e.disabled && e.tabIndex >= 0 && e.type !== 'hidden'
        && e.getBoundingClientRect().width > 1 && !e.closest('[inert]'))
"""


def axe() -> str:
    """The script; skips where AXE_PATH names none."""
    script = Path(os.environ.get("AXE_PATH", "/nowhere"))
    if not script.is_file():
        pytest.skip("AXE_PATH does not name axe.min.js (npm install axe-core)")
    return script.read_text(encoding="utf-8")


def serious_violations(page: Page, axe: str) -> list[str]:
    """What axe calls serious or critical on the page as it is shown now."""
    page.evaluate(axe)
    found: Any = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']} ({violation['impact']}), {len(violation['nodes'])} times: {node['html'][:200]}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"][:1]
    ]


def too_wide(page: Page) -> str:
    """How much wider than its window the page is; empty where it fits."""
    width, room = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    return f"{width} wide in a window of {room}" if width > room else ""


def missed_by_the_keyboard(page: Page) -> list[str]:
    """The controls that Tab does not come to, however often it is pressed."""
    page.evaluate(f"window.reachable = ({REACHABLE})()")
    total: int = page.evaluate("window.reachable.length")
    assert total > 5
    page.evaluate("document.activeElement.blur(); window.met = new Set()")
    for _ in range(total * 2 + 20):
        page.keyboard.press("Tab")
        page.evaluate("window.met.add(document.activeElement)")
    missed: list[str] = page.evaluate("""
        window.reachable
            .filter(e => !window.met.has(e))
            .filter(e => !(e.type === 'radio' && [...window.met].some(m => m.name === e.name)))
            .map(e => e.outerHTML.slice(0, 150))
    """)
    return missed
