"""What a report looks like as a file."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from portal.reports import writers
from portal.reports.base import Column, Report, ReportError, ReportQuery, Row, Value, columns_named

COLUMNS = columns_named("name", "value")


def text_of(*rows: Row, columns: list[Column] = COLUMNS) -> str:
    return b"".join(writers.stream_rows(columns, rows, "csv")).decode()


def sheet_of(*rows: Row) -> list[tuple[Any, ...]]:
    book = load_workbook(io.BytesIO(b"".join(writers.stream_rows(COLUMNS, rows, "xlsx"))))
    return list(book.worksheets[0].values)


def objects_of(*rows: Row) -> list[dict[str, Any]]:
    lines = b"".join(writers.stream_rows(COLUMNS, rows, "ndjson")).decode().split("\n")[:-1]
    return [json.loads(line) for line in lines]


def test_csv_has_a_header_lf_line_ends_and_no_bom() -> None:
    assert text_of(("zoë", 1), ("b", 2)) == "name,value\nzoë,1\nb,2\n"


def test_no_rows_are_a_header_alone() -> None:
    assert text_of() == "name,value\n"
    assert sheet_of() == [("name", "value")]
    assert objects_of() == []


def test_unknown_is_empty_and_nothing_is_zero() -> None:
    assert text_of((None, 0)) == "name,value\n,0\n"
    assert sheet_of(("a", None))[1] == ("a", None)
    assert objects_of((None, 0)) == [{"name": None, "value": 0}]


def test_days_and_instants_are_iso_in_utc_without_fractions() -> None:
    evening = datetime(2026, 10, 31, 23, 30, 1, 999_999, tzinfo=timezone(timedelta(hours=-6)))
    assert text_of((date(2026, 1, 2), evening)) == "name,value\n2026-01-02,2026-11-01T05:30:01Z\n"
    assert objects_of((date(2026, 1, 2), evening)) == [
        {"name": "2026-01-02", "value": "2026-11-01T05:30:01Z"}
    ]
    assert sheet_of((date(2026, 1, 2), evening))[1] == ("2026-01-02", "2026-11-01T05:30:01Z")


def test_decimals_are_plain_and_exact() -> None:
    assert text_of((Decimal("19.00"), Decimal("1E-9"))) == "name,value\n19.00,0.000000001\n"
    line = b"".join(writers.stream_rows(COLUMNS, [(Decimal("19.00"), Decimal("1E+2"))], "ndjson"))
    assert line == b'{"name":19.00,"value":100}\n'


def test_ndjson_keeps_types_and_text_as_it_is() -> None:
    assert objects_of(("=1+1", True), ("-x", 7)) == [
        {"name": "=1+1", "value": True},
        {"name": "-x", "value": 7},
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_could_be_a_formula_is_quoted(start: str) -> None:
    hostile = start + 'HYPERLINK("http://example.com")'
    [_, [name, _]] = list(csv.reader(io.StringIO(text_of((hostile, 1)), newline="")))
    assert name == "'" + hostile
    assert str(sheet_of((hostile, 1))[1][0]).startswith("'")


def test_negative_numbers_stay_numbers() -> None:
    assert text_of((-1, Decimal("-0.5"))) == "name,value\n-1,-0.5\n"
    assert sheet_of((-1, Decimal("-0.5")))[1] == (-1, -0.5)


def test_a_spreadsheet_gets_no_character_it_refuses_and_no_number_it_would_round() -> None:
    assert sheet_of(("a\x00b\x0bc", 2**60))[1] == ("a�b�c", str(2**60))
    assert len(str(sheet_of(("x" * 40_000, 1))[1][0])) == writers.XLSX_CELL


def test_a_spreadsheet_goes_on_in_a_further_sheet_when_one_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "XLSX_ROWS", 3)
    rows = [(str(number), number) for number in range(5)]
    book = load_workbook(io.BytesIO(b"".join(writers.stream_rows(COLUMNS, rows, "xlsx", "numbers"))))
    assert [sheet.title for sheet in book.worksheets] == ["numbers", "numbers 2", "numbers 3"]
    assert [list(sheet.values)[1:] for sheet in book.worksheets] == [rows[:2], rows[2:4], rows[4:]]


def readable() -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.tuples(readable(), st.integers() | readable()), max_size=5))
def test_csv_reads_back_as_written_and_holds_no_formula(rows: list[tuple[Value, Value]]) -> None:
    read = list(csv.reader(io.StringIO(text_of(*rows), newline="")))[1:]
    assert len(read) == len(rows)
    for given_row, found_row in zip(rows, read, strict=True):
        for value, found in zip(given_row, found_row, strict=True):
            if isinstance(value, str):
                assert found in (value, f"'{value}")
                assert not found.startswith(writers.FORMULA_STARTS)
            else:
                assert found == str(value)


@given(st.tuples(readable(), st.integers(-(2**63), 2**63) | st.booleans() | readable()))
def test_ndjson_reads_back_equal(row: tuple[Value, Value]) -> None:
    assert objects_of(row) == [dict(zip(("name", "value"), row, strict=True))]


class Numbers(Report):
    name = "numbers"
    title = "Numbers"
    question = "Which numbers are there?"
    order = "number"
    permission = "portal.view_job"
    options = frozenset({"--days"})
    length = 3

    def columns(self, query: ReportQuery) -> list[Column]:
        return COLUMNS

    def rows(self, query: ReportQuery) -> Iterator[Row]:
        return ((f"number {number}", number) for number in range(self.length))


def test_a_bad_question_is_refused_before_the_first_byte() -> None:
    with pytest.raises(ReportError, match="does not take --team"):
        writers.stream(Numbers(), ReportQuery(team="frontend"), "csv")
    with pytest.raises(ReportError, match="csv, xlsx, ndjson"):
        writers.stream(Numbers(), ReportQuery(), "pdf")


def test_a_download_streams_and_is_kept_by_no_cache() -> None:
    response = writers.download(Numbers(), ReportQuery(), "csv")
    assert response.streaming
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Cache-Control"] == "no-store"
    assert f'numbers-{datetime.now(UTC).date()}.csv"' in response["Content-Disposition"]
    assert b"".join(response) == b"name,value\nnumber 0,0\nnumber 1,1\nnumber 2,2\n"  # type: ignore[arg-type]


def test_writing_tells_the_number_of_rows() -> None:
    target = io.BytesIO()
    for file_format in writers.FORMATS:
        assert writers.write(Numbers(), ReportQuery(), file_format, target) == 3


@pytest.mark.parametrize("file_format", ["csv", "ndjson"])
def test_memory_does_not_grow_with_the_rows(file_format: str) -> None:
    class ManyNumbers(Numbers):
        length = 60_000

    tracemalloc.start()
    written = sum(len(chunk) for chunk in writers.stream(ManyNumbers(), ReportQuery(), file_format))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert written > 1_000_000
    assert peak < 1_000_000


@pytest.mark.parametrize("file_format", writers.FORMATS)
def test_a_download_begins_before_its_first_row_is_worked_out(file_format: str) -> None:
    worked_out = []

    def rows() -> Iterator[Row]:
        worked_out.append(True)
        yield ("ann", 1)

    chunks = writers.stream_rows(COLUMNS, rows(), file_format)
    sent = iter(writers.as_download(chunks, "people", file_format))

    # The server sends the head of its answer with the first chunk, be it empty.
    next(sent)
    assert not worked_out
    assert b"".join(sent)
    assert worked_out
