"""Days of the two older systems."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from metrics.formats.errors import BadRecord
from metrics.formats.legacy import LegacyDayRecord, parse_legacy_metrics, parse_legacy_usage
from tests.metrics.formats.made import dumped, legacy_metrics_day, legacy_usage_day, without

pytestmark = pytest.mark.usefixtures("clock")


def metrics(**changes: Any) -> LegacyDayRecord:
    return parse_legacy_metrics(dumped(legacy_metrics_day(**changes)), {})


def usage(**changes: Any) -> LegacyDayRecord:
    return parse_legacy_usage(dumped(legacy_usage_day(**changes)), {})


def test_a_day_of_the_metrics_api_adds_up_over_editors_models_and_languages() -> None:
    record = metrics()
    assert record.day == date(2024, 6, 24)
    assert record.observed_at == datetime(2024, 6, 24, tzinfo=UTC)
    assert (record.total_active_users, record.total_engaged_users) == (24, 20)
    assert record.total_code_suggestions == 249 + 496 + 112
    assert record.total_code_acceptances == 123 + 253 + 56
    assert record.total_code_lines_suggested == 225 + 520
    assert record.total_code_lines_accepted == 135 + 270 + 61
    assert (record.total_chats, record.total_chat_users) == (55, 13)
    assert (record.total_chat_insertion_events, record.total_chat_copy_events) == (12, 16)
    assert record.total_dotcom_chats == 38
    assert record.total_pr_summaries_created == 16
    assert record.total_chat_acceptances is None


def test_a_day_of_the_usage_api_says_its_totals() -> None:
    record = usage()
    assert record.day == date(2023, 10, 15)
    assert (record.total_active_users, record.total_engaged_users) == (10, None)
    assert (record.total_code_suggestions, record.total_code_acceptances) == (1000, 800)
    assert (record.total_code_lines_suggested, record.total_code_lines_accepted) == (1800, 1200)
    assert (record.total_chats, record.total_chat_acceptances, record.total_chat_users) == (200, 32, 4)


def test_everything_but_the_day_may_be_missing_and_missing_is_not_0() -> None:
    for record in (
        parse_legacy_metrics(b'{"date":"2024-06-24"}', {}),
        parse_legacy_usage(b'{"day":"2023-10-15"}', {}),
    ):
        said = {name: getattr(record, name) for name in record.__struct_fields__ if name.startswith("total_")}
        assert set(said.values()) == {None}
        assert record.rest == b"{}"


@pytest.mark.parametrize(
    "block", [None, {}, {"editors": None}, {"editors": []}, {"editors": [{"name": "x"}]}]
)
def test_a_block_may_be_null_or_hold_nothing(block: Any) -> None:
    record = metrics(copilot_ide_code_completions=block, copilot_ide_chat=block, copilot_dotcom_chat=block)
    assert record.total_code_suggestions is None
    assert record.total_chats is None
    assert record.total_chat_users is None
    assert record.total_active_users == 24


def test_the_whole_document_is_kept_unknown_keys_too() -> None:
    document = legacy_metrics_day(copilot_future={"total_dreams": 3})
    assert json.loads(metrics(copilot_future={"total_dreams": 3}).rest) == without(document, "date")
    assert json.loads(usage(weather="fair").rest) == without(legacy_usage_day(weather="fair"), "day")


def test_the_order_of_keys_and_spaces_make_no_other_day() -> None:
    day = legacy_metrics_day()
    turned = json.dumps(dict(reversed(day.items())), indent=2).encode()
    assert parse_legacy_metrics(turned, {}).content_hash == metrics().content_hash
    assert metrics(total_engaged_users=19).content_hash != metrics().content_hash
    assert metrics(copilot_dotcom_chat=None).content_hash != metrics().content_hash


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"date": "24.06.2024"}, "`date` is “24.06.2024”, not a day as YYYY-MM-DD"),
        ({"date": None}, "`date` must be text, not null"),
        ({"total_active_users": -1}, "`total_active_users` must not be less than 0"),
        ({"total_active_users": "many"}, "`total_active_users` must be a whole number, not text"),
        ({"copilot_ide_chat": []}, "`copilot_ide_chat` must be an object, not a list"),
        (
            {"copilot_dotcom_chat": {"models": [{"total_chats": 2**53}, {"total_chats": 1}]}},
            "`total_chats` adds up to 9,007,199,254,740,993, which cannot be",
        ),
    ],
)
def test_a_bad_day_says_what_is_wrong(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(BadRecord) as refusal:
        metrics(**change)
    assert str(refusal.value) == expected
