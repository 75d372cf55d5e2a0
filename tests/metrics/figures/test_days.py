"""Which days figures tell of, and from where: gaps, quiet days, teams, days not added up yet."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics import breakdowns, figures
from metrics.figures import Scope
from metrics.models import DayUsers, DirtyDay, ScopeDay, TeamDay
from metrics.models.counters import COUNTERS
from metrics.periods import Period
from seats.models import Account, Team
from tests.metrics import stored

pytestmark = pytest.mark.django_db

FIRST = date(2026, 10, 1)
ZEROS = (0,) * len(COUNTERS)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


WEEK = Period(day(0), day(6))


@pytest.fixture
def acme() -> Account:
    return stored.organization()


def one_team(acme: Account, number: int, *ids: int) -> Team:
    return stored.roster(acme, day(number), {"web": [stored.person(each) for each in ids]})["web"]


class TestAnAccountsDays:
    def test_come_in_order_and_leave_out_what_is_not_covered(self, acme: Account) -> None:
        for number in (5, 0, 2):
            stored.use(acme, day(number), {stored.person(1): {"loc_added_sum": number}})
        days = figures.day_totals(Scope(acme), WEEK)
        assert [(at, row.counted("loc_added_sum")) for at, row in days.items()] == [
            (day(0), 0),
            (day(2), 2),
            (day(5), 5),
        ]

    def test_a_covered_day_without_anybody_has_zeros(self, acme: Account) -> None:
        stored.cover(acme, day(1), "users")
        scope = Scope(acme)
        [row] = figures.day_totals(scope, WEEK).values()
        assert (row.daily_active_users, row.counters, row.source) == (0, ZEROS, "users")
        assert row.weekly_active_users is None
        assert figures.breakdown(scope, WEEK, "feature").days == {day(1): {}}
        assert figures.day_records(scope, WEEK)[day(1)].daily_active_users == 0
        assert {at: len(users) for at, users in figures.day_sets(scope, WEEK).items()} == {day(1): 0}
        assert figures.distinct(scope, Period(day(1), day(1))) == 0

    def test_take_githubs_own_record_first(self, acme: Account) -> None:
        for number in (0, 1):
            stored.use(acme, day(number), {stored.person(1): {"loc_added_sum": 5}})
        stored.totals(acme, day(1), daily_active_users=9, monthly_active_users=40, loc_added_sum=100)
        days = figures.day_totals(Scope(acme), WEEK)
        assert [row.counted("loc_added_sum") for row in days.values()] == [5, 100]
        assert [row.source for row in days.values()] == ["users", "report"]
        assert (days[day(1)].monthly_active_users, days[day(1)].counted("loc_deleted_sum")) == (40, None)

    def test_told_by_its_totals_alone_have_no_people(self, acme: Account) -> None:
        stored.totals(acme, day(1), daily_active_users=9, blob=breakdowns.pack(b"{}"))
        scope = Scope(acme)
        assert list(figures.day_totals(scope, WEEK)) == [day(1)]
        assert list(figures.breakdown(scope, WEEK, "ide").days) == [day(1)]
        assert figures.day_sets(scope, WEEK) == {}
        assert figures.distinct(scope, Period(day(1), day(1))) is None
        assert figures.language_by_ide(scope, WEEK) == {}

    def test_people_without_a_counter_are_no_nothing(self, acme: Account) -> None:
        stored.use(acme, day(0), {stored.person(1): dict.fromkeys(COUNTERS)})
        [row] = figures.day_totals(Scope(acme), WEEK).values()
        assert (row.daily_active_users, row.counters) == (1, (None,) * len(COUNTERS))

    def test_not_added_up_yet_are_unknown(self, acme: Account) -> None:
        stored.cover(acme, day(0), "users")
        DirtyDay.objects.create(account=acme, day=day(0))
        assert figures.day_totals(Scope(acme), WEEK) == {}
        assert figures.day_sets(Scope(acme), WEEK) == {}

    def test_to_be_added_up_again_show_what_was(self, acme: Account) -> None:
        stored.use(acme, day(0), {stored.person(1): {"loc_added_sum": 3, "used_chat": True}})
        DirtyDay.objects.create(account=acme, day=day(0))
        scope = Scope(acme)
        assert figures.day_totals(scope, WEEK)[day(0)].counted("loc_added_sum") == 3
        assert len(figures.day_sets(scope, WEEK, "chat")[day(0)]) == 1
        assert day(0) in figures.day_sets(scope, WEEK, "language:python")

    def test_added_up_before_breakdowns_were_kept_have_none_yet(self, acme: Account) -> None:
        stored.use(acme, day(0), {stored.person(1): {"loc_added_sum": 3}})
        ScopeDay.objects.update(blob=None)
        DirtyDay.objects.create(account=acme, day=day(0))
        scope = Scope(acme)
        assert list(figures.day_totals(scope, WEEK)) == list(figures.day_sets(scope, WEEK)) == [day(0)]
        assert figures.breakdown(scope, WEEK, "feature").days == {}
        assert figures.day_sets(scope, WEEK, "language:python") == {}
        assert figures.people_by_name(scope, WEEK, "language:", [day(0)]) is None

    def test_of_another_account_are_not_these(self, acme: Account) -> None:
        zeta = stored.organization("zeta", 2)
        stored.use(zeta, day(0), {stored.person(1): {"loc_added_sum": 3}})
        assert figures.day_totals(Scope(acme), WEEK) == {}
        assert figures.day_sets(Scope(acme), WEEK) == {}


class TestATeamsDays:
    def test_need_its_members_of_that_day(self, acme: Account) -> None:
        for number in (0, 1, 2):
            stored.use(acme, day(number), {stored.person(1): {"loc_added_sum": 1}})
        team = one_team(acme, 0, 1, 2)
        stored.roster(acme, day(1), {"data": [stored.person(1)]})
        scope = Scope(acme, team)
        assert list(figures.day_totals(scope, WEEK)) == [day(0)]
        assert list(figures.day_records(scope, WEEK)) == [day(0)]
        assert list(figures.breakdown(scope, WEEK, "ide").days) == [day(0)]
        for kind in ("active", "chat", "phase:1"):
            assert list(figures.day_sets(scope, WEEK, kind)) == [day(0)]
        assert figures.distinct(scope, Period(day(0), day(0))) == 1
        assert figures.distinct(scope, Period(day(0), day(1))) is None

    def test_on_which_none_of_them_did_anything_have_zeros(self, acme: Account) -> None:
        stored.use(acme, day(0), {stored.person(1): {"loc_added_sum": 1}})
        scope = Scope(acme, one_team(acme, 0, 2, 3))
        [row] = figures.day_totals(scope, WEEK).values()
        assert (row.daily_active_users, row.counters) == (0, ZEROS)
        assert figures.breakdown(scope, WEEK, "ide").days == {day(0): {}}
        assert figures.distinct(scope, Period(day(0), day(0))) == 0

    def test_are_never_githubs_own_record(self, acme: Account) -> None:
        stored.use(acme, day(0), {stored.person(1): {"loc_added_sum": 1}})
        scope = Scope(acme, one_team(acme, 0, 1))
        stored.totals(acme, day(0), daily_active_users=9, loc_added_sum=100)
        [row] = figures.day_totals(scope, WEEK).values()
        assert (row.source, row.daily_active_users, row.counted("loc_added_sum")) == ("users", 1, 1)

    def test_of_teams_that_overlap_both_count_whoever_is_in_both(self, acme: Account) -> None:
        line = {"loc_added_sum": 4, "phase_number": 2}
        stored.use(acme, day(0), {stored.person(each): line for each in (1, 2, 3)})
        people = [stored.person(each) for each in (1, 2, 3)]
        teams = stored.roster(acme, day(0), {"web": people[:2], "data": people[1:]})
        for team in teams.values():
            scope = Scope(acme, team)
            assert figures.day_totals(scope, WEEK)[day(0)].counted("loc_added_sum") == 8
            assert len(figures.day_sets(scope, WEEK, "phase:2")[day(0)]) == 2

    def test_added_up_before_breakdowns_were_kept_have_none_yet(self, acme: Account) -> None:
        stored.use(acme, day(0), {stored.person(1): {"used_chat": True}})
        scope = Scope(acme, one_team(acme, 0, 1))
        ScopeDay.objects.update(blob=None)
        TeamDay.objects.update(blob=None)
        DirtyDay.objects.create(account=acme, day=day(0))
        assert figures.breakdown(scope, WEEK, "feature").days == {}
        assert list(figures.day_sets(scope, WEEK, "chat")) == [day(0)]
        assert figures.day_sets(scope, WEEK, "language:python") == {}


QUESTIONS: dict[str, Any] = {
    "day_totals": figures.day_totals,
    "day_records": figures.day_records,
    "breakdown": lambda scope, period: figures.breakdown(scope, period, "language_feature"),
    "several breakdowns": lambda scope, period: figures.breakdowns_of(scope, period, ["ide", "feature"]),
    "language_by_ide": figures.language_by_ide,
    "trailing": figures.trailing,
    "distinct": figures.distinct,
    "several kinds": lambda scope, period: figures.day_sets_of(scope, period, ["active", "phase:1", "cli"]),
    "day_sets_by_name": lambda scope, period: figures.day_sets_by_name(scope, period, "language:"),
    "newest_client": figures.newest_client,
}


# From two weeks on whole weeks are asked for apart from the days beside them.
BY_WEEKS = ("language_by_ide", "breakdown", "several breakdowns")
# What may be stored of the whole period, or of records without their breakdowns, is looked for there first.
IN_THE_WHOLE = ("distinct", "newest_client", "trailing", "day_records", "language_by_ide")


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_costs_the_same_queries_however_long_the_period(acme: Account, question: str) -> None:
    rest = b'{"totals_by_ide":[{"ide":"vscode","loc_added_sum":1}]}'
    for number in range(5):
        stored.use(acme, day(number), {stored.person(each): {"rest": rest} for each in (1, 2)})
        team = one_team(acme, number, 1)
    assert DayUsers.objects.count() > 10
    for scope, most in ((Scope(acme), 2), (Scope(acme, team), 3)):
        for length in (1, 90):
            with CaptureQueriesContext(connection) as asked:
                QUESTIONS[question](scope, Period.trailing(day(4), length))
            by_weeks = question in BY_WEEKS and scope.team is None and length > 1
            in_the_whole = question in IN_THE_WHOLE and scope.team is None
            assert len(asked) <= most + by_weeks + in_the_whole
