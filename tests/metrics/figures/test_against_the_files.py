"""Every figure that pages are made of equals an independent reckoning over the raw files."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest
from pyroaring import BitMap

from metrics import figures
from metrics.figures import Client, Dimension, Scope, Sums
from metrics.periods import Period
from metrics.sample import Company, write_files
from seats.models import Account, GitHubUser, Team
from tests.metrics.dashboards.oracle import DIMENSIONS, Question, Truth, plus
from tests.metrics.dashboards.spiced import spice
from tests.metrics.oracle import COUNTERS, Oracle
from tests.metrics.taking_in import LAST_DAY, passing_database, take_in

# The fixture opens the database itself: the company is taken in once for all tests.
pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
FIRST = LAST_DAY - 60 * DAY
ENTERPRISE, APPS, PLATFORM, LABS = "octo-industries", "octo-apps", "octo-platform", "octo-labs"
# An account, and the number of one of its teams.
SCOPES = ((ENTERPRISE, None), (APPS, None), (APPS, 1), (PLATFORM, None))
FLAGS = ("active", "chat", "agent", "cli", "cloud_agent", "app", "vscode_agent", "code_review_active")
PREFIXES = ("language:", "feature:", "ide:", "model:", "phase:", "client:")


@dataclass
class TakenIn:
    truth: Truth
    users: dict[int, int]  # GitHub's ids by our keys

    def asked(self, account: str, team: int | None) -> tuple[Scope, Question]:
        """The same question twice: to figures, and to the reckoning. It begins before anything is known."""
        [named] = [each for each, label in self.truth.oracle.labels.items() if label == account]
        question = Question(named, FIRST, LAST_DAY, LAST_DAY + DAY)
        ours = Account.objects.get(kind=named.kind, github_id=named.id)
        if team is None:
            return Scope(ours), question
        question = replace(question, team=self.truth.teams(question)[team])
        return Scope(ours, Team.objects.get(account=ours, github_id=question.team)), question

    def ids(self, users: BitMap) -> set[int]:
        return {self.users[key] for key in users}


@pytest.fixture(scope="module")
def taken_in(tmp_path_factory: Any, django_db_setup: None, django_db_blocker: Any) -> Iterator[TakenIn]:
    files = write_files(
        Company(LAST_DAY, people=50, days=45, teams=5), tmp_path_factory.mktemp("figures of a company")
    )
    spice(files)
    # One organization's exports of people in October were lost: only its own totals are known.
    files = [file for file in files if not ("users October" in file.path.name and PLATFORM in str(file.path))]
    with passing_database(django_db_blocker):
        take_in(files)
        yield TakenIn(Truth(Oracle.of(files)), dict(GitHubUser.objects.values_list("pk", "github_id")))


@pytest.fixture(params=SCOPES, ids=[f"{account} {team}" for account, team in SCOPES])
def asked(taken_in: TakenIn, request: Any) -> tuple[Scope, Question]:
    return taken_in.asked(*request.param)


PERIOD = Period(FIRST, LAST_DAY)
Asked = tuple[Scope, Question]


def test_the_company_has_gaps_and_quiet_days(taken_in: TakenIn) -> None:
    """Else the other tests prove less than they say."""
    _, platform = taken_in.asked(PLATFORM, None)
    told = [day for day in PERIOD if taken_in.truth.is_told(platform, day)]
    assert 0 < len(taken_in.truth.covered(platform)) < len(told) < len(PERIOD)
    _, team = taken_in.asked(APPS, 1)
    sizes = [len(taken_in.truth.users(team, day)) for day in taken_in.truth.covered(team)]
    assert 0 in sizes
    assert 0 < len(sizes) < len(PERIOD)


def test_totals_by_day(taken_in: TakenIn, asked: Asked) -> None:
    scope, question = asked
    days = figures.day_totals(scope, PERIOD)
    assert list(days) == [day for day in PERIOD if taken_in.truth.is_told(question, day)]
    for day, row in days.items():
        report = taken_in.truth.report(question, day)
        assert dict(zip(COUNTERS, row.counters, strict=True)) == taken_in.truth.counters(question, day)
        assert row.source == ("users" if report is None else "report")
        assert (row.account_id, row.day) == (scope.account.pk, day)
        if report is None:
            assert row.daily_active_users == len(taken_in.truth.users(question, day))
            assert (row.weekly_active_users, row.monthly_active_users) == (None, None)
        else:
            for name in ("daily_active_users", "weekly_active_users", "monthly_active_users"):
                assert getattr(row, name) == report[name]


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_breakdowns(taken_in: TakenIn, asked: Asked, dimension: Dimension) -> None:
    scope, question = asked
    truth = taken_in.truth
    found = figures.breakdown(scope, PERIOD, dimension)
    assert found.names == DIMENSIONS[dimension]
    expected = {
        day: told for day in PERIOD if (told := truth.broken_down(question, day, dimension)) is not None
    }
    assert list(found.days) == list(expected)
    for day, entries in found.days.items():
        assert {key: sums._asdict() for key, sums in entries.items()} == expected[day], day
    for by in ((), *[(name,) for name in found.names], found.names, found.names[::-1]):
        totals = {key: sums._asdict() for key, sums in found.totals(*by).items()}
        assert totals == truth.sums_by(question, dimension, *by)
        for day, entries in found.by_day(*by).items():
            of_day = truth.sums_by(question, dimension, *by, days=[day])
            assert {key: sums._asdict() for key, sums in entries.items()} == of_day
    weekdays = [day for day in PERIOD if day.weekday() < 5]
    some = found.totals(found.names[0], days=weekdays)
    assert {key: sums._asdict() for key, sums in some.items()} == truth.sums_by(
        question, dimension, found.names[0], days=weekdays
    )


def test_a_breakdown_of_some_names_only(taken_in: TakenIn, asked: Asked) -> None:
    scope, question = asked
    found = figures.breakdown(scope, PERIOD, "language_feature")
    names = {"code_completion", "agent_edit"}
    expected = taken_in.truth.sums_by(question, "language_feature", "language", feature=names)
    totals = found.only(feature=["Code_Completion", "AGENT_EDIT"]).totals("language")
    assert {key: sums._asdict() for key, sums in totals.items()} == expected
    assert list(found.only(language="none such").days) == list(found.days)
    # The same of a breakdown put together by hand.
    by_hand = figures.Breakdown(found.names, {day: dict(entries) for day, entries in found.days.items()})
    assert by_hand.only(feature=names).totals("language") == totals
    assert by_hand.by_day("feature") == found.by_day("feature")


def test_languages_by_editor(taken_in: TakenIn, asked: Asked) -> None:
    scope, question = asked
    expected: Counter[tuple[str, str]] = Counter()
    for _, _, line in taken_in.truth.all_lines(question):
        told = [
            {
                entry[name].casefold()
                for entry in line.get(array) or []
                if any(entry.get(counter) for counter in COUNTERS)
            }
            for array, name in (("totals_by_language_feature", "language"), ("totals_by_ide", "ide"))
        ]
        told[0] |= {
            entry["language"].casefold()
            for entry in line.get("totals_by_language_model") or []
            if any(entry.get(counter) for counter in COUNTERS)
        }
        expected.update((language, ide) for language in told[0] for ide in told[1])
    found = figures.language_by_ide(scope, PERIOD)
    assert found == expected
    assert list(found.values()) == sorted(found.values(), reverse=True)


@pytest.mark.parametrize("kind", FLAGS)
def test_sets_of_people_by_day(taken_in: TakenIn, asked: Asked, kind: str) -> None:
    scope, question = asked
    sets = figures.day_sets(scope, PERIOD, kind)
    assert list(sets) == taken_in.truth.covered(question)
    for day, users in sets.items():
        assert taken_in.ids(users) == taken_in.truth.users(question, day, kind)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_sets_of_people_by_what_they_used(taken_in: TakenIn, asked: Asked, prefix: str) -> None:
    scope, question = asked
    truth = taken_in.truth
    names = figures.kinds(scope, PERIOD, prefix)
    assert names == truth.named(question, prefix)
    by_name = figures.day_sets_by_name(scope, PERIOD, prefix)
    assert list(by_name) == names
    for name, sets in by_name.items():
        assert list(sets) == truth.covered(question)
        for day, users in sets.items():
            assert taken_in.ids(users) == truth.users(question, day, prefix + name)
    week = list(Period.trailing(LAST_DAY - 3 * DAY, 7))
    people = figures.people_by_name(scope, PERIOD, prefix, week)
    if set(week) <= set(truth.covered(question)):
        assert people is not None
        told = {name: truth.union(question, week, prefix + name) for name in names}
        assert {name: taken_in.ids(users) for name, users in people.items()} == {
            name: users for name, users in told.items() if users
        }
        sizes = [len(users) for users in people.values()]
        assert sizes == sorted(sizes, reverse=True)
    else:
        assert people is None


@pytest.mark.parametrize(
    "kind", ["active", "chat", "language:python", "phase:1", "feature:chat_holodeck_mode"]
)
def test_trailing_and_distinct_people(taken_in: TakenIn, asked: Asked, kind: str) -> None:
    scope, question = asked
    truth = taken_in.truth
    for day, counts in figures.trailing(scope, PERIOD, kind).items():
        for length, count in zip((1, 7, 28), (counts.daily, counts.weekly, counts.monthly), strict=True):
            assert count == truth.trailing(question, day, length, kind), (day, length)
    weekdays = [day for day in Period.trailing(LAST_DAY, 14) if day.weekday() < 5]
    for days in (list(PERIOD), list(Period.trailing(LAST_DAY, 28)), weekdays, [LAST_DAY], []):
        expected = truth.distinct(question, kind, days)
        assert figures.distinct(scope, PERIOD, kind, days) == expected
        users = figures.people_of(scope, PERIOD, kind, days)
        assert (None if users is None else len(users)) == expected
    newest = Period.trailing(LAST_DAY, 28)
    assert figures.distinct(scope, newest, kind) == truth.distinct(question, kind, newest)


def test_each_persons_newest_client(taken_in: TakenIn, asked: Asked) -> None:
    scope, question = asked
    newest: dict[tuple[int, str], str] = {}
    for _, user_id, line in taken_in.truth.all_lines(question):
        for entry in line.get("totals_by_ide") or []:
            version = (entry.get("last_known_ide_version") or {}).get("ide_version")
            plugin = entry.get("last_known_plugin_version") or {}
            parts = (entry["ide"], version, plugin.get("plugin"), plugin.get("plugin_version"))
            if any(parts[1:]):
                ide = entry["ide"].casefold()
                newest[user_id, ide] = "|".join((part or "").casefold() for part in parts)
    expected: dict[Client, set[int]] = defaultdict(set)
    for (user_id, _), name in newest.items():
        expected[Client(*name.split("|"))].add(user_id)
    found = figures.newest_client(scope, PERIOD)
    assert {client: taken_in.ids(users) for client, users in found.items()} == expected


OBJECTS = ("totals_by_cli", "totals_by_copilot_app", "totals_by_vscode_agent")
TOLD = (
    "daily_active_copilot_app_users",
    "monthly_active_chat_users",
    "monthly_active_agent_users",
    "daily_active_copilot_cloud_agent_users",
    "weekly_passive_copilot_code_review_users",
    "distinct_skill_use_count",
)


def test_whole_records(taken_in: TakenIn, asked: Asked) -> None:
    scope, question = asked
    truth = taken_in.truth
    records = figures.day_records(scope, PERIOD)
    assert list(records) == [day for day in PERIOD if truth.is_told(question, day)]
    seen: Counter[str] = Counter()
    for day, record in records.items():
        report = truth.report(question, day)
        assert record.source == ("users" if report is None else "report")
        for key in OBJECTS:
            _assert_surface(getattr(record, key), truth.surface(question, day, key))
        for name in TOLD:
            assert getattr(record, name) == truth.said(question, day, name)
        if report is None:
            assert record.daily_active_users == len(truth.users(question, day))
            assert (record.pull_requests, record.totals_by_ai_adoption_phase) == (None, None)
            continue
        assert record.daily_active_users == report["daily_active_users"]
        _assert_told(record.pull_requests, report.get("pull_requests"), seen)
        for key in ("totals_by_ai_adoption_phase", "totals_by_3rd_party_agent", "totals_by_skill"):
            ours, theirs = getattr(record, key), report.get(key)
            assert (ours is None) == (theirs is None), key
            for one, other in zip(ours or (), theirs or (), strict=True):
                _assert_told(one, other, seen)
    if any(record.source == "report" for record in records.values()):
        assert {"total_created", "users_in_phase_28d", "skill"} <= seen.keys()


def _assert_surface(ours: Any, expected: dict[str, int | None] | None) -> None:
    if expected is None:
        assert ours is None
        return
    for name, value in expected.items():
        tokens = getattr(ours, "token_usage", None)
        holder = tokens if tokens is not None and name.endswith("tokens_sum") else ours
        assert getattr(holder, name, None) == value, name


def _assert_told(ours: Any, theirs: dict[str, Any] | None, seen: Counter[str]) -> None:
    if theirs is None:
        assert ours is None
        return
    for name, value in theirs.items():
        if isinstance(value, list):
            for one, other in zip(getattr(ours, name), value, strict=True):
                _assert_told(one, other, seen)
        else:
            assert getattr(ours, name) == value, name
            seen[name] += value is not None


def test_sums_add_up_like_plain_dictionaries(taken_in: TakenIn, asked: Asked) -> None:
    scope, _ = asked
    rows = [Sums(*row.counters) for row in figures.day_totals(scope, PERIOD).values()]
    assert Sums.of(rows)._asdict() == plus(row._asdict() for row in rows)


def test_nothing_is_known_of_days_before_the_first(asked: Asked) -> None:
    scope, _ = asked
    before = Period(date(2020, 1, 1), date(2020, 3, 1))
    assert figures.day_totals(scope, before) == figures.day_records(scope, before) == {}
    assert figures.breakdown(scope, before, "ide").days == {}
    assert figures.breakdown(scope, before, "ide").totals() == {}
    assert figures.day_sets(scope, before) == {}
    assert figures.distinct(scope, before) is None
    assert figures.people_by_name(scope, before, "ide:") is None
    assert set(figures.trailing(scope, before).values()) == {figures.ActiveUsers(None, None, None)}
    assert figures.newest_client(scope, before) == figures.language_by_ide(scope, before) == {}
