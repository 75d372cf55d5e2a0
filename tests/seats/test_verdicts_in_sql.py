"""The cached verdict is computed in SQL; it must be the verdict of `seats.policy`, seat by seat."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from seats import verdicts, watching
from seats.models import (
    Account,
    Evidence,
    Exemption,
    GitHubUser,
    InactivityPolicy,
    Seat,
    SeatGrant,
    SeatRoster,
    Team,
    TeamMembership,
)
from seats.policy import SOURCES
from seats.policy_sql import midnight

pytestmark = pytest.mark.django_db

INTERESTING = [0, 1, 13, 14, 15, 29, 30, 31, 59, 60, 61, 89, 90, 91, 119, 120, 121, 200, 400]


def make_company(dice: random.Random, people: int) -> list[Account]:
    """Accounts, teams, policies and seats of every kind, around every threshold."""
    today = verdicts.today()
    enterprise = Account.objects.create(kind="enterprise", login="octo")
    accounts = [enterprise] + [
        Account.objects.create(kind="organization", login=f"org-{n}", parent=enterprise if n < 2 else None)
        for n in range(3)
    ]
    for account in accounts:
        for ago in dice.sample(INTERESTING, dice.randrange(0, 4)):
            SeatRoster.objects.create(
                account=account,
                observed_at=midnight(today - timedelta(days=ago)),
                is_complete=True,
                seats=1,
            )
    watching.remember(accounts)
    teams = [
        Team.objects.create(account=dice.choice(accounts), github_id=n, slug=f"team-{n}") for n in range(6)
    ]
    InactivityPolicy.objects.filter(scope_key="all").update(idle_days=dice.choice([7, 30, 89, 90, 91, 120]))
    for scope in dice.sample(accounts, 2):
        InactivityPolicy.objects.create(
            account=scope, idle_days=dice.choice([14, 30, 60, 120]), grace_days=30
        )
    for team in dice.sample(teams, 3):
        InactivityPolicy.objects.create(
            team=team, idle_days=dice.choice([10, 45, 100]), sign_in_counts=dice.random() < 0.5
        )
    for number in range(people):
        user = GitHubUser.objects.create(github_id=number + 1, login=f"user-{number}")
        for source in dice.sample(SOURCES, dice.randrange(0, 3)):
            Evidence.objects.create(
                user=user, source=source, last_on=today - timedelta(days=dice.choice(INTERESTING))
            )
        for account in dice.sample(accounts, dice.randrange(1, 3)):
            seen = midnight(today - timedelta(days=dice.choice(INTERESTING)))
            granted = midnight(today - timedelta(days=dice.choice(INTERESTING))) + timedelta(hours=5)
            seat = Seat.objects.create(
                account=account,
                user=user,
                first_seen_at=seen,
                last_seen_at=seen,
                created_at=granted if dice.random() < 0.8 else None,
                pending_cancellation_date=today if dice.random() < 0.1 else None,
            )
            if dice.random() < 0.4:
                team = dice.choice(teams)
                SeatGrant.objects.create(seat=seat, route="team", assigning_team=team, team_key=team.pk)
        if dice.random() < 0.4:
            TeamMembership.objects.create(team=dice.choice(teams), user=user, seen_on=today)
        if dice.random() < 0.2:
            Exemption.objects.create(
                user=user,
                account=dice.choice([None, *accounts]),
                reason="on leave",
                starts_on=today - timedelta(days=10),
                until=dice.choice([None, today, today - timedelta(days=1)]),
            )
    return accounts


@pytest.mark.parametrize("seed", range(6))
def test_sql_and_python_give_every_seat_the_same_verdict_and_evidence(seed: int) -> None:
    make_company(random.Random(seed), people=80)
    verdicts.refresh()
    stood = {one.seat.pk: one for one in verdicts.standing(verdicts.today())}
    assert len(stood) == Seat.objects.held().count()
    for seat in Seat.objects.held():
        expected = stood[seat.pk]
        assert seat.policy_id == (expected.policy.pk if expected.policy else None)
        assert seat.verdict == expected.judgement.verdict, (seat, expected)
        assert (seat.last_used_on, seat.last_used_source) == (
            expected.last_evidence_on,
            expected.last_evidence_source,
        )


def test_a_policy_tells_how_many_it_would_catch_were_it_the_nearest() -> None:
    make_company(random.Random(99), people=80)
    InactivityPolicy.objects.exclude(scope_key="all").delete()
    policy = InactivityPolicy.objects.get()
    verdicts.refresh()
    assert verdicts.would_catch(policy) == Seat.objects.inactive().count()


def test_the_number_of_queries_does_not_grow_with_the_seats() -> None:
    make_company(random.Random(1), people=10)
    with CaptureQueriesContext(
        connection,
    ) as few:
        verdicts.refresh()
    for number in range(100, 200):
        user = GitHubUser.objects.create(github_id=number + 1, login=f"user-{number}")
        now = midnight(verdicts.today())
        Seat.objects.create(account=Account.objects.first(), user=user, first_seen_at=now, last_seen_at=now)
    with CaptureQueriesContext(connection) as many:
        verdicts.refresh()
    assert len(many) == len(few)
