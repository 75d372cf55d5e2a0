"""People in lists: the same figures in the window and added up, in every order, page by page."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.figures import Scope, Sums, persons
from metrics.figures.persons import (
    is_window,
    people_by_active_days,
    people_list,
    seats_without_use,
)
from metrics.periods import Period
from seats.models import Account, GitHubUser, Seat
from tests.metrics import stored

pytestmark = pytest.mark.django_db

LAST = date(2026, 10, 28)
WINDOW = list(Period.trailing(LAST, 28))


def did(interactions: int | None, **more: Any) -> dict[str, Any]:
    return {"user_initiated_interaction_count": interactions, **more}


def rate(accepted: int, generated: int) -> dict[str, Any]:
    return {"code_acceptance_activity_count": accepted, "code_generation_activity_count": generated}


@pytest.fixture
def acme() -> Account:
    return stored.organization()


@pytest.fixture
def used(acme: Account) -> dict[str, GitHubUser]:
    """Four people over the last days: each first in another order, one without some figures."""
    some = {
        login: stored.person(number, login) for number, login in enumerate(("dan", "Ana", "cem", "ben"), 1)
    }
    for user in some.values():
        user.save()  # the key of the login
    dan, ana, cem, ben = some.values()
    lines = {
        -3: {dan: did(1, loc_added_sum=9, used_chat=True), cem: did(2, **rate(1, 10))},
        -2: {dan: did(1, loc_added_sum=9, used_agent=True), cem: did(2), ben: did(None, loc_added_sum=None)},
        -1: {dan: did(1, used_chat=True, used_cli=True, ai_credits_used=Decimal("1.5"))},
        0: {ana: did(50, loc_added_sum=3, **rate(1, 2)), cem: did(2)},
    }
    for back, people in lines.items():
        stored.use(acme, LAST + timedelta(days=back), people)
    return some


def logins(scope: Scope, days: list[date], **asked: Any) -> list[str]:
    return [use.login for use in people_list(scope, days, **asked).rows]


ORDERED = {
    # With the largest first; who lacks the figure is last both ways.
    "interactions": (["Ana", "cem", "dan"], ["ben"]),
    "active_days": (["cem", "dan", "ben", "Ana"], []),
    "acceptance_rate": (["Ana", "cem"], ["dan", "ben"]),
    "lines": (["dan", "Ana", "cem"], ["ben"]),
    "login": (["dan", "cem", "ben", "Ana"], []),
}


@pytest.mark.parametrize("days", [WINDOW, WINDOW[1:]], ids=["in the window", "added up"])
@pytest.mark.parametrize("order", ORDERED)
def test_orders_go_both_ways_and_the_unknown_comes_last(
    acme: Account, used: dict[str, GitHubUser], days: list[date], order: str
) -> None:
    known, unknown = ORDERED[order]
    scope = Scope(acme)
    assert is_window(scope, days) == (len(days) == 28)
    down = logins(scope, days, order=order, descending=True)
    up = logins(scope, days, order=order, descending=False)
    assert down[: len(known)] == known
    assert sorted(down, key=str.lower) == ["Ana", "ben", "cem", "dan"]
    # Equal ones are turned around as well.
    assert up[: len(known)] == known[::-1]
    assert set(up[len(known) :]) == set(unknown)


@pytest.mark.parametrize("days", [WINDOW, WINDOW[1:]], ids=["in the window", "added up"])
def test_the_last_day_sorts_newest_or_oldest_first(
    acme: Account, used: dict[str, GitHubUser], days: list[date]
) -> None:
    scope = Scope(acme)
    assert set(logins(scope, days, order="last_day")[:2]) == {"Ana", "cem"}
    assert logins(scope, days, order="last_day", descending=False)[:2] == ["ben", "dan"]


@pytest.mark.parametrize("days", [WINDOW, WINDOW[1:]], ids=["in the window", "added up"])
def test_a_person_has_the_sums_of_their_lines(
    acme: Account, used: dict[str, GitHubUser], days: list[date]
) -> None:
    by_login = {use.login: use for use in people_list(Scope(acme), days).rows}
    dan, ben = by_login["dan"], by_login["ben"]
    assert (dan.active_days, dan.chat_days, dan.agent_days, dan.cli_days) == (3, 2, 1, 1)
    assert (dan.first_day, dan.last_day) == (LAST - timedelta(days=3), LAST - timedelta(days=1))
    assert dan.ai_credits_used == Decimal("1.5")
    assert dan.sums == Sums(3, 0, 0, 0, 0, 18, 0)
    assert (ben.sums.user_initiated_interaction_count, ben.sums.loc_added_sum) == (None, None)
    assert ben.sums.loc_deleted_sum == 0
    assert ben.ai_credits_used is None
    assert by_login["cem"].acceptance_rate == Decimal("0.1")


@pytest.mark.parametrize("days", [WINDOW, WINDOW[1:]], ids=["in the window", "added up"])
@pytest.mark.parametrize("order", ["interactions", "active_days", "login", "last_day", "acceptance_rate"])
@pytest.mark.parametrize("descending", [True, False])
def test_pages_make_the_whole_list(
    acme: Account, used: dict[str, GitHubUser], days: list[date], order: str, *, descending: bool
) -> None:
    asked: dict[str, Any] = {"order": order, "descending": descending}
    whole = logins(Scope(acme), days, **asked)
    pages = [people_list(Scope(acme), days, **asked, offset=number, limit=1) for number in range(5)]
    assert [[use.login for use in page.rows] for page in pages] == [[login] for login in whole] + [[]]
    assert [page.has_more for page in pages] == [True, True, True, False, False]


@pytest.mark.parametrize("days", [WINDOW, WINDOW[1:]], ids=["in the window", "added up"])
def test_a_search_is_for_the_beginning_of_a_login_in_any_case(
    acme: Account, used: dict[str, GitHubUser], days: list[date]
) -> None:
    assert logins(Scope(acme), days, login="aN") == ["Ana"]
    assert logins(Scope(acme), days, login=" D ") == ["dan"]
    assert logins(Scope(acme), days, login="an_") == []
    assert logins(Scope(acme), days, login="nobody") == []


def test_of_a_team_only_days_in_the_team_count(acme: Account, used: dict[str, GitHubUser]) -> None:
    dan, cem = used["dan"], used["cem"]
    team = stored.roster(acme, LAST - timedelta(days=3), {"web": [dan, cem]})["web"]
    stored.roster(acme, LAST - timedelta(days=2), {"web": [cem]})
    stored.roster(acme, LAST, {"web": []})

    found = people_list(Scope(acme, team), WINDOW, order="interactions").rows

    assert [(use.login, use.active_days, use.sums.user_initiated_interaction_count) for use in found] == [
        ("cem", 2, 4),
        ("dan", 1, 1),
    ]
    assert [use.chat_days for use in found] == [0, 1]


def test_so_many_lines_are_sorted_by_active_days_instead(
    acme: Account, used: dict[str, GitHubUser], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(persons, "MOST_LINES", 7)
    found = people_list(Scope(acme), WINDOW[1:], order="interactions", limit=2)
    assert ([use.login for use in found.rows], found.order) == (["cem", "dan"], "active_days")
    assert people_list(Scope(acme), WINDOW, order="interactions").order == "interactions"
    # Of a few there are few lines.
    assert people_list(Scope(acme), WINDOW[1:], order="interactions", login="d").order == "interactions"


def test_weekdays_alone_are_added_up(acme: Account, used: dict[str, GitHubUser]) -> None:
    days = [day for day in WINDOW if day.weekday() < 5]
    dan = next(use for use in people_list(Scope(acme), days).rows if use.login == "dan")
    # The 25th of October 2026 is a Sunday.
    assert (dan.active_days, dan.sums.user_initiated_interaction_count) == (2, 2)


def test_nobody_and_no_days_are_an_empty_list(acme: Account) -> None:
    for days in (WINDOW, WINDOW[1:], []):
        found = people_list(Scope(acme), days)
        assert (found.rows, found.has_more) == ([], False)
        assert people_by_active_days(Scope(acme), days).people == {}


def test_people_are_counted_by_their_active_days(acme: Account, used: dict[str, GitHubUser]) -> None:
    counted = people_by_active_days(Scope(acme), WINDOW)
    assert (counted.people, counted.leaders, counted.most) == ({3: 2, 1: 2}, ["cem", "dan"], 3)
    assert people_by_active_days(Scope(acme), [LAST]).people == {1: 2}


@pytest.mark.parametrize("days", [WINDOW, WINDOW[1:]], ids=["in the window", "added up"])
@pytest.mark.parametrize("order", ["interactions", "active_days", "login", "last_day", "acceptance_rate"])
def test_more_people_ask_no_more_queries(acme: Account, days: list[date], order: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            people_list(Scope(acme), days, order=order, limit=2)
        return len(asked)

    stored.use(acme, LAST, {stored.person(number): did(number) for number in range(1, 4)})
    few = queries()
    stored.use(acme, LAST - timedelta(days=1), {stored.person(number): did(1) for number in range(1, 60)})
    assert queries() == few <= 5


# --- Seats without use ------------------------------------------------------------------------


def seat(account: Account, user: GitHubUser, last_used_on: date | None = None) -> Seat:
    granted = stored.midnight(date(2026, 1, 5))
    return Seat.objects.create(
        account=account, user=user, created_at=granted, first_seen_at=granted, last_seen_at=granted,
        last_used_on=last_used_on,
    )  # fmt: skip


@pytest.mark.parametrize("days", [WINDOW, WINDOW[1:]], ids=["in the window", "added up"])
def test_seats_without_use_come_with_the_oldest_evidence_first(
    acme: Account, used: dict[str, GitHubUser], days: list[date]
) -> None:
    seat(acme, used["dan"], LAST)
    seats = [
        seat(acme, stored.person(20 + number), on)
        for number, on in enumerate((date(2026, 9, 1), None, date(2026, 8, 1)))
    ]
    gone = seat(acme, stored.person(30))
    Seat.objects.filter(pk=gone.pk).update(ended_at=stored.midnight(LAST))

    found = seats_without_use(Scope(acme), days, 50)

    assert list(found.seats) == [seats[1], seats[2], seats[0]]
    assert (found.has_more, found.days_told) == (False, 4)
    few = seats_without_use(Scope(acme), days, 2)
    assert (list(few.seats), few.has_more) == ([seats[1], seats[2]], True)


def test_an_enterprise_has_the_seats_of_its_organizations(used: dict[str, GitHubUser], acme: Account) -> None:
    octo = stored.enterprise()
    Account.objects.filter(pk=acme.pk).update(parent=octo)
    idle = seat(acme, used["ben"])
    stored.use(octo, LAST, {used["dan"]: {}})
    assert list(seats_without_use(Scope(octo), WINDOW, 50).seats) == [idle]
    assert seats_without_use(Scope(acme), WINDOW, 50).seats == []


def test_a_team_has_the_seats_of_its_members(acme: Account, used: dict[str, GitHubUser]) -> None:
    idle, other = stored.person(20), stored.person(21)
    seats = {user.pk: seat(acme, user) for user in (idle, other, used["dan"])}
    for back in range(4):
        team = stored.roster(acme, LAST - timedelta(days=back), {"web": [idle, used["dan"]]})["web"]
    assert list(seats_without_use(Scope(acme, team), WINDOW, 50).seats) == [seats[idle.pk]]


def test_without_any_report_no_seat_is_called_unused(acme: Account) -> None:
    seat(acme, stored.person(1))
    found = seats_without_use(Scope(acme), WINDOW, 50)
    assert (found.seats, found.days_told) == ([], 0)
