"""What a file is, told from its content; and what is said of files that are not taken in."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any, BinaryIO

import pytest

from metrics.formats.errors import Unreadable
from metrics.formats.kinds import Kind, identify
from tests.metrics.formats.made import (
    Endless,
    dumped,
    legacy_metrics_day,
    legacy_usage_day,
    lines,
    repository_day,
    scope_day,
    seat,
    source_of,
    user_day,
    user_team,
    without,
)

pytestmark = pytest.mark.usefixtures("clock")

RANGE = {"report_start_day": "2026-10-24", "report_end_day": "2026-11-20"}
ENTERPRISE_DAY = without(scope_day(), "organization_id")
HEADER = b"report_time,login,last_authenticated_at,last_activity_at,last_surface_used\n"


def wrapped(record: dict[str, Any], key: str = "day_totals", **header: Any) -> bytes:
    return dumped({**header, key: [record]})


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (lines([user_day()]), "users-1-day"),
        (lines([user_day(**RANGE)]), "users-28-day"),
        (wrapped(user_day(), **RANGE), "users-28-day"),
        (wrapped(user_day(), "user_totals", **RANGE), "users-28-day"),
        (lines([scope_day()]), "organization-1-day"),
        (json.dumps(scope_day(), indent=2).encode(), "organization-1-day"),
        (lines([ENTERPRISE_DAY]), "enterprise-1-day"),
        (lines([scope_day(organization_id=None)]), "enterprise-1-day"),
        (wrapped(scope_day(), **RANGE), "organization-28-day"),
        (wrapped(ENTERPRISE_DAY, **RANGE, organization_id="9001"), "organization-28-day"),
        (wrapped(ENTERPRISE_DAY, **RANGE, enterprise_id="42"), "enterprise-28-day"),
        (wrapped(scope_day()), "organization-28-day"),
        (lines([user_team()]), "user-teams-1-day"),
        (lines([repository_day()]), "repos-1-day"),
        (dumped([without(repository_day(), "organization_id", "pull_requests")]), "repos-1-day"),
        (dumped([legacy_metrics_day()]), "legacy-metrics"),
        (json.dumps([legacy_metrics_day()], indent=2).encode(), "legacy-metrics"),
        (json.dumps(legacy_metrics_day(), indent=2).encode(), "legacy-metrics"),
        (lines([legacy_metrics_day()]), "legacy-metrics"),
        (dumped([[legacy_metrics_day()], [legacy_metrics_day()]]), "legacy-metrics"),
        (dumped([{"date": "2026-01-01", "copilot_ide_code_completions": None}]), "legacy-metrics"),
        (dumped([{"date": "2026-01-01"}]), "legacy-metrics"),
        (dumped([legacy_usage_day()]), "legacy-usage"),
        (dumped([{"day": "2025-01-01", "breakdown": None}, legacy_usage_day()]), "legacy-usage"),
        (lines([legacy_usage_day()]), "legacy-usage"),
        (dumped({"total_seats": 1, "seats": [seat()]}), "seats"),
        (dumped({"total_seats": 0, "seats": []}), "seats"),
        (lines([seat()]), "seats"),
        (dumped({"total_seats": 1, "seats": [{"assignee": None}]}), "seats"),
        (HEADER, "activity-report"),
        (b"Login,Last usage date,Last editor used\nmona,2025-01-01,vim\n", "activity-report"),
        (dumped({"day_totals": [], **RANGE, "organization_id": "9001"}), "organization-28-day"),
        (dumped({"day_totals": [], **RANGE, "enterprise_id": "42"}), "enterprise-28-day"),
        (dumped({"user_totals": [], **RANGE}), "users-28-day"),
    ],
)
def test_a_file_is_told_by_its_content(content: bytes, kind: str) -> None:
    assert identify(source_of(content)) == Kind(kind)


@pytest.mark.parametrize(
    "before",
    [b"junk\n", b"\x00\x01\x02\n", b'{"day": NaN}\n', b"[" * 9999 + b"\n", dumped(user_day())[:99] + b"\n"],
)
def test_broken_lines_at_the_beginning_are_no_hindrance(before: bytes) -> None:
    assert identify(source_of(before * 100 + lines([user_day(**RANGE)]))) == Kind.USERS_28_DAY


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (dumped(user_day()).replace(b":112,", b":NaN,"), "users-1-day"),
        (dumped(user_day())[:200], "users-1-day"),
        (dumped(user_team())[:-1], "user-teams-1-day"),
        (dumped(scope_day(organization_id=None)).replace(b":112,", b":-,"), "enterprise-1-day"),
        (dumped([legacy_metrics_day()])[:-40], "legacy-metrics"),
        (dumped([legacy_usage_day(total_chat_turns=0)]).replace(b":1800,", b":NaN,"), "legacy-usage"),
        (dumped(repository_day())[:-9], "repos-1-day"),
    ],
)
def test_a_file_of_nothing_but_broken_lines_is_told_by_the_keys_in_sight(content: bytes, kind: str) -> None:
    assert identify(source_of(content)) == Kind(kind)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file is empty"),
        (b"\r\n \n", "The file is empty"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "This is a web page"),
        (b"\n  <html lang='en'>", "This is a web page"),
        (b"<?xml version='1.0'?><Error><Code>AuthenticationFailed</Code></Error>", "expired link"),
        (b'{"message":"Bad credentials","documentation_url":"x"}', "message of GitHub's (“Bad credentials”)"),
        (b'{"download_links":["https://x"],"report_day":"2026-11-01"}', "the files behind the links"),
        (lines([without(user_day(**RANGE), "day")]), "get the daily per-user report"),
        (wrapped(without(user_day(), "day"), "user_totals", **RANGE), "get the daily per-user report"),
        (dumped({"seat_breakdown": {"total": 5}, "plan_type": "business"}), "get the list of seats"),
        (dumped({"timePeriod": {"year": 2026}, "usageItems": []}), "is a billing answer"),
        (dumped({"hello": "world"}), "no record in it is of a Copilot report"),
        (b"[]", "There is nothing in this file"),
        (b"[" * 100_000 + b"]" * 100_000, "nested deeper than 64 levels"),
        (b"report_time;login;last_activity_at\n", "separated by semicolons"),
        (b"name,age\nmona,5\n", "a CSV file with the columns name, age:"),
        (b"%PDF-1.7 ...", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "a picture"),
        (b"\0" * 257 + b"ustar" + b"\0" * 300, "a tar archive"),
        (bytes(range(256)) * 50, "binary data"),
        (b"hello\nworld\n", "Nothing in this file looks like a Copilot report"),
        (b"null", "Nothing in this file looks like a Copilot report"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_taken_in_is_named(content: bytes, said: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        identify(source_of(content))
    sentence = str(refusal.value)
    assert said in sentence
    assert sentence.endswith(".")
    assert sentence.count(". ") == 0


def test_a_line_of_another_kind_does_not_hide_the_kind_of_the_file() -> None:
    content = lines([without(user_day(), "day"), {"message": "x"}, user_day()])
    assert identify(source_of(content)) == Kind.USERS_1_DAY


def test_only_the_beginning_of_a_strange_file_is_read() -> None:
    def endless() -> BinaryIO:
        return io.BufferedReader(Endless(b'{"hello":1}\n' * 400, b"\n", 10**12, b""))

    source = replace(source_of(b""), open=endless)
    with pytest.raises(Unreadable):
        identify(source)
