"""The dashboards as a person sees them: panels appear, controls apply at once, all can be taken along."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Window
from tests.browser.holding import axe, missed_by_the_keyboard, serious_violations, too_wide

BUSY = "#dashboard [aria-busy='true']"
# What Chart.js has drawn of the first panel with a chart.
CHART = "Chart.getChart(document.querySelector('[data-chart] canvas'))"


def all_there(page: Page) -> Page:
    """The page, once each of its panels has said something."""
    expect(page.locator("#dashboard")).not_to_have_class(re.compile("dash-busy"))
    expect(page.locator(BUSY)).to_have_count(0, timeout=20_000)
    return page


@pytest.fixture
def overview(window: Window) -> Iterator[Page]:
    yield all_there(window.open("/usage/overview/"))
    assert window.watch.seen == [], "\n".join(window.watch.seen)


def drawn_days(page: Page) -> int:
    days: int = page.evaluate(f"{CHART}.data.labels.length")
    return days


def test_panels_appear_and_controls_apply_at_once(overview: Page) -> None:
    page = overview
    expect(page.locator(".dash-failed, .dash-skeleton")).to_have_count(0)
    expect(page.locator(".dash-words")).to_contain_text("active")
    assert drawn_days(page) == 28

    page.get_by_label("Period", exact=True).focus()
    page.get_by_label("Period", exact=True).select_option("7 days")
    page.wait_for_url("**/usage/overview/?*period=7*")
    expect(page.get_by_label("Period", exact=True)).to_be_focused()
    assert drawn_days(all_there(page)) == 7

    page.get_by_label("Leave weekends out").check()
    page.wait_for_url("**weekends=0*")
    assert drawn_days(all_there(page)) == 5

    page.go_back()
    page.wait_for_url(lambda url: "weekends" not in url)
    expect(page.get_by_label("Leave weekends out")).not_to_be_checked()
    assert drawn_days(all_there(page)) == 7
    # The pages of the sidebar are about the same days.
    expect(page.get_by_role("link", name="Features and chat modes")).to_have_attribute(
        "href", re.compile("period=7")
    )

    page.get_by_label("From", exact=True).fill("2026-01-01")
    page.get_by_label("From", exact=True).press("Tab")
    page.wait_for_url("**from=2026-01-01*")
    assert "period" not in page.url


def test_a_panel_can_be_read_as_a_table_and_taken_along(overview: Page) -> None:
    panel = overview.locator(".dash-panel:has([data-chart])").first
    canvas = panel.get_by_role("img")
    expect(canvas).to_have_attribute(
        "aria-label", re.compile(r"28 from 20\d\d-.+The same numbers are in the")
    )

    panel.get_by_text("Table", exact=True).click()
    expect(panel.locator("tbody tr")).to_have_count(28)
    panel.get_by_text("Definition", exact=True).click()
    definition, rows_behind = panel.locator(".dash-definition").all()
    expect(definition).to_be_visible()
    expect(rows_behind).to_be_hidden()

    with overview.expect_download() as csv:
        panel.get_by_role("link", name="CSV").click()
    assert re.fullmatch(r"overview-[\w-]+-octo-industries-\d{4}-.+\.csv", csv.value.suggested_filename)
    assert len(csv.value.path().read_text(encoding="utf-8").splitlines()) == 29
    with overview.expect_download() as png:
        panel.get_by_role("button", name="PNG").click()
    assert png.value.suggested_filename == csv.value.suggested_filename.replace(".csv", ".png")
    assert png.value.path().read_bytes().startswith(b"\x89PNG")

    key = panel.locator(".dash-legend button").first
    key.click()
    expect(key).to_have_attribute("aria-pressed", "false")
    assert not overview.evaluate(f"{CHART}.isDatasetVisible(0)")


def test_charts_follow_the_switch_of_the_theme(overview: Page) -> None:
    light = overview.evaluate(f"{CHART}.data.datasets[0].borderColor")

    overview.evaluate("Alpine.$data(document.documentElement).switchTheme('dark')")

    expect(overview.locator("html")).to_have_class(re.compile("dark"))
    assert overview.evaluate(f"{CHART}.data.datasets[0].borderColor") != light
    overview.evaluate("localStorage.removeItem('_x_adminTheme')")


def test_a_panel_that_cannot_be_loaded_can_be_tried_again(window: Window) -> None:
    window.page.route("**/usage/overview/*/?*", lambda route: route.abort(), times=1)
    page = window.open("/usage/overview/")

    page.get_by_role("button", name="Try again").click()

    expect(all_there(page).locator(".dash-failed")).to_have_count(0)
    assert [told for told in window.watch.seen if "ERR_FAILED" not in told] == []


def opened(page: Page) -> Page:
    """The same page with every table and definition in sight."""
    page.evaluate("document.querySelectorAll('.dash-foot details').forEach(part => part.open = true)")
    return page


def test_axe_finds_nothing_serious_on_a_desk(overview: Page) -> None:
    assert serious_violations(opened(overview), axe()) == []


@pytest.mark.parametrize("window", [(390, "dark")], indirect=True, ids=["phone-dark"])
def test_every_page_of_the_sidebar_fits_a_phone_and_loads_all_its_panels(window: Window) -> None:
    script, found = axe(), []
    page = all_there(window.open("/usage/overview/"))
    links = page.locator("#nav-sidebar-apps a[href*='/usage/']")
    for path in links.evaluate_all("links => links.map(link => link.pathname)"):
        opened(all_there(window.open(path)))
        found += [f"{path}: {told}" for told in (too_wide(page), *serious_violations(page, script)) if told]
        found += [f"{path}: {text}" for text in page.locator(".dash-failed").all_inner_texts()]

    assert found == []
    assert window.watch.seen == [], "\n".join(window.watch.seen)


def test_the_keyboard_reaches_everything(window: Window) -> None:
    page = all_there(window.open("/usage/code-generation/"))

    assert missed_by_the_keyboard(page) == []
