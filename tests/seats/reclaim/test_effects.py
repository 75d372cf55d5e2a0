"""What taking a seat back would do, said before it is done; and whom to ask where it is not possible here."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from seats.models import Account, GitHubUser, OrganizationMembership, Seat, Team, TeamMembership
from seats.reclaim.effects import of_seat, of_seats
from seats.reclaim.refusals import Brake
from tests.seats.holding import NOON, grant, hold, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def acme() -> Account:
    return organization()


def person(number: int, login: str) -> GitHubUser:
    return GitHubUser.objects.create(github_id=number, login=login)


def test_a_seat_the_organization_granted_ends_with_its_cycle(acme: Account) -> None:
    [seat] = hold(acme, grant(1, "ann"))
    effect = of_seat(seat)
    assert (effect.kind, effect.path, effect.ends_on) == ("end_of_cycle", "organization", date(2026, 12, 1))
    assert "about 2026-12-01" in effect.says


def test_the_cycle_ends_when_github_told_that_it_does(acme: Account) -> None:
    seats = hold(acme, grant(1, "ann"), grant(2, "bob", pending_cancellation_date=date(2026, 12, 5)))
    effect = of_seat(seats[0])
    assert effect.ends_on == date(2026, 12, 5)
    assert "about" not in effect.says


def test_in_december_the_cycle_ends_with_the_year(acme: Account, clock: Any) -> None:
    [seat] = hold(acme, grant(1, "ann"))
    clock.move_to(NOON.replace(month=12))
    assert of_seat(seat).ends_on == date(2027, 1, 1)


def test_a_seat_the_enterprise_granted_ends_at_once_and_is_paid_until_the_cycle_ends() -> None:
    corp = Account.objects.create(kind="enterprise", login="corp")
    [seat] = hold(corp, grant(1, "ann"))
    effect = of_seat(seat)
    assert (effect.kind, effect.path, effect.ends_on) == ("immediate", "enterprise", NOON.date())
    assert "paid for until the billing cycle ends, about 2026-12-01" in effect.says


def test_a_seat_a_team_granted_is_ended_by_asking_the_teams_maintainers(acme: Account) -> None:
    [seat] = hold(acme, grant(1, "ann", team_id=7, team_slug="web"))
    team = Team.objects.get()
    for number, login, role in ((11, "max", "maintainer"), (12, "mia", "maintainer"), (13, "moe", "member")):
        TeamMembership.objects.create(team=team, user=person(number, login), role=role, seen_on=NOON.date())
    effect = of_seat(seat)
    assert (effect.kind, effect.path, effect.teams) == ("not_possible", "team", (team,))
    assert "by the team web" in effect.says
    assert effect.ask == "Ask max, mia (of the team web)."
    assert effect.brake == Brake.WRONG_PATH


def test_without_maintainers_the_owners_are_asked(acme: Account) -> None:
    [seat] = hold(acme, grant(1, "ann", team_id=7, team_slug="web"))
    assert of_seat(seat).ask == "Ask an owner of acme."
    for number in range(11, 16):
        OrganizationMembership.objects.create(account=acme, user=person(number, f"o{number}"), role="admin")
    assert of_seat(seat).ask == "Ask o11, o12, o13 and 2 more (owners of acme)."


def test_an_enterprise_team_is_named_as_any_team() -> None:
    corp = Account.objects.create(kind="enterprise", login="corp")
    [seat] = hold(corp, grant(1, "ann", team_id=7, team_slug="web", team_is_enterprise=True))
    effect = of_seat(seat)
    assert (effect.kind, effect.brake) == ("not_possible", Brake.WRONG_PATH)
    assert effect.teams == (Team.objects.get(),)


def test_of_several_grants_one_by_a_team_stops_them_all(acme: Account) -> None:
    [seat] = hold(acme, grant(1, "ann"), grant(1, "ann", team_id=7, team_slug="web"))
    effect = of_seat(seat)
    assert (effect.kind, effect.brake) == ("not_possible", Brake.SEVERAL_GRANTS)


def test_a_teams_grant_that_ends_already_still_stops_it(acme: Account) -> None:
    """GitHub refuses a name whose seat a team has assigned, and the whole call with it."""
    ends = date(2026, 12, 1)
    by_team = grant(1, "ann", team_id=7, team_slug="web", pending_cancellation_date=ends)
    [seat] = hold(acme, grant(1, "ann"), by_team)
    assert of_seat(seat).brake == Brake.SEVERAL_GRANTS


def test_a_seat_known_by_activity_alone_cannot_be_ended(acme: Account) -> None:
    seat = Seat.objects.create(account=acme, user=person(1, "ann"), first_seen_at=NOON, last_seen_at=NOON)
    effect = of_seat(seat)
    assert (effect.kind, effect.brake, effect.ask) == (
        "not_possible", Brake.WRONG_PATH, "Sync the seats of acme.",
    )  # fmt: skip


def test_a_cancelled_seat_needs_nothing_more(acme: Account) -> None:
    [seat] = hold(acme, grant(1, "ann", pending_cancellation_date=date(2026, 12, 1)))
    effect = of_seat(seat)
    assert (effect.kind, effect.brake, effect.ends_on) == (
        "not_possible", Brake.PENDING_ALREADY, date(2026, 12, 1),
    )  # fmt: skip


def test_the_effects_of_many_seats_take_no_more_queries(
    acme: Account, django_assert_max_num_queries: Any
) -> None:
    seats = hold(
        acme, *(grant(n, f"p{n}", team_id=n % 5 or None, team_slug=f"t{n % 5}") for n in range(1, 90))
    )
    with django_assert_max_num_queries(7):
        assert {effect.kind for effect in of_seats(seats).values()} == {"end_of_cycle", "not_possible"}
