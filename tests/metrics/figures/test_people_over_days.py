"""Distinct people over days and windows, and what each was seen with last."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from metrics import figures
from metrics.figures import ActiveUsers, Client, Scope
from metrics.figures.distinct import trailing_counts
from metrics.figures.people import people as everybody
from metrics.ingest.rebuild import rebuild_dirty_days
from metrics.models import DayUsers, DirtyDay
from metrics.periods import Period
from seats.models import Account
from tests.metrics import stored

FIRST = date(2026, 10, 1)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


@given(st.lists(st.none() | st.sets(st.integers(1, 9)), max_size=70))
def test_trailing_windows_equal_a_plain_count_over_sets(told: list[set[int] | None]) -> None:
    sets = [None if users is None else BitMap(users) for users in told]
    expected = []
    for number in range(len(told)):
        counts: list[int | None] = []
        for length in (1, 7, 28):
            window = told[max(number - length + 1, 0) : number + 1]
            known = [users for users in window if users is not None]
            counts.append(len(set().union(*known)) if len(known) == length else None)
        expected.append(ActiveUsers(*counts))
    assert list(trailing_counts(sets)) == expected
    # Nobody's set was changed on the way.
    assert sets == [None if users is None else BitMap(users) for users in told]


def test_what_people_did_on_some_days_only() -> None:
    sets = {day(0): BitMap([1, 2]), day(1): BitMap([2, 3])}
    assert figures.distinct_on(sets, [day(0), day(1)]) == 3
    assert figures.distinct_on(sets, [day(1)]) == 2
    assert figures.distinct_on(sets, [day(1), day(2)]) is None
    assert figures.distinct_on(sets, []) == 0
    assert figures.union(sets, [day(0)]) == BitMap([1, 2])


@pytest.mark.django_db
class TestPeople:
    def test_every_day_of_the_period_has_its_trailing_counts(self) -> None:
        acme = stored.organization()
        for number in range(8):
            stored.use(acme, day(number), {stored.person(number + 1): {"used_chat": number == 7}})
        told = figures.trailing(Scope(acme), Period(day(6), day(8)))
        assert told == {
            day(6): ActiveUsers(1, 7, None),
            day(7): ActiveUsers(1, 7, None),
            day(8): ActiveUsers(None, None, None),
        }
        assert figures.trailing(Scope(acme), Period(day(7), day(7)), "chat") == {
            day(7): ActiveUsers(1, 1, None)
        }

    def test_a_period_can_leave_weekends_out(self) -> None:
        acme = stored.organization()
        # A Friday and a Monday; nobody told of the weekend.
        friday, monday = date(2026, 10, 2), date(2026, 10, 5)
        stored.use(acme, friday, {stored.person(1): {}, stored.person(2): {}})
        stored.use(acme, monday, {stored.person(2): {}, stored.person(3): {}})
        scope, period = Scope(acme), Period(friday, monday)
        assert figures.distinct(scope, period) is None
        assert figures.distinct(scope, period, days=[friday, monday]) == 3
        assert figures.people_of(scope, period, days=[friday]) == BitMap(
            stored.person(each).pk for each in (1, 2)
        )

    def test_kinds_rank_by_person_days(self) -> None:
        acme = stored.organization()
        used = {1: ["Go", "rust"], 2: ["go"], 3: ["ada"], 4: ["rust", "ADA"]}
        stored.use(acme, day(0), {stored.person(each): languages(*names) for each, names in used.items()})
        stored.use(acme, day(1), {stored.person(1): languages("rust"), stored.person(2): {"rest": b"{}"}})
        scope, period = Scope(acme), Period(day(0), day(1))
        assert figures.kinds(scope, period, "language:") == ["rust", "ada", "go"]
        found = figures.day_sets_by_name(scope, period, "language:")
        assert {name: [len(users) for users in sets.values()] for name, sets in found.items()} == {
            "rust": [2, 1],
            "ada": [2, 0],
            "go": [2, 0],
        }
        people = figures.people_by_name(scope, period, "language:")
        assert people is not None
        assert {name: len(users) for name, users in people.items()} == {"ada": 2, "go": 2, "rust": 2}
        assert figures.people_by_name(scope, period, "language:", [day(1)]) == {
            "rust": BitMap([stored.person(1).pk])
        }
        assert figures.people_by_name(scope, Period(day(0), day(2)), "language:") is None

    def test_a_teams_kinds_are_those_of_its_members_of_the_day(self) -> None:
        acme = stored.organization()
        people = [stored.person(each) for each in (1, 2, 3)]
        for number in (0, 1):
            stored.use(acme, day(number), dict.fromkeys(people, languages("go")))
        team = stored.roster(acme, day(0), {"web": people[:2]})["web"]
        stored.roster(acme, day(1), {"web": people[2:]})
        sets = figures.day_sets(Scope(acme, team), Period(day(0), day(1)), "language:go")
        assert list(map(set, sets.values())) == [{people[0].pk, people[1].pk}, {people[2].pk}]
        several = figures.day_sets_of(
            Scope(acme, team), Period(day(0), day(1)), ["language:go", "active", "chat", "language:none"]
        )
        assert [[len(users) for users in sets.values()] for sets in several.values()] == [
            [2, 1],
            [2, 1],
            [0, 0],
            [0, 0],
        ]
        assert figures.kinds(Scope(acme, team), Period(day(0), day(1)), "language:") == ["go"]


def languages(*names: str) -> dict[str, Any]:
    entries = [
        {"language": name, "feature": "code_completion", "code_generation_activity_count": 1}
        for name in names
    ]
    return {"rest": json.dumps({"totals_by_language_feature": entries}).encode()}


def seen_with(*clients: tuple[str, str, str]) -> dict[str, Any]:
    """A line that names these editors, their versions and those of the plugin; "" where it does not say."""
    entries = [
        {
            "ide": ide,
            "loc_added_sum": 1,
            "last_known_ide_version": {"ide_version": version} if version else None,
            "last_known_plugin_version": {"plugin": "copilot", "plugin_version": plugin} if plugin else None,
        }
        for ide, version, plugin in clients
    ]
    return {"rest": json.dumps({"totals_by_ide": entries}).encode()}


@pytest.mark.django_db
class TestTheNewestClient:
    period = Period(day(0), day(2))

    def newest(self, acme: Account) -> dict[Client, int]:
        found = figures.newest_client(Scope(acme), self.period)
        return {client: len(users) for client, users in found.items()}

    def test_is_that_of_the_last_day_that_tells_it(self) -> None:
        acme = stored.organization()
        one, two = stored.person(1), stored.person(2)
        stored.use(
            acme,
            day(0),
            {one: seen_with(("vscode", "1.99", "0.3")), two: seen_with(("vscode", "1.99", "0.3"))},
        )
        stored.use(acme, day(1), {one: seen_with(("VSCode", "1.104", "0.4"))})
        stored.use(acme, day(2), {one: seen_with(("vscode", "", "")), two: {}})
        assert self.newest(acme) == {
            Client("vscode", "1.104", "copilot", "0.4"): 1,
            Client("vscode", "1.99", "copilot", "0.3"): 1,
        }

    def test_is_one_of_each_editor(self) -> None:
        acme = stored.organization()
        stored.use(acme, day(0), {stored.person(1): seen_with(("vscode", "1.99", ""), ("zed", "", "0.1"))})
        assert self.newest(acme) == {
            Client("vscode", "1.99", "", ""): 1,
            Client("zed", "", "copilot", "0.1"): 1,
        }

    def test_is_of_a_teams_members_alone(self) -> None:
        acme = stored.organization()
        people = [stored.person(each) for each in (1, 2)]
        stored.use(acme, day(0), dict.fromkeys(people, seen_with(("vscode", "1.99", "0.3"))))
        team = stored.roster(acme, day(0), {"web": people[:1]})["web"]
        found = figures.newest_client(Scope(acme, team), self.period)
        assert found == {Client("vscode", "1.99", "copilot", "0.3"): BitMap([people[0].pk])}

    def test_reads_a_name_of_fewer_parts(self) -> None:
        assert Client.named("vscode") == Client("vscode", "", "", "")
        assert Client.named("vscode|1|copilot|0.3|beta") == Client("vscode", "1", "copilot", "0.3|beta")


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["metrics_dirtyday", "metrics_dayusers"])
def test_nobody_is_missed_whose_day_is_added_up_meanwhile(table: str) -> None:
    acme = stored.organization()
    stored.use(acme, FIRST, {stored.person(1): {}, stored.person(2): {}})
    assert DayUsers.objects.exists()
    DayUsers.objects.all().delete()
    DirtyDay.objects.create(account=acme, day=FIRST)
    added_up: list[int] = []

    def add_up(execute: Any, sql: str, *others: Any) -> Any:
        if table in sql and not added_up:
            added_up.append(0)
            added_up[0] = rebuild_dirty_days()
        return execute(sql, *others)

    with connection.execute_wrapper(add_up):
        assert [person.login for person in everybody(acme)] == ["user-1", "user-2"]
    assert added_up
