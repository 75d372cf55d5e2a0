"""Team membership lines."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from metrics.formats.errors import BadRecord
from metrics.formats.user_teams import parse_user_team
from tests.metrics.formats.made import dumped, user_team, without

pytestmark = pytest.mark.usefixtures("clock")


def test_a_line_becomes_a_membership() -> None:
    record = parse_user_team(dumped(user_team()), {})
    assert (record.user_id, record.user_login, record.team_id, record.slug) == (1001, "mona", 7, "frontend")
    assert (record.organization_id, record.enterprise_id) == (9001, None)
    assert record.day == date(2026, 11, 1)
    assert record.observed_at == datetime(2026, 11, 1, tzinfo=UTC)


def test_names_may_be_missing_and_ids_may_be_digits() -> None:
    record = parse_user_team(dumped(without(user_team(team_id="7"), "user_login", "slug")), {})
    assert (record.user_login, record.team_id, record.slug) == ("", 7, "")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"team_id": None}, "`team_id` must be a whole number or text, not null"),
        ({"team_id": -7}, "`team_id` is -7, not an id: ids are whole numbers from 1"),
        ({"user_login": "a\nb"}, "`user_login` holds a control character"),
        ({"slug": "s" * 300}, "`slug` is longer than 255 characters"),
        ({"day": "2026-13-01"}, "`day` is 2026-13-01, a day no calendar has"),
    ],
)
def test_a_bad_line_says_what_is_wrong(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(BadRecord) as refusal:
        parse_user_team(dumped(user_team(**change)), {})
    assert str(refusal.value) == expected
