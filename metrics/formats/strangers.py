"""Files that are not taken in: each named, with the report to get in its place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from metrics.formats.errors import Unreadable, shown

PER_USER = "the per-user usage report (users-1-day or users-28-day)"

_MAGIC = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive, which is not unpacked"),
    (b"Rar!", "a RAR archive, which is not unpacked"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive, which is not unpacked"),
    (b"BZh", "a bzip2 archive, which is not unpacked"),
    (b"\xfd7zXZ", "an xz archive, which is not unpacked"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3", "a database"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)
_MARKUP = re.compile(rb"\s*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_XML = re.compile(rb"\s*<(?:\?xml|error\b)", re.IGNORECASE)
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")

# Columns of a chart's export: when, who, and what was counted.
_TIME = re.compile(r"(date ?time|date|day|week|month|timestamp)( \(.*\))?")
_PERSON = re.compile(r"(user|username|login|user[_ ]?login|user[_ ]?id|email)")
_COUNTED = re.compile(
    r"active|engaged|accept|suggest|chat|request|interaction|completion|agent|adoption|lines? of code|\bloc\b"
    r"|users|rate|language|model|pull"
)

# Some key of the record → what it belongs to and what to get.
_RECORDS: tuple[tuple[str, str], ...] = (
    (
        "seat_breakdown",
        "the summary of the Copilot subscription: get the list of seats (…/copilot/billing/seats)",
    ),
    (
        "usageItems",
        "a billing answer, which names neither person nor day: get the AI usage report (CSV)",
    ),
    ("site_admin", "a list of accounts or members: of people's seats get the list of seats"),
    ("@timestamp", "a part of an audit log, which tells of no use: get " + PER_USER),
)
# Of whom a table of sums tells, by the name of a column.
_TEAM = re.compile(r"(team|team[_ ]?(name|slug|id))")


def refuse_other_formats(head: bytes) -> None:
    for magic, name in _MAGIC:
        if head.startswith(magic):
            raise Unreadable(f"This is {name}: import the report as GitHub gives it.")
    if head[257:262] == b"ustar":
        raise Unreadable("This is a tar archive: unpack it and import the files.")
    if _MARKUP.match(head):
        raise Unreadable(
            "This is a web page, perhaps an error or sign-in page saved instead of the report: "
            "download the report again."
        )
    if _XML.match(head):
        raise Unreadable(
            "This is an XML page, perhaps the download host's answer to an expired link: "
            "ask GitHub for a fresh link and download the report again."
        )


def refuse_other_csv(header: Sequence[str]) -> None:
    if len(header) == 1 and header[0].count(";") + header[0].count("\t") > 1:
        raise Unreadable(
            "This is a table separated by semicolons or tabs, as Excel saves one, and Excel rewrites days "
            "and amounts as well: import the CSV file as GitHub made it."
        )
    if _is_chart(header):
        raise Unreadable(
            f"These are the numbers behind a chart ({_columns(header)}), already added up: get the days of "
            "the account (organization-28-day, or the NDJSON export of the usage dashboard) or of its people "
            "(users-28-day)."
        )
    if sums := _sums_of(header):
        raise Unreadable(f"These are {sums}.")
    if len(header) > 1 and all(re.fullmatch(r"[\w .()/-]{1,60}", name.strip()) for name in header):
        raise Unreadable(
            f"This is a CSV file with the columns {_columns(header)}: "
            "of CSV files the activity report of the Copilot seats page and the billing reports are taken in."
        )


def _columns(header: Sequence[str]) -> str:
    names = ", ".join(shown(name.strip(), 30) for name in header[:6])
    return f"{names} …" if len(header) > 6 else names


def _is_chart(header: Sequence[str]) -> bool:
    """Whether a CSV file has a time and what was counted then, but nobody who did it."""
    names = [name.strip().lower() for name in header]
    if len(names) < 2 or not any(_TIME.fullmatch(name) for name in names[:2]):
        return False
    return not any(_PERSON.fullmatch(name) for name in names) and any(map(_COUNTED.search, names))


def _sums_of(header: Sequence[str]) -> str:
    """What a CSV file adds up that names people or teams but no day, and what to get; empty for others."""
    names = [name.strip().lower() for name in header]
    if any(_TIME.fullmatch(name) for name in names) or not any(map(_COUNTED.search, names)):
        return ""
    if any(_PERSON.fullmatch(name) for name in names):
        return f"people's totals ({_columns(header)}), already added up over days: get {PER_USER}"
    if any(_TEAM.fullmatch(name) for name in names):
        return (
            f"teams' totals ({_columns(header)}), already added up: get {PER_USER} and the teams of the days "
            "(user-teams-1-day), from which teams are added up here"
        )
    return ""


def refuse_other_record(keys: Mapping[str, Any]) -> None:
    if "download_links" in keys:
        raise Unreadable(
            "This is GitHub's answer with the download links, not the report: "
            "download the files behind the links and import those."
        )
    if "message" in keys and "day" not in keys:
        raise Unreadable(
            f"This is an error message of GitHub's (“{shown(keys['message'], 120)}”), not a report: "
            "mend what it says and download the report again."
        )
    for key, meaning in _RECORDS:
        if key in keys:
            raise Unreadable(f"This is {meaning}.")


def totals_of_days() -> Unreadable:
    return Unreadable(
        "These are totals over several days, which cannot be told apart by day: get the report with a record "
        "for each day (organization-28-day or enterprise-28-day, whose days are in `day_totals`)."
    )


def totals_per_person() -> Unreadable:
    return Unreadable(
        "These are totals per person without a `day`, which cannot be told apart by day: "
        "get the daily per-user report (users-1-day, or users-28-day with a line per person and day)."
    )


def unknown(head: bytes, first_problem: str) -> Unreadable:
    """What to say of a file in which nothing was recognised."""
    if head.strip() in (b"[]", b"{}"):
        return Unreadable("There is nothing in this file, not even what it would be: get it again.")
    if head.lstrip()[:1] in (b"{", b"["):
        why = f" ({first_problem})" if first_problem else ""
        return Unreadable(
            f"This is JSON, but no record in it is of a Copilot report that is taken in{why}: "
            f"get {PER_USER}, or a saved list of seats."
        )
    if _CONTROL.search(head):
        return Unreadable("This is binary data, not text: import the report as GitHub gives it.")
    return Unreadable(
        "Nothing in this file looks like a Copilot report: get "
        f"{PER_USER}, the activity report of the seats page, or a saved list of seats."
    )
