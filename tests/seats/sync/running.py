"""Running a step the way a worker does, and what it left behind."""

from __future__ import annotations

from typing import Any

from portal.models import Job
from seats.models import Account
from seats.sync import steps
from tests.fake_github import Organization, seat


def run(step: str, account: Account, **options: Any) -> Job:
    return steps.run_step(step, account, **options)


def done(step: str, account: Account, **options: Any) -> dict[str, Any]:
    """The tally of a run that must succeed."""
    job = run(step, account, **options)
    assert (job.state, job.error) == (Job.State.DONE, ""), job.error
    return dict(job.tally)


def seat_people(organization: Organization, count: int, first: int = 1) -> None:
    """So many people with a seat each: user-1, user-2, …"""
    for number in range(first, first + count):
        organization.seats.append(seat(organization.member(f"user-{number}", number)))
