"""Rows as CSV, XLSX or NDJSON, in constant memory.

Empty is unknown. Days are `YYYY-MM-DD`, instants UTC with a `Z` and no fractions. Text that a spreadsheet
would take for a formula gets a leading `'` in CSV and XLSX, see https://owasp.org/www-community/attacks/CSV_Injection;
NDJSON is for programs and keeps every value as it is, with its type.
"""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, BinaryIO, TypeVar

import msgspec
from django.http import StreamingHttpResponse

from portal.reports.base import Column, Report, ReportError, ReportQuery, Row, Value

T = TypeVar("T")

CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ndjson": "application/x-ndjson; charset=utf-8",
}
FORMATS = tuple(CONTENT_TYPES)

ROWS_AT_ONCE = 1000
BYTES_AT_ONCE = 1 << 16
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# The limits of the format itself.
XLSX_ROWS = 1_048_576
XLSX_CELL = 32_767
XLSX_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


# --- Values -----------------------------------------------------------------------------------


def safe(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


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
    if isinstance(written, str):
        return XLSX_FORBIDDEN.sub("\ufffd", written)[:XLSX_CELL]
    # A double holds whole numbers exactly up to here only.
    return str(written) if isinstance(written, int) and abs(written) > 2**53 else written


def _typed(value: Any) -> Any:
    """A value as NDJSON holds it: numbers plain, never 1E-9."""
    if isinstance(value, Decimal):
        return msgspec.Raw(f"{value:f}".encode())
    return instant(value) if isinstance(value, datetime) else value


# --- Formats ----------------------------------------------------------------------------------

_encoder = msgspec.json.Encoder()


def _csv(columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[bytes]:
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

    writer.writerow([column.name for column in columns])
    for row in rows:
        writer.writerow([value if type(value) is int else cell(value) for value in row])
        if len(lines) >= ROWS_AT_ONCE:
            yield taken()
    yield taken()


def _ndjson(records: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    remaining = iter(records)
    while batch := list(islice(remaining, ROWS_AT_ONCE)):
        yield b"".join(
            _encoder.encode({key: _typed(value) for key, value in record.items()}) + b"\n" for record in batch
        )


def _xlsx(columns: Sequence[Column], rows: Iterable[Row], title: str) -> Iterator[bytes]:
    # Imported here: it costs every other command a tenth of a second.
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    room = 0
    names = [column.name for column in columns]
    sheet = None
    for row in rows:
        if sheet is None or room == 0:
            sheet = _sheet(book, names, title)
            room = XLSX_ROWS - 1
        sheet.append([_spreadsheet_cell(value) for value in row])
        room -= 1
    if sheet is None:
        _sheet(book, names, title)
    with tempfile.TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        while chunk := file.read(BYTES_AT_ONCE):
            yield chunk


def _sheet(book: Any, names: Sequence[str], title: str) -> Any:
    """A further sheet with a header line that stays in sight."""
    number = len(book.worksheets) + 1
    sheet = book.create_sheet(title[:28] if number == 1 else f"{title[:25]} {number}")
    sheet.freeze_panes = "A2"
    sheet.append(names)
    return sheet


# --- Doors ------------------------------------------------------------------------------------


def stream(
    report: Report, query: ReportQuery, file_format: str, counted: Callable[[int], None] | None = None
) -> Iterator[bytes]:
    """The report as chunks of bytes. A bad question raises ReportError here, not at the first chunk.

    `counted` is called once, after the last row, with the number of rows.
    """
    if file_format not in CONTENT_TYPES:
        raise ReportError(f"The format is one of {', '.join(FORMATS)}, not {file_format!r}.")
    if query.shape and file_format != "ndjson":
        raise ReportError(f"--shape {query.shape} needs --format ndjson.")
    report.check(query)
    if file_format == "ndjson":
        return _ndjson(_counting(report.records(query), counted))
    return stream_rows(
        report.columns(query), _counting(report.rows(query), counted), file_format, report.name
    )


def stream_rows(
    columns: Sequence[Column], rows: Iterable[Row], file_format: str, title: str = "Rows"
) -> Iterator[bytes]:
    """Any rows under any columns as chunks of bytes, in one of FORMATS."""
    if file_format == "xlsx":
        return _xlsx(columns, rows, title)
    if file_format == "csv":
        return _csv(columns, rows)
    names = [column.name for column in columns]
    return _ndjson(dict(zip(names, row, strict=True)) for row in rows)


def _counting(rows: Iterable[T], counted: Callable[[int], None] | None) -> Iterator[T]:
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
    response = StreamingHttpResponse(chunks, content_type=CONTENT_TYPES[file_format])
    stamp = datetime.now(UTC).date()
    response["Content-Disposition"] = f'attachment; filename="{name}-{stamp}.{file_format}"'
    # Names of people: no cache on the way keeps a copy.
    response["Cache-Control"] = "no-store"
    return response
