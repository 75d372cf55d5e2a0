"""The watched folder: everything complete once, nothing by a detour, and a report beside each file."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from metrics import inbox, tasks
from metrics.models import UserDay
from portal.models import Job, ReportFile
from seats.models import Account, Seat
from tests.metrics.uploading import BROKEN, seats_file, user_line

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A watched folder in which what lands counts as complete at once."""
    settings.DATA_DIR = tmp_path / "data"
    settings.IMPORT_INBOX = str(tmp_path / "inbox")
    monkeypatch.setattr(inbox, "QUIET_SECONDS", -1.0)
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


def put(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def take_in() -> dict[str, Any]:
    """What the schedule and the worker do; the tally."""
    assert tasks.look_into_inbox() > 0
    job = Job.objects.live().get()
    tasks.take_in_inbox(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    return job.tally


def lying(folder: Path) -> list[str]:
    """Every file below, by its path there; the day of putting away is left out."""
    return sorted(
        "/".join(part for part in path.relative_to(folder).parts if not part.startswith("20"))
        for path in folder.rglob("*")
        if path.is_file() or path.is_symlink()
    )


def test_what_lands_is_taken_in_and_put_away_with_its_report(folder: Path) -> None:
    put(folder / "users.ndjson", user_line(1), user_line(2), BROKEN)
    put(folder / "page.json", "<!DOCTYPE html><html></html>")

    tally = take_in()

    assert (tally["done"], tally["failed"], tally["rows_new"], tally["rows_rejected"]) == (1, 1, 2, 1)
    assert lying(folder) == sorted(
        f"{place}{ending}"
        for place in ("done/users.ndjson", "failed/page.json")
        for ending in ("", ".report.json", ".report.txt")
    )
    assert UserDay.objects.count() == 2
    assert ReportFile.objects.get().source == ReportFile.Source.INBOX
    (done,) = folder.glob("done/*/users.ndjson.report.json")
    (told,) = json.loads(done.read_text())["files"]
    assert (told["kind"], told["rows_new"], told["rejected"][0]["line"]) == ("users-1-day", 2, 3)
    (failed,) = folder.glob("failed/*/page.json.report.txt")
    assert "Not taken in. This is a web page" in failed.read_text()
    assert tasks.look_into_inbox() == 0, "never twice"


def test_nothing_is_watched_unless_asked(settings: Any) -> None:
    settings.IMPORT_INBOX = ""

    assert tasks.look_into_inbox() == 0
    assert not Job.objects.exists()


def test_a_folder_that_is_away_or_not_ours_stops_nothing_else(folder: Path, settings: Any) -> None:
    settings.IMPORT_INBOX = str(folder / "away")
    assert tasks.look_into_inbox() == 0

    settings.IMPORT_INBOX = str(folder)
    put(folder / "a.ndjson", user_line(1))
    (folder / "done").symlink_to("/tmp")
    tasks.look_into_inbox()
    job = Job.objects.get()
    tasks.take_in_inbox(job.pk)
    job.refresh_from_db()
    assert (job.state, "done in it is no folder" in job.error) == ("failed", True)
    assert not UserDay.objects.exists()


def test_half_written_and_hidden_files_wait(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (".users.ndjson.X7f", "users.ndjson.part", "~users.ndjson", ".hidden/users.ndjson"):
        put(folder / name, user_line(1))
    assert tasks.look_into_inbox() == 0

    monkeypatch.setattr(inbox, "QUIET_SECONDS", 60.0)
    growing = put(folder / "users.ndjson", user_line(1))
    # An old time of change that a copy has kept tells nothing.
    os.utime(growing, (0, 0))
    assert tasks.look_into_inbox() == 0


def test_a_file_that_grows_while_it_is_read_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder / "users.ndjson", user_line(1))
    read = inbox.take_in

    def grows(path: Path, **options: Any) -> Any:
        outcomes = read(path, **options)
        with path.open("a") as file:
            file.write(user_line(2) + "\n")
        return outcomes

    monkeypatch.setattr(inbox, "take_in", grows)

    assert take_in()["failed"] == 1
    (report,) = folder.glob("failed/*/*.txt")
    assert "still being written" in report.read_text()


def test_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    secret = put(tmp_path / "elsewhere" / "users.ndjson", user_line(1))
    (folder / "link.ndjson").symlink_to(secret)
    (folder / "folder").symlink_to(secret.parent, target_is_directory=True)
    os.mkfifo(folder / "pipe.ndjson")

    assert tasks.look_into_inbox() == 0
    assert secret.exists()


def test_the_folder_names_the_account_for_files_that_name_none(folder: Path) -> None:
    Account.objects.create(kind=Account.Kind.ORGANIZATION, login="octo")
    for place in ("Octo", "organizations/new-one", "octo-typo", "."):
        (folder / place).mkdir(parents=True, exist_ok=True)
        (folder / place / "seats.json").write_bytes(seats_file(1).read())
    put(folder / "octo" / "users.ndjson", user_line(5))

    tally = take_in()

    assert (tally["done"], tally["failed"]) == (3, 2)
    assert set(Seat.objects.values_list("account__login", flat=True)) == {"octo", "new-one"}
    assert UserDay.objects.get().account.github_id == 777, "what says itself whose it is, is not asked twice"
    assert "failed/octo-typo/seats.json" in lying(folder)
    assert "done/Octo/seats.json" in lying(folder)


def test_of_an_archive_only_what_names_no_account_is_tried_again(folder: Path) -> None:
    Account.objects.create(kind=Account.Kind.ORGANIZATION, login="octo")
    (folder / "octo").mkdir()
    with zipfile.ZipFile(folder / "octo" / "all.zip", "w") as archive:
        archive.writestr("users.ndjson", user_line(1))
        archive.writestr("seats.json", seats_file(1).read())

    tally = take_in()

    assert (tally["done"], tally["rows_new"]) == (1, 2)


def test_the_same_name_again_lies_beside_the_first(folder: Path) -> None:
    for number in (1, 2):
        put(folder / "users.ndjson", user_line(number))
        take_in()

    assert [name for name in lying(folder) if name.endswith(".ndjson")] == [
        "done/users-2.ndjson", "done/users.ndjson",
    ]  # fmt: skip
    assert UserDay.objects.count() == 2


def test_files_and_folders_whose_names_are_no_utf_8_are_taken_in_and_put_away(folder: Path) -> None:
    odd = os.fsdecode(b"octo-\xfe")
    put(folder / os.fsdecode(b"bytes-\xff.ndjson"), user_line(1))
    put(folder / odd / os.fsdecode(b"bytes-\xff.ndjson"), "{}")
    put(folder / "users.ndjson", user_line(2))

    tally = take_in()

    assert (tally["done"], tally["failed"], UserDay.objects.count()) == (2, 1, 2)
    done, failed = os.fsdecode(b"done/bytes-\xff.ndjson"), os.fsdecode(b"failed/octo-\xfe/bytes-\xff.ndjson")
    assert {done, failed} <= set(lying(folder))
    assert {file.name for file in ReportFile.objects.all()} == {r"bytes-\xff.ndjson", "users.ndjson"}
    told = {json.loads(path.read_text())["file"] for path in folder.rglob("*.report.json")}
    assert told == {r"bytes-\xff.ndjson", r"octo-\xfe/bytes-\xff.ndjson", "users.ndjson"}
    words = {path.read_text().partition(", ")[0] for path in folder.rglob("*.report.txt")}
    assert words == told


def test_a_file_that_another_host_took_is_left_to_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder / "a.ndjson", user_line(1))
    put(folder / "b.ndjson", user_line(2))
    seen = list(inbox._waiting(folder))
    inbox._make_room(folder)
    assert inbox._claim(folder, seen[0]) is not None

    assert inbox._claim(folder, seen[0]) is None, "the second finds it gone"
    assert take_in()["done"] == 1
    assert UserDay.objects.get().user.github_id == 2


def test_what_a_dead_worker_had_taken_is_taken_up_again_but_not_for_ever(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder / "octo" / "a.ndjson", user_line(1))
    inbox._make_room(folder)
    (path,) = inbox._waiting(folder)
    taken = inbox._claim(folder, path)
    assert taken is not None
    assert tasks.look_into_inbox() == 0, "somebody is at it"

    monkeypatch.setattr(inbox, "ABANDONED_SECONDS", -1.0)
    assert take_in()["done"] == 1
    assert lying(folder)[0] == "done/octo/a.ndjson"

    put(folder / "deadly.ndjson", user_line(2))
    (path,) = inbox._waiting(folder)
    claimed = inbox._claim(folder, path)
    assert claimed is not None
    for _ in range(inbox.MOST_DEATHS - 1):
        (left,) = inbox._abandoned(folder)
        assert inbox._inherit(left) is not None
    assert take_in()["failed"] == 1
    (report,) = folder.glob("failed/*/deadly.ndjson.report.txt")
    assert "died of it" in report.read_text()


def test_a_cancelled_run_puts_the_file_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from portal import jobs

    put(folder / "octo" / "a.ndjson", user_line(1))

    def stopped(*_: Any, **__: Any) -> Any:
        raise jobs.Cancelled

    monkeypatch.setattr(inbox, "take_in", stopped)
    tasks.look_into_inbox()
    tasks.take_in_inbox(Job.objects.get().pk)

    assert lying(folder) == ["octo/a.ndjson"]
    assert not list((folder / ".taking").iterdir())
