"""The home page's word on taking seats back: what is on the desk, and what waits for whom."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from seats.models import Account, RevocationBatch, Seat, SeatReview
from seats.reclaim import flag
from tests.counting import queries_of
from tests.seats.batches import batch_of, taken_back
from tests.seats.holding import NOON, grant, hold, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

TITLE = "Taking seats back"


@pytest.fixture
def acme() -> Account:
    return organization("acme")


@pytest.fixture
def seats(acme: Account) -> list[Seat]:
    return hold(acme, *(grant(number, f"user-{number}", 60) for number in range(1, 7)))


def figures(client: Client, query: str = "") -> dict[str, Any]:
    found = client.get(f"/?{query}").context["panels"]
    return {
        figure.label: figure
        for panel in found
        if getattr(panel, "title", "").startswith(TITLE)
        for figure in panel.figures
    }


def tell(*seats: Seat, days: int) -> None:
    """They were told, and may answer until so many days from now."""
    SeatReview.objects.filter(seat__in=seats).update(
        state="notified", notified_at=NOON, notice_ends_on=(NOON + timedelta(days=days)).date()
    )


def test_it_says_nothing_while_nothing_is_on_the_desk(olga_client: Client, seats: list[Seat]) -> None:
    assert figures(olga_client) == {}


def test_it_counts_each_step_in_its_turn(
    olga_client: Client, olga: Any, acme: Account, seats: list[Seat]
) -> None:
    flag.flag(Seat.objects.filter(pk__in=[seat.pk for seat in seats[:4]]), olga, "Idle.")
    tell(seats[0], days=3)
    tell(seats[1], days=-1)
    batch_of(acme, seats[2:3])
    batch_of(acme, seats[3:4], state="approved")
    taken_back(batch_of(acme, seats[4:], state="done"), "user-5")

    shown = figures(olga_client)

    assert {label: figure.value for label, figure in shown.items()} == {
        "Reviews on the desk": "4",
        "Notices running": "1",
        "Batches to approve": "1",
        "Approved or at work": "1",
        "Savings to come": "19.00 USD",
    }
    assert shown["Reviews on the desk"].note == "2 flagged, 2 told"


@pytest.mark.parametrize("scope", ["", "acme"])
def test_each_number_leads_to_as_many_rows(
    olga_client: Client, olga: Any, acme: Account, seats: list[Seat], scope: str
) -> None:
    flag.flag(Seat.objects.filter(account=acme), olga, "Idle.")
    tell(*seats[:3], days=3)
    SeatReview.objects.filter(seat=seats[5]).update(state="failed")
    batch_of(acme, seats[2:3])
    batch_of(acme, seats[3:4], state="half_approved")
    batch_of(acme, seats[4:5], state="stopped")
    other = organization("other")
    batch_of(other, hold(other, grant(99, "zoe", 60)))

    shown = figures(olga_client, f"account={acme.pk}" if scope else "")
    shown.pop("Savings to come")

    assert {"Failed", "Notices running", "Batches to approve"} <= set(shown)
    for figure in shown.values():
        listed = olga_client.get(figure.url).context["cl"].result_count
        assert (figure.label, f"{listed}") == (figure.label, figure.value)


def test_whoever_may_not_see_batches_sees_reviews_alone(
    noa: Any, noa_client: Client, olga: Any, acme: Account, seats: list[Seat]
) -> None:
    flag.flag(Seat.objects.filter(account=acme), olga, "Idle.")
    batch_of(acme, seats)
    noa.user_permissions.set(Permission.objects.filter(codename="view_seatreview"))

    assert set(figures(noa_client)) == {"Reviews on the desk", "Notices running"}


def test_it_asks_as_many_queries_for_many_as_for_few(
    olga_client: Client, olga: Any, acme: Account, seats: list[Seat]
) -> None:
    flag.flag(Seat.objects.filter(pk=seats[0].pk), olga, "Idle.")
    batch_of(acme, seats[:1])
    few = queries_of(olga_client, "/")
    flag.flag(Seat.objects.filter(account=acme), olga, "Idle.")
    for seat in seats[1:]:
        batch_of(acme, [seat], state="done")

    assert queries_of(olga_client, "/") == few
    assert RevocationBatch.objects.count() == 6


def test_the_sidebar_leads_to_the_pages_of_taking_seats_back(vic_client: Client) -> None:
    page = vic_client.get("/").content.decode()
    sidebar = page[page.index('id="nav-sidebar-apps"') :]
    links = set(re.findall(r'href="(/seats/[^"]*)"', sidebar))

    assert {
        "/seats/seatreview/",
        "/seats/revocationbatch/",
        "/seats/removaltask/",
        "/seats/seatrequest/",
        "/seats/notice/",
        "/seats/noticetemplate/",
        "/seats/revocation/savings/",
        "/seats/workingcalendar/",
    } <= links
