"""Lines as damaged as can be, of every format, and what must hold of them all.

Each physical line that is not blank is told of: by a row or by a reason. Nothing else may happen.
"""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from metrics.formats import activity_report, billing, billing_lines
from metrics.formats.errors import BadRecord, Unreadable
from metrics.formats.kinds import identify
from metrics.formats.legacy import parse_legacy_metrics, parse_legacy_usage
from metrics.formats.records import Broken, lines, records
from metrics.formats.repositories import parse_repository_day
from metrics.formats.scanner import SPACE
from metrics.formats.scope import parse_scope_day
from metrics.formats.seat_list import parse_seat
from metrics.formats.user_teams import parse_user_team
from metrics.formats.users import glimpse_user_day, parse_user_day
from tests.metrics.formats import bills
from tests.metrics.formats.made import (
    dumped,
    legacy_metrics_day,
    legacy_usage_day,
    repository_day,
    scope_day,
    seat,
    source_of,
    stream_of,
    user_day,
    user_team,
    without,
)

# The number of a line, and the reason for which it was rejected; empty for a row.
Told = tuple[int, str]


@dataclass(frozen=True)
class Format:
    """Good lines of a format, the header above them, and how a file of such lines is read."""

    good: Sequence[bytes]
    read: Callable[[bytes], Iterator[Told]]
    header: bytes = b""

    def file(self, some: Sequence[bytes]) -> bytes:
        return self.header + b"".join(line + b"\n" for line in some)


def _read_json(content: bytes, *, parse: Callable[[bytes, Mapping[str, Any]], object]) -> Iterator[Told]:
    for item in lines(io.BytesIO(content)):
        if isinstance(item, Broken):
            yield item.number, item.reason
            continue
        try:
            parse(item.raw, item.header)
        except BadRecord as refusal:
            yield item.number, str(refusal)
        else:
            yield item.number, ""


def _parse_user_day(raw: bytes, header: Mapping[str, Any]) -> object:
    """A glimpse says nothing else than the whole line does, or leaves it to that."""
    try:
        seen = glimpse_user_day(raw)
    except BadRecord:
        seen = None
    whole = parse_user_day(raw, header)
    if seen is not None:
        said = (whole.day, whole.user_id, whole.user_login, whole.enterprise_id, whole.organization_id)
        assert said == (seen.day, seen.user_id, seen.user_login, seen.enterprise_id, seen.organization_id)
    return whole


def _read_bill(content: bytes) -> Iterator[Told]:
    for item in billing.read_lines(stream_of(content)):
        if isinstance(item, Broken):
            yield item.number, item.reason
            continue
        try:
            record = billing_lines.parse_billing_line(item.raw, item.header)
        except BadRecord as refusal:
            yield item.number, str(refusal)
        else:
            assert record.quantity >= 0
            yield item.number, ""


def _read_activity(content: bytes) -> Iterator[Told]:
    for item in activity_report.read_lines(stream_of(content)):
        yield (item.number, item.reason) if isinstance(item, Broken) else (item[0], "")


def _json(parse: Callable[[bytes, Mapping[str, Any]], object], *good: dict[str, Any]) -> Format:
    return Format([dumped(record) for record in good], partial(_read_json, parse=parse))


def _bill(columns: str) -> Format:
    header, *good = bills.bill(
        bills.line(), bills.line(username="hubot", cost_center_name='R&D, "big"'), columns=columns
    ).splitlines()
    return Format(good, _read_bill, header + b"\n")


WINDOW = {
    "report_start_day": "2026-10-05",
    "report_end_day": "2026-11-01",
    "created_at": "2026-11-02T05:00:00Z",
}
FORMATS: dict[str, Format] = {
    "users-1-day": _json(_parse_user_day, user_day(), user_day(user_id=2, totals_by_ide=[])),
    "users-28-day": _json(_parse_user_day, user_day(**WINDOW)),
    "organization-1-day": _json(parse_scope_day, scope_day()),
    "enterprise-28-day": _json(parse_scope_day, {**without(scope_day(), "organization_id"), **WINDOW}),
    "user-teams-1-day": _json(parse_user_team, user_team(), user_team(team_id=8)),
    "repos-1-day": _json(parse_repository_day, repository_day()),
    "legacy-metrics": _json(parse_legacy_metrics, legacy_metrics_day()),
    "legacy-usage": _json(parse_legacy_usage, legacy_usage_day()),
    "seats": _json(parse_seat, seat(), seat(assigning_team=None, organization=None)),
    "activity-report": Format(
        [b"2026-11-01T12:00:00Z,mona,,2026-10-30T00:00:00Z,VS Code 1.89.1", b'2026-11-01,"hubot",,,"a, b"'],
        _read_activity,
        b"report_time,login,last_authenticated_at,last_activity_at,last_surface_used\n",
    ),
    **{kind: _bill(columns) for kind, columns in bills.REPORTS.items() if kind != "billing-request-log"},
    "billing-request-log": Format(
        [b"2025-06-11T05:13:27.876Z,mona,Claude,1.00,False,300", b"2025-06-11,hubot,o4,2,True,Unlimited"],
        _read_bill,
        bills.LOG.encode(),
    ),
}

