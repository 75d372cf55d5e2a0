"""`import_reports`, as scripts see it: the JSON, the exit status, the sentences."""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from metrics.models import UserDay
from portal.models import RejectedLine, ReportFile
from seats.models import Seat, SeatRoster
from tests.metrics.report_files import seat, user_day, write_lines, write_seats

pytestmark = pytest.mark.django_db

DAY = "2026-09-10"
OF_ACME = ("--organization", "acme")


def run(*arguments: Any) -> tuple[int, dict[str, Any], str]:
    """Exit status, the JSON object of the last line, and what people were told of trouble."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command("import_reports", *map(str, arguments), "--json", stdout=out, stderr=err)
    except SystemExit as stop:
        code = int(stop.code or 0)
    return code, json.loads(out.getvalue().splitlines()[-1]), err.getvalue()


def test_a_clean_file_exits_0_and_counts_its_rows(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "any-name.txt", [user_day(n, DAY) for n in range(1, 4)])
    code, answer, err = run(path)
    assert (code, err) == (0, "")
    assert answer["files"] == [
        {
            "path": str(path),
            "kind": "users-1-day",
            "rows_read": 3,
            "rows_new": 3,
            "rows_changed": 0,
            "rows_unchanged": 0,
            "rows_superseded": 0,
            "rows_rejected": 0,
            "rejected": [],
        }
    ]
    assert answer["rows_new"] == 3


def test_a_file_with_a_broken_line_exits_1_and_names_it(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a", [user_day(1, DAY), {"day": None}, user_day(2, DAY)])
    code, answer, err = run(path)
    assert code == 1
    assert [reject["line"] for reject in answer["files"][0]["rejected"]] == [2]
    assert f"{path}, line 2: " in err


def test_the_same_broken_file_again_lists_its_rejects_once(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a", [user_day(1, DAY), {"day": None}])
    assert run(path)[1]["rows_rejected"] == 1
    again = run(path)[1]
    assert (again["rows_unchanged"], again["rows_rejected"]) == (1, 1)
    assert RejectedLine.objects.count() == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x01\x02\xff" * 500,
        b"<!DOCTYPE html><title>Sign in</title>",
        b'{"message":"Not Found","status":"404"}',
        b"[" * 100_000 + b"]" * 100_000,
        b"a,b,c\n1,2,3\n",
        b"hello\n",
    ],
)
def test_an_unknown_file_exits_2_with_one_sentence_and_writes_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "usage.ndjson"
    path.write_bytes(content)
    code, answer, err = run(path)
    assert code == 2
    assert len(err.splitlines()) == 1
    assert answer["files"][0]["error"] in err
    assert answer["files"][0]["kind"] is None
    assert not ReportFile.objects.exists()


def test_a_missing_file_exits_2(tmp_path: Path) -> None:
    assert run(tmp_path / "nowhere")[0] == 2


def test_one_good_and_one_unknown_file_exit_1(tmp_path: Path) -> None:
    good = write_lines(tmp_path / "a", [user_day(1, DAY)])
    unknown = write_lines(tmp_path / "b", [{"foo": 1}])
    code, answer, _ = run(good, unknown)
    assert code == 1
    assert [file["rows_new"] for file in answer["files"]] == [1, 0]


def test_a_folder_is_walked_and_archives_are_unpacked(tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    (folder / "deep").mkdir(parents=True)
    lines = write_lines(tmp_path / "lines", [user_day(1, DAY)]).read_bytes()
    (folder / "deep" / "a.gz").write_bytes(gzip.compress(lines))
    with zipfile.ZipFile(folder / "b.zip", "w") as archive:
        archive.writestr("one.json", json.dumps([user_day(2, DAY)]))
        archive.writestr("two.json", json.dumps(user_day(3, DAY), indent=2))
    code, answer, _ = run(folder)
    assert code == 0
    assert answer["rows_new"] == 3
    assert [file.get("member") for file in answer["files"]] == ["one.json", "two.json", None]


def test_names_that_are_no_utf_8_are_written_with_escapes_and_stop_no_other_file(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"f\xfcr")
    folder.mkdir()
    write_lines(folder / os.fsdecode(b"A-ao\xfbt.ndjson"), [user_day(1, DAY), {"day": None}])
    (folder / os.fsdecode(b"A-\xfe.json")).write_text("{}")
    (folder / os.fsdecode(b".\xfd")).write_text("")
    write_lines(folder / "B-ok.ndjson", [user_day(2, DAY)])

    code, answer, err = run(folder)

    assert (code, answer["rows_new"], UserDay.objects.count()) == (1, 2, 2)
    assert {file.name for file in ReportFile.objects.all()} == {r"A-ao\xfbt.ndjson", "B-ok.ndjson"}
    shown = rf"{tmp_path}/f\xfcr"
    assert [file["path"] for file in answer["files"]] == [
        f"{shown}/{name}" for name in (r"A-ao\xfbt.ndjson", r"A-\xfe.json", "B-ok.ndjson")
    ]
    assert rf"{shown}/A-ao\xfbt.ndjson, line 2: " in err
    assert r"(.\xfd)" in err
    assert run(folder / os.fsdecode(b"A-ao\xfbt.ndjson"), "--dry-run")[1]["rows_unchanged"] == 1


def test_a_gzip_that_breaks_off_gives_the_lines_it_has_and_says_so(tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "lines", [user_day(n, DAY) for n in range(1, 2_000)]).read_bytes()
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(lines)[:-2_000])
    code, _, err = run(path)
    assert code == 1
    assert 0 < UserDay.objects.count() < 1_999
    assert "breaks off" in err


@pytest.mark.parametrize(
    "lines",
    [
        [user_day(1, DAY), user_day(2, DAY)],
        [user_day(1, DAY), user_day(1, DAY, user_initiated_interaction_count=7)],
    ],
    ids=["plain", "at odds with itself"],
)
def test_a_dry_run_of_a_file_that_is_known_says_what_its_import_says(
    lines: list[dict[str, Any]], tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "a", lines)
    run(path)

    rehearsed = run(path, "--dry-run")

    assert ReportFile.objects.count() == 1
    (note,) = rehearsed[1]["files"][0]["notes"]
    assert note.startswith("The same file was taken in on ")
    assert run(path) == rehearsed


@pytest.mark.parametrize("between", ["}\n", ',{"user_totals":[:]}\n'], ids=["to its end", "a page"])
def test_a_complete_file_of_which_a_part_cannot_be_read_removes_nobody(between: str, tmp_path: Path) -> None:
    first, second = user_day(1, DAY), user_day(2, DAY)
    run(write_lines(tmp_path / "a", [first, second]))
    pages = [json.dumps({"user_totals": [line]}) for line in (first, first)]
    path = tmp_path / "b"
    path.write_text(f"{pages[0]}\n{between}{pages[1]}")

    code, answer, _ = run(path, "--complete")

    assert code == 1
    (reject,) = answer["files"][0]["rejected"]
    assert "nothing can be told apart" in reject["reason"]
    assert "removed" not in answer["files"][0]
    assert UserDay.objects.count() == 2


def test_a_dry_run_reads_a_known_file_that_a_later_one_restates(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a", [user_day(1, DAY)])
    run(path)
    # Of two lines of one moment the same one stands, whichever came first: one that does against the file's.
    others = (
        write_lines(tmp_path / f"{asked}", [user_day(1, DAY, user_initiated_interaction_count=asked)])
        for asked in range(6, 60)
    )
    assert any(run(other)[1]["rows_changed"] for other in others)

    rehearsed = run(path, "--dry-run")

    assert rehearsed[1]["rows_superseded"] == 1
    assert "taken in on" not in str(rehearsed[1]["files"][0]["notes"])
    assert run(path) == rehearsed


def test_pages_of_a_seat_list_in_files_of_their_own_are_complete_together(tmp_path: Path) -> None:
    old = write_seats(tmp_path / "old.json", [seat(9)])
    run(old, "--organization", "acme", "--taken-at", "2026-09-01")
    pages = [write_seats(tmp_path / f"{n}.json", [seat(n)], total=2) for n in (1, 2)]
    _, answer, _ = run(*pages, "--organization", "acme", "--taken-at", "2026-09-02", "--complete")
    assert answer["files"][-1]["ended"] == ["user-9"]
    assert Seat.objects.held().count() == 2
    assert SeatRoster.objects.ending().count() == 1


def test_a_dry_run_of_pages_names_the_seats_that_their_import_ends(tmp_path: Path) -> None:
    run(write_seats(tmp_path / "old.json", [seat(8), seat(9)]), *OF_ACME, "--taken-at", "2026-09-01")
    pages = [write_seats(tmp_path / f"{n}.json", [seat(n)], total=3) for n in (1, 2, 8)]
    said = (*pages, *OF_ACME, "--taken-at", "2026-09-02", "--complete")

    rehearsed = run(*said, "--dry-run")

    assert [file.get("ended") for file in rehearsed[1]["files"]] == [None, None, ["user-9"]]
    assert ReportFile.objects.count() == SeatRoster.objects.count() == 1
    assert set(Seat.objects.held().values_list("user__login", flat=True)) == {"user-8", "user-9"}
    assert run(*said) == rehearsed


def test_pages_that_name_one_organization_by_two_ids_are_no_list(tmp_path: Path) -> None:
    owners = [{"organization": {"login": "acme", "id": number}} for number in (5, 6)]
    pages = [
        write_seats(tmp_path / f"{n}.json", [seat(n, **owner)], total=2) for n, owner in enumerate(owners, 1)
    ]
    said = (*pages, *OF_ACME, "--taken-at", "2026-09-02", "--complete")

    code, rehearsed, _ = run(*said, "--dry-run")
    assert code == 1
    assert "acme has the id 5, not 6" in rehearsed["files"][1]["error"]
    assert not ReportFile.objects.exists()

    code, answer, _ = run(*said)
    assert code == 1
    assert answer["files"][1]["error"].startswith(
        "Seat 1 was granted by the organization with the id 6, not by acme, whose id is 5: "
    )
    assert answer["files"][0]["notes"] == rehearsed["files"][0]["notes"]
    assert Seat.objects.held().count() == 1


def test_a_page_that_was_refused_is_no_part_of_a_list(tmp_path: Path) -> None:
    other = {"organization": {"login": "other", "id": 6}}
    pages = [
        write_seats(tmp_path / f"{n}.json", [seat(n, **owner)], total=2) for n, owner in ((1, other), (2, {}))
    ]
    code, answer, _ = run(*pages, *OF_ACME, "--taken-at", "2026-09-02", "--complete")

    assert code == 1
    assert "was granted by other" in answer["files"][0]["error"]
    assert answer["files"][1]["notes"] == [
        "No seat was ended: the list is not complete, it lists 1 of 2 people."
    ]
    assert Seat.objects.held().count() == 1


def test_a_time_to_come_is_bad_usage(tmp_path: Path) -> None:
    path = write_seats(tmp_path / "a", [seat(1)])
    with pytest.raises(CommandError, match="future") as refusal:
        call_command("import_reports", str(path), "--organization", "acme", "--taken-at", "2199-01-01")
    assert refusal.value.returncode == 2


def test_a_dry_run_says_what_would_be_and_writes_nothing(tmp_path: Path) -> None:
    path = write_seats(tmp_path / "a", [seat(1), seat(2)])
    code, answer, _ = run(path, "--organization", "acme", "--dry-run")
    assert (code, answer["rows_new"]) == (0, 2)
    assert not Seat.objects.exists()
    assert not ReportFile.objects.exists()
