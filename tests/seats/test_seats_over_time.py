"""Seats by day, granted and ended ones, how long they are idle, and those that are cancelled."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from seats import figures
from seats.models import Account, Seat, SeatDay, SeatPrice
from tests.seats.holding import NOON, ago, grant, hold, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

TODAY = NOON.date()
YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture
def acme(db: None) -> Account:
    return organization()


def record(account: Account, day: date, verdict: str, seats: int, plan: str = "business") -> None:
    SeatDay.objects.create(account=account, day=day, verdict=verdict, seats=seats, plan_type=plan)


def price(amount: str, account: Account | None = None, plan: str = "business", **fields: Any) -> None:
    fields.setdefault("starts_on", date(2026, 1, 1))
    SeatPrice.objects.create(account=account, plan_type=plan, monthly_price=Decimal(amount), **fields)


# --- By day ---


def test_a_day_has_its_counts_by_verdict_and_plan(acme: Account) -> None:
    record(acme, TODAY, "active", 3)
    record(acme, TODAY, "idle", 2)
    record(acme, TODAY, "never_used", 1, "enterprise")

    found = figures.seats_by_day(acme, YESTERDAY, TODAY)

    assert list(found) == [TODAY], "nothing was recorded of the day before"
    assert (found[TODAY].seats, found[TODAY].inactive) == (6, 3)
    assert found[TODAY].by_plan == {"business": 5, "enterprise": 1}


def test_seats_cost_what_they_cost_on_that_day(acme: Account) -> None:
    SeatPrice.objects.all().delete()
    price("19.00")
    price("20.00", starts_on=TODAY)
    for day in (YESTERDAY, TODAY):
        record(acme, day, "active", 2)
        record(acme, day, "idle", 1)

    found = figures.seats_by_day(acme, YESTERDAY, TODAY)

    assert [str(day.cost) for day in found.values()] == ["57.00 USD", "60.00 USD"]
    assert [str(day.idle_cost) for day in found.values()] == ["19.00 USD", "20.00 USD"]


def test_an_enterprise_counts_its_organizations_each_at_its_own_price() -> None:
    SeatPrice.objects.all().delete()
    big = Account.objects.create(kind="enterprise", login="big")
    one, other = (organization(login, parent=big) for login in ("one", "other"))
    stranger = organization("stranger")
    price("19.00")
    price("10.00", big)
    price("9.50", other, currency="EUR")
    for account in (big, one, other, stranger):
        record(account, TODAY, "idle", 2)

    found = figures.seats_by_day(big, TODAY, TODAY)[TODAY]

    assert found.seats == 6
    assert found.cost.amounts == {"USD": Decimal("40.00"), "EUR": Decimal("19.00")}
    alone = figures.seats_by_day(other, TODAY, TODAY)[TODAY]
    assert alone.cost.amounts == {"EUR": Decimal("19.00")}
    assert figures.seats_by_day(one, TODAY, TODAY)[TODAY].cost.amounts == {"USD": Decimal("20.00")}


def test_seats_without_a_price_are_counted_as_such_on_every_day(acme: Account) -> None:
    SeatPrice.objects.all().delete()
    record(acme, TODAY, "active", 2)

    cost = figures.seats_by_day(acme, TODAY, TODAY)[TODAY].cost

    assert (cost.amounts, cost.unpriced) == ({}, 2)


def test_days_take_the_same_queries_however_many(acme: Account) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            figures.seats_by_day(acme, date(2026, 1, 1), TODAY)
        return len(asked)

    none = queries()
    for number in range(5):
        record(acme, TODAY - timedelta(days=number), "active", 1)
    assert queries() == none


# --- Granted and ended ---


def test_seats_are_granted_and_end_on_their_days(acme: Account) -> None:
    hold(acme, grant(1, "ann", created=3), grant(2, "bob", created=3), grant(3, "cyd", created=40), at=ago(2))
    hold(acme, grant(1, "ann", created=3), grant(3, "cyd", created=40), at=ago(1))

    found = figures.moves(figures.seat_dates(acme), TODAY - timedelta(days=7), TODAY)

    assert found.granted == {ago(3).date(): 2}, "the seat that has ended was granted, too"
    assert found.ended == {ago(1).date(): 1}
    assert found.undated == 0


def test_seats_of_which_nobody_told_when_they_were_granted_are_told_apart(acme: Account) -> None:
    hold(acme, grant(1, "ann"))
    Seat.objects.update(created_at=None)

    assert figures.moves(figures.seat_dates(acme), date(2026, 1, 1), TODAY).undated == 1


# --- Idleness ---


def test_held_seats_are_counted_by_the_days_since_their_use(acme: Account) -> None:
    used = (0, 7, 8, 14, 15, 30, 31, 60, 61, 90, 91, 200)
    hold(
        acme,
        *(grant(number, f"user-{number}", used=days) for number, days in enumerate(used, start=1)),
        grant(90, "new", created=20),
        grant(91, "old", created=300),
        grant(92, "at-the-edge", created=89),
        grant(93, "over-the-edge", created=90),
    )

    found = figures.idleness(figures.seat_dates(acme))

    assert [(some.least, some.most, some.seats) for some in found if some.has_evidence] == [
        (0, 7, 2), (8, 14, 2), (15, 30, 2), (31, 60, 2), (61, 90, 2), (91, None, 2),
    ]  # fmt: skip
    never, unknown = found[-2:]
    assert (never.is_new, never.seats) == (True, 2), "GitHub would still remember a use"
    assert (unknown.is_new, unknown.seats) == (False, 2), "it forgets after 90 days"
    assert sum(some.seats for some in found) == Seat.objects.held().count()


# --- Cancelled ---


def test_cancelled_seats_are_counted_by_the_date_they_end_on(acme: Account) -> None:
    soon, later = date(2026, 12, 1), date(2027, 1, 1)
    hold(
        acme,
        grant(1, "ann", pending_cancellation_date=later),
        grant(2, "bob", pending_cancellation_date=soon),
        grant(3, "cyd", pending_cancellation_date=soon),
        grant(4, "dan"),
    )

    assert list(figures.seat_dates(acme).pending.items()) == [(soon, 2), (later, 1)]


# --- Today ---


def test_today_s_seats_are_those_counted_with_their_verdicts() -> None:
    big = Account.objects.create(kind="enterprise", login="big")
    one, other = (organization(login, parent=big) for login in ("one", "other"))
    hold(one, grant(1, "ann", used=60), grant(2, "bob", used=2))
    assert figures.as_recorded(big) == figures.of_account(big), "seats of one account"
    hold(other, grant(1, "ann", used=60, plan_type="enterprise"), grant(3, "cyd"))

    for account in (big, one, other):
        assert figures.as_recorded(account) == figures.of_account(account)
    assert figures.as_recorded(big).licences == 3, "ann is paid for once"


def test_seats_whose_verdicts_were_not_made_today_are_counted(acme: Account) -> None:
    hold(acme, grant(1, "ann", used=2))
    SeatDay.objects.update(day=YESTERDAY)

    assert figures.as_recorded(acme).seats == 1
