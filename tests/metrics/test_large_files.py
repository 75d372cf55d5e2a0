"""Large files of people's days: read by several processes, and lines that were met before only glimpsed at.

Sizes are scaled down, so that small files go the way of large ones.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from metrics.formats import parsing
from metrics.formats.records import records
from metrics.ingest import usage, user_days
from metrics.ingest.intake import take_in
from metrics.ingest.options import FileOutcome
from metrics.ingest.rebuild import rebuild_dirty_days
from metrics.models import ReportDay, ScopeDay, UserDay
from portal.models import RejectedLine
from seats.models import Evidence, UserLogin
from tests.metrics.report_files import take, user_day

pytestmark = pytest.mark.django_db

FIRST = date(2026, 9, 1)
PEOPLE, DAYS = 30, 28


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file counts as large."""
    monkeypatch.setattr(user_days, "SHARED_FROM", 0)
    monkeypatch.setattr(parsing, "PIECE", 8 * 1024)
    monkeypatch.setattr(parsing, "CHUNK", 10)
    monkeypatch.setattr(parsing, "AHEAD", 2)
    monkeypatch.setattr(parsing, "WORKERS", 1)
    monkeypatch.setattr(usage, "BATCH", 100)


def line(user: int, day: int, **more: Any) -> bytes:
    fields = {"user_initiated_interaction_count": user + day, "ai_credits_used": (user + day) % 3, **more}
    return json.dumps(user_day(user, str(FIRST + timedelta(days=day)), **fields)).encode()


def company() -> list[bytes]:
    return [line(user, day) for day in range(DAYS) for user in range(1, PEOPLE + 1)]


def write(path: Path, lines: Iterable[bytes], end: bytes = b"\n") -> Path:
    path.write_bytes(end.join(lines) + end)
    return path


def shuffled(lines: list[bytes], seed: int = 1) -> list[bytes]:
    return random.Random(seed).sample(lines, len(lines))


def told() -> dict[str, list[Any]]:
    """All that an import leaves behind of people's days."""
    days = UserDay.objects.order_by("user__github_id", "day").values_list(
        "user__github_id", "day", "user_initiated_interaction_count", "ai_credits_used", "observed_at",
        "content_hash", "line_hash", "blob", "file__name",
    )  # fmt: skip
    return {
        "days": [tuple(bytes(v) if isinstance(v, memoryview) else v for v in day) for day in days],
        "logins": sorted(UserLogin.objects.values_list("login", "first_seen_on", "last_seen_on")),
        "evidence": sorted(Evidence.objects.values_list("user__github_id", "source", "last_on")),
        "covered": sorted(ReportDay.objects.values_list("day", "observed_at", "file__name")),
        "rejects": sorted(RejectedLine.objects.values_list("line_number", "reason", "line")),
    }


def of(outcome: FileOutcome) -> tuple[Any, ...]:
    return outcome.counts.as_dict(), outcome.counts.conflicts, outcome.rejected


def both_ways(
    monkeypatch: pytest.MonkeyPatch, work: Callable[[], list[FileOutcome]]
) -> tuple[list[tuple[Any, ...]], dict[str, list[Any]]]:
    """The same from an untouched database, by several processes and by this one alone: equal."""
    answers = []
    for shared_from in (0, 10**12):
        monkeypatch.setattr(user_days, "SHARED_FROM", shared_from)
        with transaction.atomic():
            answers.append(([of(outcome) for outcome in work()], told()))
            transaction.set_rollback(True)
    assert answers[0] == answers[1]
    return answers[0]


ODD = [
    b"",
    b"   ",
    b'{"day": "2026-09-01", "user_id": 7',
    line(1, 3) + b" " + line(2, 3),
    line(3, 3) + line(4, 3),
    b"[" * 200 + b"]" * 200,
    line(5, 3).replace(b'"loc_added_sum": 0', b'"loc_added_sum": -1'),
    line(6, 3, user_login="two\nlines"),
    b"\xef\xbb\xbf" + line(7, 3),
    line(8, 3, note="\\u00e9 \u00e9 \u2028"),
    b"\xff\xfe",
    line(9, 3, blob="x" * 20_000),
]


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_odd_lines_are_read_by_several_processes_as_by_one(tmp_path: Path, end: bytes) -> None:
    lines = [part for number in range(40) for part in (line(number + 20, 1), ODD[number % len(ODD)])]
    path = tmp_path / "odd"
    path.write_bytes(end.join(lines) + end + line(1, 2)[:50])
    alone = list(parsing.parsed(records(lambda: path.open("rb")), parsing.parse_packed_user_day))
    beside = list(parsing.parsed_beside(records(lambda: path.open("rb"), plain=path)))

    def plainly(items: list[Any]) -> list[Any]:
        return [
            (item.number, item.raw, getattr(item, "value", None), getattr(item, "reason", None),
             getattr(item, "is_cut", None))
            for item in items
        ]  # fmt: skip

    assert plainly(beside) == plainly(alone)
    assert beside[-1].is_cut


@pytest.mark.usefixtures("large")
def test_a_line_beyond_all_limits_is_named_and_its_neighbours_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "long", [line(1, 1), b'{"x":"' + b"y" * 9_000_000 + b'"}', line(2, 1)])
    found = list(parsing.parsed_beside(records(lambda: path.open("rb"), plain=path)))
    assert [item.number for item in found] == [1, 2, 3]
    assert "longer than 4 MiB" in found[1].reason
    assert found[2].value.user_id == 2


