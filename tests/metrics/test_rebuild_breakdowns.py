"""What the lines of a day say in detail, added up for the account, its teams and who is in none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from metrics import breakdowns
from metrics.models import ScopeDay, TeamDay
from tests.metrics import reckoned
from tests.metrics.oracle import Account, Oracle
from tests.metrics.taking_in import passing_database, take_in, write_company

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 19)


# Of a company ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def company(tmp_path_factory: Any, django_db_setup: None, django_db_blocker: Any) -> Iterator[Oracle]:
    """A company taken in, its rows there for all tests of this module."""
    files = write_company(tmp_path_factory.mktemp("company"), 150, 28)
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
        teams = company.teams[account_of(row)].get(row.day, {})
        members = teams[row.team.github_id] if row.team else lines.keys() - set().union(*teams.values())
        own = [line for user_id, line in lines.items() if user_id in members]
        assert told(row) == reckoned.record(own), row


def test_credits_of_a_day_are_those_of_its_people(company: Oracle) -> None:
    for row, lines in of_people(company):
        spent = [
            line["ai_credits_used"] for line in lines.values() if line.get("ai_credits_used") is not None
        ]
        assert (row.ai_credits_used is None) == (not spent), row
        if spent:
            assert abs(row.ai_credits_used - sum(map(Decimal, spent))) < Decimal("1e-6"), row
