"""A company in which everything occurs: every kind of account, policy, exemption and seat, by a seed."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

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

NAMES = ["user", "Svc", "svc.x", "bot"]
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
    make_dated_policies(
        dice, [{}, *({"account": one} for one in accounts), *({"team": one} for one in teams)]
    )
    make_exemptions_by_rule(dice, accounts, teams)
    for number in range(people):
        user = GitHubUser.objects.create(github_id=number + 1, login=f"{dice.choice(NAMES)}-{number}")
        for source in dice.sample(SOURCES, dice.randrange(0, 3)):
            Evidence.objects.create(
                user=user, source=source, last_on=today - timedelta(days=dice.choice(INTERESTING))
            )
        for account in dice.sample(accounts, dice.randrange(1, 3)):
            seen = midnight(today - timedelta(days=dice.choice(INTERESTING))) + timedelta(hours=1)
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


def make_dated_policies(dice: random.Random, scopes: list[dict[str, Any]]) -> None:
    """Several policies of one scope: over, in force, of which the newest wins, and to come."""
    today = verdicts.today()
    for scope in dice.sample(scopes, 5):
        for starts, ends in dice.sample([(-50, -1), (-40, None), (-30, 0), (0, 10), (0, None), (1, None)], 2):
            starts_on = today + timedelta(days=starts)
            InactivityPolicy.objects.get_or_create(
                scope_key=InactivityPolicy(**scope).own_scope_key(),
                starts_on=starts_on,
                defaults={
                    **scope,
                    "idle_days": dice.choice([13, 29, 59]),
                    "ends_on": None if ends is None else today + timedelta(days=ends),
                },
            )


def make_exemptions_by_rule(dice: random.Random, accounts: list[Account], teams: list[Team]) -> None:
    """Each kind with and without an account, in force, over and to come."""
    today = verdicts.today()
    for _ in range(4):
        target: dict[str, Any] = dice.choice(
            [
                {"team": dice.choice(teams)},
                {"login_pattern": dice.choice(["svc-*", "*.X-1*", "*-7", "bot*3"])},
                {"newcomer_days": dice.choice([0, 13, 30, 60])},
            ]
        )
        starts, ends = dice.choice([(-20, None), (-20, 0), (-20, -1), (0, None), (0, 0), (1, None), (1, 5)])
        Exemption.objects.create(
            **target,
            account=dice.choice([None, *accounts]),
            reason="a rule",
            starts_on=today + timedelta(days=starts),
            until=None if ends is None else today + timedelta(days=ends),
        )
