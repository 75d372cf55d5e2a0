"""The simulator on a policy's page: values are changed, numbers follow, nothing is saved."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Window


def _inactive(page: Page) -> int:
    """The number of seats that the sentence tells, once the server has answered."""
    says = page.locator("[data-simulator-says]")
    expect(page.locator("[data-simulator][aria-busy]")).to_have_count(0)
    found = re.search(r"([\d,]+) seats? (?:is|are) inactive today", says.inner_text())
    assert found, says.inner_text()
    return int(found[1].replace(",", ""))


def test_numbers_follow_the_values_before_anything_is_saved(window: Window) -> None:
    page = window.open("/seats/inactivitypolicy/", and_wait=True)
    page.get_by_role("link", name="everybody").first.click()
    says = page.locator("[data-simulator-says]")
    expect(says).to_contain_text("After 30 days without use")
    at_30 = _inactive(page)

    page.get_by_role("spinbutton", name="Idle days").fill("90")
    expect(says).to_contain_text("After 90 days without use")
    at_90 = _inactive(page)
    page.get_by_role("spinbutton", name="Idle days").fill("0")
    expect(says).to_contain_text("Nothing to show")

    page.reload()
    expect(says).to_contain_text("After 30 days without use")
    assert 0 < at_90 < at_30 == _inactive(page)
    assert window.watch.seen == []


def test_a_new_policy_is_simulated_for_the_account_that_is_chosen(window: Window) -> None:
    page = window.open("/seats/inactivitypolicy/add/", and_wait=True)
    says = page.locator("[data-simulator-says]")
    expect(says).to_contain_text("After 30 days without use")
    everybody = _inactive(page)

    page.locator(".field-account .select2-selection").click()
    page.locator(".select2-search__field").fill("octo-labs")
    page.get_by_role("option", name="octo-labs").click()

    expect(page.locator("[data-simulator] tbody th", has_text="octo-apps")).to_have_count(0)
    assert 0 < _inactive(page) < everybody
    assert window.watch.seen == []
