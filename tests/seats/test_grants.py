"""How a seat is granted: by several teams at once, by teams that are renamed, to people who go away."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from seats.models import Account, GitHubUser, Seat, SeatObservation, Team
from seats.roster import Applied, ReportedGrant, Roster, apply
from tests.seats.holding import grant, organization

pytestmark = pytest.mark.django_db

START = datetime(2026, 11, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)
WEB: dict[str, Any] = {"team_id": 7, "team_slug": "web", "team_name": "Web", "team_is_enterprise": False}
OPS: dict[str, Any] = {"team_id": 9, "team_slug": "ops", "team_name": "Ops", "team_is_enterprise": False}


@pytest.fixture
def acme() -> Account:
    return organization()


def take(account: Account, grants: Sequence[ReportedGrant], at: datetime) -> Applied:
    return apply(Roster(account, at, grants, is_complete=True, is_confirmed=True))


def routes(seat: Seat) -> list[tuple[str, str]]:
    return sorted((row.route, str(row.assigning_team or "")) for row in seat.grants.all())


def test_a_person_in_two_teams_holds_one_seat_by_two_grants(acme: Account) -> None:
    applied = take(acme, [grant(1, "ann", **WEB), grant(1, "ann", **OPS, plan_type="enterprise")], START)
    seat = Seat.objects.get()
    assert (applied.new, seat.plan_type, seat.granted_by) == (2, "enterprise", "team")
    assert routes(seat) == [("team", "ops"), ("team", "web")]
    assert seat.assigning_team == Team.objects.get(slug="web")


def test_grants_in_another_order_are_no_news(acme: Account) -> None:
    grants = [grant(1, "ann", **WEB), grant(1, "ann", **OPS), grant(1, "ann"), grant(2, "bob", **WEB)]
    take(acme, grants, START)
    for number, order in enumerate(itertools.permutations(grants), 1):
        assert take(acme, order, START + number * DAY / 24).is_repeat
    assert SeatObservation.objects.count() == 2


def test_a_seat_ends_with_its_last_grant(acme: Account) -> None:
    take(acme, [grant(1, "ann", **WEB), grant(1, "ann", **OPS)], START)
    assert take(acme, [grant(1, "ann", **OPS)], START + DAY).ended == []
    seat = Seat.objects.get()
    assert (routes(seat), seat.assigning_team) == ([("team", "ops")], Team.objects.get(slug="ops"))
    assert take(acme, [], START + 2 * DAY).ended == ["ann"]


def test_cancelling_one_of_two_grants_is_not_pending(acme: Account) -> None:
    ends = {"pending_cancellation_date": date(2026, 12, 1)}
    take(acme, [grant(1, "ann", **ends), grant(1, "ann", **WEB)], START)
    assert Seat.objects.get().pending_cancellation_date is None
    take(acme, [grant(1, "ann", **ends), grant(1, "ann", **WEB, **ends)], START + DAY)
    assert Seat.objects.get().pending_cancellation_date == date(2026, 12, 1)


def test_a_renamed_team_stays_one_with_its_former_name(acme: Account) -> None:
    renamed = {**WEB, "team_slug": "web-platform", "team_name": "Web platform"}
    take(acme, [grant(1, "ann", **WEB), grant(2, "bob", **WEB)], START)
    take(acme, [grant(1, "ann", **renamed), grant(2, "bob", **renamed)], START + DAY)
    team = Team.objects.get()
    assert (team.slug, team.name, team.former_slugs) == ("web-platform", "Web platform", ["web"])
    assert SeatObservation.objects.count() == 2
    assert routes(Seat.objects.get(user__login="ann")) == [("team", "web-platform")]


def test_an_older_list_does_not_rename_a_team_back_whatever_came_in_between(acme: Account) -> None:
    take(acme, [grant(1, "ann", **{**WEB, "team_slug": "web-platform"})], START)
    take(acme, [grant(1, "ann", **{**WEB, "team_slug": "web-platform"})], START + 9 * DAY)
    take(acme, [grant(1, "ann", **WEB)], START + 5 * DAY)
    team = Team.objects.get()
    assert (team.slug, team.former_slugs) == ("web-platform", ["web"])


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_team_that_is_called_as_before_again_is_not_formerly_called_so(
    acme: Account, order: tuple[int, ...]
) -> None:
    slugs = ["web", "web-platform", "web"]
    for day in order:
        take(acme, [grant(1, "ann", **{**WEB, "team_slug": slugs[day]})], START + day * DAY)
    team = Team.objects.get()
    assert (team.slug, team.former_slugs) == ("web", ["web-platform"])


def test_an_enterprises_team_grants_seats_of_its_organizations() -> None:
    octo = Account.objects.create(kind="enterprise", login="octo", github_id=1)
    everybody = {"team_id": 5, "team_slug": "ent:all", "team_name": "All"}
    acme, globex = (
        {"organization_id": 11, "organization_login": "acme"},
        {"organization_id": 12, "organization_login": "globex"},
    )
    grants = [
        grant(1, "ann", **acme, **everybody),
        grant(1, "ann", **globex, **everybody),
        grant(2, "bob", **everybody),
    ]
    take(octo, grants, START)
    assert Team.objects.get().account == octo
    assert sorted(Seat.objects.values_list("account__login", "user__login", "granted_by")) == [
        ("acme", "ann", "enterprise_team"),
        ("globex", "ann", "enterprise_team"),
        ("octo", "bob", "enterprise_team"),
    ]
    assert take(octo, grants[1:], START + DAY).ended == ["ann"]
    assert Seat.objects.held().count() == 2


def test_a_person_who_was_deleted_and_whose_login_was_taken_leaves_two_people(acme: Account) -> None:
    take(acme, [grant(1, "ann"), grant(2, "bob")], START)
    applied = take(acme, [grant(3, "Ann"), grant(2, "bob")], START + DAY)
    assert (applied.new, applied.ended) == (1, ["ann"])
    assert GitHubUser.objects.count() == 3
    assert list(
        Seat.objects.held().order_by("user__github_id").values_list("user__github_id", flat=True)
    ) == [2, 3]


def test_githubs_ghost_is_one_person_however_many_seats_it_inherits(acme: Account) -> None:
    ghosts = [grant(10137, "ghost", **WEB), grant(10137, "ghost"), grant(10137, "ghost", **WEB)]
    applied = take(acme, [*ghosts, grant(2, "bob")], START)
    assert applied.new == 4
    ghost = Seat.objects.get(user__login="ghost")
    assert routes(ghost) == [("direct", ""), ("team", "web")]
    assert take(acme, [*ghosts[:2], grant(2, "bob")], START + DAY).ended == []


def test_an_organization_new_to_an_enterprise_brings_its_standing_seats_along() -> None:
    acme = organization("acme", github_id=11)
    for days in (0, 3):
        take(acme, [grant(1, "ann"), grant(2, "bob")], START + days * DAY)
    octo = Account.objects.create(kind="enterprise", login="octo", github_id=1)
    named = {"organization_id": 11, "organization_login": "acme"}
    applied = take(octo, [grant(1, "ann", **named)], START + 5 * DAY)
    assert applied.ended == ["bob"]
    bob = Seat.objects.get(user__login="bob")
    assert (bob.last_seen_at, bob.ended_at) == (START + 3 * DAY, START + 5 * DAY)
