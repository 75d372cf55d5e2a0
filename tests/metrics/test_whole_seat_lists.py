"""When a saved seat list is the whole list: only then may its silence end a seat."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from metrics.formats.records import records
from metrics.ingest.seat_files import SeatList, read_seat_list
from tests.metrics.report_files import seat


def page(total: Any, *people: int) -> dict[str, Any]:
    return {"total_seats": total, "seats": [seat(person) for person in people]}


def read(*documents: Any, cut: int = 0) -> SeatList:
    text = "".join(json.dumps(document) + "\n" for document in documents)
    content = text[: len(text) - cut].encode()
    return read_seat_list(records(lambda: io.BytesIO(content)))


def test_pages_that_agree_and_list_as_many_people_are_whole() -> None:
    assert read(page(3, 1, 2), page(3, 3)).is_complete


def test_a_person_listed_twice_is_one_of_the_total() -> None:
    assert read(page(2, 1, 1, 2)).is_complete


@pytest.mark.parametrize(
    "documents",
    [
        [page(3, 1, 2), page(4, 3)],
        [page(3, 1, 2), {"seats": [seat(3)]}],
        [page("3", 1, 2, 3)],
        [page(True, 1)],
        [page(3, 1, 2)],
        [page(2, 1, 2), {"total_seats": 2, "seats": [{"assignee": None}]}],
        [page(0)],
    ],
    ids=["totals differ", "one says none", "no number", "a boolean", "too few", "one unreadable", "empty"],
)
def test_anything_else_is_not(documents: list[Any]) -> None:
    assert not read(*documents).is_complete


def test_the_seat_of_a_deleted_person_is_counted_though_nobody_holds_it() -> None:
    nobodys = {"assignee": None, "plan_type": "business", "created_at": "2026-01-15T10:00:00Z"}
    whole = read(page(3, 1), {"total_seats": 3, "seats": [nobodys, seat(2)]})
    assert whole.is_complete
    assert [number for number, *_ in whole.broken] == [2]


def test_a_list_that_breaks_off_is_not_whole() -> None:
    assert not read(page(2, 1, 2), cut=20).is_complete
