"""Saved seat lists: the seats, and whether their pages make a whole."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from metrics.formats.errors import BadRecord
from metrics.formats.records import Record, records
from metrics.formats.seat_list import parse_seat, total_seats
from tests.metrics.formats.made import dumped, lines, seat, stream_of

pytestmark = pytest.mark.usefixtures("clock")


def page(total: Any, *seats: dict[str, Any]) -> dict[str, Any]:
    return {"total_seats": total, "seats": list(seats)}


def test_a_seat_becomes_typed_facts_in_utc() -> None:
    found = parse_seat(dumped(seat()), {"total_seats": 1})
    assert (found.assignee_id, found.assignee_login) == (1001, "mona")
    assert (found.organization_id, found.organization_login) == (9001, "octo")
    assert (found.team_id, found.team_slug, found.team_name) == (7, "frontend", "Front end")
    assert found.team_is_enterprise is False
    assert found.plan_type == "business"
    assert found.created_at == datetime(2021, 8, 4, 0, 0, tzinfo=UTC)
    assert found.last_activity_at == datetime(2021, 10, 14, 6, 53, 32, tzinfo=UTC)
    assert found.last_authenticated_at == datetime(2021, 10, 14, 0, 53, 32, tzinfo=UTC)
    assert found.last_activity_editor == "vscode/1.77.3/copilot/1.86.82"
    assert found.pending_cancellation_date is None


def test_everything_but_the_person_may_be_missing() -> None:
    found = parse_seat(b'{"assignee":{"id":5,"login":"hubot"}}', {})
    assert (found.assignee_id, found.assignee_login) == (5, "hubot")
    assert (found.organization_id, found.team_id, found.team_is_enterprise) == (None, None, None)
    assert (found.created_at, found.last_activity_at, found.plan_type) == (None, None, "unknown")


def test_a_cancellation_may_lie_ahead_but_a_sign_of_life_may_not() -> None:
    found = parse_seat(
        dumped(
            seat(
                pending_cancellation_date="2026-12-01",
                created_at="2031-01-01T00:00:00Z",
                last_activity_at="2031-01-01T00:00:00Z",
                last_authenticated_at="2026-11-21T00:00:00Z",
            )
        ),
        {},
    )
    assert found.pending_cancellation_date == date(2026, 12, 1)
    assert (found.created_at, found.last_activity_at, found.last_authenticated_at) == (None, None, None)


def test_names_with_unusual_characters_are_kept_and_long_ones_cut() -> None:
    found = parse_seat(
        dumped(
            seat(
                assignee={"id": 5, "login": "hubot", "name": "Zoë\u00a0👩\u200d💻"},
                last_activity_editor="e" * 999,
            )
        ),
        {},
    )
    assert found.assignee_name == "Zoë\u00a0👩\u200d💻"
    assert found.last_activity_editor == "e" * 255


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"assignee": None}, "the seat has no `assignee`: nobody can be told who holds it"),
        ({"assignee": {"login": "mona"}}, "the `assignee` has no `id`: save the list as the API gives it"),
        ({"assignee": {"id": 5}}, "`login` is missing in `assignee`"),
        (
            {"assignee": {"id": "x", "login": "mona"}},
            "`assignee.id` is “x”, not an id: ids are whole numbers",
        ),
        ({"created_at": "yesterday"}, "`created_at` is “yesterday”, not a time as 2026-01-31T08:00:00Z"),
        (
            {"created_at": "0001-01-01T00:00:00+14:00"},
            "`created_at` is “0001-01-01T00:00:00+14:00”, not a time as 2026-01-31T08:00:00Z",
        ),
        ({"last_activity_at": 5}, "`last_activity_at` must be text, not a whole number"),
    ],
)
def test_a_bad_seat_says_what_is_wrong(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(BadRecord) as refusal:
        parse_seat(dumped(seat(**change)), {})
    assert str(refusal.value) == expected


PAGES = [page(3, seat(), seat()), page(3, seat())]


@pytest.mark.parametrize(
    "content",
    [
        lines(PAGES),
        dumped(PAGES),
        b"".join(map(dumped, PAGES)),
        b"\n\n".join(map(dumped, PAGES)),
        dumped({"seats": [seat(), seat(), seat()], "total_seats": 3}),
    ],
    ids=["a page a line", "list of pages", "pages joined", "blank lines between", "total behind"],
)
def test_seats_know_the_total_of_their_page_whatever_the_form(content: bytes) -> None:
    found = list(records(stream_of(content)))
    assert [item.number for item in found] == [1, 2, 3]
    assert all(isinstance(item, Record) and total_seats(item.header) == 3 for item in found)
