"""What taken-back seats save: from the end of their cycle on, until there is a seat again."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from portal.reports import registry
from portal.reports.base import ReportQuery
from seats.models import Account, Seat, SeatPrice
from seats.savings import Savings, savings
from tests.seats.holding import ago, grant, hold, organization
from tests.seats.reclaim.taken import take_back

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

DECEMBER, JANUARY, FEBRUARY = date(2026, 12, 1), date(2027, 1, 1), date(2027, 2, 1)


@pytest.fixture
def acme(db: None) -> Account:
    """Business seats cost 19 dollars (the list price that every installation starts with)."""
    return organization()


@pytest.fixture
def seats(acme: Account) -> list[Seat]:
    return hold(acme, *(grant(number, f"user-{number}", used=60) for number in range(1, 5)), at=ago(1))


def by_month(found: Savings) -> dict[str, str]:
    return {f"{month:%Y-%m}": str(cost) for month, cost in found.by_month().items()}


def test_nothing_is_saved_before_the_cycle_ends(seats: list[Seat]) -> None:
    take_back(seats[0], state="verified")

    found = savings(as_of=date(2026, 11, 30))

    assert str(found.realised) == "0.00"
    assert min(found.by_month()) == DECEMBER
    assert str(found.projected) == "228.00 USD", "twelve months of 19"


def test_from_then_on_every_month_counts_that_has_begun(seats: list[Seat]) -> None:
    take_back(*seats[:2], state="verified")

    found = savings(as_of=date(2027, 1, 5))

    assert str(found.realised) == "76.00 USD", "two seats, December and January"
    assert [row.seats for row in found.rows if row.month == JANUARY] == [2]
    assert len(found.by_month()) == 2 + 12


def test_a_new_price_counts_from_its_month_on(acme: Account, seats: list[Seat]) -> None:
    take_back(seats[0], state="verified")
    SeatPrice.objects.create(
        account=acme, plan_type="business", monthly_price=Decimal("21.50"), starts_on=JANUARY
    )

    months = by_month(savings(as_of=FEBRUARY))

    assert [months[key] for key in ("2026-12", "2027-01", "2027-02")] == [
        "19.00 USD",
        "21.50 USD",
        "21.50 USD",
    ]


def test_who_has_a_seat_again_saves_only_the_months_between(seats: list[Seat]) -> None:
    back = datetime(2027, 2, 10, tzinfo=UTC)
    take_back(seats[0], state="came_back", came_back_at=back, came_back_by="directly")

    assert by_month(savings(as_of=date(2027, 3, 1))) == {"2026-12": "19.00 USD", "2027-01": "19.00 USD"}


def test_who_was_given_a_seat_by_another_organization_of_the_enterprise_saves_no_more(
    acme: Account, seats: list[Seat]
) -> None:
    """The enterprise pays for a person once: that seat costs what the first one did."""
    big = Account.objects.create(kind="enterprise", login="big")
    other = organization("other", parent=big)
    Account.objects.filter(pk=acme.pk).update(parent=big)
    take_back(*seats[:2], state="verified")
    later = datetime(2027, 2, 10, tzinfo=UTC)
    hold(other, grant(1, "user-1", created=-82), grant(3, "user-3", created=-82), at=later)

    found = savings(as_of=date(2027, 3, 1))

    assert [row.seats for row in found.rows if not row.is_projected] == [1, 1, 2, 2]
    assert by_month(found)["2027-01"] == "38.00 USD"
    assert by_month(found)["2027-02"] == "19.00 USD", "user-1 has a seat again"


def test_a_seat_that_github_never_cancelled_has_saved_nothing(seats: list[Seat]) -> None:
    """Its answer said so, and the next list, which came late, showed the seat as before."""
    late = datetime(2027, 2, 10, tzinfo=UTC)
    take_back(seats[0], state="came_back", verified_at=None, came_back_at=late, came_back_by="it goes on")

    assert savings(as_of=date(2027, 3, 1)).rows == ()


def test_a_seat_given_back_saves_nothing(seats: list[Seat]) -> None:
    take_back(seats[0], state="reinstated", reinstated_at=ago(0))

    assert savings(as_of=FEBRUARY).rows == ()


def test_what_nobody_has_verified_is_never_told_as_saved(seats: list[Seat]) -> None:
    take_back(seats[0], state="revoked")

    found = savings(as_of=date(2027, 1, 5))

    assert str(found.realised) == "0.00"
    assert min(found.by_month()) == FEBRUARY


def test_one_of_two_seats_saves_what_the_bill_is_less(seats: list[Seat]) -> None:
    take_back(seats[0], state="verified", saving="0.00")
    take_back(seats[1], state="verified", saving="20.00")  # the other, lower plan is billed from now on

    assert by_month(savings(as_of=DECEMBER))["2026-12"] == "20.00 USD"


def test_without_a_price_a_seat_is_counted_and_no_amount_is_made_up(seats: list[Seat]) -> None:
    SeatPrice.objects.all().delete()
    take_back(seats[0], state="verified", saving=None)

    [row] = [row for row in savings(as_of=DECEMBER).rows if row.month == DECEMBER]

    assert (row.seats, row.cost.amounts, row.cost.unpriced) == (1, {}, 1)


def test_a_cycle_that_ends_at_no_known_date_ends_with_the_month(seats: list[Seat]) -> None:
    take_back(seats[0], state="verified", ends_on=None)

    assert min(savings(as_of=DECEMBER).by_month()) == DECEMBER


def test_two_currencies_are_never_added(acme: Account, seats: list[Seat]) -> None:
    SeatPrice.objects.create(
        account=acme, plan_type="business", monthly_price=Decimal("17.00"), currency="EUR",
        starts_on=DECEMBER,
    )  # fmt: skip
    take_back(seats[0], state="verified")
    other = hold(organization("zeta"), grant(9, "zoe", used=60), at=ago(1))
    take_back(other[0], state="verified")

    assert by_month(savings(as_of=DECEMBER))["2026-12"] == "17.00 EUR + 19.00 USD"
    assert by_month(savings(acme, as_of=DECEMBER))["2026-12"] == "17.00 EUR"


def test_the_report_has_a_row_for_each_month_account_and_plan(seats: list[Seat]) -> None:
    take_back(*seats[:2], state="verified")

    report = registry.get("savings")
    query = ReportQuery(kind="organization", login="acme", as_of=DECEMBER)
    rows = [
        dict(zip([column.name for column in report.columns(query)], row, strict=True))
        for row in report.rows(query)
    ]

    assert len(rows) == 13
    assert rows[-1] == {
        "month": DECEMBER, "organization": "acme", "enterprise": "", "plan_type": "business", "seats": 2,
        "saved": Decimal("38.00"), "currency": "USD", "seats_without_price": 0, "is_projected": False,
    }  # fmt: skip


def test_a_row_of_the_report_leads_to_the_seats_that_were_taken_back(
    olga_client: Client, seats: list[Seat]
) -> None:
    take_back(*seats[:2], state="verified")
    other = hold(organization("zeta"), grant(9, "zoe", used=60), at=ago(1))
    take_back(other[0], state="verified")

    page = olga_client.get("/reports/savings/?organization=acme").content.decode()
    found = re.search(r'href="(/seats/revocation/\?seat__account[^"]+)"', page)
    assert found is not None
    listed = olga_client.get(found[1].replace("&amp;", "&"))

    assert [row.login for row in listed.context["cl"].result_list] == ["user-2", "user-1"]


def test_the_page_says_what_is_saved_and_what_will_be(
    olga: Any, olga_client: Client, noa_client: Client, seats: list[Seat], clock: Any
) -> None:
    assert noa_client.get("/seats/revocation/savings/").status_code == 403
    assert "Nothing saved yet" in olga_client.get("/seats/revocation/savings/").content.decode()
    take_back(*seats[:2], state="verified")
    clock.move_to("2027-01-05T12:00:00Z")
    olga_client.force_login(olga)

    page = olga_client.get("/seats/revocation/savings/").content.decode()

    assert "76.00 USD" in page
    assert "2 still are" in page


def test_figures_cost_three_queries_however_many_seats(
    seats: list[Seat], django_assert_num_queries: Any
) -> None:
    take_back(*seats, state="verified")

    with django_assert_num_queries(3):
        savings(as_of=FEBRUARY)
