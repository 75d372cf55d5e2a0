"""The way this portal is for: bring files, see what they would do, find idle seats, take the list away."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Window

NOW = datetime.now(UTC)
ORGANIZATION = "tentacle-works"


def seat(number: int, login: str, last_used_days_ago: int | None) -> dict[str, Any]:
    """A seat as GitHub lists it, granted a year ago."""
    used = None if last_used_days_ago is None else instant(last_used_days_ago)
    return {
        "created_at": instant(365),
        "updated_at": instant(1),
        "pending_cancellation_date": None,
        "last_activity_at": used,
        "last_activity_editor": "vscode/1.105.0/copilot-chat/0.32.0" if used else None,
        "last_authenticated_at": used,
        "plan_type": "business",
        "assignee": {"login": login, "id": number, "type": "User"},
        "assigning_team": None,
    }


def instant(days_ago: int) -> str:
    return (NOW - timedelta(days=days_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_from_a_file_to_the_list_of_idle_seats(window: Window, tmp_path: Path) -> None:
    seats = [seat(900_001, "tess-active", 1), seat(900_002, "ivo-idle", 60), seat(900_003, "nan-never", None)]
    file = tmp_path / "what I saved.json"
    file.write_text(json.dumps({"total_seats": len(seats), "seats": [*seats, {"assignee": 12}]}))

    page = window.open("/")
    page.get_by_role("link", name="Upload").first.click()
    page.get_by_label("Drop files here, or choose them").set_input_files(file)
    page.get_by_label("Organization", exact=True).fill(ORGANIZATION)
    page.get_by_role("button", name="Upload and preview").click()

    # The preview says what it is and what would happen, and nothing has happened.
    expect(page.get_by_text("Nothing has been written yet.")).to_be_visible(timeout=60_000)
    preview = page.locator(".upload-page").inner_text()
    assert "what I saved.json" in preview
    assert "3 rows would be written" in preview
    assert "1 rejected" in preview
    window.open("/seats/seat/?q=ivo-idle")
    assert page.get_by_role("link", name="ivo-idle").count() == 0
    page.go_back()

    page.get_by_role("button", name="Take").click()
    expect(page.get_by_text("3 rows written")).to_be_visible(timeout=60_000)

    # The list, filtered to what the policy would take back.
    page.get_by_role("link", name="See the seats").click()
    page.get_by_role("button", name="Filters").or_(page.get_by_text("Filters", exact=True)).first.click()
    page.locator("select[name=verdict]").select_option("idle")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**verdict=idle**")
    page.get_by_placeholder("Login").first.fill("ivo-idle")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="ivo-idle")).to_be_visible()

    with page.expect_download() as downloading:
        page.get_by_role("link", name="Export CSV").click()
    downloading.value.save_as(tmp_path / "idle.csv")
    with (tmp_path / "idle.csv").open(encoding="utf-8-sig", newline="") as saved:
        rows = list(csv.DictReader(saved))
    assert [(row["organization"], row["login"], row["verdict"]) for row in rows] == [
        (ORGANIZATION, "ivo-idle", "idle")
    ]
    assert window.watch.seen == []
