"""The activity report CSV of the seats page ("Get activity report"), today's columns and older ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import BinaryIO

import msgspec

from metrics.formats.csv_lines import AT_END, BLANKS, Encoding, as_utf_8, fields_of, physical_lines, plain
from metrics.formats.errors import BadRecord, shown
from metrics.formats.fields import lies_ahead, read_instant, read_label, read_login, read_past_instant
from metrics.formats.records import Broken
from portal.reports.formula_quotes import as_meant

REPORT = "an activity report"
# What scripts and sheets write where GitHub writes nothing.
NEVER = frozenset({"none", "null", "nan", "n/a", "na", "never", "-", "–"})
# 1/31/2026, 31.1.26: which of the numbers is the month, the file does not say.
_REWRITTEN = re.compile(r"\d{1,2}[/.]\d{1,2}[/.]\d{2,4}\b.*")
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
    places = {plain(name): place for place, name in reversed(list(enumerate(header)))}
    found: dict[str, int] = {}
    for column, aliases in ALIASES.items():
        for alias in aliases:
            if (place := places.get(plain(alias))) is not None:
                found.setdefault(column, place)
    is_activity = "login" in found and ("last_activity_at" in found or "last_surface_used" in found)
    return found if is_activity else None


def read_lines(
    open_stream: Callable[[], BinaryIO], start_after: int = 0
) -> Iterator[tuple[int, ActivityReportRecord] | Broken]:
    """Every line below the header, by its number in the file (the header is line 1).

    A login listed twice is taken once: the report has a line per person.
    """
    encoding = how_written(open_stream)
    with open_stream() as stream:
        yield from _read_lines(stream, encoding, start_after)


def how_written(open_stream: Callable[[], BinaryIO]) -> str:
    """The encoding of the file's text."""
    encoding = Encoding()
    with open_stream() as stream:
        for _, text, _ in physical_lines(stream, REPORT):
            encoding.see(text)
    return encoding.name


def _read_lines(
    stream: BinaryIO, encoding: str, start_after: int
) -> Iterator[tuple[int, ActivityReportRecord] | Broken]:
    places: dict[str, int] | None = None
    width = 0
    seen: dict[str, int] = {}
    for number, as_it_is, problem in physical_lines(stream, REPORT):
        text = as_utf_8(as_it_is, encoding)
        try:
            if problem:
                raise BadRecord(problem)
            if not as_it_is.strip(BLANKS):
                continue
            fields = fields_of(text)
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
                yield Broken(number, str(refusal) if is_whole else f"{refusal} {AT_END}", text)
        else:
            if number > start_after:
                yield number, record


def _parse(fields: Sequence[str], places: dict[str, int]) -> ActivityReportRecord:
    def text(column: str) -> str:
        place = places.get(column)
        return "" if place is None else fields[place].strip()

    def written(column: str) -> str:
        # Our own report of this shape has a quote before what a spreadsheet would take for a formula.
        return as_meant(text(column))

    def time(column: str) -> str:
        said = text(column)
        if _REWRITTEN.fullmatch(said):
            raise BadRecord(
                f"`{column}` is “{shown(said)}”, not a time as 2026-01-31T08:00:00Z: where Excel rewrote the "
                "times, import the file as GitHub made it"
            )
        return "" if said.lower() in NEVER else said

    report_time = read_instant(time("report_time"), "report_time")
    if report_time is None and "report_time" in places:
        raise BadRecord("`report_time` is empty: it says as of when the line was true")
    if report_time is not None and lies_ahead(report_time):
        raise BadRecord(f"`report_time` is “{shown(text('report_time'))}”, which lies in the future")
    login = read_login(written("login"), "login")
    if not login.isascii():
        # Read in a wrong encoding, or nobody's: as somebody's name it would be one that never was.
        raise BadRecord(f"`login` is “{shown(login)}”, and logins at GitHub have plain letters only")
    return ActivityReportRecord(
        report_time,
        login,
        read_past_instant(time("last_authenticated_at"), "last_authenticated_at"),
        read_past_instant(time("last_activity_at"), "last_activity_at"),
        read_label(written("last_surface_used"), "last_surface_used"),
    )


def _check_first(login: str, number: int, seen: dict[str, int]) -> None:
    first = seen.setdefault(login.lower(), number)
    if first != number:
        raise BadRecord(f"`login` {login} is listed twice: line {first} has it already")
