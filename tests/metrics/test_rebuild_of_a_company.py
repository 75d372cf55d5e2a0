"""All that is added up of a company's days, against an independent reckoning over its files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from metrics import breakdowns
from metrics.models import DayUsers, ScopeDay, TeamDay, UserWindow, WindowEnd
from metrics.models.team_day import UNATTRIBUTED, WHOLE_ACCOUNT
from seats.models import Account as AccountRow
from seats.models import GitHubUser, Team
from tests.metrics import reckoned
from tests.metrics.oracle import Account, Oracle, sums
from tests.metrics.taking_in import passing_database, take_in, write_company

pytestmark = pytest.mark.django_db

PEOPLE, DAYS, WINDOW = 60, 32, 28
NEARLY = Decimal("1e-6")


@pytest.fixture(scope="module")
def company(tmp_path_factory: Any, django_db_setup: None, django_db_blocker: Any) -> Iterator[Oracle]:
    """The company was taken in; its rows are there for all tests of this module."""
    files = write_company(tmp_path_factory.mktemp("company"), PEOPLE, DAYS)
    with passing_database(django_db_blocker):
        take_in(files)
        yield Oracle.of(files)


def account_of(row: Any) -> Account:
    return Account(row.account.kind, row.account.github_id)


def told(row: ScopeDay | TeamDay) -> dict[str, Any]:
    assert row.blob is not None
    return breakdowns.unpack(row.blob)


def of_people(company: Oracle) -> Iterator[tuple[ScopeDay, dict[int, Any]]]:
    """Every day computed from people, with the lines of that day."""
    rows = ScopeDay.objects.filter(source=ScopeDay.Source.USERS).select_related("account")
    assert rows.count() > 50
    for row in rows:
        yield row, company.people[account_of(row)][row.day]


def test_an_accounts_day_is_the_sum_of_its_people(company: Oracle) -> None:
    for row, lines in of_people(company):
        assert told(row) == reckoned.record(lines.values()), row


def test_a_teams_day_is_the_sum_of_its_members_of_that_day(company: Oracle) -> None:
    rows = TeamDay.objects.select_related("account", "team")
    assert rows.exclude(team=None).filter(active_users__gt=0).count() > 50
    for row in rows:
        lines = company.people[account_of(row)][row.day]
        own = [lines[user_id] for user_id in members(company, row, row.team) & lines.keys()]
        assert told(row) == reckoned.record(own), row


def members(company: Oracle, row: Any, team: Team | None) -> set[int]:
    """The ids of a team's members that day; without a team, of everybody who is in none."""
    teams = company.teams[account_of(row)].get(row.day, {})
    if team is not None:
        return teams[team.github_id]
    everybody = set(company.people[account_of(row)][row.day])
    return everybody.difference(*teams.values())


def test_credits_of_a_day_are_those_of_its_people(company: Oracle) -> None:
    for row, lines in of_people(company):
        assert_spent(row.ai_credits_used, lines.values())


def assert_spent(credit: Decimal | None, lines: Any) -> None:
    spent = [line["ai_credits_used"] for line in lines if line.get("ai_credits_used") is not None]
    assert (credit is None) == (not spent)
    if credit is not None:
        assert abs(credit - sum(map(Decimal, spent))) < NEARLY


def test_the_sets_of_a_day_are_of_the_people_whose_lines_say_so(company: Oracle) -> None:
    ids = dict(GitHubUser.objects.values_list("pk", "github_id"))
    found: dict[tuple[Account, date], dict[str, set[int]]] = defaultdict(dict)
    for row in DayUsers.objects.filter(team_key=WHOLE_ACCOUNT).select_related("account"):
        found[account_of(row), row.day][row.kind] = {ids[key] for key in row.user_keys}
    days = {(account, day): lines for account, some in company.people.items() for day, lines in some.items()}
    assert found.keys() == days.keys()
    for key, lines in days.items():
        assert found[key] == {"active": set()} | reckoned.sets(lines), key
    kinds = {kind.partition(":")[0] for some in found.values() for kind in some}
    assert kinds >= {"cli", "app", "cloud_agent", "phase", "feature", "ide", "language", "model", "client"}


def test_teams_have_the_sets_of_flags_alone(company: Oracle) -> None:
    ids = dict(GitHubUser.objects.values_list("pk", "github_id"))
    teams = Team.objects.in_bulk()
    rows = DayUsers.objects.exclude(team_key=WHOLE_ACCOUNT).select_related("account")
    assert {row.kind for row in rows} == set(DayUsers.TEAM_KINDS)
    for row in rows:
        team = None if row.team_key == UNATTRIBUTED else teams[row.team_key]
        everybody = reckoned.sets(company.people[account_of(row)][row.day])
        true = everybody.get(row.kind, set()) & members(company, row, team)
        assert {ids[key] for key in row.user_keys} == true


def test_the_windows_are_the_sums_of_people_over_28_days(company: Oracle) -> None:
    for account, days in company.people.items():
        row = AccountRow.objects.get(kind=account.kind, github_id=account.id)
        last = max(days)
        assert WindowEnd.objects.get(account=row).day == last
        lines: dict[int, dict[date, Any]] = defaultdict(dict)
        for day, people in days.items():
            if last - timedelta(days=WINDOW) < day <= last:
                for user_id, line in people.items():
                    lines[user_id][day] = line
        windows = {window.user.github_id: window for window in of_account(row)}
        assert windows.keys() == lines.keys()
        for user_id, own in lines.items():
            assert_is_sum(windows[user_id], own)
    assert UserWindow.objects.count() > 60


def of_account(account: AccountRow) -> Any:
    return UserWindow.objects.filter(account=account).select_related("user")


def assert_is_sum(window: UserWindow, lines: dict[date, Any]) -> None:
    counted = sums(lines.values())
    assert {name: getattr(window, name) for name in counted} == counted
    assert (window.first_day, window.last_day, window.active_days) == (min(lines), max(lines), len(lines))
    for name in ("chat", "agent", "cli"):
        days = sum(bool(line.get(f"used_{name}")) for line in lines.values())
        assert getattr(window, f"{name}_days") == days
    assert_spent(window.ai_credits_used, lines.values())
    phases = [lines[day]["ai_adoption_phase"] for day in sorted(lines) if lines[day].get("ai_adoption_phase")]
    assert window.phase_number == (phases[-1]["phase_number"] if phases else None)
