"""Whatever goes wrong on the way: the same database in the end, or a plain message and whole days only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from metrics.models import AskedDay, ReportDay, RepositoryDay, ScopeDay, TeamRoster, UserDay
from metrics.sync import usage
from portal import jobs
from portal.github.auth import TokenAuth
from portal.github.client import GitHub
from portal.github.errors import GitHubError
from seats.models import Account
from tests.fake_github import FakeGitHub, State, Trouble, company_state
from tests.fake_github.trouble import KINDS, LIMITS
from tests.metrics.sync.conftest import TOKEN
from tests.metrics.sync.test_usage import WEEK, Connect

pytestmark = pytest.mark.django_db

# What the tries there are need not get around: the answer is taken for what it says, or is cut again.
FINAL = {"401", "wrong-shape", "half-file"}
# Of each sort one; the others, and more seeds, take their time.
EACH_TIME = {"502", "429", "truncated", "expired-link", "half-file", "401"}
# Trouble of lists, which a report is not.
OF_LISTS = {"shift", "shift-join", "shift-swap", "empty-roster", "endless-next", "foreign-next"}
SILENT = {"stall", "stall-midway", "drip"}
Rows = dict[tuple[str, Any], list[Any]]


class Nobody:
    """Nobody looks on, nobody stops it."""

    def progress(self, done: int, total: int | None = None, note: str = "") -> None: ...

    def should_stop(self) -> None: ...


@pytest.fixture
def clock() -> Iterator[time_machine.Coordinates]:
    """Goes on: some trouble asks to wait."""
    with time_machine.travel("2026-11-20T12:00:00Z") as coordinates:
        yield coordinates


@pytest.fixture
def state(clock: time_machine.Coordinates) -> State:
    return company_state(24, 2, 10, organizations=1, enterprise=None, token=TOKEN, part_lines=6)


@pytest.fixture
def account(connected: Connect) -> Account:
    return connected("octo-apps")


def fetch(github: FakeGitHub, account: Account, *, is_hasty: bool = False) -> str:
    """What a run of the sync says that goes wrong; empty where all went well.

    Only a hasty one minds a silence that a busy machine may make as well.
    """
    silence, whole = (0.2, 0.6) if is_hasty else (10, 30)
    with GitHub(
        github.url, TokenAuth(TOKEN), report_hosts=["127.0.0.1"], patience=3.0,
        backoff=0.001, timeouts=(10, silence), total_timeout=whole,
    ) as client:  # fmt: skip
        try:
            usage.sync(account, client, Nobody(), WEEK)
        except (GitHubError, jobs.Refused) as error:
            return str(error)
    return ""


def rows() -> Rows:
    """Every row of use, by table and day."""
    told: Rows = {}
    for model, fields in (
        (UserDay, ("user__github_id", "content_hash")),
        (ScopeDay, ("source", "daily_active_users", "content_hash")),
        (TeamRoster, ("team__github_id", "member_count")),
        (RepositoryDay, ("repo_id", "content_hash")),
        (ReportDay, ("report", "is_complete")),
    ):
        for day, *values in model.objects.order_by("day", *fields).values_list("day", *fields):
            held = [bytes(value) if isinstance(value, memoryview) else value for value in values]
            told.setdefault((model.__name__, day), []).append(held)
    return told


@pytest.fixture(scope="module")
def left_by_a_clean_run() -> Rows:
    """Filled by the first test that needs it: the company is the same each time."""
    return {}


@pytest.fixture
def clean(github: FakeGitHub, account: Account, left_by_a_clean_run: Rows) -> Rows:
    """What a run without any trouble leaves; the database is empty all the same."""
    if not left_by_a_clean_run:
        assert fetch(github, account) == ""
        left_by_a_clean_run.update(rows())
        assert len(left_by_a_clean_run) > 20
        for model in (UserDay, ScopeDay, TeamRoster, RepositoryDay, ReportDay, AskedDay):
            model.objects.all().delete()
    return left_by_a_clean_run


def seeds() -> Iterator[Any]:
    for kind in KINDS:
        if kind not in OF_LISTS:
            yield pytest.param(kind, 1, id=kind, marks=() if kind in EACH_TIME else pytest.mark.long)
            for seed in range(2, 6):
                yield pytest.param(kind, seed, id=f"{kind}, seed {seed}", marks=pytest.mark.long)


@pytest.mark.parametrize(("kind", "seed"), list(seeds()))
def test_trouble_at_every_third_request(
    github: FakeGitHub, account: Account, clean: Rows, kind: Any, seed: int
) -> None:
    is_limit = kind in LIMITS
    github.trouble = trouble = Trouble(
        kind,
        rate=0.3,
        seed=seed,
        seconds=0.25,
        retry_after=1 if is_limit else None,
        times=1 if is_limit else None,
    )

    said = fetch(github, account, is_hasty=kind in SILENT)

    assert trouble.met, "there was no trouble at all"
    if said:
        assert kind in FINAL, said
        assert_is_plain(said, github)
        for (table, day), held in rows().items():
            if table != "ReportDay" and (table, day) in clean and ("ScopeDay", day) != (table, day):
                assert held == clean[table, day], f"{table} of {day} is there in part"
        github.trouble = None
        assert fetch(github, account) == ""
    assert rows() == clean
    assert not github.too_early
    assert not github.leaks


def test_limits_that_do_not_say_how_long_end_in_a_plain_message(
    github: FakeGitHub, account: Account, clean: Rows
) -> None:
    github.trouble = Trouble("403-secondary", rate=0.3)

    said = fetch(github, account)

    assert "slow down" in said
    assert_is_plain(said, github)


def assert_is_plain(said: str, github: FakeGitHub) -> None:
    """A sentence or two, without anything secret in it."""
    assert re.match(r"[A-Z].*\.$", said), said
    assert TOKEN not in said
    assert not any(url in said for url in github.signed_urls)
    assert "Traceback" not in said
