"""What a later file changes of stored values: noted once, bounded, listed, exported, kept for a time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from metrics.ingest import restatements
from metrics.models import Restatement
from metrics.tasks import forget_restatements
from tests.counting import queries_of
from tests.metrics.formats import made
from tests.metrics.report_files import take, team_row, user_day, write_lines

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

DAY = "2026-09-10"
LIST = "/metrics/restatement/"


def told(user: int, end: str, **counters: Any) -> dict[str, Any]:
    return {**user_day(user, DAY, **counters), "report_start_day": "2026-09-01", "report_end_day": end}


def notes() -> list[tuple[Any, ...]]:
    rows = Restatement.objects.order_by("user__github_id", "name", "field")
    return list(rows.values_list("what", "user__login", "name", "field", "before", "after", "rows"))


def test_a_value_that_is_told_otherwise_is_noted_with_both_files(tmp_path: Path) -> None:
    old = take(write_lines(tmp_path / "a", [told(1, "2026-09-20", loc_added_sum=3), told(2, "2026-09-20")]))
    assert not Restatement.objects.exists()

    again = [told(1, "2026-09-21", loc_added_sum=5, ai_credits_used=1.5), told(2, "2026-09-21")]
    new = take(write_lines(tmp_path / "b", again))

    assert notes() == [
        ("person", "user-1", "", "ai_credits_used", "", "1.5", 1),
        ("person", "user-1", "", "loc_added_sum", "3", "5", 1),
    ]
    note = Restatement.objects.all()[0]
    assert (str(note.day), note.old_file, note.new_file) == (DAY, old.report_file, new.report_file)


def test_neither_an_older_file_nor_a_dry_run_nor_the_same_file_restates(tmp_path: Path) -> None:
    newer = write_lines(tmp_path / "b", [told(1, "2026-09-21", loc_added_sum=5)])
    take(newer)
    take(newer)
    take(write_lines(tmp_path / "a", [told(1, "2026-09-20", loc_added_sum=3)]))
    take(write_lines(tmp_path / "c", [told(1, "2026-09-25", loc_added_sum=9)]), dry_run=True)

    assert notes() == []


def test_whom_a_complete_file_leaves_out_is_noted(tmp_path: Path) -> None:
    take(write_lines(tmp_path / "a", [told(1, "2026-09-20"), told(2, "2026-09-20")]))
    take(write_lines(tmp_path / "b", [told(1, "2026-09-21")]), complete=True)

    assert notes() == [("person", "user-2", "", "line", "told", "taken out", 1)]


def test_totals_repositories_teams_and_older_systems_are_noted_too(tmp_path: Path) -> None:
    for name, number in (("a", 1), ("b", 2)):
        window = {"report_start_day": "2026-09-01", "report_end_day": f"2026-09-2{number}"}
        take(
            write_lines(tmp_path / f"s{name}", [made.scope_day(day=DAY, daily_active_users=number) | window])
        )
        take(write_lines(tmp_path / f"t{name}", [team_row(number, 10, DAY)]))
        at = timezone.now() - timedelta(days=3 - number)
        days = [made.legacy_metrics_day(date=DAY, total_active_users=number)]
        take(write_lines(tmp_path / f"l{name}", days), organization="acme", taken_at=at)

    assert sorted(
        (what, name, field, before, after) for what, _, name, field, before, after, _ in notes()
    ) == [
        ("account", "", "daily_active_users", "1", "2"),
        ("older", "", "total_active_users", "1", "2"),
        ("team", "team-10", "member_count", "1", "2"),
    ]


def test_beyond_a_limit_those_of_a_day_and_field_are_one(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(restatements, "EACH", 2)
    people = range(1, 8)
    take(write_lines(tmp_path / "a", [told(n, "2026-09-20", loc_added_sum=n) for n in people]))
    take(write_lines(tmp_path / "b", [told(n, "2026-09-21", loc_added_sum=10 * n) for n in people]))

    (many,) = [row for row in notes() if row[0] == "many"]
    assert many == ("many", None, "", "loc_added_sum", "25", "250", 5)
    assert Restatement.objects.count() == 3


def test_the_list_is_narrowed_and_taken_away_as_it_is(olga_client: Client, tmp_path: Path) -> None:
    take(write_lines(tmp_path / "a", [told(n, "2026-09-20", loc_added_sum=1) for n in range(1, 4)]))
    take(write_lines(tmp_path / "b", [told(n, "2026-09-21", loc_added_sum=2) for n in range(1, 4)]))
    few = queries_of(olga_client, LIST)

    page = olga_client.get(f"{LIST}?day_from={DAY}&day_to={DAY}").content.decode()
    assert page.count("loc_added_sum</td>") == 3
    exported = olga_client.get(f"{LIST}file/csv/?day_from={DAY}&day_to={DAY}")
    lines = b"".join(exported.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert lines[0].lstrip("\ufeff").startswith("account,report,day,of,user_login")
    assert len(lines) == 4

    take(write_lines(tmp_path / "c", [told(n, "2026-09-22", loc_added_sum=3) for n in range(1, 4)]))
    assert queries_of(olga_client, LIST) == few


def test_who_may_not_see_them_neither_lists_nor_takes_them(noa_client: Client) -> None:
    assert noa_client.get(LIST).status_code == 403
    assert noa_client.get(f"{LIST}file/csv/").status_code == 403


def test_they_are_forgotten_after_a_time(tmp_path: Path, settings: Any) -> None:
    take(write_lines(tmp_path / "a", [told(1, "2026-09-20", loc_added_sum=3)]))
    take(write_lines(tmp_path / "b", [told(1, "2026-09-21", loc_added_sum=5)]))
    settings.KEEP_RESTATEMENTS_DAYS = 30
    assert forget_restatements() == 0
    Restatement.objects.update(noticed_at=timezone.now() - timedelta(days=31))

    assert forget_restatements() == 1
    assert not Restatement.objects.exists()
