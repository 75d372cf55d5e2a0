"""What seats cost, and what the idle ones cost."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from seats import figures
from seats.figures import Money, Prices
from seats.models import Account, GitHubUser, Seat, SeatPrice

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 1)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
BUSINESS = Money(Decimal("19.00"), "USD")
ENTERPRISE = Money(Decimal("39.00"), "USD")


@pytest.fixture
def octo() -> Account:
    return Account.objects.create(kind="enterprise", login="octo")


@pytest.fixture
def acme(octo: Account) -> Account:
    return Account.objects.create(kind="organization", login="acme", parent=octo)


@pytest.fixture
def zeta(octo: Account) -> Account:
    return Account.objects.create(kind="organization", login="zeta", parent=octo)


def person(number: int) -> GitHubUser:
    return GitHubUser.objects.get_or_create(
        github_id=number, defaults={"login": f"user-{number}", "login_key": f"user-{number}"}
    )[0]


def seat(account: Account, number: int, plan: str = "business", verdict: str = "active") -> Seat:
    return Seat.objects.create(
        account=account,
        user=person(number),
        plan_type=plan,
        verdict=verdict,
        first_seen_at=NOW,
        last_seen_at=NOW,
    )


def price(amount: str, starts_on: date, account: Account | None = None, **fields: str) -> None:
    SeatPrice.objects.create(
        account=account,
        monthly_price=Decimal(amount),
        starts_on=starts_on,
        **{"plan_type": "business", "currency": "USD", **fields},
    )


# --- Prices -----------------------------------------------------------------------------------


def test_list_prices_hold_until_somebody_says_otherwise(acme: Account) -> None:
    prices = Prices.on(DAY)
    assert prices.of(acme, "business") == BUSINESS
    assert prices.of(acme, "enterprise") == ENTERPRISE


def test_an_unknown_plan_has_an_unknown_price(acme: Account) -> None:
    assert Prices.on(DAY).of(acme, "unknown") is None
    assert Prices.on(DAY).of(acme, "a plan of tomorrow") is None


def test_a_price_holds_from_its_first_day_on(acme: Account) -> None:
    price("21.00", DAY)
    assert Prices.on(date(2026, 10, 31)).of(acme, "business") == BUSINESS
    assert Prices.on(DAY).of(acme, "business") == Money(Decimal("21.00"), "USD")


def test_before_the_first_price_it_is_unknown(acme: Account) -> None:
    assert Prices.on(date(2020, 1, 1)).of(acme, "business") is None


def test_the_nearest_price_wins(octo: Account, acme: Account, zeta: Account) -> None:
    price("17.00", DAY, octo)
    price("15.00", DAY, acme)
    # A later price for everybody does not undo what was agreed with somebody.
    price("25.00", DAY)
    lone = Account.objects.create(kind="organization", login="lone")
    prices = Prices.on(DAY)
    found = [prices.of(account, "business") for account in (acme, zeta, octo, lone)]
    assert [money.amount for money in found if money] == [15, 17, 17, 25]


def test_prices_are_asked_for_once(acme: Account) -> None:
    prices = Prices.on(DAY)
    with CaptureQueriesContext(connection) as captured:
        for _ in range(5):
            prices.of(acme, "business")
    assert len(captured) == 0


# --- Sums -------------------------------------------------------------------------------------


def test_counts_by_plan_and_verdict_have_their_zeros(acme: Account) -> None:
    seat(acme, 1)
    seat(acme, 2, "enterprise", "idle")
    seat(acme, 3, verdict="never_used")
    found = figures.of_account(acme)
    assert (found.seats, found.active, found.inactive) == (3, 1, 2)
    assert dict(found.by_plan) == {"business": 2, "enterprise": 1}
    assert dict(found.by_verdict) == {
        **dict.fromkeys(["pending", "exempt", "in_grace", "unknown"], 0),
        **dict.fromkeys(["active", "idle", "never_used"], 1),
    }


def test_a_seat_that_ended_costs_nothing(acme: Account) -> None:
    Seat.objects.filter(pk=seat(acme, 1).pk).update(ended_at=datetime(2026, 11, 2, tzinfo=UTC))
    found = figures.all_seats()
    assert (found.seats, found.cost.money) == (0, ())


def test_an_enterprise_pays_for_a_person_once_at_the_higher_plan(
    octo: Account, acme: Account, zeta: Account
) -> None:
    seat(acme, 1, "business")
    seat(zeta, 1, "enterprise")
    seat(acme, 2, "business")
    found = figures.of_account(octo)
    assert (found.seats, found.licences) == (3, 2)
    assert found.cost.single == Money(Decimal("58.00"), "USD")
    assert figures.all_seats().cost.single == found.cost.single
    assert figures.of_account(acme).cost.single == Money(Decimal("38.00"), "USD")


def test_organizations_that_stand_alone_each_pay(octo: Account) -> None:
    for login in ("one", "two"):
        seat(Account.objects.create(kind="organization", login=login), 1)
    found = figures.all_seats()
    assert (found.seats, found.licences, found.cost.single) == (2, 2, Money(Decimal("38.00"), "USD"))


def test_idle_cost_is_what_taking_back_would_save(octo: Account, acme: Account, zeta: Account) -> None:
    seat(acme, 1, "business", "idle")
    seat(zeta, 1, "business", "active")
    assert figures.of_account(octo).idle_cost.single == Money(Decimal("0.00"), "USD")
    seat(acme, 2, "enterprise", "never_used")
    seat(zeta, 2, "business", "exempt")
    assert figures.of_account(octo).idle_cost.single == Money(Decimal("20.00"), "USD")
    seat(acme, 3, "business", "idle")
    seat(zeta, 3, "business", "idle")
    assert figures.of_account(octo).idle_cost.single == Money(Decimal("39.00"), "USD")


def test_a_seat_without_a_price_is_counted_never_free(acme: Account) -> None:
    seat(acme, 1)
    seat(acme, 2, "unknown", "idle")
    found = figures.of_account(acme)
    assert (found.cost.money, found.cost.unpriced, found.cost.single) == ((BUSINESS,), 1, None)
    assert found.idle_cost.unpriced == 1
    assert str(found.cost) == "19.00 USD + 1 without a price"


def test_currencies_are_never_added(acme: Account, zeta: Account, octo: Account) -> None:
    price("17.00", DAY, zeta, currency="EUR")
    seat(acme, 1)
    seat(zeta, 2)
    cost = figures.of_account(octo, DAY).cost
    assert cost.money == (Money(Decimal("17.00"), "EUR"), BUSINESS)
    assert cost.single is None


def test_figures_for_any_number_of_accounts_take_the_same_queries(octo: Account, acme: Account) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            figures_of = figures.by_account()
            for account in accounts:
                figures_of(account)
        return len(captured)

    accounts = [octo, acme]
    seat(acme, 1)
    few = queries()
    for number in range(20):
        accounts.append(Account.objects.create(kind="organization", login=f"org-{number}", parent=octo))
        for holder in range(5):
            seat(accounts[-1], holder)
    assert queries() == few == 3
