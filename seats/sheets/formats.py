"""Sheets as CSV, XLSX and NDJSON, out and in again the same.

A text that a spreadsheet would take for a formula gets a quote in CSV and XLSX (the writers' `safe`),
and only there is it taken off again. Numbers and days are never touched.
"""

from __future__ import annotations

import csv
import io
import json
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

import msgspec
from import_export.formats.base_formats import Format

from portal.reports import writers

# A sheet is read whole, and a packed one may unpack to anything.
MOST_BYTES = 200 * 1024 * 1024
MOST_COLUMNS = 200
BYTES_AT_ONCE = 1 << 16
# The first day that every spreadsheet counts alike.
FIRST_DAY = date(1901, 1, 1)
MAGIC = b"PK\x03\x04"
DELIMITERS = (",", ";", "\t")

TOO_WIDE = f"It has more than {MOST_COLUMNS} columns."
COMPUTE_IT = "Open and save the file in Excel, or paste values."

Cell = str | int | Decimal | bool | date | None


class NoValue:
    """A formula whose value the file does not hold: a program wrote it, no spreadsheet computed it."""

    def __str__(self) -> str:
        return "a formula without a value"


NO_VALUE = NoValue()


class Unreadable(Exception):
    """A file that is no sheet; str() says what to do."""


@dataclass(slots=True)
class Sheet:
    """What a file holds: headers, rows of as many cells, and where each row stands in the file."""

    headers: list[str]
    rows: list[list[Any]]
    numbers: list[int]


