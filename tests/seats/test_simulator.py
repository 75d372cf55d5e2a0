"""What a policy would do before it is saved: held together with what it then does."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from seats import simulator, verdicts
from seats.figures import Prices, plan_rank
from seats.models import (
    Account,
    Evidence,
    GitHubUser,
    InactivityPolicy,
    Seat,
    SeatPrice,
    Team,
    TeamMembership,
)
from seats.models.policy import FROM_EVER
from seats.policy_sql import midnight
from seats.standing import SeatStanding
from tests.seats.holding import ago, grant, hold, join, organization
from tests.seats.random_company import make_company

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def stood_under(policy: InactivityPolicy, idle_days: int) -> tuple[list[SeatStanding], list[SeatStanding]]:
    """All seats, and those the policy decides, once it is saved and holds."""
    policy.idle_days = idle_days
    policy.save()
    everyone = list(verdicts.standing(verdicts.today()))
    return everyone, [one for one in everyone if one.policy == policy]


def money_for(seats: list[SeatStanding]) -> Decimal:
    """Each enterprise pays for a person once, at the dearest seat of the highest plan."""
    prices = Prices.on(verdicts.today())
    paid: dict[tuple[int, int], list[tuple[int, Decimal]]] = defaultdict(list)
    for one in seats:
        price = prices.of(one.account, one.plan_type)
        payer = one.account.parent_id or one.account.pk
        paid[one.user.pk, payer].append((plan_rank(one.plan_type), price.amount if price else Decimal(0)))
    return sum((max(seats)[1] for seats in paid.values()), Decimal(0))


@pytest.mark.parametrize("seed", range(5))
def test_it_tells_what_the_policy_then_does(seed: int) -> None:
    dice = random.Random(seed)
    accounts = make_company(dice, people=60)
    for account in accounts[:2]:
        SeatPrice.objects.create(
            account=account, plan_type="business", monthly_price=dice.randrange(5, 30), starts_on=FROM_EVER
        )
    Seat.objects.filter(pk__in=dice.sample(list(Seat.objects.values_list("pk", flat=True)), 60)).update(
        plan_type="business"
    )
    verdicts.refresh()
    scope = [{}, {"account": accounts[0]}, {"account": accounts[1]}, {"team": Team.objects.all()[seed % 6]}][
        seed % 4
    ]
    today = verdicts.today()
    # Nothing of the scope hides it once it is saved.
    InactivityPolicy.objects.filter(
        scope_key=InactivityPolicy(**scope).own_scope_key(), starts_on=today
    ).delete()
    policy = InactivityPolicy(
        **scope, grace_days=dice.choice([0, 14, 59]), sign_in_counts=seed % 2 == 0, starts_on=today
    )

    rows = simulator.simulate(policy, days=(1, 14, 45, 90, 120))

    assert [row.idle_days for row in rows] == [1, 14, 45, 90, 120]
    for row in rows:
        everyone, decided = stood_under(policy, row.idle_days)
        assert row.by_verdict == {
            **dict.fromkeys(row.by_verdict, 0),
            **Counter(s.judgement.verdict for s in decided),
        }
        taken = [one for one in decided if one.judgement.is_inactive]
        assert row.by_account == Counter(one.account for one in taken)
        assert row.inactive == len(taken)
        left = [one for one in everyone if one not in taken]
        assert row.cost.amounts.get("USD", 0) == money_for(everyone) - money_for(left)
        assert set(simulator.caught(policy)) == {one.seat for one in taken}


def test_it_says_whose_seats_and_what_they_cost() -> None:
    acme, zeta = organization("acme"), organization("zeta")
    hold(acme, grant(1, "ana", used=20), grant(2, "ben", used=50), grant(3, "cleo", used=100))
    hold(zeta, grant(4, "dan", used=100), grant(5, "eve", used=1, pending_cancellation_date=ago(-9).date()))

    at_30, at_90 = simulator.simulate(InactivityPolicy(), days=(90, 30))

    assert (at_30.active, at_30.inactive, at_30.pending) == (1, 3, 1)
    assert at_30.by_account == {acme: 2, zeta: 1}
    assert str(at_30.cost) == "57.00 USD"
    assert (at_90.active, at_90.inactive) == (2, 2)


def test_one_of_several_seats_of_a_person_saves_nothing() -> None:
    enterprise = Account.objects.create(kind="enterprise", login="octo")
    acme, zeta = (organization(name, parent=enterprise) for name in ("acme", "zeta"))
    hold(acme, grant(1, "ana", used=50))
    hold(zeta, grant(1, "ana", used=50))

    [narrow] = simulator.simulate(InactivityPolicy(account=acme), days=[30])
    [wide] = simulator.simulate(InactivityPolicy(account=enterprise), days=[30])

    assert (narrow.inactive, str(narrow.cost)) == (1, "0.00")
    assert (wide.inactive, str(wide.cost)) == (2, "19.00 USD")


def test_seats_for_which_a_nearer_policy_decides_are_left_out() -> None:
    acme, zeta = organization("acme"), organization("zeta")
    seats = hold(acme, grant(1, "ana", used=50), grant(2, "ben", used=50), grant(3, "cleo", used=50))
    hold(zeta, grant(4, "dan", used=50))
    team = Team.objects.create(account=acme, github_id=1, slug="web")
    join(team, seats[:1])

    assert [row.inactive for row in simulator.simulate(InactivityPolicy(), days=[30])] == [4]
    InactivityPolicy.objects.create(team=team, idle_days=60)
    assert [row.inactive for row in simulator.simulate(InactivityPolicy(), days=[30])] == [3]
    assert [row.inactive for row in simulator.simulate(InactivityPolicy(account=acme), days=[30])] == [2]
    InactivityPolicy.objects.create(account=acme, idle_days=60)
    assert [row.inactive for row in simulator.simulate(InactivityPolicy(), days=[30])] == [1]


def test_among_the_teams_of_a_person_the_longest_idle_time_decides() -> None:
    acme = organization("acme")
    [seat] = hold(acme, grant(1, "ana", used=100))
    web, data = (Team.objects.create(account=acme, github_id=n, slug=f"t{n}") for n in (1, 2))
    join(web, [seat])
    join(data, [seat])
    InactivityPolicy.objects.create(team=data, idle_days=45)

    rows = simulator.simulate(InactivityPolicy(team=web), days=(30, 45, 60))

    assert [row.inactive for row in rows] == [0, 1, 1]


def test_seats_that_were_not_judged_since_midnight_are_looked_at_anew(
    clock: time_machine.Coordinates,
) -> None:
    hold(organization("acme"), grant(1, "ana", used=50))
    clock.shift(timedelta(days=1))
    Evidence.objects.update(last_on=verdicts.today())

    [row] = simulator.simulate(InactivityPolicy(), days=[30])

    assert (row.active, row.inactive) == (1, 0)


def test_nothing_is_written() -> None:
    hold(organization("acme"), grant(1, "ana", used=20))
    before = list(Seat.objects.values())

    simulator.simulate(InactivityPolicy(idle_days=5))

    assert list(Seat.objects.values()) == before
    assert InactivityPolicy.objects.count() == 1


def test_the_number_of_queries_does_not_grow_with_the_seats() -> None:
    make_company(random.Random(1), people=10)
    acme = organization("acme")
    with CaptureQueriesContext(connection) as few:
        simulator.simulate(InactivityPolicy())
    for number in range(100, 160):
        user = GitHubUser.objects.create(github_id=number + 1, login=f"user-{number}")
        now = midnight(verdicts.today())
        for account in (acme, organization(f"org-{number}")):
            Seat.objects.create(account=account, user=user, first_seen_at=now, last_seen_at=now)
        TeamMembership.objects.create(team=Team.objects.all()[0], user=user, seen_on=verdicts.today())
    with CaptureQueriesContext(connection) as many:
        simulator.simulate(InactivityPolicy())
    assert len(many) == len(few)
