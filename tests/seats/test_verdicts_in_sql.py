"""The cached verdict is computed in SQL; it must be the verdict of `seats.policy`, seat by seat."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from seats import tasks, verdicts
from seats.models import Account, GitHubUser, InactivityPolicy, Seat
from seats.models.policy import FROM_EVER
from seats.policy_sql import midnight
from tests.seats.holding import grant, hold, organization
from tests.seats.random_company import make_company

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("seed", range(8))
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
    InactivityPolicy.objects.exclude(scope_key="all", starts_on=FROM_EVER).delete()
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


def test_a_policy_that_starts_later_matters_from_its_day_on(clock: time_machine.Coordinates) -> None:
    acme = organization()
    starts_on = verdicts.today() + timedelta(days=2)
    always = InactivityPolicy.objects.get()
    hold(acme, grant(1, "ana", used=20))
    stricter = InactivityPolicy.objects.create(account=acme, idle_days=10, starts_on=starts_on)

    found = []
    for _ in range(3):
        tasks.refresh_verdicts()
        seat = Seat.objects.get()
        [stood] = verdicts.standing(verdicts.today())
        assert (stood.policy, stood.judgement.verdict) == (seat.policy, seat.verdict)
        found.append((seat.policy, seat.verdict))
        clock.shift(timedelta(days=1))

    assert found == [(always, "active"), (always, "active"), (stricter, "idle")]


def test_a_policy_is_over_on_the_day_after_its_last(clock: time_machine.Coordinates) -> None:
    always = InactivityPolicy.objects.get()
    hold(organization(), grant(1, "ana", used=40))
    summer = InactivityPolicy.objects.create(
        idle_days=90, starts_on=verdicts.today() - timedelta(days=9), ends_on=verdicts.today()
    )

    verdicts.refresh()
    assert (Seat.objects.get().policy, Seat.objects.get().verdict) == (summer, "active")

    clock.shift(timedelta(days=1))
    verdicts.refresh()
    assert (Seat.objects.get().policy, Seat.objects.get().verdict) == (always, "idle")


def test_a_past_day_is_judged_by_the_policy_of_that_day(clock: time_machine.Coordinates) -> None:
    hold(organization(), grant(1, "ana", used=40))
    InactivityPolicy.objects.create(idle_days=90, starts_on=verdicts.today())

    [before] = verdicts.standing(verdicts.today() - timedelta(days=1))
    [now] = verdicts.standing(verdicts.today())

    assert (before.judgement.verdict, now.judgement.verdict) == ("idle", "active")


def test_without_any_policy_seats_are_judged_as_at_first(
    clock: time_machine.Coordinates,
) -> None:
    acme = organization()
    hold(acme, grant(1, "ana", used=20), grant(2, "ben", used=31))
    narrow = InactivityPolicy.objects.create(account=acme, idle_days=10)
    InactivityPolicy.objects.exclude(pk=narrow.pk).delete()
    verdicts.refresh()
    assert set(Seat.objects.values_list("policy", "verdict")) == {(narrow.pk, "idle")}

    InactivityPolicy.objects.update(starts_on=verdicts.today() + timedelta(days=1))
    verdicts.refresh()

    assert list(Seat.objects.order_by("pk").values_list("policy", "verdict")) == [
        (None, "active"),
        (None, "idle"),
    ]
    stood = [(one.policy, one.judgement.verdict) for one in verdicts.standing(verdicts.today())]
    assert stood == [(None, "active"), (None, "idle")]
