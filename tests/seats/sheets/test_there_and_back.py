"""Import, export and import again of every table is the identity, whatever texts stand in it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from seats.assignments import join
from seats.models import Account, Assignment, CostCentre, GitHubUser, InactivityPolicy, Team
from seats.sheets.formats import CSV, FORMATS, NDJSON, XLSX, SheetFormat
from seats.sheets.outcome import outcome_of
from seats.sheets.tables import TABLES
from tests.seats.sheets.nasty import TRAPS, fill, world

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

# Whose rows can be taken away and come back from their sheet alone, in the order in which they can go.
REMADE = ("holiday", "seatprice", "unitprice", "exemption", "assignment", "teamowner")


def written(table: str, file_format: SheetFormat) -> bytes:
    resource = TABLES[table].resource()
    return b"".join(file_format.write(resource.headers(), resource.lines(resource.get_queryset())))


def taken_in(table: str, content: bytes, file_format: SheetFormat) -> dict[str, Any]:
    result = TABLES[table].resource().take(file_format.read(content), by=None, dry_run=False)
    return outcome_of(TABLES[table], result)


def rows_of(content: bytes, file_format: SheetFormat) -> list[str]:
    return sorted(map(repr, file_format.read(content).rows))


def goes_and_comes(data: Any) -> None:
    with transaction.atomic():
        fill(world(), data.draw)
        for file_format in FORMATS:
            with transaction.atomic():
                _goes_and_comes(file_format())
                transaction.set_rollback(True)
        transaction.set_rollback(True)


def _goes_and_comes(file_format: SheetFormat) -> None:
    sheets = {table: written(table, file_format) for table in TABLES}
    for table, content in sheets.items():
        outcome = taken_in(table, content, file_format)
        rows = len(file_format.read(content).rows)
        assert (outcome["wrong"], outcome["base_errors"]) == ([], [])
        assert outcome["totals"] == {"new": 0, "changed": 0, "same": rows}, table
    # Made anew, they name at once whom they named before anybody knew.
    join()
    sheets = {table: written(table, file_format) for table in REMADE}
    for table in REMADE:
        TABLES[table].model._default_manager.all().delete()
        outcome = taken_in(table, sheets[table], file_format)
        assert outcome["wrong"] == [], table
        assert rows_of(written(table, file_format), file_format) == rows_of(sheets[table], file_format)


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_every_table_comes_back_as_it_went(data: Any) -> None:
    goes_and_comes(data)


@pytest.mark.long
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_table_of_many_companies_comes_back(data: Any) -> None:
    goes_and_comes(data)


@pytest.mark.parametrize(("table", "column"), [("teamowner", "owner"), ("assignment", "person")])
def test_who_was_named_by_mail_comes_back_by_mail_whether_joined_or_not(table: str, column: str) -> None:
    acme = Account.objects.create(kind="organization", login="acme")
    for number, slug in enumerate(("data", "web"), 1):
        Team.objects.create(account=acme, github_id=number, slug=slug)
    CostCentre.objects.create(code="10")
    ann = GitHubUser.objects.create(
        github_id=1, login="ann", login_key="ann", contact_email="Ann@example.com"
    )
    line = "acme/data,ann@example.com\n" if table == "teamowner" else "ann@example.com,10\n"
    head = f"team,{column}\n" if table == "teamowner" else f"{column},cost_centre\n"
    assert taken_in(table, (head + line).encode(), CSV())["wrong"] == []
    model: Any = TABLES[table].model
    assert model.objects.get().user == ann

    sheet = written(table, CSV())
    assert b"ann@example.com" in sheet
    assert taken_in(table, sheet, CSV())["totals"] == {"new": 0, "changed": 0, "same": 1}
    model.objects.all().delete()
    taken_in(table, sheet, CSV())
    assert written(table, CSV()) == sheet

    # Nobody's any more, it is the person who counts.
    GitHubUser.objects.update(contact_email="")
    assert b"ann@example.com" not in written(table, CSV())
    assert taken_in(table, written(table, CSV()), CSV())["totals"]["same"] == 1


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_trap_comes_back_from_every_text(file_format: type[SheetFormat]) -> None:
    for number, trap in enumerate(TRAPS):
        CostCentre.objects.create(code=f"{number:03}", name=trap, owner=trap[:90])
    content = written("costcentre", file_format())
    outcome = taken_in("costcentre", content, file_format())
    assert outcome["totals"] == {"new": 0, "changed": 0, "same": len(TRAPS)}

    CostCentre.objects.all().delete()
    taken_in("costcentre", content, file_format())
    assert list(CostCentre.objects.order_by("code").values_list("name", flat=True)) == TRAPS
    assert CostCentre.objects.filter(code="007").exists()


def test_a_workbook_has_typed_cells_and_no_formula() -> None:
    for number, trap in enumerate(TRAPS):
        CostCentre.objects.create(code=f"{number:03}", name=trap)
    InactivityPolicy.objects.create(
        account=Account.objects.create(kind="organization", login="acme"), starts_on="2026-02-01"
    )
    sheet = load_workbook(io.BytesIO(written("costcentre", XLSX()))).active
    assert {cell.data_type for row in sheet.iter_rows(min_row=2) for cell in row} <= {"s", "n"}
    assert not [
        cell.value
        for row in sheet.iter_rows()
        for cell in row
        if str(cell.value or "").startswith(("=", "+", "-", "@", "\t"))
    ]

    policies = load_workbook(io.BytesIO(written("inactivitypolicy", XLSX()))).active
    head = [cell.value for cell in policies[1]]
    own = dict(zip(head, policies[3], strict=True))
    assert (own["idle_days"].data_type, own["starts_on"].data_type) == ("n", "d")
    assert (own["sign_in_counts"].data_type, own["scope"].data_type) == ("b", "s")


def test_numbers_and_days_are_never_disarmed() -> None:
    text = next(iter(CSV().write(["a", "b", "c"], [["-1", -1, None]]))).decode()
    assert text == "a,b,c\n'-1,-1,\n"
    assert b"".join(NDJSON().write(["a", "b"], [["-1", -1]])) == b'{"a":"-1","b":-1}\n'


def test_a_nul_is_refused_with_words() -> None:
    outcome = taken_in("costcentre", b"code,name\n1,a\x00b\n", CSV())
    assert outcome["wrong"] == [
        {
            "number": 2,
            "column": "name",
            "value": "a\x00b",
            "says": ["There is a NUL character in this text. Remove it."],
        }
    ]
    assert not CostCentre.objects.exists()


def test_a_very_long_text_is_refused_with_words() -> None:
    [wrong] = taken_in("costcentre", b"code,name\n1," + b"x" * 50_000 + b"\n", CSV())["wrong"]
    assert (wrong["column"], "at most 255 characters" in wrong["says"][0]) == ("name", True)


def test_a_reason_of_blanks_is_none_on_any_database() -> None:
    [wrong] = taken_in("exemption", b"login_pattern,reason\nsvc-*,  \n", CSV())["wrong"]
    assert wrong["says"] == ["Say why."]


def queries(table: str, content: bytes) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as asked:
        outcome = taken_in(table, content, CSV())
    assert outcome["wrong"] == []
    assert outcome["totals"]["same"] == 0
    return len(asked)


@pytest.mark.parametrize(
    ("table", "headers", "line"),
    [
        ("assignment", "person,department,cost_centre,manager", "p{0},D{0},c{0},m{0}"),
        ("costcentre", "code,name", "k{0},x"),
        ("department", "name,part_of", "N{0},D{0}"),
        ("exemption", "login,account,reason", "p{0},organization:acme,Leave."),
        ("seatprice", "account,plan_type,monthly_price,starts_on", "organization:acme,p{0},1,2026-01-01"),
        ("seatrequest", "organization,login,reason", "acme,n{0},New."),
        ("githubuser", "login,contact_email", "p{0},p{0}@example.com"),
        ("teamowner", "team,owner", "acme/t{0},p{0}"),
    ],
)
def test_a_long_sheet_asks_as_often_as_a_short_one(table: str, headers: str, line: str) -> None:
    from seats.models import Department, Team

    acme = Account.objects.create(kind="organization", login="acme")
    numbers = range(40)
    GitHubUser.objects.bulk_create(
        GitHubUser(github_id=n + 1, login=f"p{n}", login_key=f"p{n}") for n in numbers
    )
    Department.objects.bulk_create(Department(name=f"D{n}", name_key=f"d{n}") for n in numbers)
    CostCentre.objects.bulk_create(CostCentre(code=f"c{n}", code_key=f"c{n}") for n in numbers)
    Team.objects.bulk_create(Team(account=acme, github_id=n + 1, slug=f"t{n}") for n in numbers)

    def sheet(some: range) -> bytes:
        return "\n".join([headers, *(line.format(n) for n in some), ""]).encode()

    few = queries(table, sheet(range(3)))
    Assignment.objects.all().delete()
    assert queries(table, sheet(range(3, 40))) == few
