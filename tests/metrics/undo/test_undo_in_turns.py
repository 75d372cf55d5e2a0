"""Undoing a file of many days: it says how far it is, may be stopped, and goes on where it was."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from metrics import tasks
from metrics.models import UserDay
from metrics.undo import days, undo
from metrics.undo.memory import recall
from portal import jobs
from portal.models import Job, ReportFile
from tests.metrics.report_files import take, user_day, write_lines

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

DAYS = [f"2026-09-{number:02}" for number in range(1, 6)]


class Enough(Exception):
    pass


@pytest.fixture(autouse=True)
def _a_day_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(days, "ROWS_AT_ONCE", 1)


@pytest.fixture
def newer(tmp_path: Path) -> ReportFile:
    """It says otherwise than an older one of the same days."""
    taken = []
    for name, interactions, end in (("old", 3, "2026-09-05"), ("new", 7, "2026-09-06")):
        window = {"report_start_day": "2026-09-01", "report_end_day": end}
        lines = [
            {**user_day(1, day, user_initiated_interaction_count=interactions), **window} for day in DAYS
        ]
        taken.append(take(write_lines(tmp_path / name, lines)).report_file)
    assert taken[1] is not None
    return taken[1]


def stand() -> list[int | None]:
    rows = UserDay.objects.order_by("day").values_list("user_initiated_interaction_count", flat=True)
    return list(rows)


def test_what_is_made_anew_once_is_not_made_anew_again(newer: ReportFile) -> None:
    kept: list[tuple[int, date]] = []
    notes: list[str] = []

    def until_two(behind: tuple[int, date] | None) -> None:
        assert behind is not None
        kept.append(behind)
        if len(kept) == 2:
            raise Enough

    with pytest.raises(Enough):
        undo(newer, on_kept=until_two)
    assert stand() == [3, 3, 7, 7, 7]
    newer.refresh_from_db()
    assert newer.state == ReportFile.State.UNDOING

    undo(newer, on_step=lambda _done, _total, note: notes.append(note), behind=kept[-1])

    assert stand() == [3, 3, 3, 3, 3]
    anew = [note for note in notes if "anew" in note]
    # A last day without a line, which the window of the newer one alone covered.
    assert anew == [f"days made anew: {done} of 6" for done in (2, 3, 4, 5)]
    assert "adding up: 1 of 6 days" in notes
    newer.refresh_from_db()
    assert newer.state == ReportFile.State.UNDONE


def test_a_job_that_takes_too_long_goes_on_as_another(
    newer: ReportFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "GOES_ON_AFTER", 0)
    job = jobs.enqueue("undo file", f"file:{newer.pk}", "metrics.tasks.undo_file", {"file": newer.pk})
    turns = 0
    while job.is_live:
        Job.objects.filter(pk=job.pk).update(run_after=None)
        tasks.undo_file(job.pk)
        job.refresh_from_db()
        turns += 1
        if turns <= 6:
            assert stand() == [3] * min(turns, 5) + [7] * (5 - min(turns, 5))
            assert (job.state, job.arguments["behind"][1]) == (Job.State.QUEUED, f"2026-09-0{turns}")
    assert (job.state, job.error) == (Job.State.DONE, "")
    assert stand() == [3] * 5
    newer.refresh_from_db()
    assert newer.state == ReportFile.State.UNDONE


def test_very_many_rows_come_in_few_portions(newer: ReportFile, monkeypatch: pytest.MonkeyPatch) -> None:
    told = days.days_of(newer, [newer], recall(newer))
    assert len(list(days.portions(newer, told))) == 6
    monkeypatch.setattr(days, "PORTIONS", 2)
    portions = list(days.portions(newer, told))
    assert [len(portion) for portion in portions] == [2, 2, 2]
    assert set().union(*portions) == told
