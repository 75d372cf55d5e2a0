"""The values that records have in common, checked: ids, logins, days, instants, credits, breakdowns."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import msgspec

from metrics.formats.errors import BadRecord, shown

LARGEST_COUNT = 2**53  # beyond it JSON numbers are no longer exact everywhere
LARGEST_ID = 2**63 - 1
FIRST_DAY = date(2020, 1, 1)  # before Copilot existed
MOST_CREDITS = Decimal(10**9)
CREDIT_STEP = Decimal("0.000000001")

Count = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_COUNT)]
LONGEST_TEXT = 255
CLOCKS_DIFFER_BY = timedelta(minutes=5)

Name = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]
Amount = Annotated[float, msgspec.Meta(ge=0)]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SECONDS_A_DAY = 86_400


class _Days:
    """Days already checked. A file has a few hundred at most, each on thousands of lines."""

    def __init__(self) -> None:
        self.today = -1
        self.known: dict[str, date] = {}

    def read(self, text: str, field: str) -> date:
        today = int(time.time() // _SECONDS_A_DAY)
        if today != self.today:
            self.known.clear()
            self.today = today
        found = self.known.get(text)
        return found if found is not None else self._check(text, field)

    def _check(self, text: str, field: str) -> date:
        if not _DAY.fullmatch(text):
            raise BadRecord(f"`{field}` is “{shown(text)}”, not a day as YYYY-MM-DD")
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise BadRecord(f"`{field}` is {text}, a day no calendar has") from None
        if day < FIRST_DAY:
            raise BadRecord(f"`{field}` is {text}, which lies before Copilot existed")
        if day > date(1970, 1, 1) + timedelta(days=self.today + 1):
            raise BadRecord(f"`{field}` is {text}, which lies in the future")
        self.known[text] = day
        return day


_days = _Days()


def read_day(text: str, field: str = "day") -> date:
    """A real day from 2020 until tomorrow (UTC: a file may be taken in just before midnight)."""
    return _days.read(text, field)


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


def read_scope(
    enterprise: int | str | None, organization: int | str | None, header: Mapping[str, Any]
) -> tuple[int | None, int | None]:
    """Ids of the enterprise and the organization, from the record or the object around it; one at least."""
    if header:
        enterprise = header.get("enterprise_id") if enterprise is None else enterprise
        organization = header.get("organization_id") if organization is None else organization
    enterprise_id = read_optional_id(enterprise, "enterprise_id")
    organization_id = read_optional_id(organization, "organization_id")
    if enterprise_id is None and organization_id is None:
        raise BadRecord("neither `organization_id` nor `enterprise_id` says whose report this is")
    return enterprise_id, organization_id


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


def read_credits(value: Decimal | None, field: str = "ai_credits_used") -> Decimal | None:
    """Credits to nine places: the reports carry noise of binary fractions beyond that."""
    if value is None:
        return None
    if not value.is_finite() or value < 0:
        raise BadRecord(f"`{field}` is {shown(value)}, not an amount of credits")
    if value >= MOST_CREDITS:
        raise BadRecord(f"`{field}` is {shown(value)}, more credits than anybody can use in a day")
    try:
        return value.quantize(CREDIT_STEP)
    except InvalidOperation:
        raise BadRecord(f"`{field}` is {shown(value)}, not an amount of credits") from None


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


def midnight(day: date) -> datetime:
    """The instant at which the day begins, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def observed_at(day: date, report_end_day: str | None, created_at: str | None) -> datetime:
    """As of when a usage record was true: its day, or the end or making of the report it is part of."""
    if not report_end_day:
        return midnight(day)
    end = midnight(read_day(report_end_day, "report_end_day"))
    return read_past_instant(created_at, "created_at") or end


def header_text(header: Mapping[str, Any], key: str) -> str | None:
    """A text of the wrapper around the records, None where there is none."""
    value = header.get(key)
    if value is not None and not isinstance(value, str):
        raise BadRecord(f"`{key}` of the report must be text")
    return value
