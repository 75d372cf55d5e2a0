"""What trying a sheet found, or taking it in came to, in plain values for a page."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from import_export.results import RowResult

from seats.sheets.difference import SHOWN
from seats.sheets.formats import as_printed
from seats.sheets.tables import Table

logger = logging.getLogger(__name__)

SHOWN_WRONG = 200
UNEXPECTED = "An error we did not expect stopped this row. The log tells more."
KINDS = {
    RowResult.IMPORT_TYPE_NEW: "new",
    RowResult.IMPORT_TYPE_UPDATE: "changed",
    RowResult.IMPORT_TYPE_SKIP: "same",
}


def outcome_of(table: Table, result: Any) -> dict[str, Any]:
    """Counts; the wrong cells by row and column; the first rows with what changes marked in HTML."""
    totals = result.totals
    wrong = [one for row in result.rows for one in _wrong(table, row)]
    return {
        "totals": {name: totals[kind] for kind, name in KINDS.items()},
        "base_errors": [_says(error.error) for error in result.base_errors],
        "wrong": wrong[:SHOWN_WRONG],
        "wrong_cells": len(wrong),
        "wrong_rows": totals[RowResult.IMPORT_TYPE_ERROR]
        + totals[RowResult.IMPORT_TYPE_INVALID]
        + len(result.base_errors),
        "headers": list(result.diff_headers),
        "shown": [
            {"number": row.number, "kind": KINDS[row.import_type], "cells": [str(cell) for cell in row.diff]}
            for row in result.rows
            if row.import_type in KINDS and row.diff
        ],
        "shown_at_most": SHOWN,
    }


def _wrong(table: Table, row: Any) -> Iterator[dict[str, Any]]:
    if row.errors:
        says = [_says(error.error) for error in row.errors]
        yield {"number": row.number, "column": "", "value": "", "says": says}
    if row.validation_error is None:
        return
    names = {field.attribute: field.column_name for field in table.resource().get_import_fields()}
    error: ValidationError = row.validation_error
    by_name = error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}
    for name, says in by_name.items():
        column = "" if name == NON_FIELD_ERRORS else names.get(name, name)
        value = as_printed(row.row_values.get(column) or "")[:80]
        yield {"number": row.number, "column": column, "value": value, "says": says}


def _says(error: BaseException) -> str:
    if isinstance(error, ValidationError):
        return " ".join(error.messages)
    logger.error("A row of a sheet failed", exc_info=error)
    return UNEXPECTED
