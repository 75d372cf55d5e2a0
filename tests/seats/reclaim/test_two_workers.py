"""Two workers at the same moment, on one job or on one account: one execution, one chain in the audit."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection as database

from portal.github import transport
from portal.models import AuditEntry, Job
from seats import tasks
from seats.models import Account, Revocation, RevocationBatch, SeatCall
from seats.reclaim import revoke
from seats.reclaim.chain import chain_of
from tests.fake_github import FakeGitHub, Organization
from tests.seats.reclaim.approved import (
    admin,
    approved_batch,
    asked_to_end,
    idle_people,
    pending,
    policy,
    states,
    trail,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """That writes go out at most one a second is specified elsewhere."""
    monkeypatch.setattr(transport, "_BETWEEN_WRITES", 0.0)


def at_once(*works: Callable[[], object]) -> None:
    """All of these, each in a thread of its own, from the same moment on."""
    gate = threading.Barrier(len(works), timeout=30)
    troubles: list[BaseException] = []

    def one(work: Callable[[], object]) -> None:
        try:
            gate.wait()
            work()
        except BaseException as error:  # noqa: BLE001 - told by the test
            troubles.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=one, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not troubles


def finish(*jobs: Job) -> None:
    """Whatever waits for another goes on when its time has come."""
    for _ in range(3):
        for job in jobs:
            job.refresh_from_db()
            if job.state == Job.State.QUEUED:
                Job.objects.filter(pk=job.pk).update(run_after=None)
                tasks.execute_batch(job.pk)


def test_two_workers_with_one_job_execute_it_once(
    github: FakeGitHub, octo: Organization, account: Account
) -> None:
    idle_people(octo, 4)
    policy()
    batch = approved_batch(account)
    job = revoke.execute(batch, admin())

    at_once(lambda: tasks.execute_batch(job.pk), lambda: tasks.execute_batch(job.pk))

    assert asked_to_end(github) == [[f"user-{number}" for number in range(1, 5)]]
    assert set(states(batch).values()) == {"revoked"}
    assert trail(batch.subject)[-2:] == ["batch execution began", "batch execution ended"]
    assert trail(batch.subject).count("batch execution began") == 1
    assert SeatCall.objects.count() == 1


def test_two_people_who_press_at_once_start_one_job(octo: Organization, account: Account) -> None:
    idle_people(octo, 2)
    policy()
    batch = approved_batch(account)
    olga, otto = admin("olga"), admin("otto")

    at_once(lambda: revoke.execute(batch, olga), lambda: revoke.execute(batch, otto))

    assert Job.objects.filter(kind=revoke.KIND).count() == 1


def test_two_batches_of_an_account_at_once_go_one_after_the_other(
    github: FakeGitHub, octo: Organization, account: Account
) -> None:
    """Together they would take the last seat; each by itself would not."""
    idle_people(octo, 4)
    policy()
    first = approved_batch(account, ["user-1", "user-2"])
    second = approved_batch(account, ["user-3", "user-4"])
    octo.seats.pop()  # whoever was at work has left
    doing = [revoke.execute(batch, admin()) for batch in (first, second)]

    at_once(*(lambda job=job: tasks.execute_batch(job.pk) for job in doing))  # type: ignore[misc]
    finish(*doing)

    assert len(pending(octo)) == 3
    assert sorted(name for names in asked_to_end(github) for name in names) == pending(octo)
    stopped = RevocationBatch.objects.get(state=RevocationBatch.State.STOPPED)
    assert "No seat of the account would remain" in stopped.says
    for one in Revocation.objects.taken_back().select_related("batch"):
        assert chain_of(one) == []
    assert list(AuditEntry.objects.broken_links()) == []
