"""A large file in parts: its progress shown, broken off and resumed, previewed in figures, taken in."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, Route, expect

from tests.benchmarks.lines import LAST_DAY, write_usage
from tests.browser.conftest import Window

# More than is read while its sender waits: the worker does it.
LINES = 6_000
PEOPLE = 3_000
PARTS = "**/upload/*/files/**"


def a_large_file(folder: Path, name: str, people: int = PEOPLE) -> Path:
    path = folder / name
    write_usage(path, people, LINES // PEOPLE)
    return path


def choose(page: Page, file: Path) -> None:
    page.get_by_label("Drop files here, or choose them").set_input_files(file)
    page.get_by_role("button", name="Upload and preview").click()


def test_broken_off_resumed_previewed_and_taken_in(window: Window, tmp_path: Path) -> None:
    page = window.open("/upload/")
    file = a_large_file(tmp_path, "large.ndjson")
    sent: list[str] = []
    broken: list[str] = []

    def lets_some_through(route: Route) -> None:
        if len(sent) < 3:
            sent.append(route.request.url)
            route.continue_()
        else:
            broken.append(route.request.url)
            route.abort()

    page.route(PARTS, lets_some_through)
    choose(page, file)

    # The line breaks in the middle: it says so, tries again, and keeps what was sent.
    expect(page.get_by_text("The connection broke. Trying again")).to_be_visible(timeout=60_000)
    shown = page.locator("[data-sending] progress").evaluate("bar => bar.value / bar.max")
    assert 0 < shown < 1

    # Then the page is loaded anew: it lists what is there, and the same file goes on behind it.
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.unroute(PARTS)
    unfinished = page.get_by_role("listitem").filter(has_text="large.ndjson")
    expect(unfinished.get_by_text("Choose the same file again")).to_be_visible(timeout=30_000)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "?from=" in request.url else None)
    choose(page, file)

    # The worker goes through all of it; nothing is written, and the page tells figures.
    expect(page.get_by_text("Nothing has been written yet.")).to_be_visible(timeout=120_000)
    assert asked[0] == broken[0] not in sent, "what was sent is not sent again"
    preview = page.locator(".upload-page").inner_text()
    assert f"{LINES:,} rows would be written" in preview
    active = page.get_by_role("row").filter(has_text=str(LAST_DAY)).locator("td").first.inner_text()
    before, after = (int(figure.replace(",", "")) for figure in active.split("→"))
    assert after - before == PEOPLE

    page.get_by_role("button", name="Take it in").click()
    expect(page.get_by_text(f"{LINES:,} rows written")).to_be_visible(timeout=180_000)
    # Only the aborted requests and what the browser says of them are amiss.
    assert [line for line in window.watch.seen if "ERR_FAILED" not in line] == []


def test_what_is_being_sent_can_be_paused_and_cancelled(window: Window, tmp_path: Path) -> None:
    page = window.open("/upload/")
    page.route(PARTS, lambda route: (page.wait_for_timeout(150), route.continue_()))
    choose(page, a_large_file(tmp_path, "unwanted.ndjson", people=2_500))

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused at")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_text("Sending", exact=True)).to_be_hidden(timeout=30_000)
    page.wait_for_load_state()
    expect(page.get_by_text("unwanted.ndjson")).to_have_count(0)
    window.open("/upload/")
    expect(page.get_by_text("unwanted.ndjson")).to_have_count(0)
