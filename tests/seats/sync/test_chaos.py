"""Whatever goes wrong on the way ends in the rows of a clean run, or in a sentence and an untouched roster.

A small company is synced once, changes at GitHub, and is synced again while GitHub misbehaves. Trouble may
meet any request. Each list counts for itself: seats, members, the list of teams, the members of each team.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import time_machine
from django.db import transaction

from portal import jobs
from portal.github.auth import TokenAuth
from portal.github.client import GitHub
from portal.github.errors import GitHubError, RateLimited
from seats.models import (
    Account,
    BillingSummary,
    OrganizationMembership,
    Seat,
    SeatGrant,
    SeatObservation,
    Team,
)
from seats.sync.steps import STEPS
from tests.fake_github import FakeGitHub, Organization, Trouble, seat
from tests.fake_github.trouble import KINDS, LIMITS
from tests.seats.sync.conftest import TOKEN

pytestmark = pytest.mark.django_db

Rows = dict[str, list[Any]]
# Those that only meet report files have nothing to do here.
MET_HERE = [kind for kind in KINDS if kind not in ("expired-link", "half-file")]
# Of each sort some; the others take their time.
EACH_TIME = {"502", "500-late", "429", "403-primary", "reset-midway", "stall", "truncated", "401", "html",
             "shift", "shift-swap", "empty-roster", "endless-next"}  # fmt: skip
SILENT = {"stall", "stall-midway", "drip"}
PEOPLE = 130


class Quiet:
    """Looks on and never stops anything."""

    def progress(self, done: int, total: int | None = None, note: str = "") -> None: ...

    def should_stop(self) -> None: ...


def found_company(octo: Organization) -> None:
    for number in range(1, PEOPLE + 1):
        octo.seats.append(
            seat(octo.member(f"user-{number}", number), last_activity_at="2026-11-01T09:00:00Z")
        )
    octo.admins.add(1)
    for number in range(1, 5):
        some = octo.members[number * 10 : number * 10 + 8]
        octo.team(f"Team {number}", number=500 + number, members=some).maintainers.add(some[0]["id"])


def change_company(octo: Organization) -> None:
    """A few left, a few joined, one worked, one was promoted, a team was renamed and one was dissolved."""
    del octo.seats[20:24]
    del octo.members[20:24]
    for number in range(200, 203):
        octo.seats.append(seat(octo.member(f"user-{number}", number)))
    octo.seats[3]["last_activity_at"] = "2026-11-19T09:00:00Z"
    octo.admins.add(5)
    octo.teams[0].rename("Team One")
    octo.teams[0].members.append(octo.members[100])
    del octo.teams[1].members[2:5]
    octo.teams.pop()


def rows() -> Rows:
    """What the database says, without the times at which it was told so."""
    told = {
        "accounts": Account.objects.values_list("kind", "login", "github_id", "name"),
        "seats": Seat.objects.values_list(
            "account__login", "user__login", "plan_type", "created_at", "last_activity_at", "verdict"
        ),
        "held": Seat.objects.held().values_list("user__login"),
        "grants": SeatGrant.objects.values_list("seat__user__login", "route", "assigning_team__slug"),
        "observations": SeatObservation.objects.values_list("seat__user__login", "is_present", "state"),
        "members": OrganizationMembership.objects.values_list("user__login", "role"),
        "teams": [
            (team.github_id, team.slug, team.former_slugs, team.gone_at is None)
            for team in Team.objects.all()
        ],
        "billing": BillingSummary.objects.values_list("total", "plan_type"),
    }
    found: Rows = {name: sorted(map(tuple, some), key=repr) for name, some in told.items()}
    # A list that was not whole says again of each seat what was known; that is no other history.
    found["observations"] = [
        told for told, before in pairwise([*found["observations"], None]) if told != before
    ]
    for team in Team.objects.all():
        members = team.memberships.values_list("user__login", "role", "is_inherited")
        found[f"members of {team.github_id}"] = sorted(members)
    return found


TOLD_BY = {
    "accounts": ("accounts",),
    "seats": ("seats", "held", "grants", "observations"),
    "members": ("members",),
    "billing": ("billing",),
}


class Killed(BaseException):
    """The process ends here."""


class Deadly(Quiet):
    """Ends the process when it is told or asked something for the nth time."""

    def __init__(self, nth: int) -> None:
        self._left = nth

    def progress(self, done: int, total: int | None = None, note: str = "") -> None:
        self.should_stop()

    def should_stop(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise Killed


def sync_all(github_url: str, account: Account, **options: Any) -> tuple[dict[str, str], list[str]]:
    """Every step; the sentences of those that failed, by step, and the notes of the others."""
    said, notes = {}, []
    for step in STEPS.values():
        settings: dict[str, Any] = {"backoff": 0.001, "timeouts": (10, 10), "patience": 5.0, **options}
        with GitHub(github_url, TokenAuth(TOKEN), **settings) as client:
            try:
                notes += step.sync(Account.objects.get(pk=account.pk), client, Quiet()).notes
            except (GitHubError, jobs.Refused) as error:
                said[step.name] = str(error)
    return said, notes


@pytest.fixture
def hours() -> Iterator[time_machine.Coordinates]:
    """A clock that goes on by itself and can be moved by hours: GitHub's times have whole seconds."""
    with time_machine.travel(datetime(2026, 11, 20, 12, tzinfo=UTC), tick=True) as clock:
        yield clock


@pytest.fixture(scope="module")
def cleanly() -> list[Rows]:
    """What a clean second sync made of the rows, once that is known: it is the same for every test."""
    return []


