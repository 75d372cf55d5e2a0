"""Teams over the usual periods as they are stored: always what their days say, whatever happens to a day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.figures.stored_teams import days_with, stored_teams
from metrics.figures.team_comparison import all_teams, teams_of
from metrics.figures.team_history import TeamHistory
from metrics.ingest.rebuild import rebuild_dirty_days
from metrics.ingest.rebuild_periods import write_periods
from metrics.ingest.rebuild_teams import outdate_teams, write_teams
from metrics.models import DirtyDay, PeriodPart, ReportDay, TeamPeriod, TeamRoster, UserDay
from metrics.period_parts import TEAMS, TeamStep, pack_team_steps, team_of
from metrics.period_steps import usual_steps
from metrics.periods import Period
from metrics.presets import PERIODS, covered_span, preset_period
from seats.models import Account, Team
from tests.metrics import stored
from tests.metrics.taking_in import passing_database

pytestmark = pytest.mark.django_db

FIRST = date(2026, 7, 20)
DAYS = 72
ONE = timedelta(days=1)
SLUGS = ("web", "data", "apps")
WEEKS = 6


def day(number: int) -> date:
    return FIRST + number * ONE


def use(account: Account, number: int, rng: Random) -> None:
    """Who did what is another one now."""
    UserDay.objects.filter(account=account, day=day(number)).delete()
    people = {
        stored.person(key): {
            "user_initiated_interaction_count": rng.randrange(9),
            "code_generation_activity_count": rng.randrange(1, 9),
            "code_acceptance_activity_count": 1,
            "loc_added_sum": rng.choice([None, 3]),
            "used_agent": rng.random() < 0.4,
            "used_cli": rng.random() < 0.2,
        }
        for key in rng.sample(range(1, 13), rng.randrange(9))
    }
    stored.use(account, day(number), people)


def join(account: Account, number: int, rng: Random) -> None:
    """Teams have other members now, or one is not told any more."""
    TeamRoster.objects.filter(team__account=account, day=day(number)).delete()
    told = rng.sample(SLUGS, rng.randrange(1, 4))
    stored.roster(
        account,
        day(number),
        {slug: [stored.person(key) for key in rng.sample(range(1, 13), 4)] for slug in told},
    )


def forget(account: Account, number: int, rng: Random) -> None:
    """A report is gone, and the day marked with it."""
    gone = rng.choice(["users", "user-teams"])
    ReportDay.objects.filter(account=account, day=day(number), report=gone).delete()
    DirtyDay.objects.get_or_create(account=account, day=day(number))
    outdate_teams([(account.pk, day(number))])


def catch_up(account: Account, number: int, rng: Random) -> None:
    rebuild_dirty_days()
    write_periods()


HAPPENINGS: tuple[Callable[[Account, int, Random], None], ...] = (use, join, forget, catch_up)


@pytest.fixture(scope="module")
def written(django_db_setup: None, django_db_blocker: Any) -> Iterator[int]:
    """Days without a report of teams, days without one of use, and a second account beside it.

    They are put in once for all tests: what a test does to them is taken back after it.
    """
    rng = Random(11)
    with passing_database(django_db_blocker):
        account, other = stored.organization(), stored.organization("other", 502)
        for number in range(DAYS):
            if number % 13 != 5:
                use(account, number, rng)
            if number % 9 != 2:
                join(account, number, rng)
        stored.use(other, day(0), {stored.person(1): {}})
        stored.roster(other, day(0), {"web": [stored.person(1)]})
        assert not DirtyDay.objects.exists()
        yield account.pk


@pytest.fixture
def acme(written: int) -> Account:
    return Account.objects.get(pk=written)


def usual(account: Account) -> list[list[date]]:
    """All presets, with weekends and without; none of them twice."""
    covered = covered_span(account)
    assert covered is not None
    periods = [preset_period(preset, covered.newest) for preset in PERIODS]
    found = [days_with(period, weekends=weekends) for period in periods for weekends in (True, False)]
    return [days for number, days in enumerate(found) if days and days not in found[:number]]


def assert_true(account: Account) -> int:
    """What is stored is what the days say; how much of the usual is not."""
    missing = 0
    for days in usual(account):
        [expected] = teams_of(account, [days])
        found = stored_teams(account, days)
        assert found in (None, expected), (days[0], days[-1])
        assert all_teams(account, days) == expected
        missing += found is None
    return missing


def test_what_is_stored_is_what_the_days_say_whatever_happens(acme: Account) -> None:
    rng = Random(20261121)
    assert assert_true(acme) == 0
    for happen in HAPPENINGS * 2:
        happen(acme, rng.randrange(DAYS), rng)
        assert_true(acme)
    rebuild_dirty_days()
    assert assert_true(acme) == 0
    assert assert_true(Account.objects.get(login="other")) == 0


# --- Over time --------------------------------------------------------------------------------


def a_year(account: Account) -> tuple[Period, list[list[date]]]:
    covered = covered_span(account)
    assert covered is not None
    period = Period.trailing(covered.newest, 365)
    return period, [list(step) for step in usual_steps(period)]


def everything(history: TeamHistory, key: int, steps: list[list[date]]) -> list[list[Any]]:
    figures = (
        history.active_users,
        history.adoption,
        history.interactions_per_active_user,
        history.acceptance_rate,
    )
    return [[figure(key, days) for days in steps] for figure in figures]


def assert_steps_are_true(account: Account) -> bool:
    """What is stored of the weeks of a year is what its days say; whether it is stored."""
    period, steps = a_year(account)
    keys = [*Team.objects.values_list("pk", flat=True), 10**9]
    history, of_days = TeamHistory(account, keys, period, steps), TeamHistory(account, keys, period)
    for key in keys:
        assert everything(history, key, steps) == everything(of_days, key, steps)
    return PeriodPart.objects.filter(account=account, part=TEAMS).exists()


@pytest.fixture
def whole() -> Account:
    """Six weeks, nearly every day of them with reports of use and of every team."""
    rng = Random(12)
    account = stored.organization("whole", 503)
    for number in range(WEEKS * 7):
        use(account, number, rng)
        if number != 9:
            stored.roster(
                account,
                day(number),
                {slug: [stored.person(key) for key in rng.sample(range(1, 13), 4)] for slug in SLUGS},
            )
    write_periods()
    return account


def test_steps_of_teams_are_what_the_days_say_whatever_happens(whole: Account) -> None:
    rng = Random(20261124)
    assert assert_steps_are_true(whole)
    period, steps = a_year(whole)
    web = Team.objects.get(account=whole, slug="web").pk
    told = everything(TeamHistory(whole, [web], period, steps), web, steps)
    assert [[value is not None for value in figure][-WEEKS:] for figure in told] == [
        [True, False, *[True] * 4]
    ] * 4
    for happen in HAPPENINGS * 2:
        happen(whole, rng.randrange(WEEKS * 7), rng)
        assert assert_steps_are_true(whole) == (happen is catch_up)


def test_steps_of_teams_are_read_as_they_are_stored(whole: Account) -> None:
    period, steps = a_year(whole)
    web, data = Team.objects.filter(account=whole, slug__in=["web", "data"]).order_by("-slug")
    told = TeamStep(6, 3, 4, (12, 10, 5, *[None] * 4))
    PeriodPart.objects.filter(part=team_of(web.pk)).update(blob=pack_team_steps([told] * len(steps)))
    PeriodPart.objects.filter(part=team_of(data.pk)).delete()

    with CaptureQueriesContext(connection) as asked:
        history = TeamHistory(whole, [web.pk, data.pk], period, steps)
        assert [figure[7] for figure in everything(history, web.pk, steps)] == [6, 0.75, 2, 0.5]
        assert {figure[-1] for figure in everything(history, data.pk, steps)} == {None}
    assert len(asked) == 1

    PeriodPart.objects.filter(part=team_of(web.pk)).update(blob=b"\x01damaged")
    assert assert_steps_are_true(whole)


# --- When they are written --------------------------------------------------------------------


def test_usual_periods_are_read_and_others_worked_out(acme: Account) -> None:
    for days in usual(acme):
        with CaptureQueriesContext(connection) as asked:
            all_teams(acme, days)
        assert len(asked) == 2
    some = usual(acme)[0][1:]
    assert stored_teams(acme, some) is None
    assert all_teams(acme, some) == teams_of(acme, [some])[0]


def test_a_period_is_written_once_none_of_its_days_waits(acme: Account) -> None:
    last = day(DAYS - 1)
    DirtyDay.objects.create(account=acme, day=last - 40 * ONE)
    outdate_teams([(acme.pk, last - 40 * ONE)])
    assert write_teams(acme) == 0
    told = {
        len(Period(*ends)) for ends in TeamPeriod.objects.filter(account=acme).values_list("first", "last")
    }
    assert {7, 28} <= told
    assert not {90, 365} & told
    assert write_teams(ends_at=0) == 0


def test_a_new_day_is_another_end_of_every_period(acme: Account) -> None:
    use(acme, DAYS, Random(1))
    assert assert_true(acme) == 0
    # Nothing is kept that ended with the day before.
    assert TeamPeriod.objects.filter(account=acme, last=day(DAYS - 1)).count() == 0


def test_what_was_taken_in_before_is_written_by_the_next_round(acme: Account) -> None:
    TeamPeriod.objects.all().delete()
    rebuild_dirty_days()
    assert assert_true(acme) == 0


def test_accounts_without_teams_store_none() -> None:
    alone = stored.organization("alone", 503)
    stored.use(alone, FIRST, {stored.person(1): {}})
    assert not TeamPeriod.objects.filter(account=alone).exists()
