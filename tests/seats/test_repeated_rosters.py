"""The same list again costs a moment, not rows; and yet all comes out as if it had been applied."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.models import ReportFile
from seats import activity_report, activity_seats, current_rosters, verdicts
from seats.activity_report import ReportedActivity
from seats.models import (
    Account,
    Evidence,
    GitHubUser,
    Seat,
    SeatGrant,
    SeatObservation,
    SeatRoster,
    Team,
    UserLogin,
)
from seats.people import People
from seats.roster import Applied, ReportedGrant, Roster, apply
from tests.reports import rows_of
from tests.seats.holding import ago, grant, organization

pytestmark = pytest.mark.django_db

START = datetime(2026, 9, 1, 9, tzinfo=UTC)


def whole(account: Account, *grants: ReportedGrant, at: datetime) -> Applied:
    return apply(Roster(account, at, grants, is_complete=True, is_confirmed=True))


@contextmanager
def written() -> Iterator[list[str]]:
    """The tables that are written to meanwhile."""
    tables: list[str] = []
    with CaptureQueriesContext(connection) as asked:
        yield tables
    for query in asked:
        # Many rows in one go are told as "30 times: UPDATE …".
        statement = re.match(
            r"(?:\d+ times: )?(?:INSERT|UPDATE|DELETE)\W.*?\b((?:seats|portal)_\w+)", query["sql"]
        )
        if statement:
            tables.append(statement[1])


# --- What a repetition writes -----------------------------------------------------------------


def test_the_same_list_again_moves_only_its_moment() -> None:
    acme = organization()
    listed = [grant(number, f"user-{number}", used=3) for number in range(1, 30)]
    whole(acme, *listed, at=START)
    with written() as tables:
        applied = whole(acme, *reversed(listed), at=START + timedelta(hours=1))
    assert applied.is_repeat
    assert (applied.unchanged, applied.new, applied.changed) == (29, 0, 0)
    assert set(tables) == {"seats_seatroster", "seats_account"}
    roster = SeatRoster.objects.get()
    assert (roster.observed_at, roster.last_observed_at) == (START, START + timedelta(hours=1))


def test_the_same_list_on_another_day_still_writes_nothing_of_its_people() -> None:
    acme = organization()
    listed = [grant(number, f"user-{number}", team_id=7, team_slug="web") for number in range(1, 30)]
    whole(acme, *listed, at=START)
    with written() as tables:
        assert whole(acme, *listed, at=START + timedelta(days=3)).is_repeat
    assert set(tables) == {"seats_seatroster", "seats_account", "seats_team"}


def test_a_repetition_counts_as_watching() -> None:
    acme = organization()
    listed = [grant(1, "ann")]
    for days in range(0, 200, 40):
        whole(acme, *listed, at=START + timedelta(days=days))
    acme.refresh_from_db()
    assert (acme.watched_since, acme.watched_until) == (START, START + timedelta(days=160))


def test_what_repetitions_showed_is_told_before_it_is_written(clock: Any) -> None:
    acme = organization()
    for hours in (0, 5, 6):
        whole(acme, grant(1, "ann", used=80), at=START + timedelta(hours=hours))
    (told,) = rows_of("activity")
    assert told["report_time"] == "2026-09-01T15:00:00Z"
    assert Seat.objects.get().observed_at == START


def test_what_a_roster_before_a_repetition_says_is_not_news() -> None:
    acme = organization()
    for hours in (0, 10):
        whole(acme, grant(1, "ann"), at=START + timedelta(hours=hours))
    apply(Roster(acme, START + timedelta(hours=5), [grant(2, "bob")], is_complete=False))
    bob = Seat.objects.get(user__login="bob")
    assert bob.ended_at == START + timedelta(hours=10)


def test_an_older_name_does_not_win_over_one_seen_by_repetitions() -> None:
    acme = organization()
    for days in (0, 9):
        whole(acme, grant(1, "ann-lee"), at=START + timedelta(days=days))
    people = People()
    people.saw(1, "ann", (START + timedelta(days=5)).date())
    people.flush()
    assert GitHubUser.objects.get().login == "ann-lee"


def test_rows_that_went_away_behind_its_back_come_back() -> None:
    acme = organization()
    listed = [grant(1, "ann"), grant(2, "bob")]
    whole(acme, *listed, at=START)
    GitHubUser.objects.get(login="bob").delete()
    assert not whole(acme, *listed, at=START + timedelta(hours=1)).is_repeat
    assert Seat.objects.held().count() == 2


def test_a_list_seen_very_often_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seats.roster.applying.REPETITIONS", 3)
    acme = organization()
    for hours in range(9):
        whole(acme, grant(1, "ann"), at=START + timedelta(hours=hours))
    assert SeatRoster.objects.count() == 3
    assert len(SeatRoster.objects.covering(acme).ending().moments()) == 9
    assert SeatObservation.objects.count() == 1


# --- What a list with differences costs -------------------------------------------------------


def queries_of(work: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as asked:
        work()
    return len(asked)


@pytest.mark.parametrize("change", ["first", "repeat", "a tenth newer", "some come and go", "after a report"])
def test_the_number_of_queries_does_not_grow_with_the_seats(change: str) -> None:
    asked = []
    for size in (30, 300):
        acme = organization(f"acme-{size}")
        first = size * 1000
        listed = [
            grant(first + n, f"user-{first + n}", used=9, team_id=n % 3 + 1, team_slug=f"t{n % 3}")
            for n in range(size)
        ]
        new = [grant(first + size + n, f"new-{first + n}", used=1) for n in range(size // 10)]
        newer = [
            replace(one, last_activity_at=ago(1)) if number % 10 == 0 else one
            for number, one in enumerate(listed)
        ]
        after = {
            "first": listed,
            "repeat": listed,
            "a tenth newer": newer,
            "some come and go": [*listed[size // 10 :], *new],
            "after a report": listed,
        }[change]
        if change != "first":
            whole(acme, *listed, at=START)
        if change == "after a report":
            current_rosters.release([acme.pk])
        count = queries_of(lambda: whole(acme, *after, at=START + timedelta(hours=1)))  # noqa: B023
        asked.append(count)
    assert asked[0] == asked[1]
    assert asked[0] <= 70


def test_of_a_list_with_differences_only_these_are_written_seat_by_seat() -> None:
    acme = organization()
    listed = [grant(number, f"user-{number}", used=9) for number in range(1, 30)]
    whole(acme, *listed, at=START)
    newer = [replace(listed[0], last_activity_at=ago(1)), *listed[1:]]
    applied = whole(acme, *newer, at=START + timedelta(hours=1))
    assert (applied.changed, applied.unchanged, applied.is_repeat) == (1, 28, False)
    assert SeatObservation.objects.count() == 30
    assert set(Seat.objects.values_list("last_seen_at", flat=True)) == {START + timedelta(hours=1)}


# --- As if every list had been applied --------------------------------------------------------

LOGINS = {number: [f"user-{number}", f"renamed-{number}", "ann"] for number in range(1, 6)}


@dataclass(frozen=True)
class Listed:
    """A list of one of the accounts: who is on it, each in one of some variants; `hours` after the last."""

    scope: int
    people: dict[int, int]
    hours: int
    is_complete: bool = True
    is_unattended: bool = False


@dataclass(frozen=True)
class Again:
    """The account's last list once more, shuffled, perhaps with one person in another variant."""

    scope: int
    hours: int
    person: int = 0
    variant: int = 0


