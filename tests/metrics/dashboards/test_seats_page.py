"""The page of seats: today, over time, what they cost, and what was taken back."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from metrics.dashboards import seats_page
from metrics.dashboards.asked import Asked
from metrics.dashboards.registry import pages
from seats import figures
from seats.models import Account, SeatDay, SeatPrice
from tests.metrics.dashboards.asking import LAST, TODAY, ask, column, day, headline, url_of
from tests.seats.holding import ago, grant, hold, organization
from tests.seats.reclaim.taken import take_back

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def acme(db: None) -> Account:
    """Business seats cost 19 dollars (the list price that every installation starts with)."""
    return organization()


def panel(key: str, asked: Asked) -> Any:
    return pages["seats"].panels[key].function(asked)


def record(account: Account, back: int, verdict: str, count: int, plan: str = "business") -> None:
    SeatDay.objects.create(account=account, day=day(back), verdict=verdict, seats=count, plan_type=plan)


def test_the_page_needs_the_permission_to_see_seats() -> None:
    assert pages["seats"].permission == "seats.view_seat"
    assert pages["seats"].panels["taken-back"].permission == "seats.view_revocation"


# --- Today ---


def test_today_s_seats_and_their_cost_lead_to_their_rows(acme: Account, olga_client: Client) -> None:
    hold(acme, grant(1, "ann", used=2), grant(2, "bob", used=60), grant(3, "cyd", used=61))

    found = panel("now", ask(acme))

    assert headline(found, "Seats held")[0] == 3
    assert headline(found, "Active")[0] == 1
    assert headline(found, "Inactive")[0] == 2
    assert headline(found, "Cost a month (USD)")[0] == Decimal("57.00")
    assert headline(found, "Inactive, a month (USD)")[0] == Decimal("38.00")
    for each in found.headlines[:3]:
        assert olga_client.get(each.url).context["cl"].result_count == each.value


def test_currencies_stand_apart_and_seats_without_a_price_are_told() -> None:
    SeatPrice.objects.all().delete()
    big = Account.objects.create(kind="enterprise", login="big")
    for number, (login, currency) in enumerate((("one", "USD"), ("two", "EUR"), ("three", ""))):
        account = organization(login, parent=big)
        if currency:
            SeatPrice.objects.create(
                account=account, plan_type="business", monthly_price=Decimal(10), currency=currency,
                starts_on=date(2026, 1, 1),
            )  # fmt: skip
        hold(account, grant(number + 1, login))

    found = panel("now", ask(big))

    assert [headline(found, f"Cost a month ({each})")[0] for each in ("EUR", "USD")] == [10, 10]
    assert "1 without a known price" in found.headlines[3].note


def test_plans_are_counted_with_the_way_to_their_seats(acme: Account, olga_client: Client) -> None:
    hold(acme, grant(1, "ann"), grant(2, "bob"), grant(3, "cyd", plan_type="enterprise"))

    found = panel("plans", ask(acme))

    assert column(found, "plan") == ["Business", "Enterprise"]
    assert column(found, "seats") == [2, 1]
    assert olga_client.get(url_of(found, 0, "seats")).context["cl"].result_count == 2


def test_idleness_has_its_steps_and_tells_never_from_unknown(acme: Account, olga_client: Client) -> None:
    hold(
        acme,
        grant(1, "ann", used=0),
        grant(2, "bob", used=10),
        grant(3, "cyd", used=20),
        grant(4, "dan", used=45),
        grant(5, "eve", used=75),
        grant(6, "fay", used=120),
        grant(7, "gus", used=91),
        grant(8, "new", created=20),
        grant(9, "old", created=300),
    )

    found = panel("idleness", ask(acme))

    assert column(found, "days") == [
        "0 to 7", "8 to 14", "15 to 30", "31 to 60", "61 to 90", "Over 90", "Never used", "Unknown",
    ]  # fmt: skip
    assert column(found, "seats") == [1, 1, 1, 1, 1, 2, 1, 1]
    for number, count in enumerate(column(found, "seats")[:-1]):
        page = olga_client.get(url_of(found, number, "seats"))
        assert page.context["cl"].result_count == count, column(found, "days")[number]


def test_cancelled_seats_are_told_by_their_end(acme: Account, olga_client: Client) -> None:
    soon = date(2026, 12, 1)
    hold(acme, grant(1, "ann", pending_cancellation_date=soon), grant(2, "bob"))

    found = panel("pending", ask(acme))

    assert (column(found, "ends_on"), column(found, "seats")) == ([soon], [1])
    assert olga_client.get(url_of(found, 0, "seats")).context["cl"].result_count == 1


# --- Over time ---


def test_states_are_those_that_were_recorded_and_other_days_are_gaps(acme: Account) -> None:
    record(acme, 3, "active", 5)
    record(acme, 3, "idle", 2)
    record(acme, 1, "active", 6)

    found = panel("states", ask(acme, days=4))

    assert column(found, "seats") == [7, None, 6, None]
    assert column(found, "idle") == [2, None, 0, None]
    assert found.provisional == frozenset(), "GitHub restates use, never seats"


def test_a_week_stands_as_its_newest_recorded_day(acme: Account) -> None:
    record(acme, 3, "active", 5)
    record(acme, 1, "active", 6)

    assert column(panel("states", ask(acme, days=4, by="week")), "seats") == [6]


def test_cost_is_told_by_currency_at_the_price_of_the_day(acme: Account) -> None:
    SeatPrice.objects.create(plan_type="business", monthly_price=Decimal("21.50"), starts_on=LAST)
    for back in (1, 0):
        record(acme, back, "active", 1)
        record(acme, back, "idle", 1)
    record(acme, 0, "idle", 2, plan="mystery")

    found = panel("cost", ask(acme, days=3))

    assert [each.name for each in found.columns] == ["day", "cost_usd", "idle_usd", "unpriced"]
    assert column(found, "cost_usd") == [None, Decimal("38.00"), Decimal("43.00")]
    assert column(found, "idle_usd") == [None, Decimal("19.00"), Decimal("21.50")]
    assert column(found, "unpriced") == [None, 0, 2]


def test_seats_are_granted_and_ended_by_week(acme: Account, olga_client: Client) -> None:
    hold(acme, grant(1, "ann", created=12), grant(2, "bob", created=4), grant(3, "cyd"), at=ago(3))
    hold(acme, grant(1, "ann", created=12), grant(2, "bob", created=4), at=ago(2))

    found = panel("moves", ask(acme, days=14))

    assert column(found, "week") == ["2026-11-02", "2026-11-09", "2026-11-16"]
    assert column(found, "granted") == [1, 0, 1]
    assert column(found, "ended") == [0, 0, 1]
    for name in ("granted", "ended"):
        assert olga_client.get(url_of(found, 2, name)).context["cl"].result_count == 1


# --- Taken back ---


def test_seats_taken_back_are_told_by_what_became_of_them(acme: Account) -> None:
    held = hold(acme, *(grant(number, f"user-{number}", used=60) for number in range(1, 5)), at=ago(9))
    take_back(*held[:2], state="verified", at=ago(3))
    take_back(held[2], state="verified", at=ago(40))

    found = panel("taken-back", ask(acme))

    assert headline(found, "Taken back, verified")[0] == 2, "the third was taken back before the period"
    assert headline(found, "To come (USD)")[0] == Decimal("684.00"), "three seats, twelve months of 19"
    assert column(found, "month")[0] == "2026-12"
    assert column(found, "saved_usd")[0] == Decimal("57.00")
    assert set(column(found, "is")) == {"to come"}


# --- Every panel ---


def test_nothing_known_is_said(acme: Account) -> None:
    for key, each in pages["seats"].panels.items():
        found = each.function(ask(acme))
        assert found.is_empty, key
        assert found.empty


@pytest.mark.parametrize("key", list(pages["seats"].panels))
def test_a_panel_asks_as_much_of_many_as_of_one(key: str) -> None:
    big = Account.objects.create(kind="enterprise", login="big")

    def queries(days: int) -> int:
        with CaptureQueriesContext(connection) as asked:
            panel(key, ask(big, days=days))
        return len(asked)

    def fill(login: str, first: int, people: int) -> None:
        account = organization(login, parent=big)
        numbers = range(first, first + people)
        several = (grant(number, f"user-{number}", used=60) for number in numbers)
        take_back(*hold(account, *several, at=ago(5))[:1], state="verified", at=ago(2))
        for back in range(people):
            record(account, back, "idle", people)

    fill("one", 1, 2)
    fill("two", 11, 2)
    few = queries(1)
    fill("three", 21, 6)
    assert queries(365) == few


# --- Words ---


def test_the_page_opens_with_seats_money_and_cancellations(acme: Account) -> None:
    soon = date(2026, 12, 1)
    hold(
        acme,
        grant(1, "ann", used=2),
        grant(2, "bob", used=60),
        grant(3, "cyd", used=1, pending_cancellation_date=soon),
        grant(4, "dan", used=1),
    )

    assert seats_page.words(ask(acme)) == [
        "4 seats are held; 1 of them (25 %) is inactive.",
        "Without the inactive ones 19.00 USD less would be paid a month.",
        "1 seat is cancelled and ends on 2026-12-01.",
    ]


def test_a_scope_without_seats_says_so(acme: Account) -> None:
    assert seats_page.words(ask(acme)) == ["No seat of acme is known."]


def test_money_is_told_as_far_as_it_is_known(acme: Account) -> None:
    hold(acme, grant(1, "ann", used=60), grant(2, "bob", used=60, plan_type="mystery"))
    assert seats_page.idle_cost_in_words(figures.of_account(acme)) == (
        "Without the inactive ones 19.00 USD less would be paid a month, not counting 1 seat without a price."
    )
    SeatPrice.objects.all().delete()
    assert seats_page.idle_cost_in_words(figures.of_account(acme)) == (
        "What the inactive ones cost is not known: no price is."
    )


def test_where_everybody_is_active_nothing_is_said_of_idle_money(acme: Account) -> None:
    hold(acme, grant(1, "ann", used=1))

    assert seats_page.words(ask(acme)) == ["1 seat is held, and none of them is inactive."]


def test_the_first_of_several_ends_is_told() -> None:
    assert seats_page.pending_in_words({}) == ""
    later = TODAY + timedelta(days=40)
    assert seats_page.pending_in_words({TODAY: 2, later: 3}) == (
        "5 seats are cancelled; the first end on 2026-11-20."
    )
