"""Files as other programs write them: every value in them is read, or it is said which is not."""

from __future__ import annotations

import io
import json
import re
import time
import tracemalloc
import zipfile
from typing import Any

import pytest
from django.test import Client
from openpyxl import Workbook
from openpyxl.styles import Font

from seats.models import CostCentre, InactivityPolicy
from seats.sheets.formats import CSV, MOST_COLUMNS, NDJSON, XLSX, Unreadable
from seats.sheets.workbook import MOST_EMPTY
from tests.seats.sheets.pages import bring, choose
from tests.seats.sheets.test_there_and_back import taken_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def workbook(rows: list[list[Any]]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    return saved(book)


def saved(book: Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def with_sheet(content: bytes, pattern: str, replacement: str) -> bytes:
    """The workbook with the text of its first sheet altered."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as was, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as now:
        for part in was.infolist():
            text = was.read(part)
            if part.filename == "xl/worksheets/sheet1.xml":
                altered = re.sub(pattern, replacement, text.decode())
                assert altered != text.decode()
                text = altered.encode()
            now.writestr(part.filename, text)
    return file.getvalue()


@pytest.mark.parametrize("said", ["A1:B5", "A1", "A1:A12"])
def test_what_a_workbook_says_of_its_size_is_no_reason_to_read_less(said: str) -> None:
    rows = [["code", "name"], *([f"c{number}", f"n{number}"] for number in range(11))]
    content = with_sheet(workbook(rows), '<dimension ref="[^"]*"', f'<dimension ref="{said}"')
    sheet = XLSX().read(content)
    assert (sheet.headers, sheet.rows, sheet.numbers) == (rows[0], rows[1:], [*range(2, 13)])


def test_a_format_in_the_last_row_of_all_costs_nothing(olga_client: Client) -> None:
    book = Workbook()
    for row in (["code", "name"], ["A1", "eins"]):
        book.active.append(row)
    book.active["A1048576"].font = Font(bold=True)
    began = time.perf_counter()
    page = choose(olga_client, "costcentre", saved(book), "a.xlsx")
    assert page.context["found"]["totals"] == {"new": 1, "changed": 0, "same": 0}
    assert time.perf_counter() - began < 5


def test_a_value_in_the_last_row_of_all_is_read() -> None:
    book = Workbook()
    book.active.append(["code", "name"])
    book.active["A1048576"] = "far"
    sheet = XLSX().read(saved(book))
    assert (sheet.rows, sheet.numbers) == ([["far", None]], [1_048_576])


def test_endless_rows_of_formats_alone_are_refused_in_words() -> None:
    row = '<row r="2"><c r="A2" s="1"/></row>'
    content = with_sheet(
        workbook([["code", "name"]]), "</sheetData>", row * (MOST_EMPTY // 2 + 1) + "</sheetData>"
    )
    with pytest.raises(Unreadable, match=r"Above row 3, .* Delete these rows in your spreadsheet"):
        XLSX().read(content)


def test_a_value_beyond_all_headers_is_refused_however_far_it_stands() -> None:
    book = Workbook()
    for row in (["code", "name"], ["A1", "eins"]):
        book.active.append(row)
    book.active["XFD2"] = "far"
    with pytest.raises(Unreadable, match="Row 2 has more cells than there are headers"):
        XLSX().read(saved(book))


def test_a_formula_that_was_never_computed_is_wrong_in_its_row_and_column() -> None:
    CostCentre.objects.create(code="A1", name="kept")
    content = workbook([["code", "name"], ["A1", '="x"'], ["=1+1", "=2+2"]])
    outcome = taken_in("costcentre", content, XLSX())
    wrong = {(one["number"], one["column"]): one["says"] for one in outcome["wrong"]}
    assert wrong.keys() == {(2, "name"), (3, "code"), (3, "name")}
    assert wrong[2, "name"] == [
        "This is a formula without a value. Open and save the file in Excel, or paste values."
    ]
    assert CostCentre.objects.get().name == "kept"

    days = workbook([["scope", "starts_on", "idle_days", "sign_in_counts"], ["everybody", "=A1", "=1", "=1"]])
    found = taken_in("inactivitypolicy", days, XLSX())["wrong"]
    assert {one["column"] for one in found} == {"starts_on", "idle_days", "sign_in_counts"}
    assert not InactivityPolicy.objects.filter(starts_on="2026-11-20").exists()


def test_a_formula_counts_as_what_was_computed_and_may_be_no_text() -> None:
    content = workbook([["code", "name"], ["A1", "=1+1"], ["A2", '=""']])
    content = with_sheet(content, r'<c r="B2"><f>1\+1</f><v ?/>', '<c r="B2"><f>1+1</f><v>2</v>')
    content = with_sheet(content, r'<c r="B3"><f>""</f><v ?/>', '<c r="B3" t="str"><f>""</f><v></v>')
    assert XLSX().read(content).rows == [["A1", 2], ["A2", None]]


def test_a_header_that_is_a_formula_without_a_value_is_named() -> None:
    with pytest.raises(Unreadable, match="Row 1, column 2: the header is a formula without a value"):
        XLSX().read(workbook([["code", "=A1"], ["A1", "x"]]))


def test_ndjson_has_as_many_columns_as_any_sheet_and_is_not_read_to_its_end_for_it() -> None:
    lines = "".join(json.dumps({f"c{number}": 1}) + "\n" for number in range(10_000)).encode()
    tracemalloc.start()
    try:
        with pytest.raises(Unreadable, match=rf"more than {MOST_COLUMNS} columns. Line 201 has one too many"):
            NDJSON().read(lines)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    widest = json.dumps({f"c{number}": number for number in range(MOST_COLUMNS)}).encode()
    assert len(NDJSON().read(widest).headers) == MOST_COLUMNS


@pytest.mark.parametrize("value", [r"\ud83d", r"a\u0000"])
def test_half_a_character_and_nul_in_ndjson_are_told_with_row_and_column(
    olga_client: Client, value: str
) -> None:
    line = f'{{"code": "A0"}}\n{{"code": "A1", "name": "{value}"}}\n'
    page = bring(olga_client, "costcentre", line, "a.ndjson")
    [wrong] = page.context["found"]["wrong"]
    assert (wrong["number"], wrong["column"], "in this text." in wrong["says"][0]) == (2, "name", True)

    page = choose(olga_client, "costcentre", f'{{"code": "A0"}}\n{{"{value}": "A1"}}\n', "a.ndjson")
    assert "Line 2, the name" in page.context["error"]
    assert "in this text." in page.context["error"]
    assert not CostCentre.objects.exists()


@pytest.mark.parametrize("content", [b"code,na\x00me\nA1,x\n", "code,name\nA1,x\n".encode("utf-16-le")])
def test_a_header_with_nul_is_told_with_its_place(olga_client: Client, content: bytes) -> None:
    page = choose(olga_client, "costcentre", content)
    assert re.search(r"Row 1, column \d, a header: There is a NUL character", page.context["error"])


def test_a_header_with_nul_is_no_sheet_in_any_format() -> None:
    with pytest.raises(Unreadable, match="Row 1, column 2"):
        CSV().read(b"code,na\x00me\nA1,x\n")
