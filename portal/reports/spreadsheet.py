"""An XLSX file as it comes about: its first bytes leave before the last row is known.

The file is a zip of XML parts, see https://learn.microsoft.com/office/open-xml/spreadsheet. A library
builds it whole before its first byte can be sent; rows of plain cells need little of the format.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal

Cell = str | int | Decimal | None

# The limits of the format itself.
ROWS_OF_A_SHEET = 1_048_576
LONGEST_CELL = 32_767
# A part of the zip that is not known beforehand may not grow beyond 2 GiB, or old programs refuse it.
BYTES_OF_A_SHEET = 1_500_000_000
ROWS_AT_ONCE = 500
# More takes half as long again and saves a twentieth.
COMPRESSION = 3

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_MARKED = re.compile(r"[&<>\r]")
_MARKS = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_SHEET_TITLE = re.compile(r"[\[\]:*?/\\]")

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"

# How many sheets there will be is not known when this is written: a sheet is what a part is by default.
_CONTENT_TYPES = (
    f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Default Extension="xml" ContentType="{_TYPE}.worksheet+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/></Types>'
)
_ROOT = (
    f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
# Style 0 is plain, style 1 bold.
_STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="2"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
# The line of headings stays in sight.
_SHEET_BEGINS = (
    f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
    "</sheetView></sheetViews><sheetData>"
)
_SHEET_ENDS = "</sheetData></worksheet>"


class Spreadsheet:
    """Sheets of rows, written one after the other; `parts` yields the bytes as they are ready."""

    def __init__(self) -> None:
        self._sent = _Sent()
        self._zip = zipfile.ZipFile(self._sent, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION)  # type: ignore[call-overload]  # anything with write() will do
        self._titles: list[str] = []
        self._moment = datetime.now(UTC).timetuple()[:6]
        self._write("[Content_Types].xml", _CONTENT_TYPES)
        self._write("_rels/.rels", _ROOT)
        self._write("xl/styles.xml", _STYLES)

    def sheets(
        self,
        title: str,
        headings: Sequence[str],
        rows: Iterable[Sequence[Cell]],
        most_rows: int = ROWS_OF_A_SHEET,
    ) -> Iterator[bytes]:
        """The rows under their headings, in as many sheets as they need, at least one."""
        remaining = iter(rows)
        number, is_over = 0, False
        while not is_over:
            number += 1
            named = title[:28] if number == 1 else f"{title[:25]} {number}"
            following = next(remaining, None) if number > 1 else ()
            if following is None:
                return
            self._titles.append(_SHEET_TITLE.sub(" ", named) or "Rows")
            with self._zip.open(self._part(f"xl/worksheets/sheet{len(self._titles)}.xml"), "w") as sheet:
                sheet.write((_SHEET_BEGINS + _row(1, headings, style=1)).encode())
                yield self._sent.taken()
                written, place = 0, 1
                lines: list[str] = []
                if following:
                    place += 1
                    lines.append(_row(place, following))
                for row in remaining:
                    place += 1
                    lines.append(_row(place, row))
                    if len(lines) >= ROWS_AT_ONCE:
                        written += sheet.write("".join(lines).encode("utf-8", "replace"))
                        lines.clear()
                        yield self._sent.taken()
                    if place >= most_rows or written >= BYTES_OF_A_SHEET:
                        break
                else:
                    is_over = True
                sheet.write("".join(lines).encode("utf-8", "replace") + _SHEET_ENDS.encode())

    def end(self) -> Iterator[bytes]:
        """What says which sheets there are; nothing can follow."""
        sheets = "".join(
            f'<sheet name="{_text(title)}" sheetId="{number}" r:id="rId{number}"/>'
            for number, title in enumerate(self._titles, start=1)
        )
        relations = "".join(
            f'<Relationship Id="rId{number}" Type="{_RELATIONS}/worksheet"'
            f' Target="worksheets/sheet{number}.xml"/>'
            for number in range(1, len(self._titles) + 1)
        )
        styles = (
            f'<Relationship Id="rId{len(self._titles) + 1}" Type="{_RELATIONS}/styles" Target="styles.xml"/>'
        )
        self._write(
            "xl/workbook.xml",
            f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>{sheets}</sheets></workbook>',
        )
        self._write(
            "xl/_rels/workbook.xml.rels",
            f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{relations}{styles}</Relationships>',
        )
        self._zip.close()
        yield self._sent.taken()

    def _write(self, name: str, text: str) -> None:
        self._zip.writestr(self._part(name), text)

    def _part(self, name: str) -> zipfile.ZipInfo:
        part = zipfile.ZipInfo(name, self._moment)
        part.compress_type = zipfile.ZIP_DEFLATED
        part.external_attr = 0o600 << 16
        part._compresslevel = COMPRESSION  # type: ignore[attr-defined]  # `open` takes it from nowhere else
        return part


class _Sent:
    """What the zip writes, until it is taken: it can neither seek nor tell, like a network."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def _row(number: int, cells: Sequence[Cell], style: int = 0) -> str:
    styled = f' s="{style}"' if style else ""
    written = []
    for place, value in enumerate(cells):
        if value is None:
            continue
        where = f'<c r="{_letters(place)}{number}"{styled}'
        if isinstance(value, str):
            written.append(f'{where} t="inlineStr"><is><t xml:space="preserve">{_text(value)}</t></is></c>')
        else:
            written.append(
                f"{where}><v>{value:f}</v></c>"
                if isinstance(value, Decimal)
                else f"{where}><v>{value}</v></c>"
            )
    return f'<row r="{number}">{"".join(written)}</row>'


_known_letters: list[str] = []


def _letters(place: int) -> str:
    """`A` for 0, `AA` for 26."""
    while len(_known_letters) <= place:
        number, letters = len(_known_letters) + 1, ""
        while number:
            number, rest = divmod(number - 1, 26)
            letters = chr(65 + rest) + letters
        _known_letters.append(letters)
    return _known_letters[place]


def _text(text: str) -> str:
    """Text as XML holds it, without what the format refuses, and not longer than a cell."""
    kept = _FORBIDDEN.sub("\ufffd", text[:LONGEST_CELL])
    return _MARKED.sub(lambda found: _MARKS[found[0]], kept)
