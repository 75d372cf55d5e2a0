"""Undoing from a file's page and by the command: first what would become of it, then done by whoever may."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from metrics.models import UserDay
from portal.models import AuditEntry, Job, ReportFile
from seats.models import Seat
from tests.metrics.report_files import seat, take, user_day, write_lines, write_seats

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

DAY = "2026-09-10"


def page_of(file: ReportFile) -> str:
    return reverse("admin:portal_reportfile_undo", args=[file.pk])


@pytest.fixture
def two(tmp_path: Path) -> list[ReportFile]:
    """An older file of person 1, and a newer one that says otherwise, and tells of person 2, too."""
    window = {"report_start_day": "2026-09-09", "report_end_day": "2026-09-10"}
    older = [{**user_day(1, DAY, user_initiated_interaction_count=3), **window}]
    newer = [{**user_day(n, DAY, user_initiated_interaction_count=7), **window} for n in (1, 2)]
    for line in newer:
        line["report_end_day"] = "2026-09-11"
    taken = [take(write_lines(tmp_path / name, lines)) for name, lines in (("old", older), ("new", newer))]
    return [one.report_file for one in taken if one.report_file]


def test_the_page_says_what_would_go_come_back_and_move_and_changes_nothing(
    olga_client: Client, two: list[ReportFile]
) -> None:
    before = list(UserDay.objects.values())

    page = " ".join(olga_client.get(page_of(two[1])).content.decode().split())

    assert "People&#x27;s days</th><td>2</td><td>1</td>" in page
    assert f'<a class="portal-link" href="/portal/reportfile/{two[0].pk}/change/">old</a>: ' in page
    assert "user_initiated_interaction_count</td><td>14</td><td>3</td>" in page
    assert list(UserDay.objects.values()) == before
    assert not AuditEntry.objects.filter(action="file undone").exists()
    two[1].refresh_from_db()
    assert two[1].state == ReportFile.State.DONE


def test_it_is_undone_by_a_job_and_that_is_noted(olga_client: Client, two: list[ReportFile]) -> None:
    answer = olga_client.post(page_of(two[1]), follow=True).content.decode()

    assert "The file is undone" in answer
    assert [row.file for row in UserDay.objects.all()] == [two[0]]
    assert Job.objects.get().kind == "undo file"
    assert AuditEntry.objects.get(action="file undone").actor_name == "olga"
    assert "undone already" in olga_client.get(page_of(two[1]), follow=True).content.decode()


def test_who_has_no_permission_of_its_own_neither_asks_nor_undoes(
    vic: Any, vic_client: Client, two: list[ReportFile]
) -> None:
    vic.user_permissions.add(Permission.objects.get(codename="change_reportfile"))

    assert vic_client.get(page_of(two[1])).status_code == 403
    assert vic_client.post(page_of(two[1])).status_code == 403
    assert UserDay.objects.count() == 2


def test_many_rows_are_undone_only_by_writing_which(olga_client: Client, two: list[ReportFile]) -> None:
    ReportFile.objects.filter(pk=two[1].pk).update(rows_read=1000, rows_new=1000, rows_changed=0)

    answer = olga_client.post(page_of(two[1]), {"word": "undo"}, follow=True).content.decode()
    assert "Nothing was undone" in answer
    assert not Job.objects.exists()

    olga_client.post(page_of(two[1]), {"word": f"undo {two[1].pk}"})
    assert Job.objects.get().arguments == {"file": two[1].pk}


def test_a_file_whose_others_are_lost_says_so(olga_client: Client, two: list[ReportFile]) -> None:
    ReportFile.objects.filter(pk=two[0].pk).update(kept_path="")

    assert "It cannot be undone.</strong> old (file" in olga_client.get(page_of(two[1])).content.decode()
    assert "no longer kept" in olga_client.post(page_of(two[1]), follow=True).content.decode()
    assert UserDay.objects.count() == 2


def test_a_file_that_is_lost_itself_is_undone_where_no_other_told_of_its_days(tmp_path: Path) -> None:
    file = take(write_lines(tmp_path / "a", [user_day(1, DAY)])).report_file
    assert file is not None
    ReportFile.objects.update(kept_path="")

    run(str(file.pk), execute=True)

    assert not UserDay.objects.exists()


def test_seats_that_a_list_alone_told_of_go_with_it(tmp_path: Path) -> None:
    file = take(write_seats(tmp_path / "a", [seat(1)]), organization="acme", complete=True).report_file
    assert file is not None

    answer = run(file.sha256[:12], json=True)
    assert answer["before_and_after"]["seats"] == [1, 0]
    assert Seat.objects.exists()

    assert run(str(file.pk), execute=True, json=True)["undone"]
    assert not Seat.objects.exists()


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no file 12"):
        run("12")


def run(*args: str, **options: Any) -> dict[str, Any]:
    output = io.StringIO()
    call_command("undo_import", *args, stdout=output, stderr=io.StringIO(), **options)
    last = output.getvalue().splitlines()[-1]
    return dict(json.loads(last)) if options.get("json") else {}