class SheetFormat(Format):
    """As the library names formats, with rows in place of its datasets."""

    name: str

    def get_title(self) -> str:
        return self.name

    def get_extension(self) -> str:
        return self.name

    def get_content_type(self) -> str:
        return writers.CONTENT_TYPES[self.name]

    def can_import(self) -> bool:
        return True

    def can_export(self) -> bool:
        return True

    def read(self, content: bytes) -> Sheet:
        raise NotImplementedError

    def write(self, headers: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
        raise NotImplementedError


class CSV(SheetFormat):
    name = "csv"

    def read(self, content: bytes) -> Sheet:
        text = _text(content)
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
        try:
            return _sheet(enumerate(([*map(writers.as_meant, line)] for line in lines), 1))
        except csv.Error as error:
            raise Unreadable(f"Line {lines.line_num} is no line of a CSV: {error}.") from None

    def write(self, headers: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
        lines: list[str] = []

        class _Lines:
            write = lines.append

        writer = csv.writer(_Lines, lineterminator="\r\n")
        writer.writerow([*map(writers.safe, headers)])
        remaining = iter(rows)
        while True:
            some = list(islice(remaining, writers.ROWS_AT_ONCE))
            writer.writerows([_as_text(value) for value in row] for row in some)
            # The file's own lines end in LF; a CR inside a cell stands in quotes, since lines ended in CR LF.
            yield "".join(f"{line[:-2]}\n" for line in lines).encode()
            lines.clear()
            if not some:
                return


class XLSX(SheetFormat):
    name = "xlsx"

    def read(self, content: bytes) -> Sheet:
        from seats.sheets.workbook import rows_of

        try:
            packed = zipfile.ZipFile(io.BytesIO(content))
            if sum(part.file_size for part in packed.infolist()) > MOST_BYTES:
                raise Unreadable("The workbook unpacks to more than 200 MB. Split it.")
            return _sheet((number, [_read_cell(value) for value in row]) for number, row in rows_of(content))
        except Unreadable:
            raise
        except Exception as error:
            raise Unreadable("This is no workbook that can be read. Save it as XLSX once more.") from error

    def write(self, headers: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
        from openpyxl import Workbook
        from openpyxl.cell import WriteOnlyCell

        book = Workbook(write_only=True)
        sheet = book.create_sheet("Rows")
        sheet.freeze_panes = "A2"

        def cell(value: Cell) -> Any:
            if isinstance(value, str):
                # Said to be text, lest #N/A be an error and 007 a number.
                written = WriteOnlyCell(sheet, _escaped(writers.safe(value)))
                written.data_type = "s"
                return written
            if isinstance(value, date):
                if value < FIRST_DAY:
                    return value.isoformat()
                written = WriteOnlyCell(sheet, value)
                written.number_format = "yyyy-mm-dd"
                return written
            # A double holds whole numbers exactly up to here only.
            return str(value) if type(value) is int and abs(value) > 2**53 else value

        sheet.append([cell(header) for header in headers])
        for row in rows:
            sheet.append([cell(value) if value != "" else None for value in row])
        with tempfile.TemporaryFile() as file:
            book.save(file)
            file.seek(0)
            while chunk := file.read(BYTES_AT_ONCE):
                yield chunk


class NDJSON(SheetFormat):
    name = "ndjson"

    def read(self, content: bytes) -> Sheet:
        records: list[dict[str, Any]] = []
        numbers: list[int] = []
        headers: dict[str, None] = {}
        for number, line in enumerate(_text(content).split("\n"), 1):
            if line.strip():
                record = _object(line, number)
                if new := record.keys() - headers.keys():
                    _check_names(new, number)
                    headers.update(dict.fromkeys(record))
                    if len(headers) > MOST_COLUMNS:
                        raise Unreadable(f"{TOO_WIDE} Line {number} has one too many.")
                records.append(record)
                numbers.append(number)
        return Sheet([*headers], [[record.get(name) for name in headers] for record in records], numbers)

    def write(self, headers: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
        encode: Callable[[Any], bytes] = msgspec.json.Encoder(decimal_format="number").encode
        remaining = iter(rows)
        while some := list(islice(remaining, writers.ROWS_AT_ONCE)):
            yield b"".join(encode(dict(zip(headers, row, strict=True))) + b"\n" for row in some)


FORMATS: tuple[type[SheetFormat], ...] = (CSV, XLSX, NDJSON)


def format_of(name: str, beginning: bytes) -> SheetFormat:
    """What a file is, by what it begins with: a name may say anything."""
    if beginning.startswith(MAGIC):
        return XLSX()
    if name.lower().endswith((".xls", ".ods")) or beginning.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("Save it as XLSX or as CSV: older workbooks and ODS are not read.")
    return NDJSON() if beginning.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{") else CSV()


# --- Cells ------------------------------------------------------------------------------------

_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def _escaped(text: str) -> str:
    """As workbooks write what XML cannot hold: a carriage return is _x000D_."""
    return _NOT_IN_XML.sub(lambda found: f"_x{ord(found[0]):04X}_", text)


def _read_cell(value: Any) -> Any:
    if isinstance(value, str):
        return writers.as_meant(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), value))
    if isinstance(value, datetime) and not (value.hour or value.minute or value.second):
        return value.date()
    return value


def _as_text(value: Cell) -> str | int:
    if value is None:
        return ""
    if isinstance(value, str):
        return writers.safe(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return value
    return f"{value:f}" if isinstance(value, Decimal) else value.isoformat()


def _text(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise Unreadable("The file is larger than 200 MB. Split it.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("This is not UTF-8. Save it as “CSV UTF-8”, or as XLSX.") from None


def _delimiter(text: str) -> str:
    """What parts the headers: spreadsheets of some countries write semicolons."""
    first = re.sub(r'"[^"]*"', "", text.split("\n", 1)[0])
    return max(DELIMITERS, key=first.count)


def _object(line: str, number: int) -> dict[str, Any]:
    def refuse(name: str) -> None:
        raise ValueError(name)

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        record = dict(pairs)
        if len(record) < len(pairs):
            raise Unreadable(f"Line {number} says one name twice. Keep one of the two.")
        return record

    try:
        record = json.loads(line, parse_float=Decimal, parse_constant=refuse, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise Unreadable(f"Line {number} is no JSON. NDJSON has one object in each line.") from None
    if not isinstance(record, dict) or any(isinstance(value, (dict, list)) for value in record.values()):
        raise Unreadable(f"Line {number} is no object of plain values.")
    return record


def _check_names(names: Iterable[str], number: int) -> None:
    for name in names:
        if says := unkept(name):
            raise Unreadable(f"Line {number}, the name {as_printed(name)!r}: {says}")


def _sheet(lines: Iterable[tuple[int, Sequence[Any]]]) -> Sheet:
    """Lines and their numbers; the first is the headers; empty ones are passed over."""
    headers: list[str] | None = None
    rows, numbers = [], []
    for number, line in lines:
        cells = list(line)
        while cells and cells[-1] in (None, ""):
            cells.pop()
        if not cells:
            continue
        if headers is None:
            if len(cells) > MOST_COLUMNS:
                raise Unreadable(TOO_WIDE)
            headers = [_header(value, number, column) for column, value in enumerate(cells, 1)]
            continue
        if len(cells) > len(headers):
            raise Unreadable(f"Row {number} has more cells than there are headers.")
        rows.append(cells + [None] * (len(headers) - len(cells)))
        numbers.append(number)
    return Sheet(headers or [], rows, numbers)


def _header(value: Any, number: int, column: int) -> str:
    """The text of a header. Raises Unreadable for what no page and no database keeps."""
    if value is NO_VALUE:
        raise Unreadable(f"Row {number}, column {column}: the header is {NO_VALUE}. {COMPUTE_IT}")
    header = "" if value is None else str(value).strip()[:200]
    if says := unkept(header):
        raise Unreadable(f"Row {number}, column {column}, a header: {says}")
    return header


def unkept(text: str) -> str:
    """Why no database keeps this text, and what to do; nothing where each does."""
    if "\x00" in text:
        return "There is a NUL character in this text. Remove it."
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return "There is half a character in this text. Write it anew."
    return ""


def as_printed(value: Any) -> str:
    """A cell's text for a page: what no page can show is a question mark."""
    return str(value).encode("utf-8", "replace").decode()
