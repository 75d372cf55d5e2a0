"""`custom`: any figures by any group, against the lines themselves added up by hand."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.figures import by_place
from portal.reports import registry
from portal.reports.base import ReportError
from seats.models import Account, Assignment, CostCentre, Department, GitHubUser
from tests.metrics import stored
from tests.metrics.dashboards.using import cell, line
from tests.reports import begin_the_audit, rows_of

pytestmark = pytest.mark.django_db

FIRST = date(2026, 9, 24)
DAYS = [FIRST + timedelta(days=number) for number in range(14)]
LANGUAGES, FEATURES, IDES = ("python", "go"), ("code_completion", "chat_panel_ask_mode"), ("vscode", "xcode")
GROUPED_BY_NAME = {"language": 0, "feature": 1, "ide": 2}


class Done(NamedTuple):
    """A cell of somebody's day."""

    language: str
    feature: str
    ide: str
    generations: int
    acceptances: int


Lines = dict[tuple[date, GitHubUser], tuple[list[Done], bool, Decimal]]


class Company(NamedTuple):
    account: Account
    lines: Lines
    teams: dict[str, set[GitHubUser]]
    places: dict[tuple[date, GitHubUser], tuple[str, str]]


def company() -> Company:
    """Six people, two weeks, one day nobody reported, moves in the middle of weeks."""
    dice = random.Random(7)
    account = stored.organization(parent=stored.enterprise())
    people = [stored.person(number) for number in range(1, 7)]
    lines: Lines = {}
    for day in DAYS:
        if day == DAYS[5]:
            continue
        there: dict[GitHubUser, dict[str, Any]] = {}
        for user in people:
            if dice.random() < 0.3:
                continue
            done = [
                Done(language, feature, ide, dice.randint(1, 9), dice.randint(0, 4))
                for language in LANGUAGES
                for feature in FEATURES
                for ide in IDES
                if dice.random() < 0.3
            ] or [Done("go", "code_completion", "xcode", 1, 0)]
            agent, spent = dice.random() < 0.5, Decimal(dice.randint(0, 500)) / 100
            lines[day, user] = (done, agent, spent)
            cells = [
                cell(
                    each.feature,
                    ide=each.ide,
                    language=each.language,
                    generations=each.generations,
                    acceptances=each.acceptances,
                )
                for each in done
            ]
            there[user] = line(*cells) | {"used_agent": agent, "ai_credits_used": spent}
        stored.use(account, day, there)
    teams = {"data": set(people[:3]), "web": set(people[2:5])}
    for day in DAYS:
        if day != DAYS[5]:
            stored.roster(account, day, teams)
    return Company(account, lines, teams, _places(people, dice))


