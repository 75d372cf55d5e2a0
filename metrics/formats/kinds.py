"""What a file is, told from its content and never from its name."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from contextlib import closing
from enum import StrEnum
from io import BufferedIOBase
from typing import Any, cast

import msgspec

from metrics.formats import activity_report, billing, strangers
from metrics.formats.archives import DAMAGED
from metrics.formats.errors import BrokenOffError, Unreadable, reason_for
from metrics.formats.legacy import METRICS_KEYS, USAGE_KEYS
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
    REPOS_1_DAY = "repos-1-day"
    LEGACY_METRICS = "legacy-metrics"
    LEGACY_USAGE = "legacy-usage"
    ACTIVITY_REPORT = "activity-report"
    SEATS = "seats"
    BILLING_AI_USAGE = billing.Report.AI_USAGE.value
    BILLING_REQUESTS = billing.Report.PREMIUM_REQUESTS.value
    BILLING_REQUEST_LOG = billing.Report.REQUEST_LOG.value
    BILLING_SUMMARIZED = billing.Report.SUMMARIZED.value
    BILLING_DETAILED = billing.Report.DETAILED.value


# The bills, all of them CSV.
BILLS = frozenset(kind for kind in Kind if kind.startswith("billing-"))


_HEAD = 64 * 1024
_RECORDS = 300  # how many are looked at before giving up
_BYTES = 16 * 1024 * 1024

_KEY = re.compile(rb'"(\w{1,60})"\s*+:\s*+(null|""|)')
_ENTITY_KEYS = frozenset(
    {"daily_active_users", "weekly_active_users", "monthly_active_users", "totals_by_ide", "pull_requests"}
)


def identify(source: Source) -> Kind:
    """The kind of file; Unreadable names what it is instead and which report to get."""
    head = _head(source)
    if not head.strip():
        raise Unreadable("The file is empty: get it again.")
    strangers.refuse_other_formats(head)
    if head.lstrip()[:1] not in (b"{", b"[") and (kind := _csv_kind(head)):
        return kind
    return _json_kind(source, head)


def _head(source: Source) -> bytes:
    """The beginning of the file, as much as comes at once."""
    try:
        with source.open() as stream:
            return cast("BufferedIOBase", stream).read1(_HEAD)
    except BrokenOffError:
        raise Unreadable(DAMAGED) from None


def _csv_kind(head: bytes) -> Kind | None:
    header = csv_header(head)
    if (report := billing.report_of(header)) is not None:
        return Kind(report.value)
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
    """The kind of the first record that can be told; broken ones before it are no hindrance.

    Where no record can be read at all, the keys in sight tell: then each line gets its own reason.
    """
    problem = ""
    refusal: Unreadable | None = None
    guess: Kind | None = None
    held = 0
    with closing(scan(source.open)) as items:
        for number, item in enumerate(items):
            if isinstance(item, Page):
                guess = guess or _empty_kind(item)
                continue
            held += len(item.raw)
            keys, reason = (None, item.reason) if isinstance(item, Broken) else _decoded(item)
            try:
                if keys is None:
                    guess = guess or _record_kind(_keys_in_sight(item.raw), {})
                    problem = problem or reason
                elif isinstance(item, Record) and (kind := _record_kind(keys, item.header, item.wrapper)):
                    return kind
            except Unreadable as stranger:
                refusal = refusal or stranger
            if number >= _RECORDS or held > _BYTES:
                break
    if guess and not refusal:
        return guess
    raise refusal or strangers.unknown(head, problem)


def _empty_kind(page: Page) -> Kind | None:
    """What an object around a list is as far as it can be told without a record in it."""
    if page.name == "seats":
        return Kind.SEATS if "total_seats" in page.header else None
    if "report_end_day" not in page.header:
        return None
    if page.name == "user_totals":
        return Kind.USERS_28_DAY
    return Kind.ORGANIZATION_28_DAY if _says(page.header, {}, "organization_id") else Kind.ENTERPRISE_28_DAY


def _decoded(record: Record) -> tuple[Mapping[str, Any] | None, str]:
    """The record's keys and values; None, and why, where it is no object."""
    try:
        value = msgspec.json.decode(record.raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return None, reason_for(error, record.raw)
    return (value, "") if isinstance(value, dict) else (None, "a record must be an object")


def _keys_in_sight(raw: bytes) -> Mapping[str, Any]:
    """The keys of a record that cannot be decoded, those of its parts too; None for what is empty."""
    return {key.decode(): None if empty else True for key, empty in _KEY.findall(raw[:_HEAD])}


def _record_kind(keys: Mapping[str, Any], header: Mapping[str, Any], wrapper: str = "") -> Kind | None:
    if "assignee" in keys and (wrapper == "seats" or "day" not in keys):
        return Kind.SEATS
    if "user_id" in keys and "team_id" in keys:
        return Kind.USER_TEAMS_1_DAY
    covers_28_days = _says(keys, header, "report_end_day") or _says(keys, header, "report_start_day")
    if "user_id" in keys:
        if "day" not in keys:
            raise strangers.totals_per_person()
        return Kind.USERS_28_DAY if covers_28_days else Kind.USERS_1_DAY
    if "repo_id" in keys:
        return Kind.REPOS_1_DAY
    strangers.refuse_other_record(keys)
    if "day" in keys and not _ENTITY_KEYS.isdisjoint(keys):
        covers_28_days = covers_28_days or bool(wrapper)
        if _says(keys, header, "organization_id"):
            return Kind.ORGANIZATION_28_DAY if covers_28_days else Kind.ORGANIZATION_1_DAY
        return Kind.ENTERPRISE_28_DAY if covers_28_days else Kind.ENTERPRISE_1_DAY
    kind = _older_kind(keys)
    if kind is None and covers_28_days and keys.keys().isdisjoint(("day", "day_totals")):
        raise strangers.totals_of_days()
    return kind


def _older_kind(keys: Mapping[str, Any]) -> Kind | None:
    """The older systems' days, of which everything but the day may be missing."""
    if "day" in keys:
        return None if USAGE_KEYS.isdisjoint(keys) else Kind.LEGACY_USAGE
    if "date" in keys and (len(keys) == 1 or not METRICS_KEYS.isdisjoint(keys)):
        return Kind.LEGACY_METRICS
    return None


def _says(keys: Mapping[str, Any], header: Mapping[str, Any], key: str) -> bool:
    return keys.get(key) not in (None, "") or header.get(key) not in (None, "")
