"""The scanner against Python's own JSON decoder, whatever the text and wherever its chunks end."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.formats.scanner import END, Scanner, depth_of
from tests.metrics.formats.made import trickling

TEXT = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Z", "C"]), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
SPACING = st.sampled_from([None, 0, 2])


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(st.lists(JSON, max_size=4), SPACING, st.booleans(), st.integers(1, 40))
def test_values_are_found_wherever_chunks_end(
    values: list[Any], indent: int | None, plain: bool, step: int
) -> None:
    texts = [json.dumps(value, indent=indent, ensure_ascii=plain).encode() for value in values]
    with trickling(b" ".join(texts), step)() as stream:
        scanner = Scanner(stream, step)
        found = []
        while scanner.peek() != END:
            found.append(scanner.value(1_000_000))
    assert [value.raw for value in found] == texts
    for value, expected in zip(found, values, strict=True):
        assert value.is_whole
        assert not value.is_long
        assert value.depth >= depth(expected)


@given(JSON, st.integers(0, 60), st.integers(1, 40))
def test_a_value_longer_than_wanted_is_passed_or_given_back(value: Any, limit: int, step: int) -> None:
    text = json.dumps(value).encode()
    with trickling(b" " + text + b" 1", step)() as stream:
        scanner = Scanner(stream, step)
        within = scanner.value_within(limit)
        assert (within is None) == (len(text) > limit)
        if within is None:
            start = scanner.offset
            cut = scanner.value(limit)
            assert (cut.raw, cut.is_long) == (text[:limit], True)
            assert scanner.offset == start + len(text)
        assert scanner.value(10).raw == b"1"
        assert scanner.peek() == END


@given(JSON.filter(lambda value: isinstance(value, list | dict)))
def test_the_depth_is_that_of_the_brackets_outside_of_text(value: Any) -> None:
    assert depth_of(json.dumps(value).encode()) == depth(value)


@given(st.binary(max_size=60), st.integers(1, 9))
def test_any_bytes_come_to_an_end(content: bytes, step: int) -> None:
    with trickling(content, step)() as stream:
        scanner = Scanner(stream, step)
        for _ in range(len(content) + 1):
            if scanner.peek() == END:
                break
            scanner.value(10)
        assert scanner.peek() == END


@pytest.mark.parametrize("step", [1, 2, 3, 7, 100])
def test_going_to_a_place_reads_on_from_there(step: int) -> None:
    scanner = Scanner(io.BytesIO(b"0123456789" * 3), step)
    scanner.go_to(13)
    assert (scanner.peek(), scanner.offset) == (ord("3"), 13)
    scanner.go_to(1_000)
    assert scanner.peek() == END