def _places(people: list[GitHubUser], dice: random.Random) -> dict[tuple[date, GitHubUser], tuple[str, str]]:
    departments = [Department.objects.create(name=name) for name in ("Sales", "Works")]
    centres = [CostCentre.objects.create(code=code, name=f"Centre {code}") for code in ("10", "20")]
    places: dict[tuple[date, GitHubUser], tuple[str, str]] = {}
    for user in people[:5]:
        move = DAYS[dice.randint(2, 11)]
        stays = [(None, move - timedelta(days=1)), (move, None)]
        for number, (since, until) in enumerate(stays):
            if user == people[4] and number:
                continue
            department, centre = departments[(number + user.pk) % 2], centres[(number + user.pk // 2) % 2]
            Assignment.objects.create(
                person=user.login,
                user=user,
                department=department,
                cost_centre=centre,
                ends_on=until,
                **({"starts_on": since} if since else {}),
            )
            for day in DAYS:
                if (since is None or day >= since) and (until is None or day <= until):
                    places[day, user] = (str(department), str(centre))
    return places


def parts(granularity: str) -> dict[date, tuple[date, date]]:
    """By day: the first and the last asked day of its stretch."""

    def name(day: date) -> object:
        if granularity == "week":
            return day.isocalendar()[:2]
        if granularity == "month":
            return day.month
        return day if granularity == "day" else 0

    of: dict[object, list[date]] = defaultdict(list)
    for day in DAYS:
        of[name(day)].append(day)
    return {day: (days[0], days[-1]) for days in of.values() for day in days}


def groups(company: Company, day: date, user: GitHubUser, by: str) -> list[str]:
    if by == "team":
        return [slug for slug, team in company.teams.items() if user in team] or ["(unattributed)"]
    if by == "department":
        return [company.places.get((day, user), ("(no department)", ""))[0]]
    if by == "cost_centre":
        return [company.places.get((day, user), ("", "(no cost centre)"))[1]]
    return [""]


def expected(company: Company, by: str, granularity: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """By group and first day: people, days of people, agent users, generations, acceptance rate, credits."""
    stretch = parts(granularity)
    found: dict[tuple[str, str], list[Any]] = defaultdict(lambda: [set(), 0, set(), 0, 0, Decimal(0)])
    for (day, user), (done, agent, spent) in company.lines.items():
        if by in GROUPED_BY_NAME:
            place = GROUPED_BY_NAME[by]
            named = {each[place]: [one for one in done if one[place] == each[place]] for each in done}
        else:
            named = dict.fromkeys(groups(company, day, user, by), done)
        for group, cells in named.items():
            told = found[group, str(stretch[day][0])]
            told[0].add(user)
            told[1] += 1
            if agent:
                told[2].add(user)
            told[3] += sum(each.generations for each in cells)
            told[4] += sum(each.acceptances for each in cells)
            told[5] += spent
    return {
        key: (
            str(len(users)),
            str(days),
            *([] if by in GROUPED_BY_NAME else [str(len(agents))]),
            str(generations),
            str((Decimal(acceptances) / generations).quantize(Decimal("0.0001"))),
            *([] if by in GROUPED_BY_NAME else [f"{spent.normalize():f}"]),
        )
        for key, (users, days, agents, generations, acceptances, spent) in found.items()
    }


@pytest.fixture
def acme() -> Company:
    return company()


def test_figures_are_those_of_the_lines(acme: Company) -> None:
    for by in ("", "team", "department", "cost_centre", "language", "feature", "ide"):
        for granularity in ("", "month", "week", "day"):
            assert told_by(by, granularity) == expected(acme, by, granularity), (by, granularity)


def told_by(by: str, granularity: str) -> dict[tuple[str, str], tuple[str, ...]]:
    figures = ["active_users", "user_days", "code_generation_activity_count", "acceptance_rate"]
    if by not in GROUPED_BY_NAME:
        figures = [*figures[:2], "agent_users", *figures[2:], "ai_credits_used"]
    options = ["--figures", ",".join(figures), "--from", str(DAYS[0]), "--to", str(DAYS[-1])]
    if by:
        options += ["--grouping", by]
    if granularity:
        options += ["--granularity", granularity]

    rows = rows_of("custom", *options)

    told = {(row.get(by, ""), row["first_day"]): tuple(row[name] for name in figures) for row in rows}
    # Of a day nobody reported there is no row, or one of no people.
    return {key: row for key, row in told.items() if row[0] not in ("", "0")}


def test_columns_are_what_was_asked_in_one_order(acme: Company) -> None:
    [row] = rows_of("custom", "--figures", "acceptance_rate,active_users")
    assert list(row) == [
        "organization", "enterprise", "first_day", "last_day", "days", "active_users", "acceptance_rate",
    ]  # fmt: skip
    assert (row["organization"], row["days"]) == ("acme", "13")


def test_of_a_team_only_its_days(acme: Company) -> None:
    [row] = rows_of("custom", "--team", "data", "--figures", "active_users,user_days")
    own = [user for _, user in acme.lines if user in acme.teams["data"]]
    assert (row["active_users"], row["user_days"]) == (str(len(set(own))), str(len(own)))
    rows = rows_of("custom", "--team", "data", "--grouping", "department", "--figures", "user_days")
    assert sum(int(row["user_days"]) for row in rows) == len(own)


def test_people_without_a_cost_centre_are_with_the_organization_s(acme: Company) -> None:
    acme.account.cost_centre = CostCentre.objects.get(code="10")
    acme.account.save()
    rows = rows_of("custom", "--grouping", "cost_centre", "--figures", "user_days")
    assert len(rows) == 2
    assert sum(int(row["user_days"]) for row in rows) == len(acme.lines)


def test_what_names_do_not_tell_is_refused_in_a_sentence() -> None:
    report = registry.get("custom")
    with pytest.raises(ReportError, match="By language reports do not tell agent_users"):
        report.read({"grouping": "language", "figures": "agent_users"})


@pytest.mark.parametrize("by", ["", "team", "department", "cost_centre", "language", "feature"])
@pytest.mark.parametrize("step", ["", "day", "week", "month"])
def test_days_of_which_nothing_is_known_cost_nothing(acme: Company, by: str, step: str) -> None:
    """As asked of a short period, but called by the one that was asked for."""
    asked = [*(["--grouping", by] if by else []), *(["--granularity", step] if step else [])]
    begin_the_audit()

    def answered(first: date, last: date) -> tuple[list[dict[str, Any]], int]:
        with CaptureQueriesContext(connection) as caught:
            rows = rows_of("custom", *asked, "--from", str(first), "--to", str(last))
        return rows, len(caught)

    near, queries = answered(date(2026, 9, 1), date(2026, 10, 31))
    far, queries_of_far = answered(date(2000, 1, 1), date(2027, 1, 1))

    assert queries_of_far == queries
    if step:
        assert far == near
    else:
        assert [{**row, "first_day": "", "last_day": ""} for row in far] == [
            {**row, "first_day": "", "last_day": ""} for row in near
        ]
        assert {(row["first_day"], row["last_day"]) for row in far} == {("2000-01-01", "2027-01-01")}


def test_a_month_is_told_as_asked_however_few_of_its_days_are_known(acme: Company) -> None:
    rows = rows_of("custom", "--granularity", "month", "--from", "2026-08-10", "--to", "2026-12-31")
    assert [(row["first_day"], row["last_day"], row["days"]) for row in rows] == [
        ("2026-09-01", "2026-09-30", "6"),
        ("2026-10-01", "2026-10-31", "7"),
    ]


def test_more_steps_than_anybody_reads_are_refused_with_what_to_choose_instead() -> None:
    account = stored.organization()
    for day in (date(2020, 1, 1), date(2026, 1, 1)):
        stored.cover(account, day)
    report = registry.get("custom")

    with pytest.raises(ReportError) as refused:
        report.read({"granularity": "day", "from": "2000-01-01", "to": "2026-11-20"})
    assert str(refused.value) == (
        "A row per day from 2020-01-01 to 2026-01-01 makes 2,193 of each group, and at most 1,100 can be "
        "made: choose a shorter period, or a row per week or month."
    )
    assert report.read({"granularity": "day", "from": "2024-01-01"})
    assert report.read({"granularity": "week"})


def test_departments_need_a_permission_of_their_own() -> None:
    report = registry.get("custom")
    reader = User.objects.create_user("reader")
    reader.user_permissions.add(Permission.objects.get(codename="view_scopeday"))
    assert report.is_open_to(reader, report.read({"grouping": "language"}))
    assert not report.is_open_to(reader, report.read({"grouping": "department"}))
    assert not report.is_open_to(reader, report.read({"grouping": "team"}))


def test_queries_do_not_grow_with_groups(acme: Company) -> None:
    begin_the_audit()

    def queries() -> list[int]:
        return [queries_by(by) for by in ("team", "department", "language")]

    def queries_by(by: str) -> int:
        with CaptureQueriesContext(connection) as caught:
            rows_of("custom", "--grouping", by, "--from", str(DAYS[0]), "--to", str(DAYS[0]))
        return len(caught)

    before = queries()
    day, user = DAYS[0], stored.person(50)
    Assignment.objects.create(person="x", user=user, department=Department.objects.create(name="New"))
    stored.use(acme.account, day, {user: line(cell("code_completion", language="zig", generations=2))})
    assert queries() == before


def test_places_added_up_by_the_database_are_those_added_up_one_by_one(
    acme: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_place, "PEOPLE_A_QUERY", 0)
    for by in ("department", "cost_centre"):
        for granularity in ("", "week", "day"):
            assert told_by(by, granularity) == expected(acme, by, granularity), (by, granularity)
    # A place where nobody did anything has no row.
    assert all(row["active_users"] for row in rows_of("custom", "--grouping", "department"))
    by_day = rows_of("custom", "--grouping", "department", "--granularity", "day")
    assert all(row["active_users"] not in ("", "0") for row in by_day)
