"""Doorways for background work."""

from __future__ import annotations

from typing import Any

from portal import jobs
from portal.models import Job
from seats import assignments, verdicts
from seats.reclaim import approve, grant, left, reinstate, revoke, scheduled
from seats.sync import asking, now, steps


def refresh_verdicts() -> int:
    """At midnight every seat is a day older, and what nobody decided in time is over."""
    # Addresses come with lists that show nobody new.
    assignments.join()
    changed = verdicts.refresh()
    left.settle_left()
    scheduled.enqueue_unconnected()
    grant.settle_left()
    approve.expire_old()
    scheduled.verify_all()
    return changed


def sync(job_id: int) -> None:
    """Run the step that a job names."""
    jobs.run(job_id, steps.work)
    now.go_on(job_id)


def ask_about_seat(job_id: int) -> None:
    """Ask GitHub about the one seat that a job names."""
    jobs.run(job_id, asking.work)


def run_round(job_id: int) -> None:
    """Flag, tell or take back, as a job says."""
    jobs.run(job_id, scheduled.work)


def grant_seats(job_id: int) -> None:
    """Give the seats that a job names."""
    jobs.run(job_id, grant.work)


# What schedules and buttons knock on: one job per account of the connection.


def enqueue_accounts(connection_id: int, by: Any = None) -> list[Job]:
    """Look for organizations that are new, and for new names."""
    return steps.enqueue_for("accounts", connection_id, by)


def enqueue_seats(connection_id: int, by: Any = None) -> list[Job]:
    return steps.enqueue_for("seats", connection_id, by)


def enqueue_members(connection_id: int, by: Any = None) -> list[Job]:
    """The members of the organizations; which organizations there are is looked up along with them."""
    return [*enqueue_accounts(connection_id, by), *steps.enqueue_for("members", connection_id, by)]


def enqueue_teams(connection_id: int, by: Any = None) -> list[Job]:
    return steps.enqueue_for("teams", connection_id, by)


def enqueue_billing(connection_id: int, by: Any = None) -> list[Job]:
    return steps.enqueue_for("billing", connection_id, by)


def enqueue_flagging(connection_id: int, by: Any = None) -> list[Job]:
    """Judge the seats of the connection's accounts, and open and close reviews."""
    return scheduled.enqueue_for("flag-seats", connection_id, by)


def enqueue_notices(connection_id: int, by: Any = None) -> list[Job]:
    """Tell the people whose seats were flagged."""
    return scheduled.enqueue_for("send-notices", connection_id, by)


def enqueue_revoking(connection_id: int, by: Any = None) -> list[Job]:
    """Propose what the policies let the portal propose, and carry out what they let it carry out."""
    return scheduled.enqueue_for("reclaim-seats", connection_id, by)


# Taking seats back, and giving them back.


def execute_batch(job_id: int) -> None:
    """Take back the seats of the batch that a job names."""
    try:
        jobs.run(job_id, revoke.work)
    finally:
        revoke.tidy(job_id)


def settle_calls(job_id: int) -> None:
    """Find out what came of calls to GitHub that were not answered."""
    jobs.run(job_id, left.work)


def give_back(job_id: int) -> None:
    """Give back the seats that a job names."""
    jobs.run(job_id, reinstate.work)
