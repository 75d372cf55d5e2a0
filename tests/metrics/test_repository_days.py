"""Repositories' days, from the repository report."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from metrics import breakdowns
from metrics.ingest.intake import take_in
from metrics.ingest.options import Options
from metrics.ingest.rebuild_files import rebuild
from metrics.models import DirtyDay, ReportDay, RepositoryDay, ScopeDay
from metrics.undo import undo
from tests.metrics.formats.made import repository_day, without
from tests.metrics.report_files import take, write_lines

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def lines(*repositories: int, **changes: Any) -> list[dict[str, Any]]:
    return [repository_day(repo_id=number, repo_name=f"repo-{number}", **changes) for number in repositories]


def stored() -> list[tuple[int, int | None]]:
    return list(RepositoryDay.objects.order_by("repo_id").values_list("repo_id", "total_created"))


def test_a_report_is_taken_in_and_covers_its_day(tmp_path: Path) -> None:
    outcome = take(write_lines(tmp_path / "a", lines(1, 2)))
    assert (outcome.kind, outcome.counts.rows_new) == ("repos-1-day", 2)
    row = RepositoryDay.objects.get(repo_id=1)
    assert (row.account.github_id, row.day, str(row)) == (
        9001,
        date(2026, 11, 1),
        "octo/repo-1 on 2026-11-01",
    )
    assert (row.repo_visibility, row.total_merged, row.total_reviewed) == ("internal", 3, None)
    review_times = breakdowns.unpack(row.blob)["pull_request_review_times"]
    assert review_times == repository_day()["pull_request_review_times"]
    covered = ReportDay.objects.get()
    assert (covered.report, covered.day, covered.account) == ("repositories", row.day, row.account)
    assert not DirtyDay.objects.exists()
    assert not ScopeDay.objects.exists()


def test_a_repository_counts_in_its_organization_and_in_its_enterprise(tmp_path: Path) -> None:
    take(write_lines(tmp_path / "a", lines(1)))
    take(write_lines(tmp_path / "b", [without(line, "organization_id") for line in lines(1)]))
    assert set(RepositoryDay.objects.values_list("account__kind", "repo_id")) == {
        ("organization", 1),
        ("enterprise", 1),
    }


def test_a_restated_day_changes_only_what_changed(tmp_path: Path) -> None:
    take(write_lines(tmp_path / "a", lines(1, 2)))
    told = Options(observed_at=datetime(2026, 11, 4, 6, tzinfo=UTC))
    restated = write_lines(tmp_path / "b", [*lines(1, pull_requests={"total_created": 8}), *lines(2, 3)])
    [outcome] = take_in(restated, options=told)
    counts = outcome.counts
    assert (counts.rows_changed, counts.rows_unchanged, counts.rows_new) == (1, 1, 1)
    assert stored() == [(1, 8), (2, 5), (3, 5)]
    assert take(write_lines(tmp_path / "c", lines(1))).counts.rows_superseded == 1


def test_a_renamed_repository_stays_one_and_shows_the_name_of_the_day(tmp_path: Path) -> None:
    take(write_lines(tmp_path / "a", lines(1)))
    renamed = [repository_day(repo_id=1, repo_name="renamed", day="2026-11-02")]
    take(write_lines(tmp_path / "b", renamed))
    names = RepositoryDay.objects.order_by("day").values_list("repo_id", "repo_name")
    assert list(names) == [(1, "repo-1"), (1, "renamed")]


def test_a_complete_report_removes_and_lists_what_is_no_longer_in_it(tmp_path: Path) -> None:
    take(write_lines(tmp_path / "a", lines(1, 2, 3)))
    told = Options(observed_at=datetime(2026, 11, 4, 6, tzinfo=UTC), complete=True)
    [outcome] = take_in(write_lines(tmp_path / "b", lines(1)), options=told)
    assert outcome.removed == ["octo/repo-2 on 2026-11-01", "octo/repo-3 on 2026-11-01"]
    assert stored() == [(1, 5)]
    assert take(write_lines(tmp_path / "c", lines(2))).counts.rows_superseded == 1


def test_undoing_and_rebuilding_work_as_for_other_reports(tmp_path: Path) -> None:
    take(write_lines(tmp_path / "a", lines(1, 2)))
    before = stored()
    told = Options(observed_at=datetime(2026, 11, 4, 6, tzinfo=UTC))
    newer = write_lines(tmp_path / "b", lines(2, 3, pull_requests={"total_created": 8}))
    [outcome] = take_in(newer, options=told)
    RepositoryDay.objects.filter(repo_id=3).update(total_created=0)
    rebuild(outcome.report_file)
    assert stored() == [(1, 5), (2, 8), (3, 8)]
    assert undo(outcome.report_file).days == 1
    assert stored() == before
