"""The values that GitHub's records have in common, checked: ids, logins, texts, instants."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from portal.github.records import BadRecord, shown

LARGEST_ID = 2**63 - 1
LONGEST_TEXT = 255
CLOCKS_DIFFER_BY = timedelta(minutes=5)

Name = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def read_id(value: int | str, field: str) -> int:
    """GitHub writes ids as numbers in some reports and as strings of digits in others."""
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) <= 19):
            raise BadRecord(f"`{field}` is “{shown(value)}”, not an id: ids are whole numbers")
        value = int(value)
    if not 1 <= value <= LARGEST_ID:
        raise BadRecord(f"`{field}` is {shown(value)}, not an id: ids are whole numbers from 1")
    return value


def read_optional_id(value: object, field: str) -> int | None:
    """None where the record does not say; an empty text says nothing either."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise BadRecord(f"`{field}` must be a whole number")
    return read_id(value, field)


def read_login(text: str, field: str) -> str:
    """A login as GitHub wrote it; never empty, never with control characters."""
    if not text.strip():
        raise BadRecord(f"`{field}` is empty")
    return read_text(text, field)


def read_text(text: str | None, field: str) -> str:
    """Free text; empty where there is none."""
    if not text:
        return ""
    if not text.isprintable() and _CONTROL.search(text):
        raise BadRecord(f"`{field}` holds a control character")
    if len(text) > LONGEST_TEXT:
        raise BadRecord(f"`{field}` is longer than {LONGEST_TEXT} characters")
    return text


def read_label(text: str | None, field: str) -> str:
    """Text that is only ever shown: cut where it is too long."""
    return read_text(text and text[:LONGEST_TEXT], field)


def read_instant(text: str | None, field: str) -> datetime | None:
    """An instant in UTC, None where the text is empty. Without an offset it is UTC already.

    GitHub writes `2021-08-03T18:00:00-06:00`, `…Z`, `2025-10-01 12:00:00 UTC` and plain days.
    """
    text = (text or "").strip()
    if not text:
        return None
    plain = text[:-3].rstrip() if text[-3:].upper() == "UTC" else text
    try:
        moment = datetime.fromisoformat(plain)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRecord(f"`{field}` is “{shown(text)}”, not a time as 2026-01-31T08:00:00Z") from None


def read_past_instant(text: str | None, field: str) -> datetime | None:
    """An instant that has come already; one in the future is not believed and counts as none."""
    moment = read_instant(text, field)
    return None if moment is None or lies_ahead(moment) else moment


def lies_ahead(moment: datetime) -> bool:
    """Whether the instant is still to come, by any clock that is nearly right."""
    return moment > datetime.now(UTC) + CLOCKS_DIFFER_BY
