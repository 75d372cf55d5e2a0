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
from portal.github.fields import Name as Name
from portal.github.fields import lies_ahead as lies_ahead
from portal.github.fields import read_id as read_id
from portal.github.fields import read_instant as read_instant
from portal.github.fields import read_label as read_label
from portal.github.fields import read_login as read_login
from portal.github.fields import read_optional_id as read_optional_id
from portal.github.fields import read_past_instant as read_past_instant
from portal.github.fields import read_text as read_text

LARGEST_COUNT = 2**53  # beyond it JSON numbers are no longer exact everywhere
FIRST_DAY = date(2020, 1, 1)  # before Copilot existed
MOST_CREDITS = Decimal(10**9)
CREDIT_STEP = Decimal("0.000000001")
LONGEST_WINDOW = 100  # days; GitHub's reports over several days span 28

Count = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_COUNT)]
Amount = Annotated[float, msgspec.Meta(ge=0)]

_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ]00:00:00(?:\.0+)?(?: ?UTC|Z|\+00:00)?)?", re.ASCII)
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
        # Some exports write a day as its first moment.
        found = _DAY.fullmatch(text)
        if found is None:
            raise BadRecord(f"`{field}` is “{shown(text)}”, not a day as YYYY-MM-DD")
        try:
            day = date.fromisoformat(found[1])
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


def midnight(day: date) -> datetime:
    """The instant at which the day begins, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def observed_at(day: date, report_end_day: str | None, created_at: str | None) -> datetime:
    """As of when a usage record was true: its day, or the end or making of the report it is part of."""
    if not report_end_day:
        return midnight(day)
    end = midnight(read_day(report_end_day, "report_end_day"))
    return read_past_instant(created_at, "created_at") or end


def read_window(start_day: str | None, end_day: str | None) -> tuple[date, date] | None:
    """First and last of the days a report tells of; None where it does not say, or says nonsense."""
    if not start_day or not end_day:
        return None
    try:
        first, last = read_day(start_day), read_day(end_day)
    except BadRecord:
        return None
    return (first, last) if 0 <= (last - first).days < LONGEST_WINDOW else None


def header_text(header: Mapping[str, Any], key: str) -> str | None:
    """A text of the wrapper around the records, None where there is none."""
    value = header.get(key)
    if value is not None and not isinstance(value, str):
        raise BadRecord(f"`{key}` of the report must be text")
    return value
