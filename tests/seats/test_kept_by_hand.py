"""Policies, prices and exemptions as spreadsheets, out and in."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from portal.models import AuditEntry
from seats.models import Account, Exemption, InactivityPolicy, Seat, SeatPrice, Team
from tests.seats.holding import grant, hold, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def acme() -> Account:
    return organization("acme")


def exported(client: Client, model: str) -> list[dict[str, str]]:
    answer = client.post(f"/seats/{model}/export/", {"format": "0", "resource": "0"})
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def bring(client: Client, model: str, text: str) -> Any:
    """Upload a CSV and confirm what the preview shows; the preview, where there was nothing to confirm."""
    file = SimpleUploadedFile("sheet.csv", text.encode(), "text/csv")
    preview = client.post(f"/seats/{model}/import/", {"import_file": file, "format": "0", "resource": "0"})
    assert preview.status_code == 200
    confirm = preview.context.get("confirm_form")
    if confirm is None:
        return preview
    return client.post(f"/seats/{model}/process_import/", confirm.initial, follow=True)


def test_policies_go_out_with_their_scope_in_words(olga_client: Client, acme: Account) -> None:
    team = Team.objects.create(account=acme, github_id=1, slug="web")
    InactivityPolicy.objects.create(account=acme, idle_days=45)
    InactivityPolicy.objects.create(team=team, idle_days=60)

    rows = {row["scope"]: row["idle_days"] for row in exported(olga_client, "inactivitypolicy")}

    assert rows == {"everybody": "30", "organization:acme": "45", "team:acme/web": "60"}


def test_policies_come_in_change_verdicts_and_are_recorded(olga_client: Client, acme: Account) -> None:
    hold(acme, grant(1, "ana", used=40))
    Team.objects.create(account=acme, github_id=1, slug="web")

    sheet = "scope,idle_days,grace_days\neverybody,20,7\norganization:acme,50,7\nteam:acme/web,60,7\n"
    bring(olga_client, "inactivitypolicy", sheet)

    days = dict(InactivityPolicy.objects.values_list("scope_key", "idle_days"))
    assert sorted(days.values()) == [20, 50, 60]
    assert Seat.objects.get().verdict == "active"
    assert AuditEntry.objects.get(action="policy imported").detail["new"] == 2


@pytest.mark.parametrize(
    "line", ["organization:nobody,20,7", "team:acme/nobody,20,7", "everybody,0,7", "everybody,many,7"]
)
def test_one_wrong_line_keeps_the_whole_sheet_out(olga_client: Client, acme: Account, line: str) -> None:
    answer = bring(
        olga_client, "inactivitypolicy", f"scope,idle_days,grace_days\norganization:acme,50,7\n{line}\n"
    )

    assert InactivityPolicy.objects.get().idle_days == 30
    assert answer.context["result"].has_errors() or answer.context["result"].has_validation_errors()


def test_prices_come_in_by_account_plan_and_day(olga_client: Client, acme: Account) -> None:
    sheet = (
        "account,plan_type,monthly_price,currency,starts_on\n"
        "everybody,business,21.00,USD,2023-02-14\n"
        "organization:acme,business,17.50,EUR,2026-01-01\n"
    )
    bring(olga_client, "seatprice", sheet)

    assert SeatPrice.objects.get(account=None, plan_type="business").monthly_price == Decimal("21.00")
    assert SeatPrice.objects.get(account=acme).currency == "EUR"


def test_exemptions_go_out_and_in_unchanged(olga_client: Client, acme: Account) -> None:
    [seat] = hold(acme, grant(1, "ana", used=40))
    Exemption.objects.create(user=seat.user, account=acme, reason="=HYPERLINK(1)", starts_on="2026-11-01")

    [row] = exported(olga_client, "exemption")
    assert (row["login"], row["account"], row["reason"]) == ("ana", "organization:acme", "'=HYPERLINK(1)")

    sheet = io.StringIO()
    writer = csv.DictWriter(sheet, row)
    writer.writeheader()
    writer.writerow(row)
    bring(olga_client, "exemption", sheet.getvalue())
    assert Exemption.objects.get().reason == "=HYPERLINK(1)"


def test_an_exemption_of_somebody_unknown_is_refused(olga_client: Client) -> None:
    answer = bring(
        olga_client, "exemption", "login,account,reason,starts_on\nnobody,everybody,Leave.,2026-11-01\n"
    )

    assert "Nobody with the login" in answer.content.decode()
    assert not Exemption.objects.exists()


@pytest.mark.parametrize("model", ["inactivitypolicy", "seatprice", "exemption"])
def test_sheets_need_permissions(vic_client: Client, noa_client: Client, model: str) -> None:
    assert vic_client.get(f"/seats/{model}/export/").status_code == 200
    assert vic_client.get(f"/seats/{model}/import/").status_code == 403
    assert vic_client.post(f"/seats/{model}/process_import/", {}).status_code == 403
    assert noa_client.get(f"/seats/{model}/export/").status_code == 403
