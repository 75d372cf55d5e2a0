"""`ai-credits`: credits by person, at the price of each day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from seats.models import Account, UnitPrice
from tests.metrics import stored
from tests.reports import rows_of

pytestmark = pytest.mark.django_db

FIRST, SECOND = date(2026, 10, 1), date(2026, 10, 2)
CREDIT = UnitPrice.Unit.AI_CREDIT


@pytest.fixture
def acme() -> Account:
    return stored.organization(parent=stored.enterprise())


def used(amount: str) -> dict[str, Decimal]:
    return {"ai_credits_used": Decimal(amount)}


def test_credits_of_a_person_at_the_list_price(acme: Account) -> None:
    ann = stored.person(1)
    stored.use(acme, FIRST, {ann: used("12.5"), stored.person(2): {}})
    stored.use(acme, SECOND, {ann: used("7.5")})

    assert rows_of("ai-credits") == [
        {
            "user_id": "1",
            "user_login": "user-1",
            "organization": "acme",
            "enterprise": "octo",
            "days": "2",
            "ai_credits_used": "20",
            "list_cost": "0.2",
            "list_currency": "USD",
            "cost": "0.2",
            "currency": "USD",
        }
    ]


def test_each_day_costs_what_was_agreed_for_it(acme: Account) -> None:
    ann = stored.person(1)
    stored.use(acme, FIRST, {ann: used("100")})
    stored.use(acme, SECOND, {ann: used("100")})
    UnitPrice.objects.create(unit=CREDIT, account=acme.parent, price=Decimal("0.008"), starts_on=SECOND)

    [row] = rows_of("ai-credits", "--organization", "acme")

    assert (row["list_cost"], row["cost"]) == ("2", "1.8")


def test_other_currencies_have_rows_of_their_own(acme: Account) -> None:
    ann = stored.person(1)
    stored.use(acme, FIRST, {ann: used("100")})
    stored.use(acme, SECOND, {ann: used("50")})
    UnitPrice.objects.create(
        unit=CREDIT, account=acme, price=Decimal("0.009"), currency="EUR", starts_on=SECOND
    )
    rows = rows_of("ai-credits")
    assert [(row["list_cost"], row["cost"], row["currency"]) for row in rows] == [
        ("1.5", "0.45", "EUR"),
        ("", "1", "USD"),
    ]


def test_days_before_any_price_cost_an_unknown_amount_not_nothing(acme: Account) -> None:
    stored.use(acme, date(2026, 5, 31), {stored.person(1): used("5")})
    [row] = rows_of("ai-credits")
    assert (row["ai_credits_used"], row["list_cost"], row["cost"], row["currency"]) == ("5", "", "", "")


def test_of_a_team_only_the_days_in_it(acme: Account) -> None:
    ann, bob = stored.person(1), stored.person(2)
    stored.use(acme, FIRST, {ann: used("5"), bob: used("6")})
    stored.use(acme, SECOND, {ann: used("50")})
    stored.roster(acme, FIRST, {"data": [ann]})
    [row] = rows_of("ai-credits", "--team", "data")
    assert (row["user_login"], row["days"], row["ai_credits_used"]) == ("user-1", "1", "5")
