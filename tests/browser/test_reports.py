"""A report from its question to a mail that comes by itself."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Window
from tests.browser.holding import axe, serious_violations, too_wide


def test_from_a_question_to_a_scheduled_report(window: Window, tmp_path: Path) -> None:
    page = window.open("/reports/")
    page.get_by_role("link", name="People", exact=True).last.click()
    page.get_by_label("Period", exact=True).select_option("last-28-days")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Count all")).to_be_visible()
    page.get_by_role("link", name="Count all").click()
    counted = int(page.locator("[data-count]").get_attribute("data-count") or 0)
    assert counted > 50

    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    download.value.save_as(tmp_path / "people.csv")
    with (tmp_path / "people.csv").open(newline="") as file:
        assert sum(1 for _ in csv.DictReader(file)) == counted

    page.get_by_label("Name", exact=True).fill("People of four weeks")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("“People of four weeks” is saved.")).to_be_visible()
    page.get_by_role("link", name="Schedule it").click()
    page.locator("#id_recipients").fill("admin@example.com")
    page.get_by_role("button", name="Save", exact=True).click()
    refused = page.get_by_text("belongs to nobody who can log in")
    expect(refused).to_be_visible()

    # Once the admin has that address, it may go there.
    window.open("/auth/user/1/change/")
    page.locator("#id_email").fill("admin@example.com")
    page.get_by_role("button", name="Save", exact=True).click()
    window.open("/reports/")
    page.get_by_role("link", name="Rename, share, schedule").first.click()
    page.get_by_role("link", name="Schedule", exact=True).click()
    page.locator("#id_recipients").fill("admin@example.com")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="People of four weeks").first.click()
    page.get_by_role("button", name="Run now").click()
    page.get_by_role("link", name="See the run").click()

    def is_done() -> bool:
        page.reload()
        return page.get_by_text("admin@example.com (sent)").count() > 0

    for _ in range(60):
        if is_done():
            break
        page.wait_for_timeout(1000)
    expect(page.get_by_text("admin@example.com (sent)").first).to_be_visible()
    expect(page.get_by_role("link", name="Download the file")).to_be_visible()
    window.open("/portal/reportrun/")
    expect(page.get_by_role("link", name="People of four weeks").first).to_be_visible()
    assert window.watch.seen == []


@pytest.mark.parametrize("window", [(390, "dark"), (1440, "light")], indirect=True)
def test_pages_of_reports_fit_and_are_accessible(window: Window) -> None:
    script = axe()
    for path in ("/reports/", "/reports/seats/", "/portal/savedreport/", "/portal/reportschedule/add/"):
        page = window.open(path)
        assert too_wide(page) == "", path
        assert serious_violations(page, script) == [], path
