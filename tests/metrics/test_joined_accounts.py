"""Two accounts that prove to be one: all that is stored of the one that stays says what both told."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from metrics import figures
from metrics.figures import stored_periods
from metrics.figures.scope import Scope
from metrics.ingest.rebuild import rebuild_dirty_days
from metrics.ingest.rebuild_weeks import write_weeks
from metrics.models import DirtyDay, PeriodPart, TeamPeriod, UserDay, WeekTotals, WeekUsers
from metrics.periods import Period
from metrics.tasks import rebuild_dirty_days as whole_round
from seats.accounts import merge
from seats.models import Account
from tests.metrics import stored

pytestmark = pytest.mark.django_db

FIRST = date(2026, 8, 31)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


@pytest.fixture
def acme() -> Account:
    """Known by its id alone, with forty days of which some were told of nobody."""
    acme = stored.organization("", github_id=501)
    ann, bob = stored.person(1), stored.person(2)
    for number in range(40):
        if number % 10 != 3:
            stored.use(acme, day(number), {ann: {"used_chat": True}, bob: {}})
            stored.roster(acme, day(number), {"web": [ann]})
    return acme


@pytest.fixture
def by_name() -> Account:
    """The same, known by its name alone."""
    return Account.objects.create(kind="organization", login="acme")


def told(account: Account) -> dict[str, object]:
    """What is stored of the account, and what is said of its newest weeks."""
    rows = {
        model.__name__: sorted(
            repr(row) for row in model._default_manager.filter(account=account).values_list(*fields)
        )
        for model, fields in {
            WeekTotals: ("monday", "part", "blob"),
            WeekUsers: ("monday", "kind", "days", "users", "weekend_users"),
            TeamPeriod: ("first", "last", "weekends", "told"),
            PeriodPart: ("first", "last", "part", "blob"),
        }.items()
    }
    return {**rows, "trailing": figures.trailing(Scope(account), Period.trailing(day(39), 28))[day(39)]}


def test_days_that_move_are_added_up_again(
    acme: Account, by_name: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (23, 33):
        stored.cover(by_name, day(number), "users")
    rebuild_dirty_days()
    whole_round()
    merge(by_name, into=acme)
    assert {day(23), day(33)} <= set(DirtyDay.objects.filter(account=acme).values_list("day", flat=True))
    whole_round()
    assert not DirtyDay.objects.exists()
    acme.refresh_from_db()
    of_both = told(acme)
    with monkeypatch.context() as patch:
        patch.setattr(stored_periods, "_blobs", lambda *_: {})
        assert told(acme)["trailing"] == of_both["trailing"]
    for model in (WeekTotals, WeekUsers, TeamPeriod, PeriodPart):
        model._default_manager.filter(account=acme).delete()
    DirtyDay.objects.bulk_create(DirtyDay(account=acme, day=day(number)) for number in range(40))
    whole_round()
    assert told(acme) == of_both


def test_what_waited_to_be_added_up_waits_still(acme: Account, by_name: Account) -> None:
    rebuild_dirty_days()
    DirtyDay.objects.create(account=by_name, day=day(5))
    merge(by_name, into=acme)
    assert list(DirtyDay.objects.values_list("account_id", "day")) == [(acme.pk, day(5))]


def test_stored_weeks_and_periods_go_with_the_days_they_tell(acme: Account, by_name: Account) -> None:
    whole_round()
    write_weeks()
    monday = day(7)
    assert WeekTotals.objects.filter(account=acme, monday=monday).exists()
    stored.totals(by_name, day(9), daily_active_users=4)
    whole_round()
    merge(by_name, into=acme)
    assert not WeekTotals.objects.filter(account=acme, monday=monday).exists()
    assert not WeekUsers.objects.filter(account=acme, monday=monday).exists()
    assert WeekTotals.objects.filter(account=acme, monday=day(21)).exists()


def test_peoples_days_move_and_those_in_place_stay(acme: Account, by_name: Account) -> None:
    ann, eve = stored.person(1), stored.person(9)
    stored.use(by_name, day(0), {ann: {"user_initiated_interaction_count": 77}, eve: {}})
    stored.use(by_name, day(3), {eve: {}})
    whole_round()
    merge(by_name, into=acme)
    rows = UserDay.objects.filter(account=acme, day__in=[day(0), day(3)]).order_by("day", "user__github_id")
    assert list(rows.values_list("day", "user__github_id", "user_initiated_interaction_count")) == [
        (day(0), 1, 0),
        (day(0), 2, 0),
        (day(0), 9, 0),
        (day(3), 9, 0),
    ]