@pytest.mark.usefixtures("large")
def test_the_same_lines_in_another_order_write_nothing(tmp_path: Path) -> None:
    take(write(tmp_path / "a", company()))
    before = told()
    other = write(tmp_path / "b", shuffled(company()))
    with CaptureQueriesContext(connection) as captured:
        counts = take(other).counts
    assert counts.rows_unchanged == PEOPLE * DAYS == counts.rows_read
    changes = [query["sql"] for query in captured if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert [sql for sql in changes if "metrics_userday" in sql] == []
    after = told()
    assert {**after, "covered": before["covered"]} == before


@pytest.mark.usefixtures("large")
def test_most_lines_that_were_met_before_are_only_glimpsed_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Watched(user_days._Memory):
        def served(self, met: int, lines: int) -> None:
            glimpsed.append((met, lines))
            super().served(met, lines)

    glimpsed: list[tuple[int, int]] = []
    monkeypatch.setattr(user_days, "_Memory", Watched)
    take(write(tmp_path / "a", company()))
    assert glimpsed == []
    take(write(tmp_path / "b", shuffled(company())))
    assert sum(met for met, _ in glimpsed) > PEOPLE * DAYS / 2
    assert all(met == lines for met, lines in glimpsed)


@pytest.mark.usefixtures("large")
def test_what_is_new_among_known_lines_comes_in_and_what_is_broken_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work() -> list[FileOutcome]:
        lines = company()
        first = take(write(tmp_path / "a", lines))
        other = shuffled(lines, 2)
        # Behind the lines by which it shows that most are known: a new day, a new person, a restated day,
        # a broken line of somebody known and of somebody new, and a day that is there twice.
        other[500] = line(1, 40)
        other[550] = line(777, 3, user_login="new")
        other[600] = line(2, 5, user_initiated_interaction_count=99)
        other[650] = line(3, 5).replace(b'"loc_added_sum": 0', b'"loc_added_sum": -1')
        other[700] = line(888, 5).replace(b'"loc_added_sum": 0', b'"loc_added_sum": -1')
        other[750:750] = [line(4, 6), line(4, 6, user_initiated_interaction_count=50)]
        other[810] = line(5, 7, user_login="renamed")
        return [first, take(write(tmp_path / "b", other)), take(write(tmp_path / "c", reversed(other)))]

    answers, after = both_ways(monkeypatch, work)
    assert answers[1][0]["rows_rejected"] == 2
    assert 888 not in {user_id for user_id, *_ in after["days"]}
    assert "user-888" not in {login for login, *_ in after["logins"]}
    assert "renamed" in {login for login, *_ in after["logins"]}


@pytest.mark.usefixtures("large")
def test_a_newer_report_of_the_same_days_only_moves_their_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def report(end: str) -> list[bytes]:
        header = {"report_start_day": "2026-09-01", "report_end_day": end}
        return [line(user, day, **header) for day in range(DAYS) for user in range(1, PEOPLE + 1)]

    def work() -> list[FileOutcome]:
        older, newer = report("2026-09-28"), report("2026-09-29")
        return [
            take(write(tmp_path / name, lines))
            for name, lines in (("a", older), ("b", newer), ("c", shuffled(newer)), ("d", shuffled(older)))
        ]

    answers, after = both_ways(monkeypatch, work)
    assert [counts["rows_unchanged"] for counts, *_ in answers] == [0, 840, 840, 840]
    assert {str(at)[:10] for *_, at, _, _, _, _ in after["days"]} == {"2026-09-29"}


@pytest.mark.usefixtures("large")
def test_a_file_of_another_organization_is_refused_by_what_is_glimpsed(tmp_path: Path) -> None:
    take(write(tmp_path / "a", company()), organization="octo")
    outcome = take(write(tmp_path / "b", shuffled(company())), organization="other")
    assert "not other" in outcome.error or "is octo" in outcome.error


@pytest.mark.long
@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("seed", range(30))
def test_any_mixture_of_lines_gives_the_same_both_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    def work() -> list[FileOutcome]:
        dice = random.Random(seed)
        outcomes = [take(write(tmp_path / "0", company()))]
        for number in range(1, 4):
            lines = shuffled(company(), dice.random())[: dice.randrange(200, 840)]
            for _ in range(dice.choice((0, 5, 200))):
                place, user, day = dice.randrange(len(lines)), dice.randrange(1, 60), dice.randrange(30)
                lines.insert(place, dice.choice((*ODD, line(user, day, loc_added_sum=dice.randrange(3)))))
            outcomes.append(take(write(tmp_path / str(number), lines), complete=dice.random() < 0.2))
        return outcomes

    both_ways(monkeypatch, work)


def test_days_that_are_added_up_while_they_come_in_are_added_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the round does that adds up what waits, every few minutes."""
    monkeypatch.setattr(usage, "BATCH", 50)
    path = write(tmp_path / "users", shuffled(company()))
    rounds = 0

    def round_of_adding_up(records: int, rejected: int) -> None:
        nonlocal rounds
        rounds += bool(rebuild_dirty_days())

    [outcome] = take_in(path, progress=round_of_adding_up)

    assert outcome.counts.rows_new == PEOPLE * DAYS
    assert rounds > 10
    active = ScopeDay.objects.filter(source=ScopeDay.Source.USERS).values_list(
        "daily_active_users", flat=True
    )
    assert list(active) == [PEOPLE] * DAYS