# What stands in nobody's file.
TOKENS = (
    b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\n", b"\r", b"\r\n", b"\t", b"\0", b"\xff",
    b"\xef\xbb\xbf", b"\xc3", b"\xed\xa0\x80", b"null", b"true", b"NaN", b"-", b"1e999", b"-1", b"9" * 400,
    b"0.30000000000000004",
    b"\\u0000", b"\\ud800", b"\\", b"}{", b"[" * 200, b'"user_id":', b'"seats":[', b'""', b"2026-02-30",
    b"2027-01-01", "٣".encode(), "\u2028".encode(), b"_", b"+", b"e", b" ",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**53 + 1, 2**63, 2**64, 10**40, 0.5, 1e308, "", " ", "0",
    "-1", "x" * 300, "\0", "\x1b", "\u202e", "𝄞", "2026-02-30", "2026-11-01", "2026-11-01T00:00:00Z",
    "9999-12-31",
    [], {}, [None], [[]], {"": {}}, [{}], "é", "1e5", "=1+1",
)  # fmt: skip


def mutated(good: bytes, chance: random.Random) -> bytes:
    """A line with something wrong with it, or nothing."""
    kind = chance.random()
    if kind < 0.5 and good[:1] == b"{":
        return json.dumps(_other(json.loads(good), chance), ensure_ascii=chance.random() < 0.5).encode(
            errors="surrogatepass"
        )
    line = bytearray(good)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3, 6))):
        at = chance.randrange(len(line) + 1)
        end = at + chance.choice((0, 0, 0, 1, 2, 8, 40))
        line[at:end] = _piece(line, chance)
    return bytes(line)


def damaged(name: str, seed: int, count: int) -> bytes:
    """A file of this format with so many lines, most of them damaged: each time the same for a seed."""
    chance = random.Random(f"{name} {seed}")
    fmt = FORMATS[name]
    # People differ: some files list nobody twice.
    good = (chance.choice(fmt.good).replace(b"mona", b"mona-%d" % number) for number in range(count))
    return fmt.file([mutated(line, chance) for line in good])


def _piece(line: bytearray, chance: random.Random) -> bytes:
    how = chance.random()
    if how < 0.6:
        return chance.choice(TOKENS)
    if how < 0.8:
        return bytes([chance.randrange(256)])
    start = chance.randrange(len(line) + 1)
    return bytes(line[start : start + chance.choice((1, 5, 30))])


def _other(record: Any, chance: random.Random) -> Any:
    """The record with another value, key or part somewhere in it."""
    place = record
    while True:
        keys: list[Any] = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return record
        key = chance.choice(keys)
        if isinstance(place[key], (dict, list)) and place[key] and chance.random() < 0.6:
            place = place[key]
            continue
        how = chance.random()
        if how < 0.7:
            place[key] = chance.choice(VALUES)
        elif how < 0.85:
            del place[key]
        elif isinstance(place, dict):
            place[chance.choice(("day", "user_id", "hello", "", "models", "x" * 300))] = chance.choice(VALUES)
        return record


def _is_blank(line: bytes) -> bool:
    """Whether a line of a CSV file has nothing in any column."""
    return not line.decode(errors="replace").replace(",", " ").replace('"', " ").strip()


def check(fmt: Format, content: bytes) -> int:
    """Hold that every line is told of, with a sentence where it is rejected; returns how many were."""
    told = set()
    rejected = 0
    for number, reason in fmt.read(content):
        told.add(number)
        if reason:
            rejected += 1
            assert "$" not in reason.split("“")[0], reason
            assert "Error" not in reason, reason
            assert "Traceback" not in reason, reason
    physical = content.split(b"\n")
    first = fmt.header.count(b"\n") + 1
    assert not told or (min(told) >= first and max(told) <= len(physical))
    lost = [
        line
        for number, line in enumerate(physical[first - 1 :], first)
        if number not in told and line.strip(SPACE) and not (fmt.header and _is_blank(line))
    ]
    assert not lost, f"lost without a word: {lost[:3]}"
    return rejected


def check_as_file(content: bytes) -> None:
    """As a file on its own it has a kind, or a sentence that says why not; and every record a reason."""
    try:
        identify(source_of(content))
    except Unreadable as refusal:
        sentence = str(refusal)
        assert sentence.endswith("."), sentence
        assert "Error" not in sentence.split("“")[0], sentence
    for item in records(stream_of(content)):
        assert not isinstance(item, Broken) or item.reason
