"""Streams → records: every form of file, numbers, breaks, limits."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Callable
from typing import Any, BinaryIO

import pytest

from metrics.formats import records as cutting
from metrics.formats.errors import BrokenOffError
from metrics.formats.records import MAX_DEPTH, MAX_RECORD_BYTES, Broken, Record, records
from tests.metrics.formats.made import Endless, dumped, lines, stream_of, user_day

ONE, TWO, THREE = ({"day": "2026-11-01", "user_id": number, "x": ["{", {"y": "]"}]} for number in (1, 2, 3))
OFF = "the file breaks off"


def cut(content: bytes, start_after: int = 0) -> list[tuple[int, Any]]:
    """Number and decoded record, or number and reason."""
    return [
        (item.number, item.reason if isinstance(item, Broken) else json.loads(item.raw))
        for item in records(stream_of(content), start_after)
    ]


ALL = [(1, ONE), (2, TWO), (3, THREE)]


@pytest.mark.parametrize(
    "content",
    [
        lines([ONE, TWO, THREE]),
        lines([ONE, TWO, THREE]).rstrip(),
        lines([ONE, TWO, THREE]).replace(b"\n", b"\r\n"),
        dumped([ONE, TWO, THREE]),
        json.dumps([ONE, TWO, THREE], indent=2).encode(),
        json.dumps([ONE, TWO, THREE], indent="\t").encode() + b"\r\n",
        b"[\n" + b",\n".join(map(dumped, (ONE, TWO, THREE))) + b"\n]\n",
        dumped([[ONE, TWO], [THREE]]),
        dumped([ONE]) + dumped([TWO, THREE]),
        b"".join(map(dumped, (ONE, TWO, THREE))),
        dumped(ONE) + b" " + dumped(TWO) + b"\n" + dumped(THREE),
        b"".join(json.dumps(one, indent=1).encode() for one in (ONE, TWO, THREE)),
        dumped({"day_totals": [ONE, TWO, THREE]}),
        json.dumps({"seats": [ONE, TWO, THREE]}, indent=2).encode(),
        b'{"user_totals":[\n' + b",\n".join(map(dumped, (ONE, TWO, THREE))) + b"]}",
        b'{"a":1,\n"user_totals":[\n' + b",\n".join(map(dumped, (ONE, TWO, THREE))) + b"\n]}",
        lines([{"day_totals": [ONE, TWO]}, {"day_totals": []}, {"day_totals": [THREE]}]),
        dumped([{"seats": [ONE]}, {"seats": [TWO, THREE]}]),
        lines([ONE]).rstrip() + b"\xef\xbb\xbf" + lines([TWO, THREE]).replace(b"\n", b""),
        lines([ONE, TWO]) + b"\xef\xbb\xbf" + lines([THREE]),
    ],
)
def test_the_same_records_come_out_of_every_form(content: bytes) -> None:
    assert cut(content) == ALL


def test_lines_are_numbered_as_they_stand_in_the_file() -> None:
    content = b"\n\n" + dumped(ONE) + b"\n  \r\n" + dumped(TWO)
    assert cut(content) == [(3, ONE), (5, TWO)]


def test_the_keys_around_a_list_come_with_every_record_those_behind_it_too() -> None:
    content = dumped({"report_end_day": "2026-11-20", "day_totals": [ONE, TWO], "created_at": "x"})
    found = list(records(stream_of(content)))
    assert [item.header for item in found if isinstance(item, Record)] == [
        {"report_end_day": "2026-11-20", "created_at": "x"}
    ] * 2
    assert {item.wrapper for item in found if isinstance(item, Record)} == {"day_totals"}


def test_each_page_keeps_its_own_header() -> None:
    content = dumped({"total_seats": 3, "seats": [ONE, TWO]}) + dumped({"total_seats": 4, "seats": [THREE]})
    found = list(records(stream_of(content)))
    assert [item.header["total_seats"] for item in found if isinstance(item, Record)] == [3, 3, 4]


@pytest.mark.parametrize(
    "first", [b"garbage", dumped(ONE)[:20], b'{"a": [1, 2,', b"[1,2]", b"\x00\xff", b'"']
)
def test_a_broken_first_line_leaves_a_file_of_lines_a_file_of_lines(first: bytes) -> None:
    found = cut_numbers(first + b"\n" + lines([TWO, THREE]))
    assert found[1:] == [(2, TWO), (3, THREE)]
    assert found[0][0] == 1


def cut_numbers(content: bytes) -> list[tuple[int, Any]]:
    found: list[tuple[int, Any]] = []
    for item in records(stream_of(content)):
        try:
            found.append((item.number, json.loads(item.raw)))
        except ValueError:
            found.append((item.number, None))
    return found


@pytest.mark.parametrize("content", [lines([ONE, TWO, THREE]), dumped([ONE, TWO, THREE])])
def test_resuming_yields_what_comes_after(content: bytes) -> None:
    assert cut(content, start_after=2) == [(3, THREE)]
    assert cut(content, start_after=3) == []


def test_files_joined_without_a_line_break_lose_nothing() -> None:
    content = lines([ONE]) + dumped(TWO) + dumped(THREE) + b"\n"
    assert cut(content) == [(1, ONE), (2, TWO), (2, THREE)]


@pytest.mark.parametrize(
    ("content", "number"),
    [
        (lines([ONE, TWO, THREE])[:-9], 3),
        (dumped([ONE, TWO, THREE])[:-9], 3),
        (dumped([ONE, TWO, THREE])[:-1], 4),
        (dumped([ONE, TWO, THREE, THREE])[: -len(dumped(THREE)) - 1], 4),
        (dumped({"seats": [ONE, TWO, THREE]})[:-9], 3),
        (dumped({"seats": [ONE, TWO, THREE]})[:-2], 4),
        (dumped({"seats": [ONE, TWO, THREE]})[:-1], 4),
        (json.dumps([ONE, TWO, THREE], indent=2).encode()[:-30], 3),
    ],
)
def test_where_a_file_breaks_off_the_good_records_stay_and_the_last_says_so(
    content: bytes, number: int
) -> None:
    found = cut(content)
    assert found[: number - 1] == ALL[: number - 1]
    assert found[number - 1][0] == number
    assert found[number - 1][1].startswith(OFF)
    assert len(found) == number


class CutShort(io.BytesIO):
    """Content of an archive that was cut short."""

    def read1(self, size: int | None = -1, /) -> bytes:
        return super().read1(size) or self._fail()

    def readline(self, size: int | None = -1, /) -> bytes:
        return super().readline(size) or self._fail()

    def _fail(self) -> bytes:
        raise BrokenOffError


@pytest.mark.parametrize("content", [lines([ONE, TWO, THREE]), b"".join(map(dumped, (ONE, TWO, THREE)))])
def test_an_archive_cut_between_records_is_noticed(content: bytes) -> None:
    found = list(records(lambda: CutShort(content)))
    assert [item.number for item in found] == [1, 2, 3, 4]
    assert isinstance(found[3], Broken)
    assert found[3].reason.startswith(OFF)


def deep(levels: int) -> bytes:
    return b'{"x":' + b"[" * levels + b"]" * levels + b"}"


@pytest.mark.parametrize("join", [b"\n", b","])
def test_what_is_nested_too_deeply_is_named_and_the_rest_read(join: bytes) -> None:
    parts = join.join([dumped(ONE), deep(MAX_DEPTH - 1), deep(MAX_DEPTH), deep(100_000), dumped(THREE)])
    found = list(records(stream_of(b"[" + parts + b"]" if join == b"," else parts)))
    assert [isinstance(item, Broken) for item in found] == [False, False, True, True, False]
    assert all("nested deeper than 64 levels" in item.reason for item in found if isinstance(item, Broken))


def test_lists_nested_a_hundred_thousand_deep_are_one_broken_record() -> None:
    ((number, reason),) = cut(b"[" * 100_000 + b"]" * 100_000)
    assert number == 1
    assert "nested deeper" in reason


def test_brackets_in_text_are_no_depth() -> None:
    record = {"x": "[{" * 500, "y": '\\"[[' * 100}
    assert cut(lines([record])) == [(1, record)]


def big(filler: bytes, start: bytes, end: bytes, size: int) -> Callable[[], BinaryIO]:
    return lambda: io.BufferedReader(Endless(start, filler, size, end), 1024 * 1024)


SIZE = 80 * 1024 * 1024


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (b"", b"\n" + dumped(TWO)),
        (lines([ONE]), b"\n" + dumped(TWO)),
        (b'{"x":"', b'"}' + dumped(TWO)),
        (b'[{"x":"', b'"},' + dumped(TWO) + b"]"),
        (b'{"total_seats":1,"seats":[{"x":"', b'"},' + dumped(TWO) + b"]}"),
        (b'{"x":', b"}" + dumped(TWO)),
    ],
    ids=["text", "line among lines", "one record", "element", "element in a wrapper", "number"],
)
def test_80_mb_without_a_line_break_take_little_memory(start: bytes, end: bytes) -> None:
    tracemalloc.start()
    try:
        found = list(records(big(b"7", start, end, SIZE)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    broken = [item for item in found if isinstance(item, Broken)]
    assert [item.reason for item in broken] == [
        "the record is longer than 4 MiB: no report of GitHub's has such a one"
    ]
    assert len(broken[0].raw) <= 64 * 1024
    assert json.loads(found[-1].raw) == TWO
    assert peak < 32 * 1024 * 1024


@pytest.mark.parametrize("behind", [False, True])
def test_a_wrapper_larger_than_memory_may_hold_is_streamed_with_its_whole_header(behind: bool) -> None:
    record = dumped(user_day())
    count = 3 * MAX_RECORD_BYTES // len(record)
    listed = b'"day_totals":[' + b",".join([record] * count) + b"]"
    content = b"{" + listed + b',"created_at":"z"}' if behind else b'{"created_at":"z",' + listed + b"}"
    found = list(records(stream_of(content * 2)))
    assert [item.number for item in found] == list(range(1, 2 * count + 1))
    assert all(isinstance(item, Record) and item.raw == record for item in found)
    assert all(isinstance(item, Record) and item.header == {"created_at": "z"} for item in found)


def test_a_record_just_within_the_limit_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "MAX_RECORD_BYTES", 100)
    fits, too_long = {"x": "a" * 91}, {"x": "a" * 93}
    for content in (lines([fits, too_long, ONE]), dumped([fits, too_long, ONE])):
        assert [isinstance(item, Broken) for item in records(stream_of(content))] == [False, True, False]


@pytest.mark.parametrize("content", [b"[1, 2}", b'{"seats":[1,2}', b'{"seats":[1] "x"', b'[{"a":1}:2]'])
def test_what_is_no_json_ends_the_file_with_a_reason(content: bytes) -> None:
    found = list(records(stream_of(content)))
    assert isinstance(found[-1], Broken)
    assert len(found) <= 3


PAGE = dumped({"seats": [ONE, TWO]})


@pytest.mark.parametrize(
    ("broken", "swallowed"),
    [
        (PAGE[:-9] + b"\n", dumped(TWO)[:-7] + b"\n"),
        (PAGE[:-9], dumped(TWO)[:-7]),
        (PAGE[:-3] + b"\n", dumped(TWO)[:-1] + b"\n"),
    ],
    ids=["lines", "in a row", "brackets missing"],
)
def test_a_record_without_an_end_says_how_much_was_not_read(broken: bytes, swallowed: bytes) -> None:
    behind = dumped({"seats": [THREE]}) + b"\n"
    found = list(records(stream_of(PAGE + broken + behind)))
    last = found[-1]
    assert isinstance(last, Broken)
    assert last.is_cut
    assert last.reason == (
        "the record does not end, and what follows cannot be told apart from it: "
        f"{len(swallowed + behind)} bytes from here on were not read; get the file again and import it whole"
    )
    assert last.raw == swallowed + behind
    assert [json.loads(item.raw) for item in found[:-1]] == [ONE, TWO, ONE]


def test_behind_a_bracket_too_many_it_is_said_how_much_was_not_read() -> None:
    behind = b"}\n" + PAGE * 2
    found = cut(PAGE + b"\n" + behind)
    assert found[:2] == ALL[:2]
    assert found[2:] == [
        (3, f"not valid JSON: from here on nothing can be told apart, and {len(behind)} bytes were not read")
    ]


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        (b'{"seats":[' + dumped(ONE) + b"," + dumped(TWO) + b"}}", 2),
        (b'{"seats":[' + dumped(ONE) + b'],"x"}', 1),
        (b'{"seats":[' + dumped(ONE) + b'],"x":}', 1),
        (b'{"seats":[:]}', 0),
    ],
)
@pytest.mark.parametrize("between", [b"", b"\n"])
def test_a_broken_page_with_an_end_takes_none_of_the_others_with_it(
    broken: bytes, whole: int, between: bytes
) -> None:
    behind = dumped({"total_seats": 1, "seats": [THREE]})
    found = list(records(stream_of(between.join([PAGE, broken, behind]))))
    assert [json.loads(item.raw) for item in found[: 2 + whole]] == [ONE, TWO, ONE, TWO][: 2 + whole]
    lost, last = found[2 + whole :]
    assert isinstance(lost, Broken)
    assert lost.reason == "not valid JSON: from here to the end of its page nothing can be told apart"
    assert lost.is_cut, "who is not in the file may stand there"
    assert isinstance(last, Record)
    assert (json.loads(last.raw), last.header) == (THREE, {"total_seats": 1})
    assert [item.number for item in found] == list(range(1, len(found) + 1))


@pytest.mark.parametrize("content", [b"", b"\n\r\n \n", b"[]", b"[[],[]]", b'{"seats":[]}', b"\xef\xbb\xbf"])
def test_nothing_in_a_file_is_no_record(content: bytes) -> None:
    assert cut(content) == []
