"""Organizations, teams, people and reviews: their numbers, and that a list's cost does not grow."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from seats import roster, verdicts
from seats.models import Account, Seat, Team
from seats.reclaim.flag import flag
from seats.roster import Roster
from tests.counting import queries_of
from tests.seats.holding import NOON, ago, grant, hold, join, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def octo() -> Account:
    return Account.objects.create(kind="enterprise", login="octo")


@pytest.fixture
def acme(octo: Account) -> Account:
    return organization("acme", parent=octo)


def rows(client: Client, path: str) -> list[Any]:
    return list(client.get(path).context["cl"].result_list)


def test_an_enterprise_counts_its_organizations_and_pays_once_for_a_person(
    olga_client: Client, octo: Account, acme: Account
) -> None:
    hold(acme, grant(1, "ana", used=1), grant(2, "ben", used=60))
    hold(organization("zeta", parent=octo), grant(1, "ana", used=1, plan_type="enterprise"))

    figures = {row.label: row.figures for row in rows(olga_client, "/seats/account/")}

    assert {name: (row.seats, row.active, row.inactive) for name, row in figures.items()} == {
        "octo": (3, 2, 1),
        "acme": (2, 1, 1),
        "zeta": (1, 1, 0),
    }
    assert str(figures["octo"].cost) == "58.00 USD"
    assert str(figures["acme"].cost) == "38.00 USD"


@pytest.mark.parametrize("column", ["held_seats", "active_seats", "inactive_seats", "unknown_seats"])
def test_accounts_are_ordered_by_what_their_page_counts(
    olga_client: Client, octo: Account, acme: Account, column: str
) -> None:
    from seats.admin.account import AccountAdmin

    hold(acme, grant(1, "ana", used=1), grant(2, "ben", used=60))
    hold(organization("zeta", parent=octo), grant(3, "cleo", used=1))
    number = AccountAdmin.list_display.index(column)

    listed = rows(olga_client, f"/seats/account/?o=-{number}")

    counts = [
        (row.figures.seats, row.figures.active, row.figures.inactive, row.figures.by_verdict["unknown"])
        for row in listed
    ]
    one = [
        row[["held_seats", "active_seats", "inactive_seats", "unknown_seats"].index(column)] for row in counts
    ]
    assert one == sorted(one, reverse=True)


def test_a_team_counts_its_members_and_those_with_a_seat(olga_client: Client, acme: Account) -> None:
    hold(acme, grant(1, "ana", used=1), grant(2, "ben", used=1), at=ago(1))
    team = Team.objects.create(account=acme, github_id=1, slug="web")
    join(team, Seat.objects.all())
    hold(acme, grant(1, "ana", used=1))

    [row] = rows(olga_client, "/seats/team/")

    assert (row.member_count, row.holder_count) == (2, 1)


def test_a_person_is_found_by_a_former_login_and_has_a_history(olga_client: Client, acme: Account) -> None:
    hold(acme, grant(1, "anna", used=9), at=ago(5))
    [seat] = hold(acme, grant(1, "ana", used=2))

    [row] = rows(olga_client, "/seats/githubuser/?q=ANNA")
    page = olga_client.get(f"/seats/githubuser/{row.pk}/change/").content.decode()

    assert row.login == "ana"
    assert "anna" in page
    assert f"/seats/seat/{seat.pk}/change/" in page


def test_a_list_asks_as_many_queries_for_sixty_rows_as_for_five(
    olga: Any, olga_client: Client, octo: Account
) -> None:
    def add(numbers: range) -> None:
        for number in numbers:
            account = organization(f"org-{number}", parent=octo)
            listed = [grant(number, f"user-{number}", used=60)]
            roster.apply(Roster(account, NOON, listed, is_complete=True, is_confirmed=True))
            seats = list(account.seats.all())
            join(Team.objects.create(account=account, github_id=number, slug=f"team-{number}"), seats)
            flag(seats, olga, "Idle.")
            seats[0].user.exemptions.create(account=account, reason="A pilot.", created_by=olga)
        verdicts.refresh()

    def asked() -> dict[str, int]:
        models = ("account", "team", "githubuser", "seatreview", "exemption")
        return {model: queries_of(olga_client, f"/seats/{model}/") for model in models}

    add(range(1, 6))
    few = asked()
    add(range(6, 61))

    assert asked() == few


@pytest.mark.parametrize(
    "path",
    ["seat", "account", "team", "githubuser", "inactivitypolicy", "exemption", "seatreview", "seatprice"],
)
def test_every_list_needs_the_permission_to_look(vic_client: Client, noa_client: Client, path: str) -> None:
    assert vic_client.get(f"/seats/{path}/").status_code == 200
    assert noa_client.get(f"/seats/{path}/").status_code == 403