@pytest.fixture
def before_and_after(
    octo: Organization,
    account: Account,
    github: FakeGitHub,
    hours: time_machine.Coordinates,
    cleanly: list[Rows],
) -> tuple[Rows, Rows]:
    """The rows after the first sync, and those that a clean second one makes of them."""
    found_company(octo)
    assert sync_all(github.url, account) == ({}, [])
    before = rows()
    change_company(octo)
    hours.shift(timedelta(hours=1))
    if not cleanly:
        with transaction.atomic():
            assert sync_all(github.url, account) == ({}, [])
            cleanly.append(rows())
            transaction.set_rollback(True)
    github.forget()
    return before, cleanly[0]


def is_plain(sentence: str) -> bool:
    return bool(sentence) and TOKEN not in sentence and "Traceback" not in sentence and "<" not in sentence


def check_a_troubled_run(
    github: FakeGitHub,
    account: Account,
    hours: time_machine.Coordinates,
    before: Rows,
    after: Rows,
    trouble: Trouble,
) -> None:
    github.trouble = trouble
    # A silence that a busy machine may make as well is minded here alone.
    said, notes = sync_all(github.url, account, timeouts=(10, 0.15 if trouble.kind in SILENT else 10))
    troubled = rows()

    assert all(is_plain(sentence) for sentence in [*said.values(), *notes]), said
    assert github.too_early == []
    for step, names in TOLD_BY.items():
        for name in names:
            if step == "seats" and any("none was ended" in note for note in notes):
                continue
            assert troubled[name] == (before if step in said else after)[name], (step, name, said.get(step))
    if any("none was ended" in note for note in notes):
        assert set(troubled["held"]) >= set(before["held"])
        assert set(troubled["seats"]) <= {*before["seats"], *after["seats"]}
    for name in [name for name in troubled if name == "teams" or name.startswith("members of")]:
        assert troubled[name] in (before[name], after[name]), name
        assert "teams" in said or troubled[name] == after[name], name

    github.trouble = None
    hours.shift(timedelta(hours=2))
    assert sync_all(github.url, account) == ({}, [])
    assert rows() == after


def tame(kind: str, **options: Any) -> Trouble:
    """Limits that end within a second and come once, since the test waits for them; shifts within a list.

    Where every page of a list shifts alike, somebody has really left for that moment.
    """
    if kind in LIMITS:
        options = {"retry_after": None if "primary" in kind else 1, "times": 1, **options}
    if kind.startswith("shift"):
        options = {"where": lambda request: request.query.get("page") == "2", **options}
    if kind == "drip":
        options = {"seconds": 0.1, **options}
    return Trouble(kind, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=() if kind in EACH_TIME else pytest.mark.long, id=kind) for kind in MET_HERE],
)
def test_trouble_anywhere_ends_like_a_clean_run_or_in_a_sentence(
    kind: str,
    github: FakeGitHub,
    account: Account,
    before_and_after: tuple[Rows, Rows],
    hours: time_machine.Coordinates,
) -> None:
    trouble = tame(kind, rate=0.3, seed=1)

    check_a_troubled_run(github, account, hours, *before_and_after, trouble)

    assert trouble.met


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("rate", [0.05, 0.15, 0.3])
@pytest.mark.parametrize("kind", MET_HERE)
def test_trouble_of_any_rate_and_seed(
    kind: str,
    rate: float,
    seed: int,
    github: FakeGitHub,
    account: Account,
    before_and_after: tuple[Rows, Rows],
    hours: time_machine.Coordinates,
) -> None:
    check_a_troubled_run(github, account, hours, *before_and_after, tame(kind, rate=rate, seed=seed))


def test_a_run_that_is_killed_anywhere_is_made_good_by_the_next(
    github: FakeGitHub, account: Account, before_and_after: tuple[Rows, Rows], hours: time_machine.Coordinates
) -> None:
    _, after = before_and_after
    killed = 0
    for step in STEPS.values():
        for nth in range(1, 40):
            with GitHub(github.url, TokenAuth(TOKEN)) as client:
                try:
                    step.sync(Account.objects.get(pk=account.pk), client, Deadly(nth))
                except Killed:
                    killed += 1
                    continue
            break
    assert killed >= 10
    assert rows() == after


@pytest.mark.parametrize(
    ("kind", "retry_after"), [("429", None), ("403-secondary", 600), ("403-primary", None)]
)
def test_a_limit_that_lasts_stops_every_step(
    kind: str,
    retry_after: int | None,
    github: FakeGitHub,
    account: Account,
    before_and_after: tuple[Rows, Rows],
) -> None:
    trouble = Trouble(kind, rate=0.3, seed=2, retry_after=retry_after, reset_in=600)  # type: ignore[arg-type]

    check_a_troubled_run_with_one_client(github, account, *before_and_after, trouble)


def check_a_troubled_run_with_one_client(
    github: FakeGitHub, account: Account, before: Rows, after: Rows, trouble: Trouble
) -> None:
    """As a connection does it: once GitHub asks to wait, no other step sends anything either."""
    github.trouble = trouble
    sent_after_the_limit = 0
    with GitHub(github.url, TokenAuth(TOKEN), backoff=0.001, patience=0.0) as client:
        limited: list[RateLimited] = []
        for step in STEPS.values():
            sent = len(github.requests)
            try:
                step.sync(Account.objects.get(pk=account.pk), client, Quiet())
            except RateLimited as limit:
                if limited:
                    sent_after_the_limit += len(github.requests) - sent
                limited.append(limit)
    assert limited
    assert sent_after_the_limit == 0
    assert github.too_early == []
    troubled = rows()
    for name, told in troubled.items():
        assert told in (before[name], after[name]), name
