"""Per-user lines: what is kept, what is refused, and when two lines say the same."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from metrics.formats.errors import BadRecord
from metrics.formats.users import UserDayRecord, parse_user_day
from tests.metrics.formats.made import COUNTERS, dumped, user_day, without

pytestmark = pytest.mark.usefixtures("clock")

HEADER_28 = {"report_start_day": "2026-10-24", "report_end_day": "2026-11-20"}


def parsed(header: dict[str, Any] | None = None, **changes: Any) -> UserDayRecord:
    return parse_user_day(dumped(user_day(**changes)), header or {})


def reason(raw: bytes) -> str:
    with pytest.raises(BadRecord) as refusal:
        parse_user_day(raw, {})
    return str(refusal.value)


def test_a_line_becomes_typed_columns() -> None:
    record = parsed()
    assert record.day == date(2026, 11, 1)
    assert (record.user_id, record.user_login) == (1001, "mona")
    assert (record.organization_id, record.enterprise_id) == (9001, 42)
    assert {name: getattr(record, name) for name in COUNTERS} == COUNTERS
    assert (record.used_agent, record.used_chat, record.used_copilot_app) == (False, True, None)
    assert record.ai_credits_used == Decimal("3.25")
    assert record.phase_number == 1
    assert len(record.content_hash) == 16


def test_what_is_absent_stays_unknown_and_not_zero() -> None:
    raw = dumped(without(user_day(), "loc_added_sum", "ai_credits_used", "used_chat", "ai_adoption_phase"))
    record = parse_user_day(raw, {})
    assert record.loc_added_sum is None
    assert record.ai_credits_used is None
    assert record.used_chat is None
    assert record.phase_number is None


def test_every_key_that_is_no_column_is_kept_unknown_ones_too() -> None:
    rest = json.loads(parsed(new_in_december={"a": [1, {"b": "x"}]}).rest)
    assert rest["new_in_december"] == {"a": [1, {"b": "x"}]}
    assert rest["totals_by_ide"] == user_day()["totals_by_ide"]
    assert rest["ai_adoption_phase"]["phase"] == "Phase 1"
    assert list(rest) == sorted(rest)
    assert not rest.keys() & {
        *COUNTERS,
        "day",
        "user_login",
        "etl_id",
        "day_partition",
        "entity_id_partition",
    }


def test_spacing_order_login_and_housekeeping_do_not_change_the_fingerprint() -> None:
    record = user_day(spaced="a, b: [ c ]")
    shuffled = dict(reversed(record.items())) | {"etl_id": "run-8", "user_login": "mona-lisa"}
    pretty = json.dumps(shuffled, indent=3).encode()
    one, other = parse_user_day(dumped(record), {}), parse_user_day(pretty, HEADER_28)
    assert one.content_hash == other.content_hash
    assert one.rest == other.rest


@pytest.mark.parametrize(
    ("written", "plainly"),
    [
        (r'"r\u00e9sum\u00E9"', '"résumé"'),
        (r'"\ud83d\ude00 \u2028 a\/b \u0041"', '"😀 \u2028 a/b A"'),
        (r'"\u0022\u005c\u000a\u001F"', r'"\"\\\n\u001f"'),
        (r'{"\u00e9": [1, "x\\", "\u00e9", "\\u00e9"]}', r'{"é":[1,"x\\","é","\\u00e9"]}'),
        # Numbers stay as they came, however large, beside text that does not.
        (
            r'[1.10, 1e3, -0.0, 12345678901234567890123, "\u00e9"]',
            '[1.10,1e3,-0.0,12345678901234567890123,"é"]',
        ),
    ],
)
def test_text_says_the_same_escaped_or_plain(written: str, plainly: str) -> None:
    line = dumped(user_day(mystery="HERE"))
    escaped, plain = (line.replace(b'"HERE"', text.encode()) for text in (written, plainly))
    one, other = parse_user_day(escaped, {}), parse_user_day(plain, {})
    assert one.rest == other.rest
    assert one.content_hash == other.content_hash
    assert f'"mystery":{plainly}'.encode() in one.rest


@pytest.mark.parametrize(
    "broken", [rb'"\ud800"', rb'"\udc00x"', rb'["\u00e9", "\u00e9\ud800x"]', b'"\xff\\n"']
)
def test_text_that_is_none_is_refused(broken: bytes) -> None:
    said = reason(dumped(user_day(mystery="HERE")).replace(b'"HERE"', broken))
    assert said.startswith(("not valid JSON", "the text is not UTF-8"))


@pytest.mark.parametrize(
    "change",
    [
        {"loc_added_sum": 113},
        {"used_chat": False},
        {"used_chat": None},
        {"ai_credits_used": 3.26},
        {"totals_by_feature": []},
        {"new_in_december": 1},
        {"ai_adoption_phase": None},
    ],
)
def test_a_change_of_any_fact_changes_the_fingerprint(change: dict[str, Any]) -> None:
    assert parsed(**change).content_hash != parsed().content_hash


def test_the_older_name_of_the_cloud_agent_is_understood() -> None:
    record = without(user_day(used_copilot_coding_agent=True), "used_copilot_cloud_agent")
    assert parse_user_day(dumped(record), {}).used_copilot_cloud_agent is True


def test_ids_may_be_digits_and_may_stand_in_the_wrapper() -> None:
    record = without(user_day(user_id="1001"), "organization_id", "enterprise_id")
    found = parse_user_day(dumped(record), {"organization_id": "9001", "enterprise_id": 42})
    assert (found.user_id, found.organization_id, found.enterprise_id) == (1001, 9001, 42)


def test_noise_beyond_nine_places_of_credits_is_dropped() -> None:
    assert parsed(ai_credits_used=0.036000000000000004).ai_credits_used == Decimal("0.036")


def test_a_daily_line_is_as_of_its_day_and_a_28_day_line_as_of_its_report() -> None:
    def midnight(day: int) -> datetime:
        return datetime(2026, 11, day, tzinfo=UTC)

    assert parsed().observed_at == midnight(1)
    assert parsed(report_start_day="2026-10-24", report_end_day="2026-11-20").observed_at == midnight(20)
    assert parsed(HEADER_28).observed_at == midnight(20)
    made = datetime(2026, 11, 20, 3, 4, tzinfo=UTC)
    assert parsed(HEADER_28 | {"created_at": "2026-11-20T03:04:00Z"}).observed_at == made
    assert parsed(HEADER_28 | {"created_at": "2027-01-01T00:00:00Z"}).observed_at == midnight(20)


NOTHING = dict.fromkeys(COUNTERS, 0) | {
    "totals_by_ide": [],
    "totals_by_feature": [],
    "totals_by_language_feature": [],
    "used_chat": False,
    "ai_credits_used": 0,
    "used_copilot_code_review_passive": True,
}


def test_a_review_nobody_asked_for_is_no_sign_of_life() -> None:
    assert parsed(**NOTHING).only_passive_review


@pytest.mark.parametrize(
    "sign",
    [
        {"loc_added_sum": 1},
        {"used_copilot_code_review_active": True},
        {"used_copilot_coding_agent": True, "used_copilot_cloud_agent": None},
        {"totals_by_cli": {"session_count": 1}},
        {"totals_by_feature": [{"feature": "others"}]},
        {"ai_credits_used": 0.01},
        {"used_copilot_code_review_passive": None},
    ],
)
def test_any_other_sign_is(sign: dict[str, Any]) -> None:
    assert not parsed(**NOTHING | sign).only_passive_review


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"day": "9999-01-01"}, "`day` is 9999-01-01, which lies in the future"),
        ({"day": "2026-11-22"}, "`day` is 2026-11-22, which lies in the future"),
        ({"day": "2026-02-30"}, "`day` is 2026-02-30, a day no calendar has"),
        ({"day": "01.11.2026"}, "`day` is “01.11.2026”, not a day as YYYY-MM-DD"),
        ({"day": "2019-12-31"}, "`day` is 2019-12-31, which lies before Copilot existed"),
        ({"day": None}, "`day` must be text, not null"),
        ({"user_id": "mona"}, "`user_id` is “mona”, not an id: ids are whole numbers"),
        ({"user_id": 0}, "`user_id` is 0, not an id: ids are whole numbers from 1"),
        ({"user_id": 2**64}, "`user_id` is 18446744073709551616, not an id: ids are whole numbers from 1"),
        ({"user_id": True}, "`user_id` must be a whole number or text, not true or false"),
        ({"user_login": ""}, "`user_login` is empty"),
        ({"user_login": "a\0b"}, "a text of the record holds a NUL character"),
        ({"user_login": "a\x1bb"}, "`user_login` holds a control character"),
        ({"user_login": "x" * 5000}, "`user_login` is longer than 255 characters"),
        ({"loc_added_sum": -1}, "`loc_added_sum` must not be less than 0"),
        ({"loc_added_sum": 1.5}, "`loc_added_sum` must be a whole number, not a number with a fraction"),
        ({"loc_added_sum": 2**64}, "`loc_added_sum` is larger than 9,007,199,254,740,992, which cannot be"),
        ({"loc_added_sum": "5"}, "`loc_added_sum` must be a whole number, not text"),
        ({"used_chat": 1}, "`used_chat` must be true or false, not a whole number"),
        (
            {"totals_by_ide": [{"ide": "vscode", "loc_added_sum": "3"}]},
            "`loc_added_sum` in `totals_by_ide` must be a whole number, not text",
        ),
        ({"totals_by_ide": [{"loc_added_sum": 3}]}, "`ide` is missing in `totals_by_ide`"),
        ({"totals_by_ide": {"ide": "vscode"}}, "`totals_by_ide` must be a list, not an object"),
        ({"ai_credits_used": -1}, "`ai_credits_used` is -1, not an amount of credits"),
        ({"ai_credits_used": "NaN"}, "`ai_credits_used` is NaN, not an amount of credits"),
        (
            {"ai_credits_used": 10**9},
            "`ai_credits_used` is 1000000000, more credits than anybody can use in a day",
        ),
        (
            {"organization_id": None, "enterprise_id": None},
            "neither `organization_id` nor `enterprise_id` says whose report this is",
        ),
        (
            {"ai_adoption_phase": {"phase_number": 10**6, "phase": "x"}},
            "`phase_number` is 1000000, a phase nobody knows",
        ),
    ],
)
def test_a_bad_line_says_what_is_wrong(change: dict[str, Any], expected: str) -> None:
    assert reason(dumped(user_day(**change))) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", "the record is empty"),
        (b"[1, 2]", "the record must be an object, not a list"),
        (b'{"day": "2026-11-01"', "not valid JSON: it breaks off before its end"),
        (b'{"day": NaN}', "a value is NaN, which is not a number in JSON"),
        (b'{"day": Infinity}', "a value is Infinity, which is not a number in JSON"),
        (b'{"day": -Infinity}', "a value is Infinity, which is not a number in JSON"),
        (b'{"day": }', "not valid JSON at character 9"),
        (b"{} x", "`day` is missing"),
        (dumped(user_day()) + b" x", "not valid JSON: something follows the record at character {end}"),
        (
            dumped(user_day())[:-1] + b',"x":"\xff"}',
            "the text is not UTF-8: export the file again, or save it as UTF-8",
        ),
        (dumped(user_day())[:-1] + b',"x":1e999}', "`x` is too large a number"),
        (
            dumped(user_day())[:-1] + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            "objects and lists are nested too deeply: no report of GitHub's does that",
        ),
        (
            dumped(without(user_day(report_end_day="2026-11-20"), "day")),
            "`day` is missing: totals over several days cannot be used, get the daily per-user report",
        ),
    ],
)
def test_a_line_that_cannot_be_read_says_why(raw: bytes, expected: str) -> None:
    assert reason(raw) == expected.format(end=len(raw))


def test_tomorrow_is_no_future_and_days_are_judged_by_the_clock_of_the_moment(
    clock: time_machine.Coordinates,
) -> None:
    assert parsed(day="2026-11-21").day == date(2026, 11, 21)
    clock.move_to(datetime(2026, 11, 10, tzinfo=UTC))
    assert "future" in reason(dumped(user_day(day="2026-11-21")))