@dataclass(frozen=True)
class Reported:
    """An activity report of these logins."""

    scope: int
    logins: list[str]
    hours: int


@dataclass(frozen=True)
class Seen:
    """A person seen under a login in a file of usage."""

    person: int
    login: str
    hours: int


Step = Listed | Again | Reported | Seen
SCOPES = (0, 1, 2)
hours = st.sampled_from([-30, -3, 1, 1, 2, 5, 24, 24, 26, 70, 24 * 95])
later = st.sampled_from([1, 1, 2, 24, 25, 24 * 92])
persons = st.integers(1, 5)
variants = st.integers(0, 7)
scopes = st.sampled_from(SCOPES)
logins = st.sampled_from(["user-1", "user-2", "ann", "renamed-1", "stranger"])
steps: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.builds(
            Listed,
            scopes,
            st.dictionaries(persons, variants, min_size=1),
            hours,
            st.sampled_from([True, True, False]),
            st.booleans(),
        ),
        st.builds(Again, scopes, later),
        st.builds(Again, scopes, later),
        st.builds(Again, scopes, later, persons, variants),
        st.builds(Reported, scopes, st.lists(logins, min_size=1, max_size=3, unique=True), hours),
        st.builds(Seen, persons, logins, hours),
    ),
    min_size=2,
    max_size=9,
)


