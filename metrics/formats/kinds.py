"""What a file is, told from its content and never from its name."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from metrics.formats import activity_report, strangers
from metrics.formats.errors import BrokenOffError, Unreadable
from metrics.formats.records import Broken, Page, Record, scan
from metrics.formats.sources import Source


class Kind(StrEnum):
    USERS_1_DAY = "users-1-day"
    USERS_28_DAY = "users-28-day"
    ORGANIZATION_1_DAY = "organization-1-day"
    ORGANIZATION_28_DAY = "organization-28-day"
    ENTERPRISE_1_DAY = "enterprise-1-day"
    ENTERPRISE_28_DAY = "enterprise-28-day"
    USER_TEAMS_1_DAY = "user-teams-1-day"
    ACTIVITY_REPORT = "activity-report"
    SEATS = "seats"


_HEAD = 64 * 1024
_RECORDS = 300  # how many are looked at before giving up
_BYTES = 16 * 1024 * 1024

_ENTITY_KEYS = frozenset(
    {"daily_active_users", "weekly_active_users", "monthly_active_users", "totals_by_ide", "pull_requests"}
)


def identify(source: Source) -> Kind:
    """The kind of file; Unreadable names what it is instead and which report to get."""
    with source.open() as stream:
        try:
            head = stream.read(_HEAD)
        except BrokenOffError:
            raise Unreadable("The archive is damaged or cut short: get it again.") from None
    if not head.strip():
        raise Unreadable("The file is empty: get it again.")
    strangers.refuse_what_is_no_text(head)
    if head.lstrip()[:1] not in (b"{", b"[") and (kind := _csv_kind(head)):
        return kind
    return _json_kind(source, head)


def _csv_kind(head: bytes) -> Kind | None:
    header = csv_header(head)
    if activity_report.columns(header) is not None:
        return Kind.ACTIVITY_REPORT
    strangers.refuse_other_csv(header)
    return None


def csv_header(head: bytes) -> list[str]:
    """The columns that the first line names; empty if it is no line of a CSV file."""
    line = next((line for line in head.splitlines() if line.strip()), b"").decode(errors="replace")
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def _json_kind(source: Source, head: bytes) -> Kind:
    """The kind of the first record that can be told; broken ones before it are no hindrance."""
    first_problem = ""
    refusal: Unreadable | None = None
    seen = 0
    for number, item in enumerate(scan(source.open)):
        if isinstance(item, Broken):
            first_problem = first_problem or item.reason
            seen += len(item.raw)
        else:
            keys = item.header if isinstance(item, Page) else _decoded(item)
            seen += 0 if isinstance(item, Page) else len(item.raw)
            try:
                kind = _page_kind(item) if isinstance(item, Page) else _record_kind(item, keys)
            except Unreadable as error:
                refusal = refusal or error
            else:
                if kind is not None:
                    return kind
        if number >= _RECORDS or seen > _BYTES:
            break
    raise refusal or strangers.unknown(head, first_problem)


def _decoded(record: Record) -> Mapping[str, Any] | None:
    """The keys of a record; None where it is no object."""
    try:
        value = msgspec.json.decode(record.raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _page_kind(page: Page) -> Kind | None:
    return Kind.SEATS if page.name == "seats" and "total_seats" in page.header else None


def _record_kind(record: Record, keys: Mapping[str, Any] | None) -> Kind | None:
    if keys is None:
        return None
    header = record.header
    if "assignee" in keys and (record.wrapper == "seats" or "day" not in keys):
        return Kind.SEATS
    if "user_id" in keys and "team_id" in keys:
        return Kind.USER_TEAMS_1_DAY
    covers_28_days = _says(keys, header, "report_end_day") or _says(keys, header, "report_start_day")
    if "user_id" in keys:
        if "day" not in keys:
            raise strangers.totals_per_person()
        return Kind.USERS_28_DAY if covers_28_days else Kind.USERS_1_DAY
    strangers.refuse_other_record(keys)
    if "day" in keys and not _ENTITY_KEYS.isdisjoint(keys):
        covers_28_days = covers_28_days or bool(record.wrapper)
        if _says(keys, header, "organization_id"):
            return Kind.ORGANIZATION_28_DAY if covers_28_days else Kind.ORGANIZATION_1_DAY
        return Kind.ENTERPRISE_28_DAY if covers_28_days else Kind.ENTERPRISE_1_DAY
    return None


def _says(keys: Mapping[str, Any], header: Mapping[str, Any], key: str) -> bool:
    return keys.get(key) not in (None, "") or header.get(key) not in (None, "")
