"""Adoption of seats: use and seats met person by person, day by day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.figures import Scope
from metrics.figures.seat_holders import seat_holders
from metrics.figures.seats_and_use import UNKNOWN, SeatUse, seats_and_use
from metrics.periods import Period
from seats.models import Account, GitHubUser, Seat
from tests.metrics import stored
from tests.seats.holding import NOON, ago, grant, hold

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

TODAY = NOON.date()
WEEK = Period.trailing(TODAY, 7)


def day(ago: int) -> date:
    return TODAY - timedelta(days=ago)


def use(account: Account, *people: int, on: int = 0) -> None:
    stored.use(account, day(on), {stored.person(number): {} for number in people})


def logins(account: Account, on: int, scope: Scope | None = None) -> set[int] | None:
    holders = seat_holders(scope or Scope(account), WEEK).on(day(on))
    if holders is None:
        return None
    return set(GitHubUser.objects.filter(pk__in=list(holders)).values_list("github_id", flat=True))


# --- Who holds a seat ---


def test_a_seat_is_held_from_its_grant_until_the_first_list_without_it() -> None:
    acme = stored.organization()
    hold(acme, grant(1, "ann"), grant(3, "cyd"), at=ago(10))
    hold(acme, grant(1, "ann"), grant(2, "bob", created=3), at=ago(2))

    assert logins(acme, on=6) == {1, 3}
    assert logins(acme, on=3) == {1, 2, 3}
    assert logins(acme, on=2) == {1, 2}


def test_whoever_got_a_seat_again_held_none_in_between() -> None:
    acme = stored.organization()
    hold(acme, grant(1, "ann", created=50), grant(2, "bob"), at=ago(6))
    hold(acme, grant(2, "bob"), at=ago(4))
    hold(acme, grant(1, "ann", created=2), grant(2, "bob"), at=ago(2))

    assert [logins(acme, on=on) for on in (6, 5, 4, 3, 2, 0)] == [
        {1, 2}, {1, 2}, {2}, {2}, {1, 2}, {1, 2},
    ]  # fmt: skip


def test_before_the_first_seat_list_nobody_can_say_who_held_one() -> None:
    acme = stored.organization()
    assert logins(acme, on=0) is None
    hold(acme, grant(1, "ann", created=100), at=ago(2))

    assert logins(acme, on=3) is None
    assert logins(acme, on=2) == {1}


# --- Use against seats ---


def test_of_an_organization_only_people_with_a_seat_it_granted_are_divided() -> None:
    octo = stored.enterprise()
    acme, other = stored.organization(parent=octo), stored.organization("other", 502, parent=octo)
    hold(acme, grant(1, "ann"), grant(2, "bob"))
    hold(other, grant(3, "cyd"), grant(4, "dan"))
    use(acme, 1, 3, 4)

    found = seats_and_use(Scope(acme), Period(TODAY, TODAY)).over([TODAY])

    assert found == SeatUse(holders=2, active_holders=1, active=3)
    assert found.adoption is not None
    assert float(found.adoption) == 0.5, "never 3 of 2"
    assert found.active_elsewhere == 2


def test_an_organization_that_grants_no_seat_has_no_rate() -> None:
    octo = stored.enterprise()
    shell = stored.organization(parent=octo)
    hold(stored.organization("other", 502, parent=octo), grant(1, "ann"))
    stored.cover(shell, TODAY)
    hold(octo)
    use(shell, 1)

    found = seats_and_use(Scope(shell), Period(TODAY, TODAY)).over([TODAY])

    assert (found.holders, found.active, found.adoption) == (0, 1, None)


def test_an_enterprise_counts_a_person_with_two_seats_once() -> None:
    octo = stored.enterprise()
    hold(stored.organization(parent=octo), grant(1, "ann"), grant(2, "bob"))
    hold(stored.organization("other", 502, parent=octo), grant(1, "ann"))
    use(octo, 1)

    found = seats_and_use(Scope(octo), Period(TODAY, TODAY)).over([TODAY])

    assert found == SeatUse(holders=2, active_holders=1, active=1)


def test_of_a_team_its_members_of_the_day_count_whoever_granted_their_seats() -> None:
    octo = stored.enterprise()
    acme = stored.organization(parent=octo)
    hold(stored.organization("other", 502, parent=octo), grant(1, "ann"), grant(2, "bob"), grant(3, "cyd"))
    ann, bob, dan = (stored.person(number) for number in (1, 2, 4))
    team = stored.roster(acme, TODAY, {"core": [ann, bob, dan]})["core"]
    use(acme, 1, 3, 4)

    found = seats_and_use(Scope(acme, team), Period(TODAY, TODAY)).over([TODAY])

    assert found == SeatUse(holders=2, active_holders=1, active=2)


def test_a_day_that_is_not_covered_leaves_use_unknown_and_seats_known() -> None:
    acme = stored.organization()
    hold(acme, grant(1, "ann"), at=ago(5))
    use(acme, 1, on=2)
    use(acme, 1, on=0)

    figures = seats_and_use(Scope(acme), WEEK)

    assert figures.over([day(2), day(1), day(0)]) == SeatUse(1, None, None)
    assert figures.over([day(2), day(0)]) == SeatUse(1, 1, 1)
    assert figures.over([]) == UNKNOWN


def test_the_queries_are_the_same_however_much_there_is() -> None:
    acme = stored.organization()
    hold(acme, grant(1, "ann"), at=ago(5))
    use(acme, 1)

    def queries(period: Period) -> int:
        with CaptureQueriesContext(connection) as asked:
            seats_and_use(Scope(acme), period)
        return len(asked)

    few = queries(Period(TODAY, TODAY))
    for number in range(2, 9):
        hold(
            acme,
            *(grant(each, f"user-{each}", created=each) for each in range(1, number)),
            at=ago(9 - number),
        )
        use(acme, number, on=number)
    assert queries(Period.trailing(TODAY, 90)) == few


def test_whoever_loses_one_of_two_seats_holds_one_still() -> None:
    octo = stored.enterprise()
    one, other = stored.organization("one", 501, parent=octo), stored.organization("other", 502, parent=octo)
    hold(one, grant(1, "ann"), grant(2, "bob"), at=ago(10))
    hold(other, grant(1, "ann", created=4), grant(3, "cyd", created=4), at=ago(4))
    hold(one, grant(9, "zoe", created=2), at=ago(2))

    assert logins(octo, on=5) == {1, 2}
    assert logins(octo, on=4) == {1, 2, 3}
    assert logins(octo, on=2) == {1, 3, 9}, "ann's seat of the other organization goes on"
    assert logins(one, on=2) == {9}


def test_a_seat_that_ended_on_the_day_it_was_granted_was_held_at_no_day_s_end() -> None:
    acme = stored.organization()
    morning = ago(3).replace(hour=1)
    hold(acme, grant(1, "ann"), at=ago(10))
    hold(acme, grant(1, "ann"), grant(2, "bob", created=0), at=morning.replace(hour=8))
    Seat.objects.filter(user__github_id=2).update(created_at=morning)
    hold(acme, grant(1, "ann"), at=ago(3))

    assert [logins(acme, on=on) for on in (4, 3, 2)] == [{1}, {1}, {1}]
