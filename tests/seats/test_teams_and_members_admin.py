"""The teams page, and the seats of people who left their organization."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from seats.models import Account, Listing, OrganizationMembership, Team, TeamMembership
from tests.counting import queries_of
from tests.seats.holding import NOON, ago, grant, hold, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

TEAMS = "/seats/team/"


@pytest.fixture
def acme() -> Account:
    return organization("acme")


@pytest.fixture
def web(acme: Account) -> Team:
    """Ana maintains it and holds a seat, Ben is in it through the team below."""
    team = Team.objects.create(
        account=acme, github_id=1, slug="web", kind="organization", members_read_at=NOON
    )
    Team.objects.create(account=acme, github_id=2, slug="frontend", parent=team, kind="organization")
    ana, ben = hold(acme, grant(1, "ana", used=2), grant(2, "ben", used=2))
    TeamMembership.objects.create(team=team, user=ana.user, role="maintainer", seen_on=NOON.date())
    TeamMembership.objects.create(team=team, user=ben.user, is_inherited=True, seen_on=NOON.date())
    return team


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def listed(client: Client, query: str = "") -> list[str]:
    return [team.slug for team in client.get(f"{TEAMS}?{query}").context["cl"].result_list]


def test_a_team_shows_its_parent_its_maintainers_and_who_is_in_it_through_a_child(
    olga_client: Client, web: Team
) -> None:
    page = text_of(olga_client.get(reverse("admin:seats_team_change", args=[web.pk])).content.decode())

    for said in ("frontend", "ana", "maintainer", "2026-11-20 12:00 UTC, from GitHub", "of an organization"):
        assert said in page


def test_each_member_takes_one_row(olga_client: Client, web: Team) -> None:
    page = olga_client.get(reverse("admin:seats_team_change", args=[web.pk])).content.decode()
    named = [membership for membership in TeamMembership.objects.filter(team=web) if str(membership) in page]

    assert named == [], "the title of a row"


def test_the_list_counts_members_maintainers_and_seats(olga_client: Client, web: Team) -> None:
    [team] = [row for row in olga_client.get(TEAMS).context["cl"].result_list if row.slug == "web"]

    assert (team.member_count, team.maintainer_count, team.holder_count) == (2, 1, 2)


def test_teams_that_are_gone_are_listed_when_asked_for(olga_client: Client, acme: Account, web: Team) -> None:
    Team.objects.create(account=acme, github_id=3, slug="old", gone_at=ago(3))

    assert listed(olga_client) == ["frontend", "web"]
    assert listed(olga_client, "gone=gone") == ["old"]
    assert listed(olga_client, "gone=all") == ["frontend", "old", "web"]


def test_it_asks_as_many_queries_for_forty_teams_as_for_two(
    olga_client: Client, acme: Account, web: Team
) -> None:
    few = queries_of(olga_client, TEAMS)
    Team.objects.bulk_create(
        Team(account=acme, github_id=number, slug=f"team-{number}", parent=web) for number in range(10, 50)
    )

    assert queries_of(olga_client, TEAMS) == few


def test_seats_of_people_who_left_can_be_listed(olga_client: Client, acme: Account, web: Team) -> None:
    ana = TeamMembership.objects.get(role="maintainer").user
    OrganizationMembership.objects.create(account=acme, user=ana)
    Listing.objects.create(account=acme, what="members", read_at=NOON + timedelta(hours=1), rows=1)

    page = olga_client.get("/seats/seat/?member=left")

    assert [seat.user.login for seat in page.context["cl"].result_list] == ["ben"]
