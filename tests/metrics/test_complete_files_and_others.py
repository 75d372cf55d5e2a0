"""A complete file says who was absent, whatever comes before or behind it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from metrics.ingest import rejects
from metrics.models import UserDay
from metrics.undo import undo
from portal.models import RejectedLine, ReportFile
from seats.models import ActivityLine, Seat
from tests.metrics.report_files import seat, take, user_day, write_lines, write_seats

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

DAY = "2026-09-03"


def window(folder: Path, name: str, end: str, *people: int) -> Path:
    told = {"report_start_day": "2026-08-10", "report_end_day": end}
    return write_lines(folder / name, [{**user_day(user, DAY), **told} for user in people])


def people() -> list[int | None]:
    rows = UserDay.objects.order_by("user__github_id")
    return list(rows.values_list("user__github_id", flat=True))


@pytest.mark.parametrize("order", list(itertools.permutations("POQ")), ids="".join)
def test_a_newer_file_that_is_not_complete_takes_nothing_of_that_back(
    tmp_path: Path, order: tuple[str, ...]
) -> None:
    files = {
        "P": (window(tmp_path, "P", "2026-09-04", 1, 2), False),
        "O": (window(tmp_path, "O", "2026-09-05", 1), True),
        "Q": (window(tmp_path, "Q", "2026-09-06", 1), False),
    }
    for name in order:
        path, is_complete = files[name]
        take(path, complete=is_complete)
    assert people() == [1]


def mend(file: ReportFile | None, line: str) -> None:
    row = RejectedLine.objects.get(file=file)
    row.line = line
    row.save()
    rejects.retry([row])


def test_a_mended_line_of_a_complete_file_is_in(tmp_path: Path) -> None:
    path = window(tmp_path, "O", "2026-09-05", 1, 2, 3)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1].replace(DAY, "2026-09-0x"), lines[2]]) + "\n")
    file = take(path, complete=True).report_file
    assert people() == [1, 3]

    mend(file, lines[1])

    assert people() == [1, 2, 3]
    assert file is not None
    file.refresh_from_db()
    assert (file.rows_new, file.rows_superseded, file.rows_rejected) == (3, 0, 0)


def test_a_mended_line_of_an_activity_report_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "activity.csv"
    head = "report_time,login,last_authenticated_at,last_activity_at,last_surface_used"
    good = "2026-09-01T09:00:00Z,bob,2026-08-30T01:00:00Z,2026-08-31T01:00:00Z,vscode/1"
    path.write_text(f"{head}\n2026-09-01T09:00:00Z,ann,,,x\n{good.replace('08-31T', '08-3xT')}\n")
    file = take(path, organization="acme").report_file
    mend(file, good)
    assert set(ActivityLine.objects.values_list("login", "file")) == {("ann", file.pk), ("bob", file.pk)}

    assert file is not None
    undo(file)

    assert not ActivityLine.objects.exists()
    assert not Seat.objects.exists()


def test_a_mended_grant_stands_beside_the_others_of_its_person(tmp_path: Path) -> None:
    team = {"assigning_team": {"id": 7, "slug": "web", "name": "Web"}}
    good = seat(5, "zoe", **team)
    listed = [{**good, "created_at": "nope"}, seat(5, "zoe"), seat(6, "yan")]
    path = write_seats(tmp_path / "seats.json", listed, total=2)
    file = take(path, organization="acme", complete=True).report_file
    assert Seat.objects.get(user__login="zoe").granted_by == "direct"

    mend(file, json.dumps(good))

    zoe = Seat.objects.get(user__login="zoe")
    assert (zoe.granted_by, zoe.grants.count(), zoe.file) == ("direct;team", 2, file)
    assert [row.state["grants"] for row in zoe.observations.all()] == [[["direct", None], ["team", 7]]]
    assert file is not None
    file.refresh_from_db()
    assert (file.rows_new + file.rows_changed, file.rows_read, file.rows_rejected) == (3, 3, 0)
