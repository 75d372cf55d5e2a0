"""Rows as CSV, XLSX or NDJSON, in constant memory.

Empty is unknown. Days are `YYYY-MM-DD`, instants UTC with a `Z` and no fractions. Text that a spreadsheet
would take for a formula gets a leading `'` in CSV and XLSX (see `formula_quotes`); NDJSON is for programs and
keeps every value as it is, with its type.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, BinaryIO, TypeVar

import msgspec
from django.http import StreamingHttpResponse

from portal.reports import header as headers
from portal.reports.base import Column, Report, ReportError, ReportQuery, Row, Value
from portal.reports.formula_quotes import FORMULA_STARTS as FORMULA_STARTS
from portal.reports.formula_quotes import as_meant as as_meant
from portal.reports.formula_quotes import safe as safe
from portal.reports.header import Header
from portal.reports.spreadsheet import LONGEST_CELL, ROWS_OF_A_SHEET, Spreadsheet

T = TypeVar("T")

CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ndjson": "application/x-ndjson; charset=utf-8",
}
FORMATS = tuple(CONTENT_TYPES)

ROWS_AT_ONCE = 1000
XLSX_ROWS = ROWS_OF_A_SHEET
XLSX_CELL = LONGEST_CELL


# --- Values -----------------------------------------------------------------------------------


def instant(at: datetime) -> str:
    """`2026-10-31T08:15:00Z`; fractions of a second are cut off."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def cell(value: Value) -> str | int | None:
    """A value as CSV holds it."""
    if value is None:
        return None
    if isinstance(value, str):
        return safe(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal):
        return f"{value:f}"
    return instant(value) if isinstance(value, datetime) else value.isoformat()


def _spreadsheet_cell(value: Value) -> str | int | Decimal | None:
    if isinstance(value, Decimal):
        return value
    written = cell(value)
    # A double holds whole numbers exactly up to here only.
    return str(written) if isinstance(written, int) and abs(written) > 2**53 else written


def _typed(value: Any) -> Any:
    """A value as NDJSON holds it: numbers plain, never 1E-9."""
    if isinstance(value, Decimal):
        return msgspec.Raw(f"{value:f}".encode())
    return instant(value) if isinstance(value, datetime) else value


# --- Formats ----------------------------------------------------------------------------------

_encoder = msgspec.json.Encoder()


def _csv(columns: Sequence[Column], rows: Iterable[Row], header: Header | None) -> Iterator[bytes]:
    lines: list[str] = []

    class _Lines:
        write = lines.append

    # Ended by CR LF towards the csv module, which then quotes a lone CR inside a value as well; the
    # file's own lines end in LF.
    writer = csv.writer(_Lines, lineterminator="\r\n")

    def taken() -> bytes:
        text = "".join(f"{line[:-2]}\n" for line in lines)
        lines.clear()
        return text.encode()

    for label, value in header.lines() if header else ():
        writer.writerow([f"# {label}: {value}"])
    writer.writerow([column.name for column in columns])
    # Who waits sees that it has begun, however long the first rows take.
    yield taken()
    for row in rows:
        writer.writerow([value if type(value) is int else cell(value) for value in row])
        if len(lines) >= ROWS_AT_ONCE:
            yield taken()
    yield taken()


def _ndjson(records: Iterable[Mapping[str, Any]], header: Header | None) -> Iterator[bytes]:
    if header is not None:
        told = {"header": {"facts": dict(header.facts), "columns": dict(header.columns)}}
        yield _encoder.encode(told) + b"\n"
    remaining = iter(records)
    # The first ones leave by themselves: who waits sees that it has begun.
    number = 1
    while batch := list(islice(remaining, number)):
        number = ROWS_AT_ONCE
        yield b"".join(
            _encoder.encode({key: _typed(value) for key, value in record.items()}) + b"\n" for record in batch
        )


def _xlsx(
    columns: Sequence[Column], rows: Iterable[Row], title: str, header: Header | None
) -> Iterator[bytes]:
    book = Spreadsheet()
    cells = ([_spreadsheet_cell(value) for value in row] for row in rows)
    yield from book.sheets(title, [column.name for column in columns], cells, XLSX_ROWS)
    if header is not None:
        about = ([safe(label), safe(value)] for label, value in header.lines())
        yield from book.sheets(headers.NAME, ["about", "this file"], about)
    yield from book.end()


# --- Doors ------------------------------------------------------------------------------------


def stream(
    report: Report,
    query: ReportQuery,
    file_format: str,
    counted: Callable[[int], None] | None = None,
    header: Header | None = None,
) -> Iterator[bytes]:
    """The report as chunks of bytes. A bad question raises ReportError here, not at the first chunk.

    `counted` is called once, after the last row, with the number of rows. `header` says what the file is:
    lines that begin with `#` in CSV, a second sheet in XLSX, the first record in NDJSON.
    """
    if file_format not in CONTENT_TYPES:
        raise ReportError(f"The format is one of {', '.join(FORMATS)}, not {file_format!r}.")
    if query.shape and file_format != "ndjson":
        raise ReportError(f"--shape {query.shape} needs --format ndjson.")
    report.check(query)
    if file_format == "ndjson":
        return _ndjson(counting(report.records(query), counted), header)
    return stream_rows(
        report.columns(query), counting(report.rows(query), counted), file_format, report.name, header
    )


def stream_rows(
    columns: Sequence[Column],
    rows: Iterable[Row],
    file_format: str,
    title: str = "Rows",
    header: Header | None = None,
) -> Iterator[bytes]:
    """Any rows under any columns as chunks of bytes, in one of FORMATS."""
    if file_format == "xlsx":
        return _xlsx(columns, rows, title, header)
    if file_format == "csv":
        return _csv(columns, rows, header)
    names = [column.name for column in columns]
    return _ndjson((dict(zip(names, row, strict=True)) for row in rows), header)


def counting(rows: Iterable[T], counted: Callable[[int], None] | None) -> Iterator[T]:
    """The rows; how many there were is said once, after the last."""
    number = 0
    for row in rows:
        number += 1
        yield row
    if counted is not None:
        counted(number)


def write(report: Report, query: ReportQuery, file_format: str, target: BinaryIO) -> int:
    """Write the report into an open binary file; returns the number of rows."""
    numbers: list[int] = []
    for chunk in stream(report, query, file_format, numbers.append):
        target.write(chunk)
    return numbers[0]


def download(report: Report, query: ReportQuery, file_format: str) -> StreamingHttpResponse:
    """The report as a file to save. ReportError is raised before anything is sent."""
    return as_download(stream(report, query, file_format), report.name, file_format)


def as_download(chunks: Iterator[bytes], name: str, file_format: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(_begun(chunks), content_type=CONTENT_TYPES[file_format])
    stamp = datetime.now(UTC).date()
    response["Content-Disposition"] = f'attachment; filename="{name}-{stamp}.{file_format}"'
    # Names of people: no cache on the way keeps a copy.
    response["Cache-Control"] = "no-store"
    return response


def _begun(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks behind an empty one: with the first, whatever it holds, gunicorn sends the head.

    So a browser shows the download at once, however long the first row of NDJSON is worked out.
    """
    yield b""
    yield from chunks
