"""Undoing a file, and making days anew from the files that are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from metrics.ingest.rebuild_files import rebuild
from metrics.ingest.rejects import retry
from metrics.models import DirtyDay, ScopeDay, TeamDay, UserDay
from metrics.undo import CannotUndo, undo
from portal.models import AuditEntry, RejectedLine, ReportFile
from tests.metrics.report_files import take, team_row, user_day, write_lines

pytestmark = pytest.mark.django_db

DAY = "2026-09-10"


def rows() -> list[tuple]:
    return list(
        UserDay.objects.order_by("user__github_id", "day").values_list(
            "user__github_id", "day", "user_initiated_interaction_count", "observed_at", "file__sha256"
        )
    )


def twenty_eight(user: int, end: str, count: int) -> dict:
    line = user_day(user, DAY, user_initiated_interaction_count=count)
    return {**line, "report_start_day": "2026-09-01", "report_end_day": end}


def test_undoing_a_file_leaves_what_the_others_say(tmp_path: Path) -> None:
    take(write_lines(tmp_path / "a", [twenty_eight(n, "2026-09-20", 1) for n in (1, 2)]))
    before = rows()
    file = take(write_lines(tmp_path / "b", [twenty_eight(n, "2026-09-25", 7) for n in (2, 3)])).report_file
    assert undo(file).days == 25  # all days that its report tells of
    assert rows() == before
    file.refresh_from_db()
    assert file.state == ReportFile.State.UNDONE
    assert ScopeDay.objects.get().daily_active_users == 2
    assert not DirtyDay.objects.exists()
    assert AuditEntry.objects.filter(action="file undone").count() == 1


def test_a_file_that_was_undone_can_be_taken_in_again(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a", [user_day(1, DAY)])
    take(path)
    undo(take(path).report_file)
    assert not UserDay.objects.exists()
    assert take(path).counts.rows_new == 1


def test_rebuilt_days_are_what_they_were(tmp_path: Path) -> None:
    take(write_lines(tmp_path / "a", [twenty_eight(n, "2026-09-20", 1) for n in (1, 2, 4)]))
    newer = write_lines(tmp_path / "b", [twenty_eight(n, "2026-09-25", 7) for n in (2, 3)])
    file = take(newer, complete=True).report_file
    before = rows()
    UserDay.objects.update(user_initiated_interaction_count=0)
    rebuild(file)
    assert rows() == before


def test_a_line_mended_by_hand_survives_a_rebuild(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a", [user_day(1, DAY), user_day(-2, DAY)])
    file = take(path).report_file
    line = RejectedLine.objects.get()
    line.line = line.line.replace('"user_id": -2', '"user_id": 2')
    line.save()
    retry([line])
    before = rows()
    rebuild(ReportFile.objects.get(pk=file.pk))
    assert rows() == before
    assert len(before) == 2


def test_team_membership_is_rebuilt_too(tmp_path: Path) -> None:
    take(write_lines(tmp_path / "p", [user_day(1, DAY), user_day(2, DAY)]))
    take(write_lines(tmp_path / "a", [team_row(1, 10, DAY)]))
    wrong = take(write_lines(tmp_path / "b", [team_row(2, 10, DAY)])).report_file
    assert TeamDay.objects.get(team__github_id=10).active_users == 2
    undo(wrong)
    assert TeamDay.objects.get(team__github_id=10).active_users == 1


def test_a_day_whose_other_file_is_no_longer_kept_is_left_alone(tmp_path: Path) -> None:
    first = take(write_lines(tmp_path / "a", [user_day(1, DAY)])).report_file
    file = take(write_lines(tmp_path / "b", [user_day(2, DAY)])).report_file
    ReportFile.objects.filter(pk=first.pk).update(kept_path="")
    before = rows()
    with pytest.raises(CannotUndo, match="no longer kept"):
        undo(file)
    assert rows() == before
    file.refresh_from_db()
    assert file.state == ReportFile.State.DONE
