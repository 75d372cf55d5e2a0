"""The activity report CSV of the seats page ("Get activity report"), today's columns and older ones."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import BinaryIO

import msgspec

from metrics.formats.errors import BadRecord, BrokenOffError
from metrics.formats.fields import lies_ahead, read_instant, read_label, read_login, read_past_instant
from metrics.formats.records import KEPT_OF_BROKEN, Broken

MAX_LINE_BYTES = 64 * 1024
# A last line without a line break may be a good one that was cut short.
_AT_END = "(the file ends in this line and may be cut short)"
_BROKEN_OFF = "the file breaks off before its end: get it again and import it whole"

# Column → what it was called over time, compared without case, spaces and underscores.
ALIASES = {
    "report_time": ("report_time", "report_date", "generated_at"),
    "login": ("login", "user", "username", "user_login"),
    "last_authenticated_at": ("last_authenticated_at", "last_authenticated_date", "last_authentication"),
    "last_activity_at": ("last_activity_at", "last_activity_date", "last_usage_date", "last_activity"),
    "last_surface_used": ("last_surface_used", "last_editor_used", "last_activity_editor"),
}


class ActivityReportRecord(msgspec.Struct, frozen=True, gc=False):
    report_time: datetime | None  # None in the older export, which does not say
    login: str
    last_authenticated_at: datetime | None
    last_activity_at: datetime | None
    last_surface_used: str


def columns(header: Sequence[str]) -> dict[str, int] | None:
    """Where each column stands; None if this is the header of something else."""
    places = {_plain(name): place for place, name in reversed(list(enumerate(header)))}
    found: dict[str, int] = {}
    for column, aliases in ALIASES.items():
        for alias in aliases:
            if (place := places.get(_plain(alias))) is not None:
                found.setdefault(column, place)
    is_activity = "login" in found and ("last_activity_at" in found or "last_surface_used" in found)
    return found if is_activity else None


def _plain(name: str) -> str:
    return name.strip().lower().replace("_", "").replace(" ", "").replace("-", "")


def read_lines(stream: BinaryIO, start_after: int = 0) -> Iterator[tuple[int, ActivityReportRecord] | Broken]:
    """Every line below the header, by its number in the file (the header is line 1).

    A login listed twice is taken once: the report has a line per person.
    """
    places: dict[str, int] | None = None
    width = 0
    seen: dict[str, int] = {}
    for number, text, problem in _physical_lines(stream):
        try:
            if problem:
                raise BadRecord(problem)
            fields = _fields(text)
            if not any(field.strip() for field in fields):
                continue
            if places is None:
                places, width = columns(fields), len(fields)
                if places is None:
                    raise BadRecord("this is not the header of an activity report")
                continue
            if len(fields) != width:
                raise BadRecord(f"the line has {len(fields)} columns, its header {width}")
            record = _parse(fields, places)
            _check_first(record.login, number, seen)
        except BadRecord as refusal:
            if number > start_after:
                is_whole = problem or text.endswith(b"\n")
                yield Broken(number, str(refusal) if is_whole else f"{refusal} {_AT_END}", text)
        else:
            if number > start_after:
                yield number, record


def _physical_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes, str]]:
    """Number, text and problem of each line; one too long is passed over without being held."""
    number = 0
    try:
        while line := stream.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) <= MAX_LINE_BYTES or line.endswith(b"\n"):
                yield number, line, ""
                continue
            while (part := stream.readline(MAX_LINE_BYTES)) and not part.endswith(b"\n"):
                pass
            yield number, line[:KEPT_OF_BROKEN], "the line is longer than any line of an activity report"
    except BrokenOffError:
        yield number + 1, b"", _BROKEN_OFF


def _fields(text: bytes) -> list[str]:
    try:
        line = text.decode().strip("\r\n")
    except UnicodeDecodeError:
        raise BadRecord("the text is not UTF-8: export the file again, or save it as UTF-8") from None
    if line.count('"') % 2:
        raise BadRecord("a quoted field does not end on this line")
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        raise BadRecord("the quotes of this line do not match") from None


def _parse(fields: Sequence[str], places: dict[str, int]) -> ActivityReportRecord:
    def text(column: str) -> str:
        place = places.get(column)
        return "" if place is None else fields[place].strip()

    report_time = read_instant(text("report_time"), "report_time")
    if report_time is None and "report_time" in places:
        raise BadRecord("`report_time` is empty: it says as of when the line was true")
    if report_time is not None and lies_ahead(report_time):
        raise BadRecord(f"`report_time` is {text('report_time')}, which lies in the future")
    return ActivityReportRecord(
        report_time,
        read_login(text("login"), "login"),
        read_past_instant(text("last_authenticated_at"), "last_authenticated_at"),
        read_past_instant(text("last_activity_at"), "last_activity_at"),
        read_label(text("last_surface_used"), "last_surface_used"),
    )


def _check_first(login: str, number: int, seen: dict[str, int]) -> None:
    first = seen.setdefault(login.lower(), number)
    if first != number:
        raise BadRecord(f"`login` {login} is listed twice: line {first} has it already")
