"""Everything goes wrong at random: what is written is what GitHub did, and nobody is asked for unseen."""

from __future__ import annotations

import os
from random import Random
from typing import Any

import pytest

from portal.github import transport
from portal.models import AuditEntry, Job
from seats import tasks
from seats.models import Account, Revocation, RevocationBatch, SeatCall
from seats.reclaim import revoke, taking
from seats.reclaim.chain import chain_of
from seats.reclaim.refusals import Refused
from tests.fake_github import FakeGitHub, Organization, Trouble
from tests.seats.reclaim.approved import (
    admin,
    approved_batch,
    asked_again_unseen,
    idle_people,
    is_write,
    pending,
    policy,
    settled_later,
)
from tests.seats.reclaim.directly import spoken_directly

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

LOST = ("500", "500-late", "502", "reset", "reset-midway", "truncated", "429", "html")
SEED = int(os.environ.get("SEED", "0"))


class Company:
    """Some people, each with their own fate at GitHub."""

    def __init__(self, github: FakeGitHub, octo: Organization, account: Account, dice: Random) -> None:
        self.github, self.octo, self.dice = github, octo, dice
        people = dice.randint(2, 9)
        idle_people(octo, people)
        policy()
        self.batch = approved_batch(account)
        names = [f"user-{number}" for number in range(1, people + 1)]
        octo.stubborn = {name for name in names if dice.random() < 0.15}
        octo.passed_over = {name for name in names if dice.random() < 0.1}
        octo.refuses_late = dice.random() < 0.5
        self.revived: set[str] = set()

    def go(self) -> None:
        """Execute until there is nothing left to do, whatever happens in between."""
        for _ in range(25):
            self.batch.refresh_from_db()
            if self.batch.state == RevocationBatch.State.DONE:
                return
            self._let_something_happen()
            self._run()
        self.github.trouble = None
        self.octo.stubborn, self.octo.passed_over = set(), set()
        self._run()

    def _let_something_happen(self) -> None:
        dice = self.dice
        self.github.trouble = [
            Trouble(kind, rate=0.3, seed=dice.randint(1, 10**6), where=is_write, retry_after=_wait(kind))  # type: ignore[arg-type]
            for kind in dice.sample(LOST, 2)
        ]
        if dice.random() < 0.3 and self.octo.seats:
            row = dice.choice(self.octo.seats)
            # Life after the call does not undo it; life before the last look must.
            if not row["pending_cancellation_date"] and row["assignee"]["login"] != "busy":
                row["last_activity_at"] = "2026-11-20T11:30:00Z"
                self.revived.add(row["assignee"]["login"])
        if dice.random() < 0.1:
            person = dice.choice(self.octo.members)
            person["login"] = f"{person['login']}-x"

    def _run(self) -> None:
        waiting = Job.objects.filter(kind=revoke.KIND, state=Job.State.QUEUED)
        settled_later()
        if job := waiting.first():
            waiting.update(run_after=None)
            tasks.execute_batch(job.pk)
        else:
            try:
                revoke.execute_here(self.batch, admin())
            except Refused:
                assert self.batch.state != RevocationBatch.State.APPROVED

    def complaints(self) -> list[str]:
        told = [f"{name} was asked for again unseen" for name in asked_again_unseen(self.github)]
        ended = {row["assignee"]["id"] for row in self.octo.seats if row["pending_cancellation_date"]}
        for one in Revocation.objects.select_related("batch", "seat__user"):
            taken = one.state in Revocation.TAKEN_BACK
            if taken != (one.seat.user.github_id in ended):
                told.append(f"{one.login} is {one.state}, and at GitHub it is otherwise")
            told += [f"{one.login} lacks {step}" for step in chain_of(one)]
        for name in self.revived & set(pending(self.octo)):
            told.append(f"{name} came back to life and lost the seat")
        if SeatCall.objects.filter(state=SeatCall.State.INTENDED).exists():
            told.append("a call was never settled")
        if any(AuditEntry.objects.broken_links()):
            told.append("the audit is broken")
        return told


def _wait(kind: str) -> int | None:
    return 0 if kind == "429" else None


def run(seed: int, github: FakeGitHub, octo: Organization, account: Account, patch: Any) -> None:
    dice = Random(SEED * 10_000 + seed)
    patch.setattr(taking, "CHUNK", dice.randint(1, 4))
    patch.setattr(transport, "_BETWEEN_WRITES", 0.0)
    with spoken_directly(github):
        company = Company(github, octo, account, dice)
        company.go()
    company.batch.refresh_from_db()
    assert company.complaints() == []
    assert company.batch.state == RevocationBatch.State.DONE, company.batch.says


@pytest.mark.parametrize("seed", range(2))
def test_what_is_written_is_what_happened(
    seed: int,
    github: FakeGitHub,
    octo: Organization,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(seed, github, octo, account, monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 80))
def test_also_many_times(
    seed: int,
    github: FakeGitHub,
    octo: Organization,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(seed, github, octo, account, monkeypatch)
