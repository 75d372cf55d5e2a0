"""What GitHub's answers say: typed, tolerant of what is new or missing, unmoved by junk."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.github.payloads import (
    InstallationToken,
    Organization,
    ReportLinks,
    Team,
    read_error,
    read_rate_limit,
    read_seat,
    read_seat_page,
)
from portal.github.records import BadRecord

pytestmark = pytest.mark.usefixtures("clock")

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
SEAT_KEYS = ("assignee", "organization", "assigning_team", "plan_type", "created_at", "last_activity_at")


def written(value: Any) -> bytes:
    return json.dumps(value).encode()


def seat(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "assignee": {"id": number, "login": f"user-{number}"},
        "created_at": "2026-01-02T03:04:05Z",
    } | fields


def test_a_seat_is_typed_facts_in_utc() -> None:
    found = read_seat(
        written(
            seat(
                7,
                organization={"id": "9001", "login": "octo"},
                assigning_team={"id": 5, "slug": "a", "name": "A", "type": "Enterprise"},
                plan_type="business",
                last_activity_at="2026-10-14T00:53:32-06:00",
                pending_cancellation_date="2026-12-01",
                of_next_year={"unknown": [1, 2]},
            )
        )
    )
    assert (found.assignee_id, found.assignee_login) == (7, "user-7")
    assert (found.organization_id, found.organization_login) == (9001, "octo")
    assert (found.team_id, found.team_slug, found.team_is_enterprise) == (5, "a", True)
    assert found.created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert found.last_activity_at == datetime(2026, 10, 14, 6, 53, 32, tzinfo=UTC)
    assert found.pending_cancellation_date == date(2026, 12, 1)


def test_what_a_team_is_stays_open_where_the_list_does_not_say() -> None:
    assert read_seat(written(seat(assigning_team={"id": 5}))).team_is_enterprise is None


def test_a_page_is_its_seats_and_the_total() -> None:
    page = read_seat_page(written({"total_seats": 250, "seats": [seat(1), seat(2)]}))
    assert page.total == 250
    assert [one.assignee_id for one in page.seats] == [1, 2]
    assert page.broken == []


@pytest.mark.parametrize("total", [None, "250", -1, True, 2.5, {}, [1]])
def test_a_total_that_is_no_count_is_none(total: Any) -> None:
    assert read_seat_page(written({"total_seats": total, "seats": []})).total is None
    assert read_seat_page(b'{"seats":[]}').total is None


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (seat(assignee=None), "no `assignee`"),
        ({"created_at": "2026-01-01T00:00:00Z"}, "no `assignee`"),
        (seat(assignee={"login": "x"}), "no `id`"),
        (seat(assignee={"id": 0, "login": "x"}), "not an id"),
        (seat(assignee={"id": 5, "login": " "}), "is empty"),
        (seat(created_at="yesterday"), "not a time"),
        (seat(plan_type=5), "must be text"),
        ("a seat", "must be an object"),
        (None, "must be an object"),
    ],
)
def test_a_seat_that_cannot_be_read_leaves_the_others(broken: Any, reason: str) -> None:
    page = read_seat_page(written({"total_seats": 3, "seats": [seat(1), broken, seat(3)]}))
    assert [one.assignee_id for one in page.seats] == [1, 3]
    [left] = page.broken
    assert left.number == 2
    assert reason in left.reason
    assert json.loads(left.raw) == broken


def test_a_seat_read_alone_and_in_a_page_says_the_same() -> None:
    several = [
        seat(1),
        seat(2, last_activity_at="2026-10-14T00:53:32+02:00"),
        seat(3, plan_type="enterprise"),
    ]
    page = read_seat_page(written({"total_seats": 3, "seats": several}))
    assert page.seats == [read_seat(written(one)) for one in several]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"null", b'"x"', b'{"seats":null}', b'{"seats":{}}', b"<html>"]
)
def test_what_is_no_page_of_seats_is_an_error_of_decoding(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        read_seat_page(body)


@given(st.binary(max_size=200) | json_values.map(written))
def test_junk_is_an_error_of_decoding_and_nothing_else(body: bytes) -> None:
    for read in (read_seat_page, read_rate_limit):
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            read(body)
    with suppress(BadRecord):
        read_seat(body)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(SEAT_KEYS), json_values) | json_values | st.just(seat(5)), max_size=6
    )
)
def test_every_element_of_a_page_is_a_seat_or_broken(elements: list[Any]) -> None:
    page = read_seat_page(written({"total_seats": len(elements), "seats": elements}))
    assert len(page.seats) + len(page.broken) == len(elements)
    assert {one.number for one in page.broken} <= set(range(1, len(elements) + 1))
    assert len(page.seats) >= elements.count(seat(5))
    assert all(one.reason for one in page.broken)


def test_ids_may_be_strings_of_digits() -> None:
    decoded = msgspec.json.decode(b'[{"id":"5","login":"octo"}]', type=list[Organization], strict=False)
    assert decoded[0].id == 5


@pytest.mark.parametrize(("slug", "kind"), [("ent:a", None), ("a", "enterprise"), ("ent:a", "enterprise")])
def test_an_enterprises_team_is_told_by_its_type_or_its_slug(slug: str, kind: str | None) -> None:
    assert Team(1, "A", slug, type=kind).is_enterprise
    assert not Team(1, "A", "a", type="organization").is_enterprise


def test_the_rate_limit_is_the_core_allowance() -> None:
    body = {"resources": {"core": {"limit": 5000, "remaining": 4999, "used": 1, "reset": 1795176000}}}
    found = read_rate_limit(written(body))
    assert (found.limit, found.remaining, found.used) == (5000, 4999, 1)
    assert found.reset == datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"message": "Not Found", "documentation_url": "https://docs"}, "Not Found"),
        ({"message": "Invalid", "errors": [{"message": "more"}, {"code": "x"}, "last"]}, "Invalid more last"),
        ({"message": "Same", "errors": ["Same"]}, "Same"),
        ({}, ""),
        ({"message": None}, ""),
        ({"message": {"message": "deep"}}, "deep"),
        ([], ""),
        ("text", ""),
    ],
)
def test_what_github_says_of_a_refusal_is_gathered(body: Any, said: str) -> None:
    assert read_error(written(body)) == said


@given(
    st.binary(max_size=100) | json_values.map(written) | json_values.map(lambda one: written({"errors": one}))
)
def test_no_body_breaks_the_reading_of_a_refusal(body: bytes) -> None:
    assert isinstance(read_error(body), str)


def test_what_holds_a_secret_does_not_show_it() -> None:
    assert "s3cret" not in repr(InstallationToken("s3cret", "2026-11-20T13:00:00Z"))
    assert "sig" not in repr(ReportLinks(["https://host/a?sig=b"], "2026-11-01"))
