"""What comes from the API is what comes from files: the same rows in every report."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import transaction

from portal.models import Job
from portal.reports import registry
from tests.fake_github import FakeGitHub, State, company_state
from tests.metrics.sync.conftest import TOKEN
from tests.metrics.taking_in import Row, export, take_in

pytestmark = pytest.mark.django_db

# The company has no activity report and no older system; few of its teams are idle.
# Nothing was taken back in this company.
NOTHING_TAKEN_BACK = ("reclaimed-seats", "savings")
MAY_BE_EMPTY = ("billing-lines", "activity", "weekly-trend", "teams-low-adoption", *NOTHING_TAKEN_BACK)
# A download covers days on which nobody did anything; of those there is no line in any file.
TELL_THE_DAYS = ("custom", "feature-metrics", "ide-metrics", "language-metrics", "model-metrics")
COMPANIES = [
    pytest.param((40, 6, 15), id="40 seats, 6 teams, 15 days"),
    pytest.param((20_000, 200, 28), id="20,000 seats, 200 teams, 28 days", marks=pytest.mark.long),
]


@pytest.fixture(params=COMPANIES)
def state(request: Any, clock: time_machine.Coordinates) -> State:
    seats, teams, days = request.param
    return company_state(seats, teams, days, organizations=1 if seats < 100 else 2, token=TOKEN)


@contextmanager
def empty_database() -> Iterator[None]:
    """What is written within does not stay."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def everything() -> dict[str, list[Row]]:
    """Every report that there is, and the people's days one by one."""
    # What the portal did is another story by each way.
    questions = [(report.name,) for report in registry.all_reports() if report.name != "audit"]
    questions += [("user-metrics", "--by", "day"), ("teams-low-adoption", "--below", "0.9")]
    told = {" ".join(question): export(*question) for question in questions}
    for name in TELL_THE_DAYS:
        told[name] = [
            {column: cell for column, cell in row.items() if column != "days"} for row in told[name]
        ]
    return told


def sync_github(*options: str) -> Row:
    """What `sync_github --json` answers."""
    output, errors = io.StringIO(), io.StringIO()
    with suppress(SystemExit):
        call_command("sync_github", "--json", *options, stdout=output, stderr=errors)
    assert not errors.getvalue()
    return dict(json.loads(output.getvalue().splitlines()[-1]))


def test_every_report_has_the_same_rows_as_from_files(
    github: FakeGitHub, state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    company = state.company
    settings.REPORT_HOSTS = ["127.0.0.1"]
    monkeypatch.setenv("GITHUB_TOKEN_OF_THE_TESTS", TOKEN)
    with empty_database():
        call_command(
            "connect", "--enterprise", "octo-enterprise", "--token-env", "GITHUB_TOKEN_OF_THE_TESTS",
            "--api-url", github.url, stdout=io.StringIO(),
        )  # fmt: skip
        answer = (
            sync_github("--since", str(company.first_day)) if len(company.people) < 100 else sync_github()
        )
        from_api = everything()
        assert not Job.objects.exclude(state=Job.State.DONE).exists()

    with empty_database():
        for told in take_in(state.write_files(tmp_path)):
            assert "error" not in told, told
        from_files = everything()

    assert from_api.keys() == from_files.keys()
    for name, rows in from_files.items():
        assert from_api[name] == rows, name
        assert rows or name in MAY_BE_EMPTY, f"{name} compares nothing"
    assert answer["rows_rejected"] == 0
    names = {account.get("enterprise") or account["organization"] for account in answer["accounts"]}
    assert names == {"octo-enterprise", *(organization.login for organization in state.organizations)}
