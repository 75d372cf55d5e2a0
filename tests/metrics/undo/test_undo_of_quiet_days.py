"""A day that a report covers by telling of nobody stays covered when another report of it is undone."""

from __future__ import annotations

from pathlib import Path

import pytest

from metrics.models import ReportDay
from metrics.undo import undo
from tests.metrics.report_files import take, user_day, write_lines

pytestmark = pytest.mark.django_db

WINDOW = {"report_start_day": "2026-08-10", "report_end_day": "2026-09-06"}


@pytest.mark.parametrize("comes_first", [True, False])
def test_a_quiet_day_of_28_stays_covered(tmp_path: Path, comes_first: bool) -> None:
    month = write_lines(tmp_path / "month", [user_day(1, "2026-09-01", organization=1) | WINDOW])
    of_a_day = write_lines(tmp_path / "day", [user_day(2, "2026-09-03", organization=1)])
    if comes_first:
        take(month)
    file = take(of_a_day).report_file
    if not comes_first:
        take(month)
    assert file is not None
    assert ReportDay.objects.count() == 28

    undo(file)

    assert ReportDay.objects.count() == 28
    assert (
        ReportDay.objects.get(day="2026-09-03").observed_at
        == ReportDay.objects.get(day="2026-09-02").observed_at
    )