class World:
    """An enterprise with two organizations, and an organization of its own, to which steps happen."""

    def __init__(self, *, takes_every_list_whole: bool) -> None:
        self.takes_every_list_whole = takes_every_list_whole
        octo = Account.objects.create(kind="enterprise", login="octo", github_id=1)
        self.accounts = [
            octo,
            organization("solo", github_id=2),
            organization("acme", github_id=3, parent=octo),
        ]
        organization("globex", github_id=4, parent=octo)
        self.now = START
        self.lists: dict[int, Listed] = {}
        self.told: list[Any] = []

    def happen(self, number: int, step: Step) -> None:
        if self.takes_every_list_whole:
            current_rosters.release(Account.objects.values_list("pk", flat=True))
        if isinstance(step, Again):
            known = self.lists.get(step.scope)
            if known is None:
                return
            changed = {step.person: step.variant} if step.person else {}
            step = replace(known, people={**known.people, **changed}, hours=step.hours)
        at = self.now + timedelta(hours=step.hours)
        self.now = max(self.now, at)
        if isinstance(step, Listed):
            self.lists[step.scope] = step
            self._take_in(number, step, at)
        elif isinstance(step, Reported):
            self._report(step, at)
        else:
            people = People()
            people.saw(step.person, step.login, at.date())
            activity_seats.settle_logins(people.flush())

    def _take_in(self, number: int, step: Listed, at: datetime) -> None:
        grants = [
            one for person, variant in step.people.items() for one in _grants(step.scope, person, variant)
        ]
        random.Random(number).shuffle(grants)
        applied = apply(
            Roster(
                self.accounts[step.scope],
                at,
                grants,
                is_complete=step.is_complete,
                is_confirmed=step.is_complete,
                is_unattended=step.is_unattended,
            )
        )
        self.told.append((applied.new, applied.changed, applied.unchanged, sorted(applied.ended)))

    def _report(self, step: Reported, at: datetime) -> None:
        account = self.accounts[step.scope]
        file = ReportFile.objects.create(
            source="upload",
            kind="activity-report",
            subject=account.subject,
            name="activity.csv",
            sha256=f"{ReportFile.objects.count():064}",
            size=1,
            observed_at=at,
        )
        lines = [
            ReportedActivity(number, login, at, None, at - timedelta(days=number), "VS Code 1.9")
            for number, login in enumerate(step.logins)
        ]
        activity_report.apply(account, lines, file)
        activity_report.settle(account)

    def tell(self) -> dict[str, Any]:
        """All there is to know by now, first as reports tell it, then as the rows do."""
        verdicts.refresh(self.now.date())
        told: dict[str, Any] = {
            "activity": rows_of("activity"),
            "as of": [
                [(one.user.login, one.account.login, one.judgement) for one in verdicts.standing(day)]
                for day in _days(self.now)
            ],
            "applied": self.told,
        }
        current_rosters.release(Account.objects.values_list("pk", flat=True))
        told |= {
            model.__name__: sorted(map(_plain, model._default_manager.values_list(*names)), key=repr)
            for model, names in KEYED.items()
        }
        told["moments"] = [
            (account.login, rosters.moments(), rosters.ending().moments(), rosters.complete().moments())
            for account in Account.objects.order_by("pk")
            for rosters in [SeatRoster.objects.filter(account=account)]
        ]
        return told


