"""Bringing a sheet through its pages: which column is which, what would change, and who may."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.test import Client

from portal.models import AuditEntry, Job
from seats.models import Assignment, CostCentre, Department, GitHubUser, SeatPrice
from seats.sheets import received
from seats.sheets.tables import TABLES
from tests.seats.sheets.pages import bring, choose, exported, take

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

HR = "GitHub user;Abteilung;Kostenstelle;Shoe size\nann;Web;4711;38\nnew@example.com;Web;4711;40\n"


@pytest.fixture
def company(db: None) -> None:
    CostCentre.objects.create(code="4711", name="Research")
    Department.objects.create(name="Web")
    GitHubUser.objects.create(github_id=1, login="Ann")


def test_headers_of_another_system_are_guessed_asked_about_and_remembered(
    olga_client: Client, company: None
) -> None:
    page = choose(olga_client, "assignment", HR)
    assert [one["chosen"] for one in page.context["asked"]] == ["person", "department", "cost_centre", ""]

    said = {"column-0": "person", "column-1": "department", "column-2": "cost_centre", "column-3": ""}
    preview = olga_client.post(page.context["urls"]["columns"], said, follow=True)
    assert preview.context["found"]["totals"] == {"new": 2, "changed": 0, "same": 0}
    assert not Assignment.objects.exists()

    olga_client.post(preview.context["urls"]["confirm"])
    assert [str(one) for one in Assignment.objects.order_by("pk")] == [
        "Ann: Web, 4711 Research", "new@example.com: Web, 4711 Research",
    ]  # fmt: skip
    again = choose(olga_client, "assignment", HR)
    assert "Nothing to change." in again.content.decode()
    assert [row["kind"] for row in again.context["found"]["shown"]] == ["same", "same"]


def test_a_choice_of_columns_that_makes_no_sense_is_refused_in_words(
    olga_client: Client, company: None
) -> None:
    page = choose(olga_client, "assignment", HR)
    twice = {"column-0": "department", "column-1": "department", "column-2": "hacked"}
    answer = olga_client.post(page.context["urls"]["columns"], twice).content.decode()
    assert "Two columns are to be department." in answer
    assert "No column is person yet." in answer


def test_the_preview_marks_words_that_come_and_go(olga_client: Client, company: None) -> None:
    page = choose(olga_client, "costcentre", "code,name\n4711,<b>Research\n")
    assert page.context["found"]["totals"]["changed"] == 1
    assert "<ins>&lt;b&gt;</ins>Research" in page.content.decode()


def test_a_sheet_is_told_in_the_audit_by_counts_and_digest(olga_client: Client, company: None) -> None:
    bring(olga_client, "costcentre", "code,name\n4711,Sales\n815,Moon\n")
    told = AuditEntry.objects.get(action="cost centre imported")
    assert (told.detail["new"], told.detail["update"], told.detail["format"]) == (1, 1, "csv")
    assert len(told.detail["sha256"]) == 64
    assert AuditEntry.objects.get(action="cost centre changed").detail == {
        "name": {"from": "Research", "to": "Sales"}
    }

    take(olga_client, "costcentre", "xlsx")
    gone = AuditEntry.objects.get(action="cost centre exported")
    assert (gone.detail["rows"], gone.detail["whole"], gone.actor_name) == (2, True, "olga")


def test_a_large_sheet_is_worked_on_by_a_job_and_comes_to_the_same(
    olga_client: Client, company: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = bring(olga_client, "costcentre", "code,name\n4711,Sales\n815,Moon\n")
    assert small.redirect_chain
    kept = exported(olga_client, "costcentre")
    CostCentre.objects.exclude(code="4711").delete()
    CostCentre.objects.update(name="Research")

    monkeypatch.setattr(settings, "SHEET_ROWS_AT_ONCE", 1)
    page = choose(olga_client, "costcentre", "code,name\n4711,Sales\n815,Moon\n")
    assert "in the background" in page.content.decode()
    received.check_job(Job.objects.get(kind="check-sheet", state="queued").pk)
    url = page.redirect_chain[-1][0]
    preview = olga_client.get(url)
    assert preview.context["found"]["totals"] == {"new": 1, "changed": 1, "same": 0}
    olga_client.post(preview.context["urls"]["confirm"])
    received.import_job(Job.objects.get(kind="import-sheet", state="queued").pk)
    assert "Taken in: 1 new, 1 changed, 0 the same." in olga_client.get(url, follow=True).content.decode()
    assert exported(olga_client, "costcentre") == kept


def test_a_sheet_belongs_to_whoever_chose_it(
    olga_client: Client, vic: Any, vic_client: Client, company: None
) -> None:
    page = choose(olga_client, "costcentre", "code,name\n4711,Sales\n")
    vic.user_permissions.add(*Permission.objects.filter(codename__endswith="_costcentre"))
    answer = vic_client.post(page.context["urls"]["confirm"], follow=True)
    assert "That sheet is gone" in answer.content.decode()
    assert CostCentre.objects.get().name == "Research"
    assert olga_client.get(page.redirect_chain[-1][0].replace("costcentre", "department")).status_code == 302


@pytest.mark.parametrize("table", TABLES)
def test_who_may_bring_and_take_each_table(
    table: str, vic: Any, vic_client: Client, noa_client: Client
) -> None:
    """To look is to take away, but for addresses; to bring takes adding and changing, where both are."""
    url = f"/seats/{table}/"
    assert vic_client.get(f"{url}export/").status_code == (403 if table == "githubuser" else 200)
    assert vic_client.get(f"{url}import/").status_code == 403
    assert vic_client.post(f"{url}import/", {}).status_code == 403
    assert vic_client.post(f"{url}import/{'x' * 43}/confirm/").status_code == 403
    assert noa_client.get(f"{url}export/").status_code == 403

    codes = {"githubuser": ["change"], "account": ["change"], "seatrequest": ["add"]}
    needed = codes.get(table, ["add", "change"])
    for code in needed:
        assert vic_client.get(f"{url}import/").status_code == 403
        vic.user_permissions.add(Permission.objects.get(codename=f"{code}_{table}"))
    assert vic_client.get(f"{url}import/").status_code == 200


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"\xff\xfe\x00", "a.csv", "This is not UTF-8."),
        (b"PK\x03\x04nonsense", "a.xlsx", "no workbook that can be read"),
        (b"{broken\n", "a.ndjson", "Line 1 is no JSON."),
        (b'{"a": {"b": 1}}\n', "a.ndjson", "no object of plain values"),
        (b'{"code": 1}\n{"code": 2, "code": 3}\n', "a.ndjson", "Line 2 says one name twice."),
        (b"", "a.csv", "There is nothing in it"),
        (b"code,name\n", "a.csv", "There is nothing in it"),
        (b"code\n1,2\n", "a.csv", "Row 2 has more cells than there are headers."),
        (b"\xd0\xcf\x11\xe0old", "a.xls", "Save it as XLSX"),
    ],
)
def test_what_is_no_sheet_says_what_to_do(olga_client: Client, content: bytes, name: str, says: str) -> None:
    assert says in choose(olga_client, "costcentre", content, name).content.decode()


def test_a_price_with_a_comma_says_how_it_is_written(olga_client: Client) -> None:
    page = bring(olga_client, "seatprice", 'plan_type,monthly_price,starts_on\nbusiness,"19,50",2026-01-01\n')
    assert "Write a number as 17.50." in page.content.decode()
    assert not SeatPrice.objects.filter(starts_on="2026-01-01").exists()


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("asked", ["nonsense=1", "pk=abc"])
def test_an_export_with_an_unknown_filter_answers_as_the_list_does(
    olga_client: Client, table: str, asked: str
) -> None:
    url = f"/seats/{table}/"
    shown = olga_client.get(f"{url}?{asked}")
    assert (shown.status_code, shown.headers["Location"]) == (302, f"{url}?e=1")
    for answer in (
        olga_client.get(f"{url}export/?{asked}"),
        olga_client.post(f"{url}export/?{asked}", {"format": "csv"}),
    ):
        assert (answer.status_code, answer.headers["Location"]) == (302, f"{url}?e=1")
    assert not AuditEntry.objects.filter(action__endswith="exported").exists()
