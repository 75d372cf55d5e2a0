"""The seats list: what it shows, how it is found and ordered; and the story of one seat."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from seats.models import Account, Exemption, Seat, SeatReview, Team
from seats.reclaim.flag import review
from tests.counting import queries_of
from tests.seats.holding import ago, grant, hold, join, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

SEATS = "/seats/seat/"


@pytest.fixture
def acme() -> Account:
    return organization("acme")


@pytest.fixture
def seats(acme: Account) -> list[Seat]:
    """Ana is active, Ben idle for 60 days, Cleo was never seen, Dan is new."""
    return hold(
        acme,
        grant(1, "ana", used=2, last_activity_editor="vscode/1.99.1/copilot/1.3", plan_type="enterprise"),
        grant(2, "Ben", used=60, created=200, last_activity_editor="JetBrains-IU/251.1"),
        grant(3, "cleo", created=50),
        grant(4, "dan", created=3),
    )


def shown(client: Client, query: str = "") -> list[str]:
    """The logins listed, in order."""
    answer = client.get(f"{SEATS}?{query}")
    assert answer.status_code == 200, answer
    return [seat.user.login for seat in answer.context["cl"].result_list]


def column(name: str) -> int:
    from seats.admin.seat import SeatAdmin

    # Django numbers the columns with the box for actions as 0.
    return SeatAdmin.list_display.index(name) + 1


# --- What it shows ----------------------------------------------------------------------------


def test_it_shows_who_holds_a_seat_and_what_the_policy_says(olga_client: Client, seats: list[Seat]) -> None:
    page = olga_client.get(SEATS).content.decode()

    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    for said in ("Ben", "acme", "2026-09-21, seat list", "60", "idle", "never used", "in grace", "39.00 USD"):
        assert said in text


def test_it_names_the_teams_of_a_person(olga_client: Client, acme: Account, seats: list[Seat]) -> None:
    for number, slug in enumerate(["backend", "design", "web"]):
        join(Team.objects.create(account=acme, github_id=number, slug=slug), seats[:1])

    assert "backend, design and 1 more" in olga_client.get(SEATS).content.decode()


def test_it_asks_as_many_queries_for_sixty_seats_as_for_five(olga_client: Client, acme: Account) -> None:
    team = Team.objects.create(account=acme, github_id=1, slug="web")
    join(team, hold(acme, *(grant(n, f"user-{n}", used=n) for n in range(1, 6))))
    few = queries_of(olga_client, SEATS)
    added = hold(acme, *(grant(n, f"user-{n}", used=n % 80, plan_type=f"plan{n}") for n in range(1, 61)))
    join(team, [seat for seat in added if seat.user.github_id and seat.user.github_id > 5])

    assert queries_of(olga_client, f"{SEATS}?all=") == few


# --- How it is found --------------------------------------------------------------------------


def test_it_lists_held_seats_unless_asked_for_ended_ones(olga_client: Client, acme: Account) -> None:
    hold(acme, grant(1, "ana", used=2), grant(2, "ben", used=60), at=ago(1))
    hold(acme, grant(1, "ana", used=2))

    assert shown(olga_client) == ["ana"]
    assert shown(olga_client, "held=ended") == ["ben"]
    assert sorted(shown(olga_client, "held=all")) == ["ana", "ben"]


@pytest.mark.parametrize(
    ("query", "logins"),
    [
        ("verdict=idle", ["Ben"]),
        ("verdict=inactive", ["Ben", "cleo"]),
        ("verdict=never_used", ["cleo"]),
        ("verdict=no-such-verdict", []),
        ("plan=enterprise", ["ana"]),
        ("granted=direct", ["Ben", "ana", "cleo", "dan"]),
        ("granted=team", []),
        ("editor=vscode", ["ana"]),
        ("editor=JetBrains-IU", ["Ben"]),
        ("editor=JetBrains", []),
        ("editor=-", ["cleo", "dan"]),
        ("idle_days_from=30", ["Ben"]),
        ("idle_days_to=30", ["ana"]),
        ("idle_days_from=2&idle_days_to=60", ["Ben", "ana"]),
        ("idle_days_from=soon&idle_days_to=", ["Ben", "ana", "cleo", "dan"]),
        ("idle_days_from=1e300", []),
        ("account=abc", []),
        ("account=99999999999999999999", []),
        ("q=BE", ["Ben"]),
        ("q=e", ["Ben", "cleo"]),
        ("_facets=True", ["Ben", "ana", "cleo", "dan"]),
    ],
)
def test_it_is_filtered(olga_client: Client, seats: list[Seat], query: str, logins: list[str]) -> None:
    assert sorted(shown(olga_client, query)) == sorted(logins)


def test_an_enterprise_shows_the_seats_of_its_organizations(olga_client: Client) -> None:
    octo = Account.objects.create(kind="enterprise", login="octo")
    hold(octo, grant(1, "ana", used=1))
    hold(organization("acme", parent=octo), grant(2, "ben", used=1))
    hold(organization("zeta"), grant(3, "cleo", used=1))

    assert sorted(shown(olga_client, f"account={octo.pk}")) == ["ana", "ben"]


def test_a_team_shows_the_seats_of_its_members(olga_client: Client, acme: Account, seats: list[Seat]) -> None:
    web = Team.objects.create(account=acme, github_id=1, slug="web")
    join(web, seats[1:3])

    assert sorted(shown(olga_client, f"team={web.pk}")) == ["Ben", "cleo"]


@pytest.mark.parametrize(
    ("desk", "logins"),
    [("yes", ["Ben", "cleo"]), ("kept", []), ("notified", ["cleo"]), ("no", ["ana", "dan"])],
)
def test_what_is_on_the_desk_is_found(
    olga_client: Client, seats: list[Seat], desk: str, logins: list[str]
) -> None:
    review()
    SeatReview.objects.filter(seat=seats[2]).update(state="notified")

    assert sorted(shown(olga_client, f"desk={desk}")) == logins


def test_a_former_login_finds_the_person(olga_client: Client, acme: Account) -> None:
    hold(acme, grant(1, "anna-mueller", used=9), at=ago(5))
    hold(acme, grant(1, "ana", used=2))

    assert shown(olga_client, "q=mueller") == ["ana"]


# --- How it is ordered ------------------------------------------------------------------------


def test_whoever_is_idle_longest_comes_first_and_those_without_evidence_last(
    olga_client: Client, seats: list[Seat]
) -> None:
    assert shown(olga_client) == ["Ben", "ana", "cleo", "dan"]


@pytest.mark.parametrize("name", ["last_activity", "last_evidence", "created"])
def test_rows_without_a_value_come_last_in_both_directions(
    olga_client: Client, acme: Account, seats: list[Seat], name: str
) -> None:
    Seat.objects.filter(user__login="cleo").update(created_at=None)
    missing = {"cleo"} if name == "created" else {"cleo", "dan"}
    number = column(name)

    up, down = shown(olga_client, f"o={number}"), shown(olga_client, f"o=-{number}")

    assert set(up[-len(missing) :]) == set(down[-len(missing) :]) == missing
    assert up[: -len(missing)] == down[: -len(missing)][::-1]


def test_more_days_idle_means_older_evidence(olga_client: Client, seats: list[Seat]) -> None:
    number = column("days_idle")

    assert shown(olga_client, f"o={number}")[:2] == ["ana", "Ben"]
    assert shown(olga_client, f"o=-{number}")[:2] == ["Ben", "ana"]


def test_rows_that_tie_keep_one_order_over_pages(olga_client: Client, acme: Account) -> None:
    hold(acme, *(grant(number, f"user-{number:03}", used=5) for number in range(1, 121)))
    number = column("last_evidence")

    pages = [shown(olga_client, f"o={number}&p={page}") for page in (1, 2, 3)]

    assert len({login for page in pages for login in page}) == 120


# --- One seat ---------------------------------------------------------------------------------


def test_the_page_of_a_seat_says_why(olga_client: Client, seats: list[Seat]) -> None:
    page = olga_client.get(reverse("admin:seats_seat_change", args=[seats[1].pk])).content.decode()

    assert "Last used on 2026-09-21, 60 days ago, by the seat list." in page
    assert "JetBrains-IU/251.1" in page
    assert "Evidence of use, by source" in page
    assert "What happened, newest first" in page
    assert "last activity: 2026-09-21 12:00 UTC" in page


def test_the_page_of_an_exempt_seat_names_the_exemption(olga_client: Client, seats: list[Seat]) -> None:
    Exemption.objects.create(user=seats[1].user, reason="On leave until spring.")

    page = olga_client.get(reverse("admin:seats_seat_change", args=[seats[1].pk])).content.decode()

    assert "On leave until spring." in page


def test_a_seat_is_never_edited_here(olga_client: Client, seats: list[Seat]) -> None:
    url = reverse("admin:seats_seat_change", args=[seats[0].pk])

    assert olga_client.post(url, {"plan_type": "enterprise"}).status_code == 403
    assert olga_client.get("/seats/seat/add/").status_code == 403
    assert olga_client.post(f"/seats/seat/{seats[0].pk}/delete/", {"post": "yes"}).status_code == 403
