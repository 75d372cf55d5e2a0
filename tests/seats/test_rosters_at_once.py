"""Two workers take in the lists of two organizations at the same moment, with the same people on both."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from seats import verdicts
from seats.models import Account, Evidence, GitHubUser, Seat, UserLogin
from seats.roster import Roster, apply
from tests.seats.holding import grant, organization

pytestmark = pytest.mark.django_db(transaction=True)

START = datetime(2026, 11, 1, 6, tzinfo=UTC)
PEOPLE = 40


def test_lists_taken_in_at_once_lose_nothing_and_wait_for_each_other() -> None:
    accounts = [organization("acme"), organization("globex")]
    gate = threading.Barrier(len(accounts), timeout=30)
    troubles: list[BaseException] = []

    def take_in(number: int, account: Account) -> None:
        try:
            for day in range(3):
                # Everybody under a new login each day, seen by one of the two an hour later.
                people = list(range(PEOPLE))[:: 1 if number else -1]
                listed = [grant(one, f"user-{one}-{day}", used=9 - day - number) for one in people]
                gate.wait()
                at = START + timedelta(days=day, hours=number)
                apply(Roster(account, at, listed, is_complete=True, is_confirmed=True))
                verdicts.refresh(accounts=[account])
        except BaseException as error:  # noqa: BLE001 - told by the test
            troubles.append(error)
            gate.abort()
        finally:
            connection.close()

    threads = [threading.Thread(target=take_in, args=item) for item in enumerate(accounts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not troubles
    assert GitHubUser.objects.count() == PEOPLE
    assert set(GitHubUser.objects.values_list("login", flat=True)) == {f"user-{n}-2" for n in range(PEOPLE)}
    assert UserLogin.objects.count() == 3 * PEOPLE
    assert Seat.objects.held().count() == 2 * PEOPLE
    newest = {at.date() for at in Seat.objects.values_list("last_activity_at", flat=True) if at}
    assert set(Evidence.objects.filter(source="seat").values_list("last_on", flat=True)) == {max(newest)}
