"""Flag, exempt, export: each behind its own permission, each leaving a trace."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.http import HttpResponse
from django.test import Client
from openpyxl import load_workbook

from portal.models import AuditEntry
from seats.models import Account, Exemption, Seat, SeatReview
from tests.seats.holding import ago, grant, hold, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

SEATS = "/seats/seat/"


@pytest.fixture
def acme() -> Account:
    return organization("acme")


@pytest.fixture
def seats(acme: Account) -> list[Seat]:
    return hold(acme, grant(1, "ana", used=2), grant(2, "ben", used=60), grant(3, "=cmd()", used=70))


def allow(user: Any, *codenames: str) -> None:
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_seat", *codenames]))


def act(client: Client, action: str, seats: list[Seat], query: str = "", **fields: Any) -> HttpResponse:
    answer: Any = client.post(
        f"{SEATS}?{query}", {"action": action, "_selected_action": [seat.pk for seat in seats], **fields}
    )
    return answer


def bytes_of(answer: Any) -> bytes:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def rows_of(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(bytes_of(answer).decode())))


# --- Flag -------------------------------------------------------------------------------------


def test_flagging_asks_for_a_reason_first(olga_client: Client, seats: list[Seat]) -> None:
    page = act(olga_client, "flag", seats[1:]).content.decode()

    assert "2 seats" in page
    assert "ben" in page
    assert not SeatReview.objects.exists()


def test_flagging_without_a_reason_flags_nothing(olga_client: Client, seats: list[Seat]) -> None:
    page = act(olga_client, "flag", seats[1:], confirmed="yes", reason=" ").content.decode()

    assert "This field is required." in page
    assert not SeatReview.objects.exists()


def test_flagging_opens_one_review_a_seat(olga: Any, olga_client: Client, seats: list[Seat]) -> None:
    for _ in range(2):
        act(olga_client, "flag", seats[1:], confirmed="yes", reason="Left the project.")

    reviews = SeatReview.objects.open()
    assert {review.seat.user.login for review in reviews} == {"ben", "=cmd()"}
    assert {(review.reason, review.opened_by) for review in reviews} == {("Left the project.", olga)}
    assert AuditEntry.objects.filter(action="seats flagged", actor_name="olga").exists()


def test_flagging_needs_its_own_permission(noa: Any, noa_client: Client, seats: list[Seat]) -> None:
    allow(noa, "add_exemption", "export_seat")
    assert "Flag for review…" not in noa_client.get(SEATS).content.decode()
    act(noa_client, "flag", seats, confirmed="yes", reason="Forged.")
    assert not SeatReview.objects.exists()

    allow(noa, "flag_seat")
    act(noa_client, "flag", seats[1:2], confirmed="yes", reason="Left the project.")
    assert SeatReview.objects.count() == 1


# --- Exempt -----------------------------------------------------------------------------------


def test_exempting_leaves_the_seat_alone_from_now_on(
    olga: Any, olga_client: Client, acme: Account, seats: list[Seat]
) -> None:
    act(olga_client, "exempt", seats[1:2], confirmed="yes", reason="Parental leave.", until="2027-03-01")

    exemption = Exemption.objects.get()
    assert (exemption.user, exemption.account, exemption.created_by) == (seats[1].user, acme, olga)
    assert str(exemption.until) == "2027-03-01"
    seats[1].refresh_from_db()
    assert seats[1].verdict == "exempt"
    entry = AuditEntry.objects.get(action="seats exempted")
    assert entry.detail == {
        "seats": 1, "reason": "Parental leave.", "until": "2027-03-01", "kind": "other", "owner": "olga",
    }  # fmt: skip


def test_an_exemption_says_what_sort_of_reason_it_has_and_who_answers_for_it(
    olga_client: Client, seats: list[Seat]
) -> None:
    fields = {"kind": "leave", "owner": "people@example.com", "reason": "Parental leave."}
    act(olga_client, "exempt", seats[1:2], confirmed="yes", **fields)

    exemption = Exemption.objects.get()
    assert (exemption.kind, exemption.owner) == ("leave", "people@example.com")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"reason": ""}, "This field is required."),
        ({"reason": "x" * 501}, "at most 500 characters"),
        ({"reason": "Leave.", "until": "2026-11-19"}, "This day is over already."),
        ({"reason": "Leave.", "until": "soon"}, "Enter a valid date."),
        ({"reason": "Leave.", "kind": "holiday"}, "Select a valid choice."),
    ],
)
def test_exempting_says_what_is_wrong_and_does_nothing(
    olga_client: Client, seats: list[Seat], fields: dict[str, str], said: str
) -> None:
    assert said in act(olga_client, "exempt", seats[1:2], confirmed="yes", **fields).content.decode()
    assert not Exemption.objects.exists()


def test_everything_the_filter_left_can_be_chosen_at_once(olga_client: Client, seats: list[Seat]) -> None:
    chosen = {"select_across": "1", "confirmed": "yes", "reason": "A pilot."}
    act(olga_client, "exempt", seats[1:2], "verdict=idle", **chosen)

    assert sorted(Exemption.objects.values_list("user__login", flat=True)) == ["=cmd()", "ben"]


def test_ended_seats_are_left_out_and_told(olga_client: Client, acme: Account) -> None:
    hold(acme, grant(1, "ana", used=2), grant(2, "ben", used=60), at=ago(1))
    hold(acme, grant(1, "ana", used=2))
    both = list(Seat.objects.all())

    assert "1 ended seat is left out." in act(olga_client, "exempt", both, "held=all").content.decode()
    act(olga_client, "exempt", both, "held=all", confirmed="yes", reason="A pilot.")
    assert [row.user.login for row in Exemption.objects.all()] == ["ana"]


def test_exempting_needs_the_permission_to_add_exemptions(
    noa: Any, noa_client: Client, seats: list[Seat]
) -> None:
    allow(noa, "flag_seat", "export_seat")
    assert "Exempt…" not in noa_client.get(SEATS).content.decode()
    act(noa_client, "exempt", seats, confirmed="yes", reason="Forged.")
    assert not Exemption.objects.exists()

    allow(noa, "add_exemption")
    act(noa_client, "exempt", seats[1:2], confirmed="yes", reason="Parental leave.")
    assert Exemption.objects.count() == 1


# --- Export -----------------------------------------------------------------------------------


def test_a_selection_is_exported_with_the_columns_of_the_report(
    olga_client: Client, seats: list[Seat]
) -> None:
    [row] = rows_of(act(olga_client, "export_csv", seats[1:2]))

    assert (row["organization"], row["login"], row["verdict"]) == ("acme", "ben", "idle")
    assert (row["last_evidence_on"], row["monthly_cost"], row["currency"]) == ("2026-09-21", "19.00", "USD")


def test_no_cell_is_a_formula_to_a_spreadsheet(olga_client: Client, seats: list[Seat]) -> None:
    assert [row["login"] for row in rows_of(olga_client.get(f"{SEATS}export/csv/?q=cmd"))] == ["'=cmd()"]


def test_the_filtered_list_is_exported_whole(olga_client: Client, acme: Account) -> None:
    hold(
        acme, *(grant(number, f"user-{number}", used=60) for number in range(1, 71)), grant(99, "ana", used=1)
    )

    answer = olga_client.get(f"{SEATS}export/csv/?verdict=idle&o=1")

    assert len(rows_of(answer)) == 70
    assert AuditEntry.objects.get(action="seats exported").detail == {"seats": 70, "format": "csv"}


def test_it_is_exported_as_a_workbook_and_as_lines_of_json(olga_client: Client, seats: list[Seat]) -> None:
    book = load_workbook(io.BytesIO(bytes_of(act(olga_client, "export_xlsx", seats))))
    assert [row[2] for row in book.active.values] == ["login", "'=cmd()", "ana", "ben"]

    lines = bytes_of(act(olga_client, "export_ndjson", seats)).decode().splitlines()
    assert [json.loads(line)["login"] for line in lines] == ["=cmd()", "ana", "ben"]


def test_the_list_offers_its_exports_with_its_filters(olga_client: Client, seats: list[Seat]) -> None:
    page = olga_client.get(f"{SEATS}?verdict=idle&q=be").content.decode()

    assert 'href="/seats/seat/export/csv/?verdict=idle&amp;q=be"' in page


def test_exporting_needs_its_own_permission(noa: Any, noa_client: Client, seats: list[Seat]) -> None:
    allow(noa, "flag_seat", "add_exemption")
    page = noa_client.get(SEATS).content.decode()
    assert "export_csv" not in page
    assert "/export/csv/" not in page
    assert noa_client.get(f"{SEATS}export/csv/").status_code == 403
    assert "attachment" not in act(noa_client, "export_csv", seats).headers.get("Content-Disposition", "")

    allow(noa, "export_seat")
    assert len(rows_of(noa_client.get(f"{SEATS}export/csv/"))) == 3


def test_an_unknown_format_is_not_found(olga_client: Client, seats: list[Seat]) -> None:
    assert olga_client.get(f"{SEATS}export/pdf/").status_code == 404
