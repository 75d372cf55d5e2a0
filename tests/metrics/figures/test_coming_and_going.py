"""New, returned and lapsed people."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from metrics.figures import Scope
from metrics.figures.coming_and_going import ComingAndGoing, coming_and_going
from seats.models import Account
from tests.metrics import stored

pytestmark = pytest.mark.django_db

FIRST = date(2026, 10, 1)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def days(*numbers: int) -> list[date]:
    return [day(number) for number in numbers]


def use(account: Account, number: int, *people: int) -> None:
    stored.use(account, day(number), {stored.person(person): {} for person in people})


def test_everybody_is_new_returned_stayed_or_lapsed() -> None:
    acme = stored.organization()
    use(acme, 0, 1, 2)
    use(acme, 1, 3)
    use(acme, 2, 3, 4)
    use(acme, 3, 1, 3, 5)
    use(acme, 4, 5, 6)

    found = coming_and_going(Scope(acme), days(3, 4), days(1, 2))

    assert found == ComingAndGoing(
        active=4, active_before=2, stayed=1, new=2, returned=1, lapsed=1, since=FIRST
    )


def test_a_gap_in_either_stretch_leaves_all_of_it_unknown() -> None:
    acme = stored.organization()
    for number in (0, 2, 3):
        use(acme, number, 1)

    assert coming_and_going(Scope(acme), days(2, 3), days(0, 1)) == ComingAndGoing(
        active=1, active_before=None, since=FIRST
    )
    assert coming_and_going(Scope(acme), days(1, 2), days(0)).active is None


def test_nothing_taken_in_is_nothing_known() -> None:
    assert coming_and_going(Scope(stored.organization()), days(1), days(0)) == ComingAndGoing()


def test_a_day_between_counts_as_seen_earlier() -> None:
    """Weekends left out of both stretches still tell that somebody is not new."""
    acme = stored.organization()
    for number, person in ((0, 1), (1, 2), (2, 2)):
        use(acme, number, person)

    found = coming_and_going(Scope(acme), days(2), days(0))

    assert (found.new, found.returned, found.lapsed) == (0, 1, 1)
