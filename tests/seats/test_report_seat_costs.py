"""`seat-costs`: seats by plan, at list and at agreed prices."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from seats import figures
from seats.models import Account, GitHubUser, Seat, SeatPrice
from tests.reports import begin_the_audit, rows_of

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def octo() -> Account:
    return Account.objects.create(kind="enterprise", login="octo")


@pytest.fixture
def acme(octo: Account) -> Account:
    return Account.objects.create(kind="organization", login="acme", parent=octo)


@pytest.fixture
def zeta(octo: Account) -> Account:
    return Account.objects.create(kind="organization", login="zeta", parent=octo)


def seat(account: Account, number: int, plan: str = "business", verdict: str = "active") -> None:
    user, _ = GitHubUser.objects.get_or_create(
        github_id=number, defaults={"login": f"user-{number}", "login_key": f"user-{number}"}
    )
    Seat.objects.create(
        account=account, user=user, plan_type=plan, verdict=verdict, first_seen_at=NOW, last_seen_at=NOW
    )


def costs(*options: str) -> dict[tuple[str, str], tuple[str, ...]]:
    columns = ("seats", "inactive_seats", "licences", "list_cost", "monthly_cost", "idle_cost", "currency")
    return {
        (row["organization"] or row["enterprise"], row["plan_type"]): tuple(row[name] for name in columns)
        for row in rows_of("seat-costs", *options)
    }


def test_a_row_per_account_and_plan(acme: Account) -> None:
    seat(acme, 1)
    seat(acme, 2, verdict="idle")
    seat(acme, 3, plan="enterprise", verdict="never_used")
    own = {
        ("acme", "business"): ("2", "1", "2", "38.00", "38.00", "19.00", "USD"),
        ("acme", "enterprise"): ("1", "1", "1", "39.00", "39.00", "39.00", "USD"),
    }
    whole = {("octo", plan): row for (_, plan), row in own.items()}
    assert costs() == own | whole


def test_agreed_prices_stand_beside_the_list(acme: Account) -> None:
    SeatPrice.objects.create(
        account=acme, plan_type="business", monthly_price=Decimal("15.5"), starts_on=date(2026, 1, 1)
    )
    seat(acme, 1, verdict="idle")
    assert costs("--organization", "acme") == {
        ("acme", "business"): ("1", "1", "1", "19.00", "15.50", "15.50", "USD")
    }


def test_an_enterprise_pays_once_for_a_person_at_the_higher_plan(acme: Account, zeta: Account) -> None:
    seat(acme, 1, verdict="idle")
    seat(zeta, 1, plan="enterprise")
    assert costs("--enterprise", "octo") == {
        ("octo", "business"): ("1", "1", "0", "0.00", "0.00", "0.00", "USD"),
        ("octo", "enterprise"): ("1", "0", "1", "39.00", "39.00", "0.00", "USD"),
    }
    assert costs("--organization", "acme")["acme", "business"][2:5] == ("1", "19.00", "19.00")


def test_seats_without_a_price_are_counted_and_cost_an_unknown_amount(acme: Account) -> None:
    seat(acme, 1, plan="unknown")
    [row] = rows_of("seat-costs", "--organization", "acme")
    assert (row["monthly_cost"], row["currency"], row["licences_without_price"]) == ("", "", "1")


def test_plans_add_up_to_the_account(acme: Account, zeta: Account, octo: Account) -> None:
    for number in range(12):
        verdict = ("active", "idle")[number % 3 > 1]
        seat(acme, number, plan=("business", "enterprise")[number % 2], verdict=verdict)
        if number % 4 < 2:
            seat(zeta, number, plan=("enterprise", "business")[number % 3 > 0])
    for account in (octo, acme, zeta):
        whole, plans = figures.of_account(account), figures.costs_by_plan()(account)
        for name in ("cost", "idle_cost"):
            total = sum(getattr(plan, name).amounts.get("USD", Decimal(0)) for plan in plans)
            assert total == getattr(whole, name).amounts["USD"]
        assert sum(plan.licences for plan in plans) == whole.licences


def test_queries_do_not_grow_with_accounts_or_seats(octo: Account) -> None:
    begin_the_audit()

    def queries(number: int) -> int:
        for each in range(number):
            account = Account.objects.create(kind="organization", login=f"org-{number}-{each}", parent=octo)
            seat(account, 1000 * number + each)
        with CaptureQueriesContext(connection) as caught:
            rows_of("seat-costs")
        return len(caught)

    assert queries(1) == queries(7)
