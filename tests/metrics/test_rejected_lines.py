"""Rejected lines by reason, with their fault marked; mended, tried again and taken away by whoever may."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from metrics import rejected_groups, tasks
from metrics.ingest.bad_place import Place, excerpt, place_of
from metrics.ingest.reasons import without_particulars
from metrics.models import UserDay
from portal.models import AuditEntry, Job, RejectedLine, ReportFile
from tests.counting import queries_of
from tests.metrics.uploading import seats_file, send, text_of, user_line, users_file

LINES = "/portal/rejectedline/"
GROUPS = f"{LINES}by-reason/"
NEGATIVE = [user_line(number, loc_added_sum=-number) for number in range(1, 6)]
WRONG_DAYS = [user_line(number, day=f"2026-13-0{number}") for number in range(1, 4)]


@pytest.fixture(autouse=True)
def _own_data_dir(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"


@pytest.fixture
def file(olga_client: Client) -> ReportFile:
    """A good line and eight broken ones, of two reasons."""
    page = send(olga_client, users_file(user_line(9), *NEGATIVE, *WRONG_DAYS))
    olga_client.post(f"{page}confirm/")
    return ReportFile.objects.get()


def allow(user: Any, *codenames: str) -> None:
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))


# The place ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "reason", "fault"),
    [
        ('{"a": 1, "day": "x", "b": 2}', "`day` is “x”, not a day as YYYY-MM-DD", '"day": "x"'),
        ('{"n": 1, "t": [{"n": -4}]}', "`n` in `t` must not be less than 0", '"n": -4'),
        ('{"a": tru, "b": 1}', "not valid JSON at character 7", "t"),
        ('{"a": "ü", "b": tru}', "not valid JSON at character 18", "t"),
        ('{"a": 1} xx', "not valid JSON: something follows the record at character 9", "xx"),
        ('{"a": NaN}', "a value is NaN, which is not a number in JSON", "NaN"),
        ('{"a": 1, "b"', "not valid JSON: it breaks off before its end", ""),
        ("1,2,3,4", "the line has 4 columns, its header 3", ",4"),
        ("2026-09-01,octocat,x", "`login` octocat is listed twice: line 3 has it already", "octocat"),
        ('{"a": 1}', "`day` is missing", None),
        ("", "the record is empty", None),
    ],
)  # fmt: skip
def test_the_fault_is_found_from_the_reason(line: str, reason: str, fault: str | None) -> None:
    place = place_of(line, reason)

    assert (line[place.start : place.end] if place else None) == fault


def test_a_long_line_is_shortened_around_its_fault() -> None:
    line = "x" * 5_000 + "FAULT" + "y" * 5_000

    part = excerpt(line, Place(5_000, 5_005), around=10)

    assert (part.before, part.fault, part.after) == ("x" * 10, "FAULT", "y" * 10)
    assert (part.left_before, part.left_after) == (4_990, 4_990)


def test_reasons_that_differ_in_what_they_quote_are_one() -> None:
    assert without_particulars("`day` is “2026-13-01”, not a day") == without_particulars(
        "`day` is “x”, not a day"
    )
    assert without_particulars("`login` octo is listed twice: line 3 has it already") == without_particulars(
        "`login` cat is listed twice: line 77 has it already"
    )
    assert without_particulars("`user_id` is missing") == "`user_id` is missing"


# Pages ----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_lines_are_grouped_by_file_and_reason(olga_client: Client, file: ReportFile) -> None:
    groups, is_all = rejected_groups.groups(RejectedLine.objects.open())

    assert [group.count for group in groups] == [5, 3]
    assert is_all
    page = text_of(olga_client.get(GROUPS))
    assert "<strong>8 lines</strong> could not be read" in page
    assert groups[1].reason in page
    assert "2026-13-0" not in page
    narrowed = olga_client.get(LINES, {"file__id__exact": file.pk, "reason": groups[1].reason})
    assert narrowed.context["cl"].result_count == 3


@pytest.mark.django_db
def test_pages_cost_the_same_for_many_lines(olga_client: Client, file: ReportFile) -> None:
    few = [queries_of(olga_client, page) for page in (GROUPS, LINES)]
    page = send(olga_client, users_file(*(user_line(n, day=f"x{n}", loc_added_sum=-1) for n in range(200))))
    olga_client.post(f"{page}confirm/")

    assert [queries_of(olga_client, page) for page in (GROUPS, LINES)] == few
    assert max(few) <= 10


@pytest.mark.django_db
def test_the_fault_is_marked_and_nothing_of_a_line_is_markup(olga_client: Client) -> None:
    page = send(olga_client, users_file(user_line(1, day="<img src=x onerror=1>", user_login="<b>")))
    olga_client.post(f"{page}confirm/")
    line = RejectedLine.objects.get()

    for address in (LINES, f"{LINES}{line.pk}/change/"):
        shown = olga_client.get(address).content.decode()
        assert '<mark class="rejected-fault">&quot;day&quot;: &quot;&lt;img' in shown
        assert "<img src=x" not in shown


@pytest.mark.django_db
def test_what_lines_say_of_people_is_for_those_who_may_see_people(
    noa: Any, noa_client: Client, file: ReportFile
) -> None:
    allow(noa, "view_rejectedline", "change_rejectedline")
    line = RejectedLine.objects.order_by("pk").last()
    assert line is not None

    pages = [noa_client.get(page).content.decode() for page in (GROUPS, LINES, f"{LINES}{line.pk}/change/")]

    assert all("dev-" not in page and "2026-13-0" not in page for page in pages)
    assert "a day no calendar has" in pages[1]
    assert noa_client.post(f"{LINES}{line.pk}/change/", {"line": user_line(3)}).status_code == 403
    asked = {"file": str(file.pk), "reason": without_particulars(line.reason)}
    assert noa_client.post(f"{LINES}retry/", asked).status_code == 403
    exported = b"".join(noa_client.get(f"{LINES}export/csv/").streaming_content)  # type: ignore[attr-defined]
    assert exported.count(b"\n") == 1, "the header alone"

    allow(noa, "view_userday")
    assert "dev-3" in Client.get(_again(noa), f"{LINES}{line.pk}/change/").content.decode()


def _again(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


# Trying again ---------------------------------------------------------------------------------


@pytest.mark.django_db
def test_all_of_a_group_are_tried_again_with_the_moment_and_the_file_they_came_with(
    olga_client: Client, file: ReportFile
) -> None:
    at = UserDay.objects.get().observed_at
    groups, _ = rejected_groups.groups(RejectedLine.objects.open())
    wrong = rejected_groups.narrowed(RejectedLine.objects.all(), groups[1].reason)
    for number, line in enumerate(wrong[:2], 1):
        line.line = user_line(number)
        line.save()

    said = text_of(
        olga_client.post(f"{LINES}retry/", {"file": file.pk, "reason": groups[1].reason}, follow=True)
    )

    assert "2 of 3 lines are in now" in said
    assert "1 still cannot be taken in" in said
    assert {(day.observed_at, day.file) for day in UserDay.objects.all()} == {(at, file)}
    file.refresh_from_db()
    assert (file.rows_new, file.rows_rejected) == (3, 6)
    assert RejectedLine.objects.open().count() == 6
    assert AuditEntry.objects.filter(action="rejected lines retried").exists()


@pytest.mark.django_db
def test_an_older_line_that_is_mended_does_not_overrule_a_newer_file(
    olga_client: Client, file: ReportFile
) -> None:
    at = UserDay.objects.get().observed_at
    line = RejectedLine.objects.order_by("pk").last()
    assert line is not None
    later = user_line(3, report_end_day="2026-11-20", report_start_day="2026-11-18", loc_added_sum=77)
    page = send(olga_client, SimpleUploadedFile("later.ndjson", later.encode()))
    olga_client.post(f"{page}confirm/")
    newer = UserDay.objects.get(user__github_id=3)
    assert newer.observed_at > at + timedelta(hours=1)

    olga_client.post(f"{LINES}{line.pk}/change/", {"line": user_line(3)})

    line.refresh_from_db()
    assert line.resolved_at
    newer.refresh_from_db()
    assert newer.loc_added_sum == 77


@pytest.mark.django_db
def test_many_lines_are_tried_again_by_the_worker_some_at_a_time(
    olga_client: Client, file: ReportFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejected_groups, "RETRY_AT_ONCE", 2)
    groups, _ = rejected_groups.groups(RejectedLine.objects.open())
    for line in rejected_groups.narrowed(RejectedLine.objects.all(), groups[0].reason):
        line.line = line.line.replace('"loc_added_sum": -', '"loc_added_sum": ')
        line.save()

    response = olga_client.post(f"{LINES}retry/", {"file": file.pk, "reason": groups[0].reason}, follow=True)
    assert "the worker tries them again" in text_of(response)
    job = Job.objects.get(kind=rejected_groups.KIND)
    tasks.retry_rejected(job.pk)

    job.refresh_from_db()
    assert (job.state, job.tally["lines"], job.tally["in"]) == ("done", 5, 5)
    assert RejectedLine.objects.open().count() == 3


@pytest.mark.django_db
def test_only_whoever_may_change_lines_tries_again(vic_client: Client, file: ReportFile) -> None:
    assert vic_client.get(GROUPS).status_code == 200
    assert "Try all again" not in vic_client.get(GROUPS).content.decode()
    assert vic_client.post(f"{LINES}retry/", {"file": file.pk, "reason": "x"}).status_code == 403


@pytest.mark.django_db
def test_nonsense_finds_nothing(olga_client: Client, file: ReportFile) -> None:
    for asked in ({"file": "x", "reason": "y"}, {"file": "9" * 30, "reason": "y"}, {}):
        assert olga_client.post(f"{LINES}retry/", asked).status_code == 404
    assert olga_client.get(f"{LINES}retry/").status_code == 403
    assert olga_client.get(f"{LINES}export/xls/").status_code == 404
    assert olga_client.get(f"{GROUPS}?file__id__exact=x").status_code == 200


# Taking away ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_lines_go_out_as_they_are_filtered_and_start_no_formula(
    olga_client: Client, file: ReportFile
) -> None:
    page = send(olga_client, SimpleUploadedFile("=cmd.ndjson", b"=cmd|calc!A1\n" + user_line(8).encode()))
    olga_client.post(f"{page}confirm/")
    formula = RejectedLine.objects.order_by("pk").last()
    assert formula is not None

    everything = _download(olga_client, "csv")
    rows = list(csv.DictReader(io.StringIO(everything)))
    only = [
        json.loads(line) for line in _download(olga_client, "ndjson", file__id__exact=file.pk).splitlines()
    ]

    assert len(rows) == 9
    assert next(row for row in rows if "calc" in row["line"])["line"] == "'=cmd|calc!A1"
    assert all(not value.startswith(("=", "+", "-", "@")) for row in rows for value in row.values())
    assert [row["line"] for row in only] == [*NEGATIVE, *WRONG_DAYS]
    assert only[0]["line_number"] == 2
    entry = AuditEntry.objects.filter(action="rejected lines exported").order_by("-pk")[0]
    assert "dev-" not in json.dumps(entry.detail)


def _download(client: Client, form: str, **asked: Any) -> str:
    response = client.get(f"{LINES}export/{form}/", asked)
    assert "attachment" in response["Content-Disposition"]
    return b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_seats_that_cannot_be_read_are_mended_like_lines(olga_client: Client) -> None:
    broken = seats_file(1, 2)
    text = broken.read().decode().replace('"id": 2', '"id": "two"')
    page = send(olga_client, SimpleUploadedFile("seats.json", text.encode()), organization="octo")
    olga_client.post(f"{page}confirm/")
    line = RejectedLine.objects.get()

    shown = olga_client.get(f"{LINES}{line.pk}/change/").content.decode()
    assert "rejected-fault" in shown
    olga_client.post(f"{LINES}{line.pk}/change/", {"line": line.line.replace('"two"', "2")})

    line.refresh_from_db()
    assert line.resolved_at
