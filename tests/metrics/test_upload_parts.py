"""Large uploads come in parts: from whoever may, what was announced, and on from where they broke off."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections import namedtuple
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from metrics import upload_parts, upload_work, uploads
from metrics.ingest import intake, usage
from metrics.ingest.rehearsal import Rehearsal
from metrics.models import UserDay
from portal.models import Job, ReportFile
from tests.counting import queries_of
from tests.metrics.uploading import text_of, user_line

pytestmark = pytest.mark.django_db

LINES = ("\n".join(user_line(number) for number in range(1, 30)) + "\n").encode()


@pytest.fixture(autouse=True)
def _own_data_dir(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"


def incoming() -> list[Path]:
    return sorted((settings.DATA_DIR / "incoming").glob("*"))


def begin(client: Client, *files: tuple[str, bytes], **said: str) -> Any:
    described = [{"name": name, "size": len(content), "modified": 5} for name, content in files]
    return client.post("/upload/begin/", {"files": json.dumps(described), **said})


def send(client: Client, address: str, number: int, start: int, part: bytes) -> Any:
    where = address.replace("/received/", f"/files/{number}/") + f"?from={start}"
    return client.post(where, part, content_type="application/octet-stream")


def finish(client: Client, address: str, *contents: bytes) -> Any:
    return client.post(
        address, {"sha256": json.dumps([hashlib.sha256(content).hexdigest() for content in contents])}
    )


@pytest.fixture
def address(olga_client: Client) -> str:
    """Where the parts of LINES go."""
    return str(begin(olga_client, ("users.ndjson", LINES)).json()["address"])


# In parts -------------------------------------------------------------------------------------


def test_parts_become_an_upload_with_its_preview_and_are_taken_in_without_being_sent_again(
    olga_client: Client,
) -> None:
    files = ("octo/a/users.ndjson", LINES), ("octo/b/users.ndjson", user_line(99).encode())
    address = begin(olga_client, *files).json()["address"]
    for number, (_, content) in enumerate(files):
        for start in range(0, len(content), 4_000):
            answer = send(olga_client, address, number, start, content[start : start + 4_000])
            assert answer.json() == {"received": min(start + 4_000, len(content))}

    page = finish(olga_client, address, *(content for _, content in files)).json()["page"]

    preview = text_of(olga_client.get(page))
    assert "<strong>30 rows</strong> would be written" in preview
    assert "octo/a/users.ndjson" in preview
    assert "octo/b/users.ndjson" in preview
    assert not ReportFile.objects.exists()
    olga_client.post(f"{page}confirm/")
    assert UserDay.objects.count() == 30
    assert sorted(ReportFile.objects.values_list("name", flat=True)) == ["users.ndjson", "users.ndjson"]


def test_the_server_says_which_bytes_it_has_and_takes_only_those_that_come_next(
    olga_client: Client, address: str
) -> None:
    send(olga_client, address, 0, 0, LINES[:1_000])

    assert olga_client.get(address).json() == {"received": [1_000]}
    for start in (0, 999, 1_001, 5_000):
        answer = send(olga_client, address, 0, start, LINES[start : start + 50])
        assert (answer.status_code, answer.json()["received"]) == (409, 1_000)
    assert finish(olga_client, address, LINES).json()["error"] == "Some of the bytes have not arrived yet."


def test_the_same_files_go_on_where_they_broke_off(olga_client: Client, address: str) -> None:
    send(olga_client, address, 0, 0, LINES[:1_000])

    again = begin(olga_client, ("users.ndjson", LINES)).json()
    other = begin(olga_client, ("users.ndjson", LINES), organization="octo").json()

    assert again == {"address": address, "received": [1_000]}
    assert other["address"] != address, "said otherwise of, they are another upload"
    page = text_of(olga_client.get("/upload/"))
    assert "Not finished yet" in page
    assert "Choose the same file again" in page


def test_a_line_that_breaks_leaves_what_arrived(olga: Any, olga_client: Client, address: str) -> None:
    class Broken:
        def __init__(self) -> None:
            self.left = [LINES[:700]]

        def read(self, _size: int) -> bytes:
            if self.left:
                return self.left.pop()
            raise OSError("the line broke")

    receiving = upload_parts.find(address.split("/")[2], olga)
    assert receiving is not None

    with pytest.raises(OSError, match="broke"):
        upload_parts.append(receiving, 0, 0, 2_000, Broken())  # type: ignore[arg-type]

    assert olga_client.get(address).json() == {"received": [700]}
    assert send(olga_client, address, 0, 700, LINES[700:]).json() == {"received": len(LINES)}
    assert "page" in finish(olga_client, address, LINES).json()


def test_bytes_that_are_not_those_sent_are_found_out(olga_client: Client, address: str) -> None:
    send(olga_client, address, 0, 0, LINES.replace(b"dev-3", b"dev-X"))

    page = finish(olga_client, address, LINES).json()["page"]

    assert "users.ndjson did not arrive as it was sent" in text_of(olga_client.get(page))
    olga_client.post(f"{page}confirm/")
    assert not ReportFile.objects.exists()


def test_a_large_one_is_previewed_and_taken_in_by_the_worker_and_its_page_counts(
    olga_client: Client, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "AT_ONCE_BYTES", -1)
    send(olga_client, address, 0, 0, LINES)
    page = finish(olga_client, address, LINES).json()["page"]
    waiting = text_of(olga_client.get(page))
    assert "Rows a second" in waiting
    upload_work.preview_job(Job.objects.get().pk)
    assert "29 rows" in text_of(olga_client.get(page))
    olga_client.post(f"{page}confirm/")
    job = Job.objects.get(kind=uploads.TAKE_IN)
    Job.objects.filter(pk=job.pk).update(
        state="running", tally={"rows_read": 12_500, "rows_rejected": 7, "rows_a_second": 4_200}
    )

    counts = olga_client.get(f"{page}progress/").json()["counts"]

    assert (counts["rows"], counts["rejected"], counts["rate"]) == ("12,500", "7", "4,200")


def test_work_that_takes_long_ends_in_time_and_goes_on_behind_the_files_that_are_in(
    olga: Any, olga_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "AT_ONCE_BYTES", -1)
    files = ("a.ndjson", LINES), ("b.ndjson", user_line(99).encode())
    address = begin(olga_client, *files).json()["address"]
    for number, (_, content) in enumerate(files):
        send(olga_client, address, number, 0, content)
    page = finish(olga_client, address, *(content for _, content in files)).json()["page"]
    upload_work.preview_job(Job.objects.get().pk)
    olga_client.post(f"{page}confirm/")
    job = Job.objects.get(kind=uploads.TAKE_IN)
    late = iter([False, True])
    monkeypatch.setattr(upload_work.Pace, "is_late", lambda _pace: next(late, False))

    upload_work.take_in_job(job.pk)
    job.refresh_from_db()
    assert (job.state, "goes on" in job.error) == ("queued", True)
    Job.objects.filter(pk=job.pk).update(run_after=None)
    upload_work.take_in_job(job.pk)

    job.refresh_from_db()
    assert (job.state, job.tally["rows_new"], job.tally["files"]) == ("done", 30, 2)
    assert "<strong>30 rows</strong> written" in text_of(olga_client.get(page))


def test_a_turn_that_only_read_again_what_is_in_goes_on_until_there_is_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, told, most = [0.0], [], settings.Q_CLUSTER["timeout"]
    monkeypatch.setattr(upload_work.time, "monotonic", lambda: now[0])

    def turn(known: int) -> Any:
        now[0], job = 0.0, SimpleNamespace(progress_done=known)
        run: Any = SimpleNamespace(job=job, tally={}, progress=lambda *said: told.append(said))
        return upload_work.Pace(run, 2_000, 1)

    def late_at(pace: Any, share: float, records: int) -> bool:
        now[0] = share * most
        pace.at(records, 0)
        return bool(pace.is_late())

    first = turn(0)
    assert [late_at(first, share, 1_000) for share in (0.1, 0.7, 0.8)] == [False, False, True]
    second = turn(1_000)
    assert [late_at(second, share, 900) for share in (0.1, 0.8)] == [False, False]
    assert told[-1] == (1_000, 2_000, "reading again what is in already"), "it does not fall behind"
    assert [late_at(second, share, 1_100) for share in (0.81, 0.9, 0.96)] == [False, False, True]
    third = turn(1_000)
    assert [late_at(third, share, 1_500) for share in (0.3, 0.5, 0.8)] == [False, False, True]


def test_a_preview_that_takes_too_long_tells_of_what_it_has_seen_and_all_is_taken_in(
    olga_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "AT_ONCE_BYTES", -1)
    monkeypatch.setattr(usage, "BATCH", 10)
    files = ("a.ndjson", LINES), ("b.ndjson", user_line(99).encode())
    address = begin(olga_client, *files).json()["address"]
    for number, (_, content) in enumerate(files):
        send(olga_client, address, number, 0, content)
    page = finish(olga_client, address, *(content for _, content in files)).json()["page"]
    batches = iter([False, False, True])
    monkeypatch.setattr(Rehearsal, "is_late", lambda _rehearsal: next(batches, True))

    upload_work.preview_job(Job.objects.get().pk)

    shown = text_of(olga_client.get(page))
    assert "<strong>20 rows</strong> would be written" in shown
    assert "<strong>Only part was looked at</strong>" in shown
    assert "Only the first 20 of 29 lines were looked at" in shown
    assert intake.NOT_LOOKED_AT in shown
    assert not UserDay.objects.exists()

    olga_client.post(f"{page}confirm/")
    job = Job.objects.get(kind=uploads.TAKE_IN)
    upload_work.take_in_job(job.pk)

    job.refresh_from_db()
    assert (job.state, job.tally["rows_new"], job.progress_total) == ("done", 30, None)


def test_a_preview_that_was_interrupted_begins_anew_and_says_so() -> None:
    told: list[Any] = []
    run: Any = SimpleNamespace(
        job=SimpleNamespace(progress_done=1_000), tally={}, progress=lambda *said: told.append(said)
    )
    upload_work.Pace(run, None, 1, goes_on=False).at(10, 0)
    upload_work.Pace(run, None, 1).at(10, 0)
    assert told == [(10, None), (1_000, None, "reading again what is in already")]


# Who, and what ---------------------------------------------------------------------------------


def test_nothing_is_read_from_whoever_may_not(
    noa_client: Client, vic_client: Client, client: Client, address: str
) -> None:
    for somebody in (noa_client, vic_client):
        assert begin(somebody, ("a", b"1")).status_code == 403
        assert send(somebody, address, 0, 0, LINES).status_code == 403
    assert begin(client, ("a", b"1")).status_code == 302
    assert send(client, address, 0, 0, LINES).status_code == 302
    assert len(incoming()) == 1


def test_nobody_else_finds_what_is_being_sent(noa: Any, noa_client: Client, address: str) -> None:
    noa.user_permissions.add(Permission.objects.get(codename="add_reportfile"))

    assert noa_client.get(address).status_code == 404
    assert send(noa_client, address, 0, 0, LINES).status_code == 404
    assert finish(noa_client, address, LINES).status_code == 404
    assert noa_client.post(address.replace("received", "abandon")).status_code == 404
    assert noa_client.get(address.replace("received/", "")).status_code == 404
    assert "users.ndjson" not in noa_client.get("/upload/").content.decode()


def test_a_page_elsewhere_cannot_send(olga: Any, address: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(olga)

    assert begin(client, ("a", b"1")).status_code == 403
    assert send(client, address, 0, 0, LINES).status_code == 403


def test_more_than_allowed_is_refused_before_it_is_sent(olga_client: Client, settings: Any) -> None:
    settings.MAX_UPLOAD_MB = 1
    large = {"name": "a", "size": 2 * 1024 * 1024}
    half = {"name": "b", "size": 600 * 1024}

    answer = olga_client.post("/upload/begin/", {"files": json.dumps([large])})
    assert (answer.status_code, "larger than 1 MB" in answer.json()["error"]) == (400, True)
    assert olga_client.post("/upload/begin/", {"files": json.dumps([half])}).status_code == 200
    another = olga_client.post("/upload/begin/", {"files": json.dumps([{**half, "name": "c"}])})
    assert "not finished" in another.json()["error"]
    assert len(incoming()) == 1


def test_a_full_disk_is_told_before_it_is_sent(olga_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10, 9, 1))

    assert "no room" in begin(olga_client, ("a", b"1")).json()["error"]


@pytest.mark.parametrize(
    "files",
    ["", "[]", "{}", "[1]", '[{"name": 1, "size": 2}]', '[{"name": "a", "size": -1}]',
     '[{"name": "a", "size": true}]', '[{"name": "a"}]',
     r'[{"name": "\ud800.json", "size": 1}]', json.dumps([{"name": "a", "size": 1}] * 2_001),
     "[" * 10_000],
)  # fmt: skip
def test_nonsense_is_no_upload(olga_client: Client, files: str) -> None:
    assert olga_client.post("/upload/begin/", {"files": files}).status_code == 400
    assert incoming() == []


@pytest.mark.parametrize("sha256", ["", "[]", "{}", "[1]", '["ab"]', json.dumps(["\ud800" * 64])])
def test_what_is_no_sha256_ends_no_upload(olga_client: Client, address: str, sha256: str) -> None:
    send(olga_client, address, 0, 0, LINES)

    assert olga_client.post(address, {"sha256": sha256}).status_code == 400
    assert finish(olga_client, address, LINES).status_code == 200


def test_a_file_never_grows_beyond_what_was_announced(olga_client: Client, address: str) -> None:
    answer = send(olga_client, address, 0, 0, LINES + b"more")

    assert (answer.status_code, olga_client.get(address).json()) == (400, {"received": [0]})
    for query in ("", "?from=", "?from=x", "?from=-1"):
        where = address.replace("/received/", "/files/0/") + query
        assert olga_client.post(where, b"x", content_type="application/octet-stream").status_code in (
            400,
            409,
        )
    assert send(olga_client, address, 7, 0, b"x").status_code == 400


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "/etc/passwd", "..", "", "a\0b", "C:\\x\\..", "ü" * 900]
)
def test_names_lead_nowhere(olga_client: Client, name: str) -> None:
    address = begin(olga_client, (name, LINES)).json()["address"]
    send(olga_client, address, 0, 0, LINES)

    (folder,) = incoming()
    (stored,) = (path for path in folder.rglob("*") if path.is_file() and path.parent != folder)
    assert stored.parent == folder / "files" / "0"
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert olga_client.get(finish(olga_client, address, LINES).json()["page"]).status_code == 200


def test_what_is_said_wrongly_is_refused_in_the_words_of_the_form(olga_client: Client) -> None:
    answer = begin(olga_client, ("a", b"1"), organization="octo", enterprise="octo")

    assert "not both" in answer.json()["error"]


# Its end ----------------------------------------------------------------------------------------


def test_what_was_begun_can_be_removed(olga_client: Client, address: str) -> None:
    send(olga_client, address, 0, 0, LINES[:500])

    assert olga_client.get(address.replace("received", "abandon")).status_code == 405
    olga_client.post(address.replace("received", "abandon"))

    assert incoming() == []
    assert send(olga_client, address, 0, 500, LINES[500:]).status_code == 404


def test_parts_are_kept_for_a_day_after_the_last_of_them(olga_client: Client, address: str) -> None:
    (folder,) = incoming()
    long_ago = (timezone.now() - timedelta(hours=25)).timestamp()
    os.utime(folder, (long_ago, long_ago))
    send(olga_client, address, 0, 0, LINES[:500])
    assert uploads.remove_left() == 0

    os.utime(folder, (long_ago, long_ago))

    assert uploads.remove_left() == 1
    assert olga_client.get(address).status_code == 404


def test_asking_costs_as_many_queries_for_many_files_as_for_one(olga_client: Client) -> None:
    address = begin(olga_client, *((f"{number}.ndjson", LINES) for number in range(40))).json()["address"]

    assert queries_of(olga_client, address) <= 6
    assert queries_of(olga_client, "/upload/") <= 8
