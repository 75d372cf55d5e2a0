"""kill -9 at any moment of an execution: the next run looks first, and nobody is asked for twice."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from portal import jobs
from portal.models import AuditEntry, Job
from seats import tasks
from seats.models import Account, Revocation, RevocationBatch, SeatCall
from seats.reclaim import revoke
from seats.reclaim.chain import chain_of
from tests.fake_github import FakeGitHub, Organization, Request
from tests.seats.reclaim import one_job
from tests.seats.reclaim.approved import (
    ONE,
    admin,
    approved_batch,
    asked_again_unseen,
    asked_to_end,
    idle_people,
    is_write,
    pending,
    policy,
    settled_later,
    states,
)

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 3


class Doomed:
    """An execution in a process of its own, which a test kills."""

    def __init__(self, batch: RevocationBatch, folder: Path) -> None:
        self.batch = batch
        self.job = revoke.execute(batch, admin())
        self.log = folder / f"job-{self.job.pk}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = one_job.start(self.job.pk, log)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)

    def wait(self) -> int:
        assert self.process is not None
        return self.process.wait(60)

    def bury(self) -> None:
        """What the portal does when it sees that a worker's process is dead; and a minute goes by."""
        self.job.refresh_from_db()
        if self.job.state == Job.State.RUNNING:
            jobs.worker_died(self.job.worker)
        Job.objects.filter(pk=self.job.pk).update(run_after=None, deaths=0)
        settled_later()

    def go_on(self) -> Job:
        """The next worker."""
        tasks.execute_batch(self.job.pk)
        self.job.refresh_from_db()
        return self.job


@pytest.fixture
def doomed(octo: Organization, account: Account, tmp_path: Path) -> Doomed:
    idle_people(octo, PEOPLE)
    policy()
    return Doomed(approved_batch(account), tmp_path)


def on_request(github: FakeGitHub, wanted: Callable[[Request], bool], act: Callable[[], None]) -> None:
    """Act once when such a request has arrived, before it is answered."""
    done = threading.Event()

    def look(request: Request) -> None:
        if wanted(request) and not done.is_set():
            done.set()
            act()

    github.before_answer = look


def check(doomed: Doomed, github: FakeGitHub, octo: Organization) -> None:
    """What must hold in the end, whenever it was killed."""
    doomed.batch.refresh_from_db()
    assert doomed.batch.state == RevocationBatch.State.DONE, doomed.job.error
    assert set(states(doomed.batch).values()) == {"revoked"}
    assert pending(octo) == [f"user-{number}" for number in range(1, PEOPLE + 1)]
    assert asked_again_unseen(github) == []
    assert not SeatCall.objects.filter(state=SeatCall.State.INTENDED).exists()
    for one in Revocation.objects.select_related("batch"):
        assert chain_of(one) == []
    assert list(AuditEntry.objects.broken_links()) == []


@pytest.mark.parametrize("arrives", [True, False], ids=["the call arrives", "the call is lost"])
def test_killed_between_intent_and_answer_the_next_run_looks_first(
    doomed: Doomed, github: FakeGitHub, octo: Organization, arrives: bool
) -> None:
    lost = [not arrives]

    def strike() -> None:
        doomed.kill()
        doomed.wait()
        if lost.pop():
            octo.copilot_is_enabled = False  # so that this very request does nothing

    on_request(github, is_write, strike)
    doomed.start()

    assert doomed.wait() == -signal.SIGKILL, doomed.log.read_text()
    github.before_answer = None
    github_has_answered(github)
    octo.copilot_is_enabled = True
    assert set(states(doomed.batch).values()) == {"intended"}
    assert bool(pending(octo)) == arrives
    before = len(github.requests)
    doomed.bury()
    assert doomed.go_on().state == Job.State.DONE

    first = [request for request in github.requests[before:] if request.operation == ONE or is_write(request)]
    assert [request.operation for request in first[:PEOPLE]] == [ONE] * PEOPLE
    assert len(asked_to_end(github)) == (1 if arrives else 2)
    check(doomed, github, octo)


def github_has_answered(github: FakeGitHub) -> None:
    """Its thread may still be at the request of the process that is dead."""
    end = threading.Event()
    for _ in range(200):
        if all(request.status for request in github.requests if is_write(request)):
            return
        end.wait(0.02)
    raise AssertionError("the request was never answered")


@pytest.mark.long
@pytest.mark.parametrize("seed", range(12))
def test_killed_at_any_moment_and_again_and_again(
    doomed: Doomed, github: FakeGitHub, octo: Organization, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Each run is killed at a random request, or a random moment after it, until one comes through."""
    dice = Random(int(os.environ.get("SEED", "0")) * 1000 + seed)
    for _ in range(6):
        nth, pause = dice.randint(1, 14), dice.choice([0.0, 0.0, 0.02, 0.1])
        seen: list[Request] = []

        def look(request: Request, seen: list[Request] = seen, nth: int = nth, pause: float = pause) -> None:
            seen.append(request)
            if len(seen) == nth:
                threading.Timer(pause, doomed.kill).start() if pause else doomed.kill()

        github.before_answer = look
        doomed.start()
        doomed.wait()
        github.before_answer = None
        doomed.bury()
        if doomed.job.state == Job.State.DONE:
            break
    while doomed.job.state in Job.LIVE:
        doomed.bury()
        doomed.go_on()
    check(doomed, github, octo)
