"""The page People: the list, its orders, pages and search; most and least active; seats without use."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from metrics.dashboards import people as page
from metrics.dashboards.asked import Asked
from metrics.dashboards.panel import Linked, Panel, plain
from metrics.figures import Scope, persons
from metrics.periods import Period
from seats.models import Account, GitHubUser, Seat
from tests.metrics import stored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

LAST = date(2026, 11, 18)
PERIOD = Period.trailing(LAST, 28)


def asks(account: Account, /, **params: str) -> Asked:
    return Asked(Scope(account), PERIOD, date(2026, 11, 20), user=None, params=params)


def column(panel: Panel, name: str) -> list[Any]:
    place = [each.name for each in panel.columns].index(name)
    return [plain(row[place]) for row in panel.rows]


def queries_of(panel: Any, asked: Asked) -> int:
    with CaptureQueriesContext(connection) as captured:
        panel(asked)
    return len(captured)


@pytest.fixture
def acme() -> Account:
    return stored.organization()


@pytest.fixture
def used(acme: Account) -> list[GitHubUser]:
    """Person n did n things on each of the last n days but three at most."""
    people = [stored.person(number) for number in range(1, 5)]
    for back in range(3):
        stored.use(
            acme,
            LAST - timedelta(days=back),
            {
                user: {"user_initiated_interaction_count": number}
                for number, user in enumerate(people, start=1)
                if number > back
            },
        )
    return people


def test_the_list_has_who_did_most_first(acme: Account, used: list[GitHubUser]) -> None:
    panel = page.everybody(asks(acme))
    assert column(panel, "login") == ["user-4", "user-3", "user-2", "user-1"]
    assert column(panel, "interactions") == [12, 9, 4, 1]
    assert column(panel, "active_days") == [3, 3, 2, 1]
    assert panel.note == (
        "Rows 1 to 4, by interactions. Of 25 days of these 28 there is no report; they count nowhere."
    )


@pytest.mark.parametrize(
    ("order", "first"), [("interactions", "user-1"), ("-active_days", "user-4"), ("login", "user-1")]
)
def test_the_address_says_how_it_is_sorted(
    acme: Account, used: list[GitHubUser], order: str, first: str
) -> None:
    assert column(page.everybody(asks(acme, order=order)), "login")[0] == first


@pytest.mark.parametrize("order", ["", "password", "-", "--interactions", "user__email", "Login"])
def test_an_order_that_there_is_not_is_the_usual_one(
    acme: Account, used: list[GitHubUser], order: str
) -> None:
    assert column(page.everybody(asks(acme, order=order)), "login")[0] == "user-4"


def test_the_order_that_stands_is_marked_and_turns_around(acme: Account, used: list[GitHubUser]) -> None:
    links = dict(page.everybody(asks(acme, order="-lines")).links)
    assert links["By lines added ↓"].endswith("/usage/people/?order=lines")
    assert links["By login"].endswith("/usage/people/?order=login")
    assert links["By interactions"].endswith("/usage/people/?order=-interactions")


def test_a_page_has_fifty_and_leads_to_the_next_ones(acme: Account) -> None:
    people = {stored.person(number): {} for number in range(1, 121)}
    stored.use(acme, LAST, people)
    first, second, third = (page.everybody(asks(acme, order="login", at=at)) for at in ("1", "2", "3"))
    assert [len(panel.rows) for panel in (first, second, third)] == [50, 50, 20]
    assert dict(first.links)["Next page"].endswith("?order=login&at=2")
    assert "Previous page" not in dict(first.links)
    assert dict(second.links)["Previous page"].endswith("?order=login")
    assert dict(third.links)["Previous page"].endswith("?order=login&at=2")
    assert "Next page" not in dict(third.links)
    assert third.note.startswith("Rows 101 to 120, by login.")
    everybody = [login for panel in (first, second, third) for login in column(panel, "login")]
    assert len(set(everybody)) == 120
    past = page.everybody(asks(acme, order="login", at="4"))
    assert (past.is_empty, past.empty) == (True, "The list ends before this page.")


@pytest.mark.parametrize("at", ["0", "-1", "x", "", "1e3", "²"])
def test_a_page_that_there_is_not_is_the_first(acme: Account, used: list[GitHubUser], at: str) -> None:
    assert len(page.everybody(asks(acme, at=at)).rows) == 4


def test_a_number_beyond_all_pages_is_no_error(acme: Account, used: list[GitHubUser]) -> None:
    assert page.everybody(asks(acme, at="999999")).is_empty
    assert page.everybody(asks(acme, at="9" * 40)).rows


def test_a_search_is_for_the_beginning_of_a_login(acme: Account, used: list[GitHubUser]) -> None:
    assert column(page.everybody(asks(acme, login="USER-3")), "login") == ["user-3"]
    assert page.everybody(asks(acme, login="zz")).empty == (
        "Nobody whose login begins with “zz” has a line in the reports of these days."
    )


def test_a_row_leads_to_the_person_in_the_same_days(acme: Account, used: list[GitHubUser]) -> None:
    asked = asks(acme, period="90", order="login", login="user-1", at="1")
    cell = page.everybody(asked).rows[0][0]
    assert isinstance(cell, Linked)
    assert cell.url.endswith(f"/usage/person/?period=90&scope={acme.pk}&person={used[0].pk}")


def test_an_order_that_asks_too_much_is_said_to(
    acme: Account, used: list[GitHubUser], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(persons, "MOST_LINES", 1)
    monkeypatch.setattr(page, "MOST_LINES", 1)
    asked = replace(asks(acme), period=Period.trailing(LAST, 90))
    panel = page.everybody(asked)
    assert column(panel, "login")[:2] == ["user-4", "user-3"]
    assert panel.note.startswith(
        "Rows 1 to 4, by active days. By interactions these are too many, over 1 person-days: the newest"
    )
    drawing = page.most_active(asked).drawing
    assert drawing is not None
    assert drawing.series == ["active_days"]


def test_the_most_and_the_least_active_are_ranked(acme: Account, used: list[GitHubUser]) -> None:
    assert column(page.most_active(asks(acme)), "login") == ["user-4", "user-3", "user-2", "user-1"]
    assert column(page.least_active(asks(acme)), "active_days") == [1, 2, 3, 3]
    stored.use(acme, LAST - timedelta(days=9), {stored.person(number): {} for number in range(10, 40)})
    assert len(page.most_active(asks(acme)).rows) == 10


def test_people_by_active_days_leave_no_number_of_days_out(acme: Account, used: list[GitHubUser]) -> None:
    stored.use(acme, LAST - timedelta(days=3), {used[3]: {}})
    stored.use(acme, LAST - timedelta(days=4), {used[3]: {}})
    panel = page.by_active_days(asks(acme))
    assert [list(row) for row in panel.rows] == [["1", 1], ["2", 1], ["3", 1], ["4", 0], ["5", 1]]


def test_seats_without_use_lead_to_the_seat_and_say_what_is_missing(
    acme: Account, used: list[GitHubUser]
) -> None:
    granted = stored.midnight(date(2026, 1, 5))
    seat = Seat.objects.create(
        account=acme, user=stored.person(20), first_seen_at=granted, last_seen_at=granted, created_at=granted
    )
    panel = page.without_use(asks(acme))
    assert column(panel, "login") == ["user-20"]
    assert column(panel, "granted") == [date(2026, 1, 5)]
    cell = panel.rows[0][-1]
    assert isinstance(cell, Linked)
    assert cell.url.endswith(f"/seats/seat/{seat.pk}/change/")
    assert panel.note == "Of 25 days of these 28 there is no report: somebody may have used it then."


# --- In words ---------------------------------------------------------------------------------


def test_words_tell_how_many_and_who_most(acme: Account, used: list[GitHubUser]) -> None:
    assert page.words(asks(acme)) == [
        (
            "4 people used Copilot on the 3 of these 28 days that reports tell of, "
            "1 of them (25 %) on a single one."
        ),
        "user-3 and user-4 were active on 3 days, the most of all.",
    ]
    stored.use(acme, LAST - timedelta(days=3), {used[0]: {}, used[3]: {}})
    asked = replace(asks(acme), period=Period.trailing(LAST, 4))
    assert page.words(asked) == [
        "4 people used Copilot on these 4 days, everybody on more than one of them.",
        "user-4 was active on 4 days, the most of all.",
    ]


def test_words_tell_more_than_three_by_their_number(acme: Account) -> None:
    for back in range(2):
        stored.use(acme, LAST - timedelta(days=back), {stored.person(number): {} for number in range(4)})
    assert page.words(asks(acme))[1] == "4 people were active on 2 days, the most of all."


def test_words_name_nobody_where_nobody_stands_out(acme: Account) -> None:
    assert page.words(asks(acme)) == []
    stored.use(acme, LAST, {stored.person(1): {}})
    assert page.words(asks(acme)) == [
        "1 person used Copilot on the one of these 28 days that a report tells of."
    ]
    assert page.words(replace(asks(acme), period=Period(LAST, LAST))) == [
        "1 person used Copilot on this day."
    ]


# --- Without anything, and for many -----------------------------------------------------------


@pytest.mark.parametrize("key", page.people.panels)
def test_nothing_taken_in_is_an_empty_panel(acme: Account, key: str) -> None:
    assert page.people.panels[key].function(asks(acme)).is_empty


@pytest.mark.parametrize("key", page.people.panels)
def test_a_panel_asks_as_many_queries_of_many_people_as_of_few(acme: Account, key: str) -> None:
    granted = stored.midnight(date(2026, 1, 5))

    def seats(*numbers: int) -> None:
        for number in numbers:
            Seat.objects.create(
                account=acme, user=stored.person(number), first_seen_at=granted, last_seen_at=granted
            )

    panel = page.people.panels[key].function
    stored.use(acme, LAST, {stored.person(number): {} for number in range(55)})
    seats(900, 901)
    few = queries_of(panel, asks(acme))
    stored.use(acme, LAST - timedelta(days=1), {stored.person(number): {} for number in range(130)})
    seats(*range(902, 930))
    assert queries_of(panel, asks(acme)) == few <= 6


# --- Who may ----------------------------------------------------------------------------------


def test_only_who_may_see_days_of_people_sees_them(
    acme: Account, used: list[GitHubUser], noa_client: Client, vic_client: Client, noa: Any
) -> None:
    for address in ("people/", "people/everybody/", "people/everybody.csv", "person/", "person/by-day/"):
        assert noa_client.get(f"/usage/{address}").status_code == 403
        assert vic_client.get(f"/usage/{address}", follow=True).status_code == 200
    noa.user_permissions.add(Permission.objects.get(codename="view_scopeday"))
    assert noa_client.get("/usage/people/").status_code == 403
    noa.user_permissions.add(Permission.objects.get(codename="view_userday"))
    assert noa_client.get("/usage/people/", follow=True).status_code == 200
    # Seats are for who may see seats.
    assert noa_client.get("/usage/people/without-use/").status_code == 403


@pytest.mark.parametrize(
    "address",
    ["people/?order=login&at=2&login=a", "person/?person=1", "teams/?teams=1%2C2&order=-members&at=2"],
)
def test_an_address_keeps_what_only_its_page_knows(acme: Account, vic_client: Client, address: str) -> None:
    stored.use(acme, LAST, {stored.person(1): {}})
    assert vic_client.get(f"/usage/{address}").status_code == 200
