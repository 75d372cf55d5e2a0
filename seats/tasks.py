"""Doorways for background work."""

from __future__ import annotations

from typing import Any

from portal import jobs
from portal.models import Job
from seats import verdicts
from seats.sync import asking, now, steps


def refresh_verdicts() -> int:
    """At midnight every seat is a day older."""
    return verdicts.refresh()


def sync(job_id: int) -> None:
    """Run the step that a job names."""
    jobs.run(job_id, steps.work)
    now.go_on(job_id)


def ask_about_seat(job_id: int) -> None:
    """Ask GitHub about the one seat that a job names."""
    jobs.run(job_id, asking.work)


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
