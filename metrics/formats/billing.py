"""The billing reports, CSV files: AI usage, premium requests, metered usage (seats among it).

Told apart and read by the names of their columns, in any order. What a line says is for `billing_lines`.
Columns: https://docs.github.com/en/billing/reference/billing-reports
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any, BinaryIO

from metrics.formats.csv_lines import BLANKS, WINDOWS, Encoding, as_utf_8, fields_of, physical_lines, plain
from metrics.formats.errors import BadRecord
from metrics.formats.fields import read_day
from metrics.formats.records import Broken, Record


class Report(StrEnum):
    """As a covered day names it."""

    AI_USAGE = "billing-ai-usage"
    PREMIUM_REQUESTS = "billing-requests"
    REQUEST_LOG = "billing-request-log"
    SUMMARIZED = "billing-summarized"
    DETAILED = "billing-detailed"


# Column → what it was called over time, compared without case, spaces and underscores.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "day": ("date", "usage_at", "timestamp"),
    "username": ("username", "user"),
    "product": ("product",),
    "sku": ("sku",),
    "model": ("model",),
    "quantity": ("quantity", "requests_used"),
    "unit_type": ("unit_type",),
    "price": ("applied_cost_per_quantity",),
    "gross_amount": ("gross_amount",),
    "discount_amount": ("discount_amount",),
    "net_amount": ("net_amount",),
    "exceeds_quota": ("exceeds_quota", "exceeds_monthly_quota"),
    "monthly_quota": ("total_monthly_quota",),
    "organization": ("organization",),
    "repository": ("repository",),
    "cost_center_name": ("cost_center_name",),
    "workflow_path": ("workflow_path", "workflow_name"),
    "ai_credits": ("aic_quantity",),
    "ai_credits_gross_amount": ("aic_gross_amount",),
}
_COLUMN_OF = {plain(alias): column for column, aliases in ALIASES.items() for alias in aliases}
_LOG = {"timestamp", "user", "model", "requestsused"}
_BILL = {"day", "sku", "quantity"}


def report_of(header: Sequence[str]) -> Report | None:
    """Which report has these columns; None if it is the header of something else."""
    names = {plain(name) for name in header}
    if names >= _LOG:
        return Report.REQUEST_LOG
    columns = {_COLUMN_OF[name] for name in names & _COLUMN_OF.keys()}
    if not columns >= _BILL or not columns & {"net_amount", "gross_amount"}:
        return None
    if "exceeds_quota" in columns:
        return Report.PREMIUM_REQUESTS if "username" in columns else None
    if "model" in columns:
        return Report.AI_USAGE if "username" in columns else None
    return Report.DETAILED if columns & {"username", "workflow_path"} else Report.SUMMARIZED


def look_through(open_stream: Callable[[], BinaryIO]) -> dict[str, Any]:
    """What holds for all lines of a file: its columns, how its text is written, and its newest day."""
    columns: tuple[str, ...] = ()
    newest, encoding = "", Encoding()
    with open_stream() as stream:
        for _, text, problem in physical_lines(stream, "a billing report"):
            if not columns:
                columns = tuple(_header_of(text))
                place = places_of(columns).get("day", 0)
                continue
            encoding.see(text)
            if not problem and (day := _day_in_sight(text, place)) > newest:
                newest = day
    return {"columns": columns, "encoding": encoding.name, "newest_day": newest}


def _header_of(text: bytes) -> list[str]:
    try:
        fields = fields_of(text)
    except BadRecord:
        return []
    return fields if any(field.strip() for field in fields) else []


_DAY_IN_SIGHT = re.compile(r"\d{4}-\d\d-\d\d")


def _day_in_sight(text: bytes, place: int) -> str:
    """The day of a line that can be read; a day to come is none."""
    try:
        fields = fields_of(text, WINDOWS) if place else [text[:24].decode(WINDOWS).lstrip('" ')]
        found = _DAY_IN_SIGHT.match(fields[place].strip())
        return str(read_day(found.group())) if found else ""
    except (BadRecord, UnicodeDecodeError, IndexError):
        return ""


def read_lines(open_stream: Callable[[], BinaryIO], start_after: int = 0) -> Iterator[Record | Broken]:
    """Every line below the header, by its number in the file, under what holds for them all."""
    header = look_through(open_stream)
    is_below = False
    with open_stream() as stream:
        for number, text, problem in physical_lines(stream, "a billing report"):
            if problem:
                if number > start_after:
                    yield Broken(number, problem, text, is_cut=not text)
            elif not is_below:
                is_below = bool(_header_of(text))
            elif number > start_after and text.strip(BLANKS):
                yield Record(number, as_utf_8(text, header["encoding"]), header)


@lru_cache(maxsize=64)
def places_of(columns: tuple[str, ...]) -> dict[str, int]:
    """Where each column stands that we know."""
    places: dict[str, int] = {}
    for place, name in enumerate(columns):
        column = _COLUMN_OF.get(plain(name))
        if column is not None:
            places.setdefault(column, place)
    return places
