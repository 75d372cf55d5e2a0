"""The blob of what is not a column."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from metrics import breakdowns


def test_what_was_packed_is_read_back() -> None:
    said = {"totals_by_ide": [], "a": None, "b": 1.5}
    assert breakdowns.unpack(breakdowns.pack(json.dumps(said).encode())) == said


def test_what_cannot_be_read_back_is_said_to_be_damaged() -> None:
    blob = breakdowns.pack(b'{"a": 1}')
    for damaged in (b"", b"\x02" + blob[1:], blob[:-3], breakdowns.pack(b"[]"), breakdowns.pack(b"{")):
        with pytest.raises(breakdowns.DamagedBlob):
            breakdowns.unpack(damaged)


def test_many_threads_read_and_write_at_once() -> None:
    """As the panels of a page do: each is a request of its own."""
    said = [{"n": n, "x": [{"a": number * n} for number in range(300)]} for n in range(20)]

    def through(number: int) -> bool:
        each = said[number % len(said)]
        return breakdowns.unpack(breakdowns.pack(json.dumps(each).encode())) == each

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(through, range(3000)))