KEYED: dict[Any, tuple[str, ...]] = {
    Account: ("login", "parent__login", "watched_since", "watched_until"),
    GitHubUser: ("github_id", "login", "provisional_key", "name", "email"),
    UserLogin: ("user__github_id", "login", "first_seen_on", "last_seen_on"),
    Evidence: ("user__github_id", "user__login", "source", "last_on"),
    Team: ("account__login", "github_id", "slug", "name", "former_slugs", "slug_seen_on"),
    Seat: (
        "account__login", "user__github_id", "user__login", "plan_type", "created_at", "last_activity_at",
        "last_activity_editor", "last_authenticated_at", "pending_cancellation_date", "granted_by",
        "assigning_team__github_id", "first_seen_at", "last_seen_at", "observed_at", "ended_at", "verdict",
        "watched_since", "last_used_on", "last_used_source",
    ),
    SeatGrant: ("seat__account__login", "seat__user__github_id", "route", "assigning_team__github_id"),
    SeatObservation: ("seat__account__login", "seat__user__github_id", "observed_at", "is_present", "state"),
}  # fmt: skip


def _plain(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(values)


def _days(now: datetime) -> Sequence[Any]:
    return [(now - timedelta(days=days)).date() for days in (0, 1, 2, 30, 95)]


def _grants(scope: int, person: int, variant: int) -> Iterator[ReportedGrant]:
    """A person's seat in one of its variants: another login, name, newer activity, team, or two teams."""
    organizations = {0: [("acme", 3), ("globex", 4)], 1: [("solo", 2)], 2: [("acme", 3)]}[scope]
    name, key = organizations[person % len(organizations)]
    fields: dict[str, Any] = {
        "organization_login": name,
        "organization_id": key,
        "created_at": START - timedelta(days=100),
        "last_activity_at": START - timedelta(days=10 - variant) if variant > 1 else None,
        "assignee_name": ("", "Ann", "Ann Lee", "Lee")[variant % 4],
        "assignee_email": "" if variant in (0, 1, 3) else f"ann-{variant}@example.com",
    }
    login = LOGINS[person][variant % 3 if variant < 6 else 0]
    if variant in (3, 5):
        slug = "web" if variant == 3 else "web-platform"
        fields |= {"team_id": 7, "team_slug": slug, "team_name": slug.title()}
    if variant == 4:
        fields |= {"pending_cancellation_date": datetime(2026, 12, 1, tzinfo=UTC).date()}
    yield ReportedGrant(person, person, login, **fields)
    if variant == 5:
        second = {"team_id": 9, "team_slug": "ops", "team_name": "Ops", "plan_type": "enterprise"}
        yield ReportedGrant(person + 50, person, login, **{**fields, **second})


def outcome(steps: Sequence[Step], *, takes_every_list_whole: bool) -> dict[str, Any]:
    """What comes out of these steps; the database is as before afterwards."""
    with transaction.atomic():
        world = World(takes_every_list_whole=takes_every_list_whole)
        for number, step in enumerate(steps):
            world.happen(number, step)
        told = world.tell()
        transaction.set_rollback(True)
    return told


def check(steps: Sequence[Step]) -> None:
    expected = outcome(steps, takes_every_list_whole=True)
    found = outcome(steps, takes_every_list_whole=False)
    for name, told in expected.items():
        assert found[name] == told, name


RELAXED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=RELAXED)
@given(steps)
def test_everything_comes_out_as_if_every_list_had_been_taken_in_whole(steps: list[Step]) -> None:
    check(steps)


@pytest.mark.long
@settings(max_examples=1500, deadline=None, suppress_health_check=RELAXED)
@given(steps)
def test_many_more_lists_come_out_as_if_each_had_been_taken_in_whole(steps: list[Step]) -> None:
    check(steps)
