"""Daily, weekly and monthly active users side by side, and weeks as GitHub's guide counts them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from metrics.figures import ActiveUsers, Scope
from metrics.figures.active_together import active_together, daily_average, stickiness
from metrics.figures.weeks import weeks
from metrics.models import LegacyDay
from metrics.periods import Period
from tests.metrics import stored

FIRST = date(2026, 10, 1)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


@pytest.mark.django_db
def test_github_s_own_numbers_come_first_and_others_are_counted() -> None:
    acme = stored.organization()
    for number in range(7):
        stored.use(acme, day(number), {stored.person(number + 1): {}})
    stored.totals(acme, day(6), daily_active_users=2, weekly_active_users=9, monthly_active_users=12)

    found = active_together(Scope(acme), Period(day(5), day(7)))

    assert found == {
        day(5): ActiveUsers(1, None, None),
        day(6): ActiveUsers(2, 9, 12),
        day(7): ActiveUsers(None, None, None),
    }


def test_an_average_needs_every_day() -> None:
    assert daily_average([ActiveUsers(1, None, None), ActiveUsers(4, None, None)]) == Decimal("2.5")
    assert daily_average([ActiveUsers(1, None, None), ActiveUsers(None, None, None)]) is None
    assert daily_average([]) is None


def test_stickiness_is_the_daily_share_of_a_window() -> None:
    assert stickiness(2, 8) == Decimal("0.25")
    assert stickiness(None, 8) is stickiness(2, None) is stickiness(0, 0) is None


@pytest.mark.django_db
def test_weeks_are_of_the_older_systems_where_they_told() -> None:
    acme = stored.organization()
    LegacyDay.objects.create(
        account=acme, api="metrics", day=day(0), total_active_users=8, total_engaged_users=4,
        file=stored.report_file(), observed_at=stored.midnight(day(0)), content_hash=b"", blob=b"",
    )  # fmt: skip
    for number in range(3):
        stored.use(acme, day(number), {stored.person(each): {} for each in range(number + 1)})

    first, second = weeks(Scope(acme), Period(day(0), day(9)))

    assert (first.days, first.avg_engaged_users, first.source) == (1, Decimal("4.00"), "legacy_metrics")
    assert (second.first_day, second.days, second.total_active_users) == (day(1), 2, 5)
    assert second.source == "users"
