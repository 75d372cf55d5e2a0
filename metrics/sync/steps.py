"""The steps of a sync that are about use, run as jobs of the account like those about seats."""

from __future__ import annotations

from datetime import date
from types import MappingProxyType
from typing import Any

from metrics.sync import legacy, usage
from metrics.sync.usage import NEWEST, Asked
from portal import jobs
from portal.github.client import GitHub
from seats import verdicts
from seats.models import Account
from seats.sync.steps import Step
from seats.sync.tally import Reporter, Tally

DOORWAY = "metrics.tasks.sync"


def arguments(asked: Asked) -> dict[str, Any]:
    """What a job remembers of how far it was asked to go."""
    said: dict[str, Any] = {"whole": True} if asked.is_whole else {}
    if asked.since:
        said["since"] = asked.since.isoformat()
    if asked.until:
        said["until"] = asked.until.isoformat()
    return said


def asked_by(run: Reporter) -> Asked:
    """How far the job at hand was asked to go."""
    job = getattr(run, "job", None)
    said = job.arguments if job is not None else {}
    since, until = said.get("since"), said.get("until")
    return Asked(
        since=date.fromisoformat(since) if since else None,
        until=date.fromisoformat(until) if until else None,
        is_whole=bool(said.get("whole")),
    )


def _usage(account: Account, github: GitHub, run: Reporter) -> Tally:
    job = getattr(run, "job", None)
    asked = asked_by(run)
    if asked.is_whole and isinstance(run, jobs.Run):
        # Begun on the command line, and left to a worker: there the older days have jobs of their own.
        asked = NEWEST
    tally = usage.sync(account, github, run, asked, job.created_by if job is not None else None)
    verdicts.refresh()
    return tally


def _legacy(account: Account, github: GitHub, run: Reporter) -> Tally:
    asked = asked_by(run)
    return legacy.sync(account, github, run, since=asked.since, until=asked.until)


def _is_named(account: Account) -> bool:
    return bool(account.login)


USAGE = Step("usage", _usage, _is_named, DOORWAY)
LEGACY = Step("legacy", _legacy, _is_named, DOORWAY)
STEPS: MappingProxyType[str, Step] = MappingProxyType({step.name: step for step in (USAGE, LEGACY)})
