"""Two admins in two browsers at the same moment: one of them wins, the other one reads why."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection as database

from portal.models import AuditEntry
from seats.models import Revocation, RevocationBatch
from seats.reclaim.approve import approve, withdraw
from seats.reclaim.propose import propose
from seats.reclaim.refusals import Brake, Refused
from tests.seats.reclaim.well import busy, connected, idle, rules, well

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clock")]


def at_once(*works: Callable[[], object]) -> list[object]:
    """What comes of each, begun at the same moment: its result, or the brake that refused it."""
    gate = threading.Barrier(len(works), timeout=30)
    came: list[object] = [None] * len(works)

    def one(number: int, work: Callable[[], object]) -> None:
        try:
            gate.wait()
            came[number] = work()
        except Refused as refused:
            came[number] = refused.refusal.brake
        finally:
            database.close()

    threads = [threading.Thread(target=one, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return came


def test_two_people_propose_the_same_seats(olga: Any, django_user_model: Any) -> None:
    rules()
    acme = connected()
    well(acme, idle(1, "ida"), idle(2, "ina"), busy(3, "bob"))
    otto = django_user_model.objects.create_superuser("otto")
    came = at_once(lambda: propose(acme, None, by=olga), lambda: propose(acme, None, by=otto))
    [batch] = RevocationBatch.objects.all()
    assert {str(one) for one in came} == {str(batch), Brake.IN_ANOTHER_BATCH.value}
    assert Revocation.objects.filter(state="proposed", batch=batch).count() == 2


def test_two_people_decide_over_the_same_batch(olga: Any, django_user_model: Any) -> None:
    rules()
    acme = connected()
    well(acme, idle(1, "ida"), busy(2, "bob"))
    otto = django_user_model.objects.create_superuser("otto")
    batch = propose(acme, None, by=olga)
    came = at_once(
        lambda: approve(RevocationBatch.objects.get(), olga, "unused"),
        lambda: approve(RevocationBatch.objects.get(), otto, "unused"),
    )
    batch.refresh_from_db()
    assert batch.state == "approved"
    assert sorted(str(one) for one in came) == sorted([str(batch), Brake.CHANGED_SINCE_PROPOSED.value])
    assert AuditEntry.objects.filter(action="batch approved").count() == 1


def test_one_approves_while_another_withdraws(olga: Any, django_user_model: Any) -> None:
    rules()
    acme = connected()
    well(acme, idle(1, "ida"), busy(2, "bob"))
    otto = django_user_model.objects.create_superuser("otto")
    batch = propose(acme, None, by=olga)
    at_once(
        lambda: approve(RevocationBatch.objects.get(), olga, "unused"),
        lambda: withdraw(RevocationBatch.objects.get(), otto, "keep them"),
    )
    # Whoever was first: what is approved can be withdrawn, what is withdrawn cannot be approved.
    batch.refresh_from_db()
    assert batch.state == "withdrawn"
    assert Revocation.objects.get().state == "dropped"


def test_a_second_person_and_the_first_again(olga: Any, django_user_model: Any) -> None:
    rules(needs_second_person=True)
    acme = connected()
    well(acme, idle(1, "ida"), busy(2, "bob"))
    first, second = (django_user_model.objects.create_superuser(name) for name in ("otto", "pia"))
    batch = propose(acme, None, by=olga)
    at_once(
        lambda: approve(RevocationBatch.objects.get(), first, "unused"),
        lambda: approve(RevocationBatch.objects.get(), second, "unused"),
    )
    batch.refresh_from_db()
    assert batch.state == "approved"
    assert {batch.approved_by, batch.second_approved_by} == {first, second}
