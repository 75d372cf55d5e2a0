"""Rules that are made stricter while a batch is on its way hold for that batch, too."""

from __future__ import annotations

import pytest
import time_machine

from seats.models import RevocationBatch, SeatReview
from seats.reclaim.approve import withdraw
from tests.seats.reclaim.short_road import ShortRoad
from tests.seats.reclaim.years import TOKEN, TOKEN_VARIABLE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)


def test_a_second_person_asked_for_after_one_has_approved_is_waited_for(
    clock: time_machine.Coordinates,
) -> None:
    with ShortRoad(clock) as road:
        batch = road.approved()
        road.years.desk.change_policy(needs_second_person=True)
        road.execute(batch)

        assert road.years.watchdog.seats_asked["seats"] == 0
        stopped = RevocationBatch.objects.get()
        assert stopped.state == "stopped"
        assert "asks for a second person" in stopped.says


def test_whom_nobody_had_to_tell_is_told_once_the_policy_asks_for_it(
    clock: time_machine.Coordinates,
) -> None:
    with ShortRoad(clock) as road:
        batch = road.approved()
        withdraw(batch, road.years.desk.admins[0], "on second thoughts")
        assert set(SeatReview.objects.values_list("state", flat=True)) == {"flagged"}
        road.years.desk.change_policy(notice_days=3)
        road.years.desk.tell()

        assert set(SeatReview.objects.values_list("state", flat=True)) == {"notified"}
