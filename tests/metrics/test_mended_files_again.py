"""A file whose broken lines were mended in part comes again: what is in stays in, the rest is listed once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from metrics.ingest import rejects
from metrics.models import UserDay
from portal.models import RejectedLine, ReportFile
from seats.models import ActivityLine, BillingLine, Seat
from tests.metrics.formats.bills import bill
from tests.metrics.formats.bills import line as bill_line
from tests.metrics.report_files import seat, take, user_day, write_lines

pytestmark = pytest.mark.django_db

DAY = "2026-09-10"
ACTIVITY = "report_time,login,last_authenticated_at,last_activity_at,last_surface_used\n"
AT = datetime(2026, 9, 11, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _own_data_dir(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"


def mend(number: int, line: str) -> None:
    """What somebody does on the page of a rejected line."""
    rejected = RejectedLine.objects.open().get(line_number=number)
    rejected.line = line
    rejected.save()
    rejects.retry([rejected])
    rejected.refresh_from_db()
    assert rejected.resolved_at


def told(file: ReportFile) -> tuple[int, int, int, int, int, int]:
    """What the record counts, and how many of its lines are open: as many as it counts as rejected."""
    lines = file.rejected_lines.open().count()
    return (
        file.rows_read,
        file.rows_new,
        file.rows_unchanged,
        file.rows_superseded,
        file.rows_rejected,
        lines,
    )


def usage(path: Path) -> Path:
    good, half = json.dumps(user_day(1, DAY)), json.dumps(user_day(2, DAY)).replace(DAY, "2026-09-1x")
    path.write_text(f"{good}\n{{broken\n{half}\n")
    return path


def in_an_array(path: Path) -> Path:
    path.write_text(json.dumps([user_day(1, DAY), user_day(2, "2026-09-1x"), user_day(3, "2026-09-1y")]))
    return path


def seat_list(path: Path) -> Path:
    seats = [seat(1), seat("two"), seat("three")]  # type: ignore[arg-type]
    path.write_text(json.dumps({"total_seats": 3, "seats": seats}))
    return path


def activity(path: Path) -> Path:
    rows = ("user-1,,2026-09-09T08:00:00Z,vscode", "user-2,,yesterday,vscode", "user-3,,today,vscode")
    path.write_text(ACTIVITY + "".join(f"2026-09-10T08:00:00Z,{row}\n" for row in rows))
    return path


KINDS: dict[str, tuple[Callable[[Path], Path], int, str, type[Any]]] = {
    "lines": (usage, 2, json.dumps(user_day(9, DAY)), UserDay),
    "an array": (in_an_array, 2, json.dumps(user_day(9, DAY)), UserDay),
    "seats": (seat_list, 2, json.dumps(seat(9)), Seat),
    "activity": (activity, 3, "2026-09-10T08:00:00Z,user-9,,2026-09-09T08:00:00Z,vscode", ActivityLine),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_mended_line_stays_mended_and_the_other_is_listed_under_the_newest_record(
    kind: str, tmp_path: Path
) -> None:
    write, number, line, model = KINDS[kind]
    path = write(tmp_path / "file")
    said = {"organization": "acme", "taken_at": AT} if model is not UserDay else {}
    first = take(path, **said).report_file
    mend(number, line)
    rows = list(model.objects.order_by("pk").values_list("pk", flat=True))
    assert len(rows) == 2

    tried = take(path, **said, dry_run=True)
    again = take(path, **said)

    assert first is not None
    assert again.report_file is not None
    assert tried.counts == again.counts
    assert (again.counts.rows_unchanged, [line for line, _ in again.rejected]) == (2, [number + 1])
    first.refresh_from_db()
    assert told(first) == (3, 2, 0, 1, 0, 0)
    assert told(again.report_file) == (3, 0, 2, 0, 1, 1)
    assert RejectedLine.objects.open().get().line_number == number + 1
    assert again.report_file.rejected_lines.exclude(resolved_at=None).get().line == line
    assert list(model.objects.order_by("pk").values_list("pk", flat=True)) == rows


def test_a_line_that_is_mended_later_is_in_when_the_file_comes_once_more(tmp_path: Path) -> None:
    path = usage(tmp_path / "file")
    take(path)
    mend(2, json.dumps(user_day(9, DAY)))
    take(path)
    mend(3, json.dumps(user_day(2, DAY)))

    again = take(path)

    assert not again.rejected
    assert again.counts.rows_unchanged == 3
    assert not RejectedLine.objects.open().exists()
    assert [file.rows_rejected for file in ReportFile.objects.all()] == [0, 0, 0]
    assert UserDay.objects.count() == 3


@pytest.mark.usefixtures("clock")
def test_a_line_of_a_bill_stays_mended(tmp_path: Path) -> None:
    path = tmp_path / "bill.csv"
    path.write_bytes(bill(bill_line(), bill_line(username="a", quantity="x"), bill_line(quantity="y")))
    (first, reason), other = take(path, organization="octo").rejected
    assert "x" in reason
    mend(first, RejectedLine.objects.get(line_number=first).line.replace("x", "1"))
    rows = list(BillingLine.objects.values_list("pk", "username"))

    again = take(path, organization="octo")

    assert (again.counts.rows_unchanged, again.rejected) == (2, [other])
    assert list(BillingLine.objects.values_list("pk", "username")) == rows


def test_a_complete_file_that_comes_again_takes_nobody_out_who_was_mended(tmp_path: Path) -> None:
    path = usage(tmp_path / "file")
    take(path, complete=True)
    mend(2, json.dumps(user_day(9, DAY)))

    take(path, complete=True)

    assert set(UserDay.objects.values_list("user__github_id", flat=True)) == {1, 9}


def test_a_line_that_broke_off_and_was_mended_makes_no_whole_file(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "file", [user_day(1, DAY)])
    with path.open("a") as file:
        file.write(json.dumps(user_day(2, DAY))[:40])
    take(write_lines(tmp_path / "other", [user_day(5, DAY)]))
    take(path, complete=True)
    mend(2, json.dumps(user_day(2, DAY)))

    take(path, complete=True)

    assert set(UserDay.objects.values_list("user__github_id", flat=True)) == {1, 2, 5}
