"""Distinct people over days: what pages and charts ask."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from metrics import figures, periods
from metrics.figures import ActiveUsers, Windows
from metrics.periods import Period
from tests.metrics import stored

DAY = date(2026, 10, 1)


def day(number: int) -> date:
    return DAY + timedelta(days=number)


@given(st.dictionaries(st.integers(0, 70), st.sets(st.integers(1, 9)), min_size=1))
def test_windows_equal_a_plain_count_over_sets(active: dict[int, set[int]]) -> None:
    windows = Windows({day(number) for number in active})
    for number in range(71):
        if number in active:
            windows.add(day(number), BitMap(active[number]))
        expected = []
        for length in (1, 7, 28):
            window = range(number - length + 1, number + 1)
            is_covered = all(each in active for each in window)
            expected.append(len(set().union(*(active[each] for each in window))) if is_covered else None)
        assert windows.on(day(number)) == ActiveUsers(*expected)


@pytest.mark.django_db
def test_an_accounts_active_users_as_of_a_day() -> None:
    acme = stored.organization()
    for number in range(8):
        stored.use(acme, day(number), {stored.person(number + 1): {"used_chat": number == 7}})
    assert figures.active_users(acme, day(7)) == ActiveUsers(1, 7, None)
    assert figures.active_users(acme, day(7), kind="chat") == ActiveUsers(1, 1, None)
    assert figures.active_users(acme, day(8)) == ActiveUsers(None, None, None)


@pytest.mark.django_db
def test_what_is_stored_is_told_from_coverage() -> None:
    acme, zeta = stored.organization(), stored.organization("zeta", 2)
    assert periods.stored([acme, zeta], "users") is None
    stored.cover(acme, day(3), "users")
    stored.cover(zeta, day(1), "users", "user-teams")
    stored.cover(zeta, day(5), "user-teams")
    assert periods.stored([acme, zeta], "users") == Period(day(1), day(3))
    assert periods.newest_covered_days([acme, zeta], ["users", "user-teams"]) == {zeta.pk: day(1)}


def test_a_period_counts_both_ends() -> None:
    month = Period.trailing(day(27), 28)
    assert (month.first, len(month), list(month)[-1]) == (day(0), 28, day(27))
    assert month.before() == Period(day(-28), day(-1))
    assert day(0) in month
    assert day(28) not in month


def test_the_three_days_after_a_day_may_still_change_it() -> None:
    today = day(10)
    assert [periods.is_provisional(day(number), today) for number in (6, 7, 10)] == [False, True, True]
