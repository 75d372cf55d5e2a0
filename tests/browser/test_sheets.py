"""A sheet of another system, from the file to the list: mapped, tried, taken in, out, and the same again."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Window
from tests.browser.holding import axe, serious_violations, too_wide

HR = "Number;Bezeichnung;Responsible;Shoe size\n0815;=Moon;mia@example.com;38\n4711;Research;;40\n"


def test_a_sheet_is_mapped_tried_taken_in_and_comes_out_the_same(window: Window, tmp_path: Path) -> None:
    file = tmp_path / "centres.csv"
    file.write_text(HR)
    script = axe()
    found: list[str] = []

    def holds(step: str) -> None:
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 900})
            found.extend(f"{step} at {width}: {one}" for one in serious_violations(page, script))
            if misfit := too_wide(page):
                found.append(f"{step} at {width} is {misfit}")
        page.set_viewport_size({"width": 1440, "height": 900})

    page = window.open("/seats/costcentre/")
    page.get_by_role("link", name="Import").click()
    holds("choosing")
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Go on").click()

    expect(page.get_by_label("Number")).to_have_value("code")
    expect(page.get_by_label("Bezeichnung")).to_have_value("name")
    expect(page.get_by_label("Shoe size")).to_have_value("")
    holds("columns")
    page.get_by_role("button", name="Show what would change").click()

    expect(page.get_by_text("Nothing has been written yet.")).to_be_visible()
    expect(page.locator("td ins").filter(has_text="=Moon")).to_be_visible()
    holds("preview")
    page.get_by_role("button", name="Take it in").click()
    expect(page.get_by_text("Taken in: 2 new, 0 changed, 0 the same.")).to_be_visible()

    for file_format in ("XLSX", "NDJSON", "CSV"):
        window.open("/seats/costcentre/")
        page.get_by_role("link", name="Export").click()
        with page.expect_download() as downloading:
            page.get_by_role("button", name=file_format, exact=True).click()
        out = tmp_path / downloading.value.suggested_filename
        downloading.value.save_as(out)
        window.open("/seats/costcentre/import/")
        page.get_by_label("File").set_input_files(out)
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_text("Nothing to change.", exact=True)).to_be_visible()
    assert "0815,'=Moon,mia@example.com" in out.read_text()

    out.write_text("code,name\n0815,\n,x\n")
    window.open("/seats/costcentre/import/")
    page.get_by_label("File").set_input_files(out)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("cell", name="This field cannot be blank.")).to_be_visible()
    holds("what is wrong")
    assert not found, "\n".join(found)
    assert not window.watch.seen, "\n".join(window.watch.seen)
