"""What a file alone told of an account goes with it: the next file is taken in as if it had never come."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from metrics.models import UserDay
from metrics.undo import undo
from metrics.undo.preview import preview
from portal.models import AuditEntry, Connection, ReportFile
from seats.accounts import meet_current
from seats.models import Account, BillingLine, GitHubUser, Team
from tests.metrics.formats import bills
from tests.metrics.report_files import seat, take, team_row, user_day, write_lines, write_seats

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

DAY = "2026-09-10"


def users(folder: Path, organization: int, user: int = 1, named: str = "octo", day: str = DAY) -> ReportFile:
    path = write_lines(
        folder / f"{organization}-{user}-{day}", [user_day(user, day, organization=organization)]
    )
    outcome = take(path, organization=named)
    assert outcome.report_file is not None, outcome.error
    return outcome.report_file


def octo() -> Account:
    return Account.objects.get(login="octo")


def test_the_right_file_is_taken_in_once_the_wrong_one_is_undone(tmp_path: Path) -> None:
    wrong = users(tmp_path, 200)
    assert (octo().github_id, octo().parent) == (200, Account.objects.get(github_id=9))
    undo(wrong)
    assert (octo().github_id, octo().parent, octo().told_by) == (None, None, {})
    right = users(tmp_path, 100)
    assert right.rows_new == 1
    assert octo().github_id == 100
    assert list(UserDay.objects.values_list("account__login", flat=True)) == ["octo"]


def test_an_account_that_a_list_told_of_by_name_is_known_by_name_again(tmp_path: Path) -> None:
    take(write_seats(tmp_path / "seats", [seat(1)]), organization="octo", complete=True)
    before = octo()
    undo(users(tmp_path, 200))
    assert (octo().pk, octo().github_id) == (before.pk, None)
    assert octo().seats.count() == 1
    assert users(tmp_path, 100).rows_new == 1


def test_a_preview_changes_nothing_of_it(tmp_path: Path) -> None:
    wrong = users(tmp_path, 200)
    before = octo()
    assert preview(wrong).is_rehearsed
    assert (octo().github_id, octo().parent, octo().told_by) == (200, before.parent, before.told_by)


def test_what_another_file_tells_too_stays_until_that_goes(tmp_path: Path) -> None:
    first, second = users(tmp_path, 200), users(tmp_path, 200, user=2)
    undo(first)
    assert (octo().github_id, octo().told_by) == (200, {"github_id": second.pk, "parent": second.pk})
    undo(second)
    assert (octo().github_id, octo().parent) == (None, None)


def test_rows_that_came_by_the_id_keep_it(tmp_path: Path) -> None:
    first = users(tmp_path, 200)
    users(tmp_path, 200, user=2, named="")
    undo(first)
    assert octo().github_id == 200


def test_a_file_that_is_kept_no_longer_may_have_told_it(tmp_path: Path) -> None:
    first, second = users(tmp_path, 200), users(tmp_path, 200, user=2, day="2026-09-11")
    ReportFile.objects.filter(pk=second.pk).update(kept_path="")
    undo(first)
    assert octo().github_id == 200


def test_what_a_connection_or_github_itself_says_stays(tmp_path: Path) -> None:
    first = users(tmp_path, 200)
    meet_current("organization", login="octo", github_id=200)
    undo(first)
    assert octo().github_id == 200

    hexa = users(tmp_path, 300, named="hexa")
    connection = Connection.objects.create(name="hexa")
    Account.objects.filter(login="hexa").update(connection=connection)
    undo(hexa)
    assert Account.objects.get(login="hexa").github_id == 300


def test_a_name_that_a_file_gave_to_a_known_id_goes_with_it(tmp_path: Path) -> None:
    users(tmp_path, 200, user=2, named="")
    wrong = users(tmp_path, 200)
    assert octo().github_id == 200
    assert preview(wrong).is_rehearsed
    undo(wrong)
    assert Account.objects.get(github_id=200).login == ""
    users(tmp_path, 100)
    assert octo().github_id == 100


def test_a_bill_of_that_name_keeps_it(tmp_path: Path) -> None:
    users(tmp_path, 200, user=2, named="")
    wrong = users(tmp_path, 200)
    path = tmp_path / "bill.csv"
    path.write_bytes(bills.bill(bills.line(organization="octo")))
    assert take(path, organization="octo").counts.rows_new == 1
    undo(wrong)
    assert octo().github_id == 200


def test_a_bill_names_a_person_no_longer_whom_another_file_alone_told_of(tmp_path: Path) -> None:
    bill = tmp_path / "bill.csv"
    bill.write_bytes(bills.bill(bills.line(username="User-1", date=DAY)))
    take(bill, organization="octo")
    line = BillingLine.objects.get()
    assert line.user is None

    wrong = users(tmp_path, 200)
    line.refresh_from_db()
    assert line.user is not None
    undo(wrong)

    line.refresh_from_db()
    assert line.user is None
    assert not GitHubUser.objects.exists()


def test_a_name_of_a_team_that_a_list_alone_told_goes_with_it(tmp_path: Path) -> None:
    row = team_row(1, 10, DAY, slug="web")
    take(write_lines(tmp_path / "teams", [row]))
    wrong = {"assigning_team": {"id": 10, "slug": "web", "name": "Wrong name"}}
    outcome = take(
        write_seats(tmp_path / "seats", [seat(1, organization={"login": "octo", "id": 1}, **wrong)]),
        organization="octo",
        complete=True,
    )
    assert Team.objects.get().name == "Wrong name"
    assert outcome.report_file is not None

    undo(outcome.report_file)

    assert (Team.objects.get().slug, Team.objects.get().name) == ("web", "")


def test_an_id_that_a_seat_list_told_goes_with_it(tmp_path: Path) -> None:
    named = {"organization": {"login": "octo", "id": 200}}
    outcome = take(write_seats(tmp_path / "seats", [seat(1, **named)]), organization="octo", complete=True)
    assert octo().github_id == 200
    assert outcome.report_file is not None
    undo(outcome.report_file)
    assert octo().github_id is None


def test_accounts_that_a_file_made_one_are_not_parted_and_that_is_said(
    tmp_path: Path, olga_client: Client
) -> None:
    users(tmp_path, 200, user=2, named="")
    Account.objects.create(kind="organization", login="octo")
    wrong = users(tmp_path, 200)
    assert AuditEntry.objects.filter(action="accounts joined").count() == 1
    says = (
        "octo was joined with the organization with the id 200, whose name it is by this file: undoing it "
        "does not part the two again."
    )
    assert list(preview(wrong).stays) == [says]
    page = olga_client.get(reverse("admin:portal_reportfile_undo", args=[wrong.pk])).content.decode()
    assert says in page
    undo(wrong)
    assert octo().github_id == 200
