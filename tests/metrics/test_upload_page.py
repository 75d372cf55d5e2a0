"""Upload, preview, confirm: nothing is written before somebody says yes."""

from __future__ import annotations

import gzip
import json
import os
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from metrics import upload_work, uploads
from metrics.models import UserDay
from portal.models import Job, RejectedLine, ReportFile
from seats.models import Account, Seat
from tests.counting import queries_of
from tests.metrics.uploading import BROKEN, seats_file, send, text_of, user_line, users_file

pytestmark = pytest.mark.django_db


def incoming() -> list[Path]:
    return sorted((settings.DATA_DIR / "incoming").glob("*"))


@pytest.fixture(autouse=True)
def _own_data_dir(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"


@pytest.fixture
def in_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every upload counts as large."""
    monkeypatch.setattr(uploads, "AT_ONCE_BYTES", -1)


# Who may --------------------------------------------------------------------------------------


def test_the_page_is_for_whoever_may_add_files(
    noa: Any, noa_client: Client, vic_client: Client, olga_client: Client
) -> None:
    assert vic_client.get("/upload/").status_code == 403, "may look at everything, but add nothing"
    assert noa_client.get("/upload/").status_code == 403
    noa.user_permissions.add(Permission.objects.get(codename="add_reportfile"))
    assert noa_client.get("/upload/").status_code == 200
    assert olga_client.get("/upload/").status_code == 200


def test_a_visitor_is_asked_to_log_in(client: Client) -> None:
    response = client.get("/upload/")

    assert response.status_code == 302
    assert "/login/" in response["Location"]


def test_without_the_permission_nothing_is_stored(noa_client: Client) -> None:
    response = noa_client.post("/upload/", {"report_files": [users_file(user_line(1))]})

    assert response.status_code == 403
    assert incoming() == []


def test_a_form_from_elsewhere_is_refused(olga: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(olga)

    response = client.post("/upload/", {"report_files": [users_file(user_line(1))]})

    assert response.status_code == 403
    assert incoming() == []


def test_nobody_else_finds_an_upload(olga_client: Client, noa: Any, noa_client: Client) -> None:
    noa.user_permissions.add(Permission.objects.get(codename="add_reportfile"))
    page = send(olga_client, users_file(user_line(1)))

    assert noa_client.get(page).status_code == 404
    assert noa_client.get(f"{page}progress/").status_code == 404
    for step in ("confirm", "discard", "preview", "stop"):
        assert noa_client.post(f"{page}{step}/").status_code == 404
    assert not ReportFile.objects.exists()
    assert len(incoming()) == 1


@pytest.mark.parametrize("token", ["x", "..", "a" * 43, "%2e%2e%2fkept"])
def test_a_made_up_token_finds_nothing(olga_client: Client, token: str) -> None:
    assert olga_client.get(f"/upload/{token}/").status_code == 404


@pytest.mark.parametrize("step", ["confirm", "discard", "preview", "stop"])
def test_following_a_link_changes_nothing(olga_client: Client, step: str) -> None:
    page = send(olga_client, users_file(user_line(1)))

    assert olga_client.get(f"{page}{step}/").status_code == 405
    assert not ReportFile.objects.exists()


# The preview ----------------------------------------------------------------------------------


def test_the_preview_tells_kind_counts_and_rejects_and_writes_nothing(olga_client: Client) -> None:
    page = send(olga_client, users_file(user_line(1), user_line(2), BROKEN))

    preview = text_of(olga_client.get(page))

    assert "Per-user usage, one day" in preview
    assert "2026-11-18" in preview
    assert "<strong>2 rows</strong> would be written" in preview
    assert "<strong>1</strong> rejected" in preview
    assert '<th scope="row">3</th>' in preview
    assert "Nothing has been written yet" in preview
    assert not ReportFile.objects.exists()
    assert not UserDay.objects.exists()
    assert not Account.objects.exists()


def test_the_preview_of_what_is_known_says_that_nothing_is_new(olga_client: Client) -> None:
    lines = user_line(1), user_line(2)
    page = send(olga_client, users_file(*lines))
    olga_client.post(f"{page}confirm/")

    again = text_of(olga_client.get(send(olga_client, users_file(*lines))))

    assert "Nothing in this file is new" in again
    assert "The same file was taken in on " in again


def test_the_preview_names_the_seats_that_a_complete_list_would_end(olga_client: Client) -> None:
    said = {"organization": "octo", "taken_at": "2026-11-10T08:00"}
    page = send(olga_client, seats_file(1, 2, 3), **said)
    olga_client.post(f"{page}confirm/")

    shorter = send(
        olga_client, seats_file(1, 2), organization="octo", taken_at="2026-11-11T08:00", complete="on"
    )
    preview = text_of(olga_client.get(shorter))

    assert "1 seat would end" in preview
    assert "dev-3" in preview
    assert Seat.objects.held().count() == 3


def test_an_unreadable_file_is_refused_in_a_sentence_and_the_others_go_on(olga_client: Client) -> None:
    page_of_github = SimpleUploadedFile("report.json", b"<!DOCTYPE html><html><body>Sign in</body></html>")
    page = send(olga_client, page_of_github, users_file(user_line(1)))

    preview = text_of(olga_client.get(page))
    assert "This is a web page" in preview
    assert "Take in the rest" in preview

    olga_client.post(f"{page}confirm/")
    assert UserDay.objects.count() == 1
    assert ReportFile.objects.count() == 1


def test_what_cannot_be_taken_in_cannot_be_confirmed_by_mistake(olga_client: Client) -> None:
    page = send(olga_client, SimpleUploadedFile("photo.ndjson", b"\x89PNG\r\n\x1a\n" + bytes(200)))

    preview = text_of(olga_client.get(page))
    assert "This file cannot be taken in." in preview
    assert "confirm/" not in preview

    olga_client.post(f"{page}confirm/")
    assert not ReportFile.objects.exists()


def test_an_empty_file_is_told_apart_from_no_file(olga_client: Client) -> None:
    page = send(olga_client, SimpleUploadedFile("empty.ndjson", b""))
    assert "empty" in text_of(olga_client.get(page))

    response = olga_client.post("/upload/", {})
    assert response.context["form"].errors["report_files"] == ["Choose at least one file."]


def test_names_are_shown_as_words_never_as_markup(olga_client: Client) -> None:
    page = send(olga_client, users_file(user_line(1), name="<script>alert(1)</script>.ndjson"))

    assert "<script>alert(1)" not in olga_client.get(page).content.decode()


def test_a_very_long_name_is_no_trouble(olga_client: Client) -> None:
    page = send(olga_client, users_file(user_line(1), name="ü" * 240 + ".ndjson"))

    assert olga_client.get(page).status_code == 200


# What is said with the files ------------------------------------------------------------------


def test_the_form_offers_known_accounts(olga_client: Client) -> None:
    Account.objects.create(kind=Account.Kind.ORGANIZATION, login="octo-labs")
    Account.objects.create(kind=Account.Kind.ENTERPRISE, login="octo-industries")

    page = text_of(olga_client.get("/upload/"))

    assert '<option value="octo-labs">' in page
    assert '<option value="octo-industries">' in page


def test_either_an_organization_or_an_enterprise(olga_client: Client) -> None:
    response = olga_client.post(
        "/upload/", {"report_files": [seats_file(1)], "organization": "octo", "enterprise": "octo"}
    )

    assert "enterprise" in response.context["form"].errors
    assert incoming() == []


def test_a_list_from_the_future_is_not_believed(olga_client: Client) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    response = olga_client.post(
        "/upload/", {"report_files": [seats_file(1)], "taken_at": f"{tomorrow:%Y-%m-%dT%H:%M}"}
    )

    assert "taken_at" in response.context["form"].errors


def test_more_than_allowed_is_refused_before_it_is_read(olga_client: Client, settings: Any) -> None:
    settings.MAX_UPLOAD_MB = 0

    response = olga_client.post("/upload/", {"report_files": [users_file(user_line(1))]}, follow=True)

    assert "larger than 0 MB" in text_of(response)
    assert incoming() == []


# Confirming -----------------------------------------------------------------------------------


def test_confirming_takes_it_in_and_shows_what_came_of_it(olga: Any, olga_client: Client) -> None:
    page = send(olga_client, users_file(user_line(1), BROKEN))

    result = text_of(olga_client.post(f"{page}confirm/", follow=True))

    file = ReportFile.objects.get()
    assert (file.source, file.received_by, file.name) == ("upload", olga, "users.ndjson")
    assert UserDay.objects.count() == 1
    assert RejectedLine.objects.get().line_number == 2
    assert "<strong>1 row</strong> written" in result
    assert f"/portal/reportfile/{file.pk}/change/" in result
    assert f"/portal/rejectedline/?file__id__exact={file.pk}" in result


def test_confirming_twice_takes_it_in_once(olga_client: Client) -> None:
    page = send(olga_client, users_file(user_line(1)))

    olga_client.post(f"{page}confirm/")
    olga_client.post(f"{page}confirm/")

    assert ReportFile.objects.count() == 1


def test_the_bytes_are_gone_once_taken_in(olga_client: Client) -> None:
    page = send(olga_client, users_file(user_line(1)))
    olga_client.post(f"{page}confirm/")

    (folder,) = incoming()
    assert not (folder / "files").exists()


def test_cancelling_removes_what_was_sent(olga_client: Client) -> None:
    page = send(olga_client, users_file(user_line(1)))

    response = olga_client.post(f"{page}discard/", follow=True)

    assert "nothing was taken in" in text_of(response)
    assert incoming() == []
    assert not ReportFile.objects.exists()
    assert olga_client.get(page).status_code == 404


def test_an_organizations_name_reaches_the_seats(olga_client: Client) -> None:
    page = send(olga_client, seats_file(1, 2), organization="octo")
    assert "octo (new)" in text_of(olga_client.get(page))

    olga_client.post(f"{page}confirm/")

    assert set(Seat.objects.values_list("account__login", "user__login")) == {
        ("octo", "dev-1"),
        ("octo", "dev-2"),
    }


# In private -----------------------------------------------------------------------------------


def test_only_the_portal_reads_what_waits(olga_client: Client) -> None:
    send(olga_client, users_file(user_line(1)))

    (folder,) = incoming()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (stored,) = (path for path in (folder / "files").rglob("*") if path.is_file())
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600


def test_what_nobody_confirms_is_gone_after_a_day(olga_client: Client) -> None:
    page = send(olga_client, users_file(user_line(1)))
    assert uploads.remove_left() == 0

    (folder,) = incoming()
    long_ago = (timezone.now() - timedelta(hours=25)).timestamp()
    os.utime(folder, (long_ago, long_ago))

    assert uploads.remove_left() == 1
    assert incoming() == []
    assert olga_client.get(page).status_code == 404


# In the background ----------------------------------------------------------------------------


@pytest.mark.usefixtures("in_the_worker")
def test_a_large_upload_is_previewed_and_taken_in_by_the_worker(olga_client: Client) -> None:
    page = send(olga_client, users_file(user_line(1), user_line(2)))

    waiting = text_of(olga_client.get(page))
    assert "Waiting for the background worker" in waiting
    assert '<meta http-equiv="refresh"' in waiting
    assert json.loads(olga_client.get(f"{page}progress/").content)["is_live"] is True
    assert OrmQ.objects.count() == 1

    upload_work.preview_job(Job.objects.get(kind="preview-upload").pk)
    assert "would be written" in text_of(olga_client.get(page))
    assert not ReportFile.objects.exists()

    olga_client.post(f"{page}confirm/")
    assert not ReportFile.objects.exists()
    job = Job.objects.get(kind="take-in-upload")
    upload_work.take_in_job(job.pk)

    assert "<strong>2 rows</strong> written" in text_of(olga_client.get(page))
    job.refresh_from_db()
    assert job.tally["rows_new"] == 2
    assert json.loads(olga_client.get(f"{page}progress/").content)["is_live"] is False


@pytest.mark.usefixtures("in_the_worker")
def test_a_second_delivery_takes_nothing_in_again(olga_client: Client) -> None:
    page = send(olga_client, users_file(user_line(1)))
    upload_work.preview_job(Job.objects.get().pk)
    olga_client.post(f"{page}confirm/")
    job = Job.objects.get(kind="take-in-upload")

    upload_work.take_in_job(job.pk)
    upload_work.take_in_job(job.pk)

    assert ReportFile.objects.count() == 1


@pytest.mark.usefixtures("in_the_worker")
def test_work_can_be_stopped_and_begun_again(olga_client: Client) -> None:
    page = send(olga_client, users_file(user_line(1)))

    olga_client.post(f"{page}stop/")
    stopped = text_of(olga_client.get(page))
    assert "Stopped before it was read" in stopped

    olga_client.post(f"{page}preview/")
    upload_work.preview_job(Job.objects.get(state="queued").pk)
    assert "would be written" in text_of(olga_client.get(page))


@pytest.mark.usefixtures("in_the_worker")
def test_a_worker_that_does_not_come_is_named(olga_client: Client) -> None:
    page = send(olga_client, users_file(user_line(1)))
    Job.objects.update(created_at=timezone.now() - timedelta(minutes=5))

    assert "No background worker has come for 5 min" in text_of(olga_client.get(page))


@pytest.mark.usefixtures("in_the_worker")
def test_files_are_not_pulled_from_under_the_worker(olga_client: Client) -> None:
    page = send(olga_client, users_file(user_line(1)))

    response = olga_client.post(f"{page}discard/", follow=True)

    assert "Stop the work on it first" in text_of(response)
    assert len(incoming()) == 1


@pytest.mark.usefixtures("in_the_worker")
def test_a_job_whose_files_are_gone_says_so(olga_client: Client) -> None:
    page = send(olga_client, users_file(user_line(1)))
    for folder in incoming():
        uploads.shutil.rmtree(folder)

    job = Job.objects.get()
    upload_work.preview_job(job.pk)

    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert "Upload them again" in job.error
    assert olga_client.get(page).status_code == 404


def test_packed_files_count_for_what_they_unpack_to(
    olga_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = gzip.compress("\n".join(user_line(number) for number in range(50)).encode())
    monkeypatch.setattr(uploads, "AT_ONCE_BYTES", len(packed) * 5)

    page = send(olga_client, SimpleUploadedFile("users.ndjson.gz", packed))

    assert "Waiting for the background worker" in text_of(olga_client.get(page))


def test_the_page_costs_as_many_queries_for_many_files_as_for_one(olga_client: Client) -> None:
    files = [users_file(user_line(number), name=f"{number}.ndjson") for number in range(8)]
    page = send(olga_client, *files)

    assert queries_of(olga_client, page) <= 6
