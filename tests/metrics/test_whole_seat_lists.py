"""When a saved seat list is the whole list: only then may its silence end a seat."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client

from metrics.formats.records import scan
from metrics.ingest.intake import take_in
from metrics.ingest.options import Options
from metrics.ingest.seat_files import SeatList, read_seat_list
from metrics.undo import undo
from portal.models import ReportFile
from seats.models import Seat, SeatRoster
from tests.metrics.report_files import seat, take
from tests.metrics.uploading import seats_file, send, text_of

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
NOBODYS = {"assignee": None, "plan_type": "business", "created_at": "2026-01-15T10:00:00Z"}


def page(total: Any, *people: int) -> dict[str, Any]:
    return {"total_seats": total, "seats": [seat(person) for person in people]}


def read(*documents: Any, cut: int = 0) -> SeatList:
    text = "".join(json.dumps(document) + "\n" for document in documents)
    content = text[: len(text) - cut].encode()
    return read_seat_list(scan(lambda: io.BytesIO(content)))


def test_pages_that_agree_and_list_as_many_people_are_whole() -> None:
    assert read(page(3, 1, 2), page(3, 3)).is_complete


def test_a_person_listed_twice_is_one_of_the_total() -> None:
    assert read(page(2, 1, 1, 2)).is_complete


@pytest.mark.parametrize(
    "documents",
    [
        [page(3, 1, 2), page(4, 3)],
        [page(3, 1, 2), {"seats": [seat(3)]}],
        [page("3", 1, 2, 3)],
        [page(True, 1)],
        [page(3, 1, 2)],
        [page(2, 1, 2), {"total_seats": 2, "seats": [{"assignee": None}]}],
        [page(0)],
        [page(2, 1, 2), page(4)],
        [page(2, 1, 2), {"seats": []}],
        [{"total_seats": 1, "seats": [NOBODYS]}],
    ],
    ids=[
        "totals differ", "one says none", "no number", "a boolean", "too few", "one unreadable", "empty",
        "an empty page says otherwise", "an empty page says none", "nobody's alone",
    ],
)  # fmt: skip
def test_anything_else_is_not(documents: list[Any]) -> None:
    assert not read(*documents).is_complete


def test_an_empty_page_behind_the_last_seat_takes_nothing_from_the_others() -> None:
    assert read(page(2, 1, 2), page(2)).is_complete


EMPTY = "it lists nobody, and an empty list may be a wrong answer: it ends no seat on purpose"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("documents", "sentence"),
    [
        ([page(0)], EMPTY),
        ([page(0), page(0)], EMPTY),
        ([{"total_seats": 1, "seats": [NOBODYS]}], EMPTY),
        ([page(3)], "the list is not complete, it lists 0 of 3 people"),
        ([page(2, 1, 2), page(4)], "the list is not complete, its pages tell different totals"),
        ([page(None)], "the list is not complete, it does not tell how many seats there are"),
    ],
)
def test_an_empty_page_is_listened_to_and_never_ends_all_seats(
    documents: list[Any], sentence: str, tmp_path: Path
) -> None:
    organization = {"organization": "octo", "complete": True}
    before = [page(4, 1, 2, 3, 4)]
    for at, pages in enumerate((before, documents)):
        (tmp_path / "seats.json").write_text("".join(map(json.dumps, pages)))
        outcome = take(tmp_path / "seats.json", taken_at=NOON + timedelta(days=at), **organization)

    assert outcome.notes == [f"No seat was ended: {sentence}."]
    assert outcome.ended == []
    assert Seat.objects.held().count() == 4
    assert SeatRoster.objects.ending().count() == 1


def test_the_seat_of_a_deleted_person_is_counted_though_nobody_holds_it() -> None:
    whole = read(page(3, 1), {"total_seats": 3, "seats": [NOBODYS, seat(2)]})
    assert whole.is_complete
    assert [number for number, *_ in whole.broken] == [2]


def test_a_list_that_breaks_off_is_not_whole() -> None:
    assert not read(page(2, 1, 2), cut=20).is_complete


@pytest.mark.django_db
def test_pages_in_files_of_their_own_are_told_to_end_the_seats_that_they_end(
    olga_client: Client, settings: Any, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path / "data"
    said = {"organization": "octo", "complete": "on"}
    page = send(olga_client, seats_file(1, 2, 3, 8, 9), **said, taken_at="2026-11-10T08:00")
    olga_client.post(f"{page}confirm/")

    pages = [seats_file(*some, name=f"{some[0]}.json", total=4) for some in ((1, 2), (3, 4))]
    page = send(olga_client, *pages, **said, taken_at="2026-11-11T08:00")

    answers = settings.DATA_DIR / "incoming" / page.strip("/").rpartition("/")[2]
    preview = json.loads((answers / "preview.json").read_text())
    assert [file["ended"] for file in preview["files"]] == [[], ["dev-8", "dev-9"]]
    (seats,) = preview["figures"]["seats"]
    assert (seats["before"], seats["after"], seats["added"], seats["ended"]) == (5, 4, 1, 2)
    assert "2 seats would end" in text_of(olga_client.get(page))
    assert Seat.objects.held().count() == 5, "only a preview"
    assert ReportFile.objects.count() == 1

    olga_client.post(f"{page}confirm/")

    result = json.loads((answers / "result.json").read_text())
    for would, did in zip(preview["files"], result["files"], strict=True):
        assert (would["ended"], would["notes"], would["counts"]) == (
            did["ended"], did["notes"], did["counts"],
        )  # fmt: skip
    assert Seat.objects.held().count() == 4


def taken(folder: Path, name: str, at: datetime, *documents: Any) -> ReportFile:
    path = folder / name
    path.write_text("".join(json.dumps(document) + "\n" for document in documents))
    file = take(path, organization="acme", taken_at=at, complete=True).report_file
    assert file is not None
    return file


@pytest.mark.django_db
@pytest.mark.parametrize("is_first", [True, False])
def test_undoing_another_list_of_the_moment_makes_no_whole_list_of_pages_that_disagree(
    tmp_path: Path, is_first: bool
) -> None:
    taken(tmp_path, "before.json", NOON - timedelta(days=1), page(4, 1, 2, 3, 4))
    lists = {"wrong.json": [page(3, 1, 2, 3)], "disagrees.json": [page(2, 1, 2), page(4)]}
    order = list(lists) if is_first else list(lists)[::-1]
    files = {name: taken(tmp_path, name, NOON, *lists[name]) for name in order}
    assert Seat.objects.held().count() == 3

    undo(files["wrong.json"])

    assert Seat.objects.held().count() == 4
    assert [roster.file for roster in SeatRoster.objects.filter(observed_at=NOON)] == [
        files["disagrees.json"]
    ]


def pages_of(folder: Path, name: str, *pages: dict[str, Any]) -> list[ReportFile]:
    """Pages in files of their own, in one folder."""
    (folder / name).mkdir()
    for number, one in enumerate(pages):
        (folder / name / f"{number}.json").write_text(json.dumps(one))
    options = Options(organization="acme", taken_at=NOON, complete=True)
    outcomes = take_in(folder / name, options=options)
    return [outcome.report_file for outcome in outcomes if outcome.report_file is not None]


@pytest.mark.django_db
def test_pages_are_one_list_still_when_another_of_their_moment_is_undone(tmp_path: Path) -> None:
    taken(tmp_path, "before.json", NOON - timedelta(days=1), page(4, 1, 2, 3, 4))
    pages = pages_of(tmp_path, "pages", page(3, 1, 2), page(3, 3))
    other = taken(tmp_path, "other.json", NOON, page(9, 1, 4))
    held = dict(Seat.objects.held().values_list("user__github_id", "file__name"))
    assert held == {**held, 2: "0.json", 3: "1.json", 4: "other.json"}

    undo(other)

    held = dict(Seat.objects.held().values_list("user__github_id", "file__name"))
    assert held == {1: "0.json", 2: "0.json", 3: "1.json"}

    undo(pages[1])

    assert Seat.objects.held().count() == 4


@pytest.mark.django_db
def test_of_two_lists_in_pages_of_one_moment_each_is_whole_without_the_other(tmp_path: Path) -> None:
    taken(tmp_path, "before.json", NOON - timedelta(days=1), page(6, 1, 2, 3, 4, 5, 6))
    pages_of(tmp_path, "right", page(4, 1, 2), page(4, 3, 4))
    mistaken = pages_of(tmp_path, "mistaken", page(4, 1, 2, 3), page(4, 5))

    for file in mistaken:
        undo(file)
        (roster,) = SeatRoster.objects.filter(observed_at=NOON)
        assert (roster.is_complete, roster.is_confirmed, roster.seats) == (True, True, 4)

    held = Seat.objects.held().values_list("user__github_id", flat=True)
    assert sorted(held) == [1, 2, 3, 4]


@pytest.mark.django_db
def test_pages_that_are_whole_without_another_of_them_stay_a_list(tmp_path: Path) -> None:
    taken(tmp_path, "before.json", NOON - timedelta(days=1), page(4, 1, 2, 3, 4))
    pages = pages_of(tmp_path, "pages", page(3, 1, 2), page(3, 3), page(3, 1, 3))

    undo(pages[2])

    assert sorted(Seat.objects.held().values_list("user__github_id", flat=True)) == [1, 2, 3]


@pytest.mark.django_db
def test_lists_taken_in_before_files_were_noted_are_known_by_account_and_moment(tmp_path: Path) -> None:
    lists = [taken(tmp_path, name, NOON, page(9, *people)) for name, people in (("1", (1, 2)), ("2", (2, 3)))]
    pages = pages_of(tmp_path, "pages", page(3, 1, 2), page(3, 3))
    later = taken(tmp_path, "later.json", NOON + timedelta(days=1), page(1, 1))
    noted = SeatRoster.objects.all().tellers()
    joined = list(SeatRoster.objects.values_list("joined_files", flat=True))
    SeatRoster.told_by.through.objects.all().delete()
    step = import_module("seats.migrations.0013_files_of_one_moment")
    step.forget_tellers(apps, connection.schema_editor())

    step.note_tellers(apps, connection.schema_editor())

    told = {
        roster: {file.pk for file in files} for roster, files in SeatRoster.objects.all().tellers().items()
    }
    assert told == {roster: {file.pk for file in files} for roster, files in noted.items()}
    assert sorted(map(len, told.values())) == [len([later]), len([*lists, *pages])]
    assert list(SeatRoster.objects.values_list("joined_files", flat=True)) == joined
