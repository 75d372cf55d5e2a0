"""Seats that a team grants: its owner is asked once, and the task closes itself when it is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from portal.models import AuditEntry
from seats.models import Account, RemovalTask, Seat, SeatReview
from seats.reclaim import flag, tasks_for_owners
from tests.seats.holding import NOON, ago, grant, hold, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

LATER = NOON + timedelta(hours=1)
OF_DATA = {"team_id": 7, "team_slug": "data"}


@pytest.fixture
def acme(db: None) -> Account:
    return organization()


@pytest.fixture
def seats(acme: Account) -> list[Seat]:
    """Ana's is granted by a team, Ben's directly."""
    return hold(acme, grant(1, "ana", used=60, **OF_DATA), grant(2, "ben", used=60), at=ago(1))


def states() -> list[tuple[str, str]]:
    return list(RemovalTask.objects.order_by("pk").values_list("seat__user__login", "state"))


def test_only_a_team_has_an_owner_to_ask_and_is_asked_once(seats: list[Seat], olga: Any) -> None:
    assert tasks_for_owners.open_tasks(seats, olga, "Idle.") == 1
    assert tasks_for_owners.open_tasks(seats, olga, "Idle.") == 0

    [task] = RemovalTask.objects.all()
    assert (str(task.team), task.reason, task.opened_by) == ("data", "Idle.", olga)
    assert AuditEntry.objects.filter(action="team owners asked").count() == 1


def test_it_is_done_when_the_team_grants_the_seat_no_longer(acme: Account, seats: list[Seat]) -> None:
    tasks_for_owners.open_tasks(seats, None, "Idle.")
    assert tasks_for_owners.settle(acme) == 0

    hold(acme, grant(2, "ben", used=60), at=LATER)

    assert tasks_for_owners.settle(acme) == 1
    assert states() == [("ana", "done")]
    assert tasks_for_owners.settle(acme) == 0


def test_it_is_no_longer_wanted_when_the_person_comes_back_to_life(acme: Account, seats: list[Seat]) -> None:
    tasks_for_owners.open_tasks(seats, None, "Idle.")
    hold(acme, grant(1, "ana", used=0, **OF_DATA), grant(2, "ben", used=60), at=LATER)

    tasks_for_owners.settle(acme)

    assert states() == [("ana", "withdrawn")]


def test_it_is_no_longer_wanted_when_the_seat_is_kept(acme: Account, seats: list[Seat], olga: Any) -> None:
    """Also by the person's own answer: nobody is to be taken out of a team who needs the seat."""
    flag.flag(seats, olga, "Idle.")
    tasks_for_owners.open_tasks(seats, olga, "Idle.")
    assert tasks_for_owners.settle(acme) == 0

    flag.keep(SeatReview.objects.filter(seat=seats[0]), None, "They answered that they need it.")

    assert tasks_for_owners.settle(acme) == 1
    assert states() == [("ana", "withdrawn")]


def test_it_can_be_withdrawn_and_asked_anew(seats: list[Seat], olga: Any) -> None:
    tasks_for_owners.open_tasks(seats, olga, "Idle.")

    assert tasks_for_owners.withdraw(RemovalTask.objects.all(), olga) == 1
    assert tasks_for_owners.withdraw(RemovalTask.objects.all(), olga) == 0
    assert tasks_for_owners.open_tasks(seats, olga, "Still idle.") == 1
    assert [state for _, state in states()] == ["withdrawn", "open"]
