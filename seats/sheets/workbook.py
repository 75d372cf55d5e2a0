"""The cells of a workbook's first sheet, as its file holds them.

What a workbook says of its own size is passed over, as Excel does: programs that add rows forget it. Rows
that are not written down cost nothing, wherever the last cell stands.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from openpyxl import load_workbook
from openpyxl.worksheet._reader import FORMULA_TAG, VALUE_TAG, WorkSheetParser

from seats.sheets.formats import NO_VALUE, Unreadable

# Rows and cells that only have a format, one after the other: some seconds' worth.
MOST_EMPTY = 500_000


class _Cells(WorkSheetParser):
    """Of a formula the value counts that was last computed; where there is none, NO_VALUE says so."""

    def parse_cell(self, element: Any) -> dict[str, Any]:
        cell: dict[str, Any] = super().parse_cell(element)
        if cell["value"] is None and element.find(FORMULA_TAG) is not None and not _is_empty_text(element):
            cell["value"] = NO_VALUE
        return cell


def rows_of(content: bytes) -> Iterator[tuple[int, list[Any]]]:
    """Each row that has a value: its number, and its cells up to the last that has one.

    Raises Unreadable, and whatever openpyxl raises for a broken workbook.
    """
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    sheet = book.worksheets[0]
    empty = 0
    with sheet._get_source() as source:
        parser = _Cells(
            source,
            sheet._shared_strings,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        for number, cells in parser.parse():
            filled = {cell["column"]: cell["value"] for cell in cells if cell["value"] not in (None, "")}
            if filled:
                empty = 0
                yield number, [filled.get(column) for column in range(1, max(filled) + 1)]
                continue
            empty += 1 + len(cells)
            if empty > MOST_EMPTY:
                raise Unreadable(
                    f"Above row {number + 1}, hundreds of thousands of cells have a format and no value. "
                    "Delete these rows in your spreadsheet, and save it again."
                )


def _is_empty_text(element: Any) -> bool:
    """Whether the formula's value is a text of no letters, which is stored as such."""
    return element.get("t") == "str" and element.find(VALUE_TAG) is not None
