"""Maintainers hear once a week whose seats in their team look unused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from seats.models import Account, GitHubUser, Notice, Team, TeamMembership
from seats.reclaim import notify
from tests.seats.holding import NOON, grant, join, organization
from tests.seats.reclaim.mail_server import sending_to
from tests.seats.reclaim.telling import flagged, idle, seat_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def web(account: Account, *, maintainer: str = "mia", email: str = "mia@example.com") -> Team:
    """A team, and who maintains it."""
    team = Team.objects.create(account=account, github_id=7, slug="web", name="Web platform")
    user, _ = GitHubUser.objects.get_or_create(
        login=maintainer, defaults={"provisional_key": maintainer, "email": email}
    )
    TeamMembership.objects.create(team=team, user=user, role="maintainer", seen_on=NOON.date())
    return team


def digests() -> list[Any]:
    return [message for message in mail.outbox if message.to == ["mia@example.com"]]


def test_the_maintainer_hears_who_and_until_when() -> None:
    acme = organization()
    team = web(acme)
    flagged(idle(1, "ann"), idle(2, "bob", assignee_email=""), grant(3, "cyd", used=1), account=acme)
    join(team, [seat_of("ann"), seat_of("bob"), seat_of("cyd")])
    assert notify.notify().digests == 1
    [digest] = digests()
    assert digest.subject == "Copilot seats in Web platform that look unused"
    assert "  ann  2026-09-21  2026-11-27\n  bob  2026-09-21  –\n" in digest.body
    assert "cyd" not in digest.body
    assert "key=" not in digest.body


def test_a_seat_that_the_team_grants_is_listed_whoever_is_in_it() -> None:
    acme = organization()
    web(acme)
    flagged(idle(1, "ann", team_id=7, team_slug="web"), account=acme)
    notify.notify()
    assert "ann" in digests()[0].body


def test_it_comes_once_a_week_at_most(clock: Any) -> None:
    acme = organization()
    team = web(acme)
    flagged(idle(1, "ann"), account=acme)
    join(team, [seat_of("ann")])
    for _ in range(3):  # Friday, Saturday, Sunday
        notify.notify()
        clock.shift(timedelta(days=1))
    assert len(digests()) == 1
    notify.notify()  # Monday
    assert len(digests()) == 2
    keys = Notice.objects.filter(kind="maintainers").order_by("pk").values_list("once_key", flat=True)
    user = GitHubUser.objects.get(login="mia").pk
    assert list(keys) == [f"team:{team.pk}:2026-W{week}:user:{user}" for week in (47, 48)]


def test_one_that_failed_is_tried_again_in_its_week_and_no_longer(clock: Any) -> None:
    acme = organization()
    team = web(acme)
    flagged(idle(1, "ann", assignee_email=""), account=acme)
    join(team, [seat_of("ann")])
    with sending_to(1):
        notify.notify()
    clock.shift(timedelta(days=8))
    assert notify.notify().digests == 1
    notices = Notice.objects.filter(kind="maintainers").order_by("pk").values_list("state", flat=True)
    assert list(notices) == ["withdrawn", "sent"]


@pytest.mark.parametrize("why", ["no address", "a policy that only reports", "nobody inactive"])
def test_where_there_is_nothing_to_tell_nothing_is_sent(why: str) -> None:
    acme = organization()
    team = web(acme, email="" if why == "no address" else "mia@example.com")
    mode = "report_only" if why == "a policy that only reports" else "propose"
    flagged(grant(1, "ann", used=1) if why == "nobody inactive" else idle(1, "ann"), account=acme, mode=mode)
    join(team, [seat_of("ann")])
    assert notify.notify().digests == 0
    assert not Notice.objects.filter(kind="maintainers").exists()


def test_a_team_of_another_organization_hears_nothing_of_its_members_seat() -> None:
    team = web(organization("globex"))
    flagged(idle(1, "ann"))
    join(team, [seat_of("ann")])
    assert notify.notify().digests == 0


def test_the_queries_do_not_grow_with_the_people_listed() -> None:
    asked = []
    for size in (3, 30):
        acme = organization(f"acme-{size}")
        team = web(acme)
        people = [f"u-{size}-{n}" for n in range(size)]
        grants = [idle(size * 100 + n, login, assignee_email="") for n, login in enumerate(people)]
        flagged(*grants, account=acme)
        join(team, [seat_of(login) for login in people])
        with CaptureQueriesContext(connection) as counted:
            assert notify.notify(acme).digests == 1
        asked.append(len(counted))
    assert asked[0] == asked[1]
