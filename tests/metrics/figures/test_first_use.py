"""From the grant of a seat to its first use, by month of assignment."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.figures import Scope
from metrics.figures.first_use import Cohort, cohorts
from portal.stamps import make_stamps
from seats.models import Account, Evidence
from tests.metrics import stored
from tests.seats.holding import NOON, ago, grant, hold

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

TODAY = NOON.date()
LAST = TODAY - timedelta(days=1)


def use(account: Account, ago: int, *people: int) -> None:
    stored.use(account, TODAY - timedelta(days=ago), {stored.person(number): {} for number in people})


def of_month(account: Account, month: date, last: date = LAST) -> Cohort:
    return next(cohort for cohort in cohorts(Scope(account), last) if cohort.month == month)


def cover(account: Account, longest: int, without: tuple[int, ...] = ()) -> None:
    for number in range(longest, 0, -1):
        if number not in without:
            stored.cover(account, TODAY - timedelta(days=number))


OCTOBER, SEPTEMBER = date(2026, 10, 1), date(2026, 9, 1)


def test_days_run_from_the_grant_to_the_first_use() -> None:
    acme = stored.organization()
    # 60 days ago is 21 September.
    hold(acme, *(grant(number, f"user-{number}", created=60) for number in range(1, 5)))
    cover(acme, 60)
    use(acme, 60, 1)
    use(acme, 55, 1, 2)
    use(acme, 20, 3)

    found = of_month(acme, SEPTEMBER)

    assert (found.assigned, dict(found.after)) == (4, {0: 1, 5: 1, 40: 1})
    assert (found.used, found.unused, found.unknown) == (3, 1, 0)
    assert (found.within(7), found.within(30)) == (2, 2)
    assert found.activation_rate is not None
    assert float(found.activation_rate) == 0.5
    assert found.half_after == 5


def test_a_use_before_the_grant_is_none_of_it() -> None:
    acme = stored.organization()
    hold(acme, grant(1, "ann", created=50))
    cover(acme, 60)
    use(acme, 55, 1)

    found = of_month(acme, OCTOBER)

    assert (found.assigned, found.used, found.unused) == (1, 0, 1)


def test_while_the_thirty_days_last_there_is_no_rate() -> None:
    acme = stored.organization()
    hold(acme, grant(1, "ann", created=10), grant(2, "bob", created=10))
    cover(acme, 10)
    use(acme, 9, 1)

    found = of_month(acme, date(2026, 11, 1))

    assert (found.within(7), found.within(30), found.activation_rate) == (1, None, None)
    assert found.half_after == 1, "that much can be said"


def test_once_everybody_has_used_it_nothing_is_left_to_wait_for() -> None:
    acme = stored.organization()
    hold(acme, grant(1, "ann", created=10))
    cover(acme, 10)
    use(acme, 9, 1)

    assert of_month(acme, date(2026, 11, 1)).activation_rate == 1


def test_after_a_gap_a_first_use_has_no_known_day() -> None:
    acme = stored.organization()
    hold(acme, grant(1, "ann", created=45), grant(2, "bob", created=45), grant(3, "cyd", created=45))
    cover(acme, 45, without=(40,))
    use(acme, 44, 1)
    use(acme, 30, 2)

    found = of_month(acme, OCTOBER)

    assert (dict(found.after), found.undated, found.unused, found.unknown) == ({1: 1}, 1, 0, 1)
    assert (found.within(4), found.within(5)) == (1, None)
    assert found.activation_rate is None


def test_other_evidence_says_that_it_was_used_and_not_when() -> None:
    acme = stored.organization()
    hold(acme, grant(1, "ann", created=45, used=3), grant(2, "bob", created=45))
    cover(acme, 45)

    found = of_month(acme, OCTOBER)

    assert Evidence.objects.exists()
    assert (found.used, found.undated, found.unused) == (1, 1, 1)


def test_of_several_seats_in_an_enterprise_the_first_grant_counts() -> None:
    octo = stored.enterprise()
    hold(stored.organization(parent=octo), grant(1, "ann", created=60))
    hold(stored.organization("other", 502, parent=octo), grant(1, "ann", created=30))

    assert of_month(octo, SEPTEMBER).assigned == 1
    assert of_month(octo, OCTOBER).assigned == 0


def test_without_reports_or_seats_nothing_is_made_up() -> None:
    acme = stored.organization()
    assert [cohort.assigned for cohort in cohorts(Scope(acme), LAST)] == [0] * 12
    hold(acme, grant(1, "ann", created=45), at=ago(1))

    found = of_month(acme, OCTOBER)

    assert (found.assigned, found.used, found.unused, found.unknown) == (1, 0, 0, 1)
    assert (found.activation_rate, found.half_after) == (None, None)
    assert of_month(acme, SEPTEMBER).activation_rate is None


def test_a_team_has_its_newest_members() -> None:
    acme = stored.organization()
    hold(acme, grant(1, "ann", created=45), grant(2, "bob", created=45))
    team = stored.roster(acme, TODAY - timedelta(days=3), {"core": [stored.person(1)]})["core"]
    cover(acme, 45)
    use(acme, 44, 1)

    [found] = [cohort for cohort in cohorts(Scope(acme, team), LAST) if cohort.assigned]

    assert (found.assigned, dict(found.after)) == (1, {1: 1})


@pytest.mark.django_db(transaction=True)
def test_what_is_stored_of_an_account_is_told_until_use_or_a_seat_changes() -> None:
    make_stamps(sender=None)  # type: ignore[arg-type]
    acme = stored.organization()
    hold(acme, grant(1, "ann", created=60), grant(2, "bob", created=60))
    cover(acme, 60)
    use(acme, 50, 1)
    first = of_month(acme, SEPTEMBER)

    with CaptureQueriesContext(connection) as asked:
        assert of_month(acme, SEPTEMBER) == first
    assert len(asked) <= 2

    assert first.after == {10: 1}
    # Of another day it is another answer, and so is the next one of this day.
    assert of_month(acme, SEPTEMBER, TODAY - timedelta(days=55)).after == {}
    assert of_month(acme, SEPTEMBER) == first
    use(acme, 40, 2)
    assert of_month(acme, SEPTEMBER).after == {10: 1, 20: 1}
    hold(acme, grant(1, "ann", created=60), grant(2, "bob", created=60), grant(3, "cleo", created=60))
    assert of_month(acme, SEPTEMBER).assigned == 3
