"""An account's days: columns, the rest, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from metrics.formats.errors import BadRecord
from metrics.formats.scope import parse_scope_day
from tests.metrics.formats.made import COUNTERS, dumped, scope_day, without

pytestmark = pytest.mark.usefixtures("clock")


def test_a_day_becomes_typed_columns_and_a_rest() -> None:
    record = parse_scope_day(dumped(scope_day(daily_active_cli_users=4, weekly_active_cli_users=9)), {})
    assert record.day == date(2026, 11, 1)
    assert (record.organization_id, record.enterprise_id) == (9001, 42)
    assert {name: getattr(record, name) for name in COUNTERS} == COUNTERS
    assert (record.daily_active_users, record.monthly_active_users) == (80, 150)
    assert (record.daily_active_cli_users, record.monthly_active_agent_users) == (4, 60)
    assert record.observed_at == datetime(2026, 11, 1, tzinfo=UTC)
    rest = json.loads(record.rest)
    assert rest["pull_requests"]["median_minutes_to_merge"] is None
    assert rest["weekly_active_cli_users"] == 9
    assert "daily_active_cli_users" not in rest


def test_a_day_of_a_wrapper_takes_ids_and_moment_from_it() -> None:
    header = {"organization_id": "9001", "report_end_day": "2026-11-20", "created_at": "2026-11-20T05:00:00Z"}
    bare = without(scope_day(), "organization_id", "enterprise_id")
    record = parse_scope_day(dumped(bare), header)
    assert (record.organization_id, record.enterprise_id) == (9001, None)
    assert record.observed_at == datetime(2026, 11, 20, 5, tzinfo=UTC)
    assert record.content_hash == parse_scope_day(dumped(scope_day()), {}).content_hash


def test_what_is_absent_stays_unknown() -> None:
    record = parse_scope_day(dumped(without(scope_day(), "weekly_active_users", "loc_added_sum")), {})
    assert record.weekly_active_users is None
    assert record.loc_added_sum is None
    assert record.daily_active_cli_users is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"daily_active_users": -1}, "`daily_active_users` must not be less than 0"),
        ({"daily_active_users": 2**40}, "`daily_active_users` is larger than 2,147,483,647, which cannot be"),
        ({"day": "2030-01-01"}, "`day` is 2030-01-01, which lies in the future"),
        (
            {"user_id": 5},
            "this is a person's line (`user_id`) in a report of whole days: import it as its own file",
        ),
        ({"organization_id": "octo"}, "`organization_id` is “octo”, not an id: ids are whole numbers"),
        (
            {"pull_requests": {"total_created": "many"}},
            "`total_created` in `pull_requests` must be a whole number, not text",
        ),
    ],
)
def test_a_bad_day_says_what_is_wrong(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(BadRecord) as refusal:
        parse_scope_day(dumped(scope_day(**change)), {})
    assert str(refusal.value) == expected


def test_the_count_of_active_people_is_required() -> None:
    with pytest.raises(BadRecord, match="`daily_active_users` is missing"):
        parse_scope_day(dumped(without(scope_day(), "daily_active_users")), {})
