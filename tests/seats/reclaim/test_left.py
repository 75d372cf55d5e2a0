"""What nobody executes any more is cleared up all the same: by reading, and by asking for nothing."""

from __future__ import annotations

import pytest

from portal import jobs
from portal.models import Job
from seats import tasks
from seats.models import Account, RevocationBatch, SeatCall
from seats.reclaim import left, reinstate, revoke
from seats.reclaim.chain import chain_of
from tests.fake_github import FakeGitHub, Organization, Trouble
from tests.seats.reclaim.approved import (
    admin,
    approved_batch,
    idle_people,
    is_write,
    pending,
    revocation_of,
    settled_later,
    states,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def dead(github: FakeGitHub, octo: Organization, account: Account) -> RevocationBatch:
    """Asked of GitHub, whose answer was lost; the job that waited to look was cancelled."""
    idle_people(octo, 2)
    batch = approved_batch(account)
    github.trouble = Trouble("reset-midway", times=1, where=is_write)
    jobs.cancel(revoke.execute_here(batch, admin()), admin())
    github.forget()
    return batch


def run(job: Job) -> Job:
    settled_later()
    Job.objects.filter(pk=job.pk).update(run_after=None)
    tasks.settle_calls(job.pk)
    job.refresh_from_db()
    return job


def test_at_midnight_it_is_found_out_and_nothing_is_asked_for(
    github: FakeGitHub, octo: Organization, dead: RevocationBatch
) -> None:
    [job] = left.settle_left()
    dead.refresh_from_db()
    assert (dead.state, dead.says) == ("stopped", "Its execution ended without saying so.")

    assert run(job).state == Job.State.DONE

    dead.refresh_from_db()
    assert dead.state == RevocationBatch.State.DONE
    assert states(dead) == {"user-1": "revoked", "user-2": "revoked"}
    assert chain_of(revocation_of(dead, "user-1")) == []
    assert not [request for request in github.requests if is_write(request)]
    assert left.settle_left() == []


def test_an_execution_that_is_under_way_looks_by_itself(dead: RevocationBatch) -> None:
    Job.objects.create(kind=revoke.KIND, subject=dead.subject, live_key=f"{revoke.KIND}:{dead.subject}")
    [job] = left.settle_left()

    assert run(job).state == Job.State.QUEUED

    assert set(states(dead).values()) == {"intended"}


def test_an_execution_that_is_stopped_while_it_asks_is_looked_after_at_once(
    github: FakeGitHub, octo: Organization, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle_people(octo, 1)
    batch = approved_batch(account)
    monkeypatch.setattr(jobs, "RETRY_AFTER", ())
    github.trouble = Trouble("500-late", times=1, where=is_write)

    assert revoke.execute_here(batch, admin()).state == Job.State.FAILED

    batch.refresh_from_db()
    assert batch.state == RevocationBatch.State.STOPPED
    run(Job.objects.get(kind=left.KIND))
    assert states(batch) == {"user-1": "revoked"}


def test_so_is_what_was_to_be_given_back(github: FakeGitHub, octo: Organization, account: Account) -> None:
    idle_people(octo, 1)
    batch = approved_batch(account)
    revoke.execute_here(batch, admin())
    github.trouble = Trouble("reset-midway", times=1, where=is_write)
    rows = batch.revocations.select_related("batch")
    jobs.cancel(reinstate.reinstate_here(rows, admin(), "A mistake."), admin())
    assert pending(octo) == []

    [job] = left.settle_left()
    run(job)

    one = revocation_of(batch, "user-1")
    assert (one.state, one.reinstated_by) == ("reinstated", admin())
    assert one.review is not None
    assert one.review.decision == "A mistake."
    assert chain_of(one) == []
    assert not SeatCall.objects.filter(state=SeatCall.State.INTENDED).exists()
