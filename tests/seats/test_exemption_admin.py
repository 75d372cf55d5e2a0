"""Exemptions in the admin: a change takes effect at once, leaves a trace, and is found again."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from portal.models import AuditEntry
from seats.models import Account, Exemption, Seat, Team
from tests.seats.holding import grant, hold, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def acme() -> Account:
    return organization("acme")


@pytest.fixture
def seats(acme: Account) -> list[Seat]:
    return hold(acme, grant(1, "ana", used=2), grant(2, "ben", used=40), grant(3, "cleo", used=80))


def verdicts() -> dict[str, str]:
    return dict(Seat.objects.values_list("user__login", "verdict"))


def exemption_form(**fields: Any) -> dict[str, Any]:
    return {
        "user": "",
        "team": "",
        "login_pattern": "",
        "newcomer_days": "",
        "account": "",
        "kind": "leave",
        "reason": "Parental leave.",
        "owner": "hr@example.com",
        "starts_on": "2026-11-20",
        "until": "",
        **fields,
    }


@pytest.mark.parametrize(
    ("fields", "exempted"),
    [
        ({"login_pattern": "B*"}, {"ben"}),
        ({"newcomer_days": 300}, {"ben", "cleo"}),
        ({"login_pattern": "***"}, set()),
        ({"login_pattern": "b*", "newcomer_days": 300}, set()),
        ({}, set()),
    ],
)
def test_an_exemption_is_of_one_target(
    olga_client: Client, seats: list[Seat], fields: dict[str, Any], exempted: set[str]
) -> None:
    answer = olga_client.post("/seats/exemption/add/", exemption_form(**fields))

    assert answer.status_code == (302 if exempted else 200)
    assert {login for login, verdict in verdicts().items() if verdict == "exempt"} == exempted


def test_the_page_of_an_exemption_says_how_many_seats_it_covers(
    olga_client: Client, seats: list[Seat]
) -> None:
    now = Exemption.objects.create(login_pattern="*e*", reason="A pilot.")
    later = Exemption.objects.create(login_pattern="*e*", reason="A pilot.", starts_on="2026-12-01")

    assert "2 seats today" in olga_client.get(f"/seats/exemption/{now.pk}/change/").content.decode()
    page = olga_client.get(f"/seats/exemption/{later.pk}/change/").content.decode()
    assert "2 seats, were it in force today" in page


def test_exemptions_that_end_soon_are_found(olga_client: Client, seats: list[Seat]) -> None:
    for seat, until in zip(seats, ["2026-12-04", "2026-12-05", None], strict=True):
        Exemption.objects.create(user=seat.user, reason="A pilot.", until=until)

    listed = olga_client.get("/seats/exemption/?state=soon").context["cl"].result_list

    assert [row.user.login for row in listed] == ["ana"]


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        ("about=person", "ana"),
        ("about=team", "team web"),
        ("about=pattern", "logins svc-*"),
        ("about=newcomers", "newcomers of 9 days"),
        ("kind__exact=service_account", "logins svc-*"),
        ("q=web", "team web"),
    ],
)
def test_exemptions_are_found_by_whom_they_are_about(
    olga_client: Client, acme: Account, seats: list[Seat], asked: str, target: str
) -> None:
    team = Team.objects.create(account=acme, github_id=1, slug="web")
    for fields in (
        {"user": seats[0].user}, {"team": team}, {"newcomer_days": 9},
        {"login_pattern": "svc-*", "kind": "service_account"},
    ):  # fmt: skip
        Exemption.objects.create(reason="A pilot.", **fields)

    listed = olga_client.get(f"/seats/exemption/?{asked}").context["cl"].result_list

    assert [row.target for row in listed] == [target]


def test_an_exemption_takes_effect_and_ends_with_its_deletion(
    olga: Any, olga_client: Client, seats: list[Seat]
) -> None:
    olga_client.post("/seats/exemption/add/", exemption_form(user=seats[1].user_id))
    exemption = Exemption.objects.get()
    assert exemption.created_by == olga
    assert verdicts()["ben"] == "exempt"

    olga_client.post(f"/seats/exemption/{exemption.pk}/delete/", {"post": "yes"})
    assert verdicts()["ben"] == "idle"
    actions = AuditEntry.objects.order_by("sequence").values_list("action", flat=True)
    assert list(actions) == ["exemption added", "exemption deleted"]


@pytest.mark.parametrize(
    ("state", "logins"),
    [("now", ["ana"]), ("over", ["ben"]), ("later", ["cleo"]), ("", ["ana", "ben", "cleo"])],
)
def test_exemptions_are_filtered_by_whether_they_hold(
    olga_client: Client, seats: list[Seat], state: str, logins: list[str]
) -> None:
    starts = {"ana": "2026-11-01", "ben": "2026-10-01", "cleo": "2026-12-01"}
    for seat in seats:
        until = "2026-11-19" if seat.user.login == "ben" else None
        Exemption.objects.create(
            user=seat.user, reason="A pilot.", starts_on=starts[seat.user.login], until=until
        )

    listed = olga_client.get(f"/seats/exemption/?state={state}").context["cl"].result_list

    assert sorted(row.user.login for row in listed) == logins
