"""Activity reports of the very same moment that say different things of the same people."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from metrics.ingest.options import Counts, FileOutcome
from metrics.undo import undo
from seats.models import ActivityLine, Evidence, Seat
from tests.metrics.report_files import take
from tests.metrics.taking_in import database, export

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

HEADER = "report_time,login,last_authenticated_at,last_activity_at,last_surface_used\n"
# What reports of one moment say of Ann: when she signed in, when she used what.
SAID = {
    "a sign-in": "ann,2026-11-17T00:00:00Z,,vim",
    "a later use": "Ann,,2026-11-12T00:00:00Z,emacs",
    "a use as late": "ANN,2026-11-14T00:00:00Z,2026-11-12T00:00:00Z,vscode",
}


def content(line: str, at: str = "2026-11-18T00:00:00Z") -> str:
    return HEADER + f"{at},{line}\n"


def report(folder: Path, line: str, **at: str) -> FileOutcome:
    path = folder / "activity.csv"
    path.write_text(content(line, **at))
    return take(path, organization="acme")


def counted(outcome: FileOutcome) -> tuple[int, ...]:
    counts: Counts = outcome.counts
    return counts.rows_new, counts.rows_changed, counts.rows_unchanged, counts.rows_superseded


def told() -> dict[str, Any]:
    """All that is known by the reports, now and of a day that is over."""
    questions = [("seats",), ("seats", "--as-of", "2026-11-19"), ("activity",)]
    return database() | {" ".join(question): export(*question) for question in questions}


def told_by(folder: Path, lines: Iterable[str], undone: int | None = None) -> dict[str, Any]:
    """The same after these reports came in this order, and one of them was taken back out."""
    with transaction.atomic():
        files = [report(folder, line).report_file for line in lines]
        if undone is not None:
            undo(files[undone])
        after = told()
        transaction.set_rollback(True)
    return after


def test_the_later_signs_of_life_stand_in_any_order(tmp_path: Path) -> None:
    first = told_by(tmp_path, SAID.values())
    for order in itertools.permutations(SAID.values()):
        assert told_by(tmp_path, order) == first, order


def test_neither_report_hides_a_sign_of_life_that_the_other_tells(tmp_path: Path) -> None:
    for line in SAID.values():
        report(tmp_path, line)
    assert dict(Evidence.objects.values_list("source", "last_on")) == {
        "activity_report": date(2026, 11, 12),
        "sign_in": date(2026, 11, 17),
    }
    (now,), (then,) = export("seats"), export("seats", "--as-of", "2026-11-19")
    assert now["last_evidence_on"] == then["last_evidence_on"] == "2026-11-12"
    seat = Seat.objects.get()
    assert seat.last_authenticated_at == datetime(2026, 11, 17, tzinfo=UTC)
    # Of two that tell of the same use the file with the higher sha256 says in what.
    tied = SAID["a later use"], SAID["a use as late"]
    winner = max(tied, key=lambda line: sha256(content(line).encode()).hexdigest())
    line = ActivityLine.objects.get()
    assert (line.login, line.last_surface_used) == (winner.split(",")[0], winner.split(",")[-1])


def test_the_one_that_loses_is_superseded(tmp_path: Path) -> None:
    less, more = "ann,,2026-11-10T00:00:00Z,vim", "ann,,2026-11-11T00:00:00Z,vim"
    with transaction.atomic():
        assert [counted(report(tmp_path, line)) for line in (less, more)] == [(1, 0, 0, 0), (0, 1, 0, 0)]
        transaction.set_rollback(True)
    assert counted(report(tmp_path, more)) == (1, 0, 0, 0)
    lost = report(tmp_path, less)
    assert counted(lost) == (0, 0, 0, 1)
    assert lost.notes == ["One line says otherwise than another of the same moment: one of the two stands."]
    assert counted(report(tmp_path, more)) == (0, 0, 1, 0)
    # Where a later report speaks, one of two older ones of a moment changes nothing.
    report(tmp_path, less, at="2026-11-19T00:00:00Z")
    assert counted(report(tmp_path, "ann,,2026-11-12T00:00:00Z,vim")) == (0, 0, 0, 1)


def test_the_same_once_more_changes_nothing(tmp_path: Path) -> None:
    for line in SAID.values():
        report(tmp_path, line)
    before = told()
    for line in reversed(SAID.values()):
        assert not report(tmp_path, line).counts.rows_changed
    assert told() == before


@pytest.mark.parametrize("gone", range(len(SAID)))
def test_undoing_one_leaves_what_the_others_tell(tmp_path: Path, gone: int) -> None:
    lines = [*SAID.values()]
    others = told_by(tmp_path, lines[:gone] + lines[gone + 1 :])
    assert told_by(tmp_path, lines, undone=gone) == others
