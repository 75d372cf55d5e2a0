"""Running the sync of use the way a worker or the command line does, and what it asked of GitHub."""

from __future__ import annotations

from collections import Counter
from typing import Any

from metrics.sync import steps as metrics_steps
from metrics.sync.usage import NEWEST, Asked
from portal.models import Job
from seats.models import Account
from seats.sync.steps import run_step
from tests.fake_github import FakeGitHub


def run_usage(account: Account, asked: Asked = NEWEST, **options: Any) -> Job:
    return run_step(metrics_steps.USAGE, account, arguments=metrics_steps.arguments(asked), **options)


def done(account: Account, asked: Asked = NEWEST, **options: Any) -> dict[str, Any]:
    """The tally of a run that must succeed."""
    job = run_usage(account, asked, **options)
    assert (job.state, job.error) == (Job.State.DONE, ""), job.error
    return dict(job.tally)


def asked_days(github: FakeGitHub, name: str) -> list[str]:
    """The days of a report that were asked for, in order; `latest` for one over 28 days."""
    return [
        request.query.get("day", "latest")
        for request in github.requests
        if f"/reports/{name}" in request.path
    ]


def downloads(github: FakeGitHub) -> Counter[str]:
    """How often each file was fetched, by its report and day."""
    return Counter("/".join(request.path.split("/")[4:6]) for request in github.report_requests)
