"""Whatever bytes come, the answer is a record, a reason, or a sentence about the file. Never a crash."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.formats.activity_report import read_lines
from metrics.formats.errors import BadRecord, Unreadable
from metrics.formats.kinds import identify
from metrics.formats.records import Broken, records
from metrics.formats.scope import parse_scope_day
from metrics.formats.seat_list import parse_seat
from metrics.formats.sources import sources
from metrics.formats.user_teams import parse_user_team
from metrics.formats.users import parse_user_day
from tests.metrics.formats.made import dumped, lines, scope_day, seat, stream_of, user_day, user_team
from tests.metrics.formats.test_any_form import packed

pytestmark = pytest.mark.usefixtures("clock")

PARSERS = (parse_user_day, parse_scope_day, parse_user_team, parse_seat)
GOOD = [
    lines([user_day(), user_day(user_id=2)]),
    dumped({"report_end_day": "2026-11-20", "day_totals": [scope_day()]}),
    lines([user_team(), user_team(team_id=8)]),
    dumped({"total_seats": 1, "seats": [seat()]}),
    (
        b"report_time,login,last_authenticated_at,last_activity_at,last_surface_used\n"
        b"2026-11-20 12:00:00 UTC,mona,,2026-11-19T00:00:00Z,VS Code 1.89.1\n"
    ),
]
WORDS = [
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\\",
    b"\n",
    b"NaN",
    b"1e999",
    b"\x00",
    b"\xff",
    b"null",
    b"-",
]
WORDS += [
    b"\\u0000",
    b"\\ud800",
    b"[" * 2000,
    b'"user_id":',
    b'"seats":[',
    b"9" * 400,
    b"\xef\xbb\xbf",
    b"}{",
]


def read_everything(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export"
        path.write_bytes(content)
        sentence = refusal_of(path)
        assert not sentence or sentence.endswith(".")
        assert "Error" not in sentence
    for item in records(stream_of(content)):
        parse_everything(item.raw)


def refusal_of(path: Path) -> str:
    """What is said of the file; empty if it is taken in."""
    try:
        for source in sources(path):
            identify(source)
            for item in records(source.open):
                assert not isinstance(item, Broken) or item.reason
            list(read_lines(source.open))
    except Unreadable as refusal:
        return str(refusal)
    return ""


def parse_everything(raw: bytes) -> None:
    for parse in PARSERS:
        reason = reason_of(parse, raw)
        assert reason is None or reason
        assert "$" not in (reason or "")


def reason_of(parse: Callable[[bytes, dict[str, Any]], object], raw: bytes) -> str | None:
    try:
        parse(raw, {})
    except BadRecord as refusal:
        return str(refusal)
    return None


@given(st.binary(max_size=200))
def test_any_bytes(content: bytes) -> None:
    read_everything(content)


@given(
    st.binary(max_size=200),
    st.sampled_from([b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06", b"{", b"[{", b"\xef\xbb\xbf"]),
)
def test_any_bytes_behind_a_promising_start(content: bytes, start: bytes) -> None:
    read_everything(start + content)


@given(st.sampled_from(GOOD), st.integers(0, 2**32), st.sampled_from(["plain", "gzip", "zip", "gzip in zip"]))
def test_a_good_file_with_damage(content: bytes, seed: int, packing: str) -> None:
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(content) + 1)
        end = start + chance.choice([0, 0, 1, 5, 50])
        content = content[:start] + chance.choice(WORDS) + content[end:]
    archive = packed(content, packing)
    if packing != "plain" and chance.random() < 0.7:
        at = chance.randrange(len(archive))
        archive = archive[:at] + bytes([chance.randrange(256)]) * chance.randint(0, 3) + archive[at + 2 :]
    read_everything(archive)
