"""A list nobody looked at does not end many seats by itself: a second list, or somebody, must bear it out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from portal.models import AuditEntry
from seats.models import Account, Seat, SeatObservation, SeatRoster
from seats.roster import Applied, Roster, apply, confirm
from seats.roster.confirming import NothingToConfirm
from tests.seats.holding import grant, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

START = datetime(2026, 11, 20, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAGE = "/seats/seatroster/"


@pytest.fixture
def acme() -> Account:
    return organization()


def sync(account: Account, people: Iterable[int], at: datetime, **said: Any) -> Applied:
    """A whole list from the API, as a schedule takes it in."""
    grants = [grant(number, f"user-{number}", used=3) for number in people]
    return apply(
        Roster(
            account, at, grants, **{"is_complete": True, "is_confirmed": True, "is_unattended": True, **said}
        )
    )


def held() -> list[int]:
    return sorted(Seat.objects.held().values_list("user__github_id", flat=True))


@pytest.mark.parametrize(("seats", "missing"), [(100, 20), (30, 10), (8, 7), (1000, 200)])
def test_few_missing_people_end_at_once(acme: Account, seats: int, missing: int) -> None:
    sync(acme, range(seats), START)
    applied = sync(acme, range(missing, seats), START + HOUR)
    assert (len(applied.ended), applied.held_back) == (missing, 0)
    assert SeatRoster.objects.ending().count() == 2


@pytest.mark.parametrize(("seats", "missing"), [(100, 21), (30, 11), (55, 12)])
def test_many_missing_people_are_held_back(acme: Account, seats: int, missing: int) -> None:
    sync(acme, range(seats), START)
    applied = sync(acme, range(missing, seats), START + HOUR)
    assert (applied.ended, applied.held_back) == ([], missing)
    assert Seat.objects.held().count() == seats
    roster = SeatRoster.objects.get(observed_at=START + HOUR)
    assert (roster.is_complete, roster.is_confirmed, roster.held_back) == (True, False, missing)


def test_a_list_held_back_still_adds_and_changes(acme: Account) -> None:
    sync(acme, range(50), START)
    applied = sync(acme, [*range(30, 50), 99], START + HOUR)
    assert (applied.new, applied.held_back) == (1, 30)
    assert 99 in held()


def test_a_second_list_an_hour_later_ends_what_it_still_lacks(acme: Account) -> None:
    sync(acme, range(50), START)
    sync(acme, range(30, 50), START + HOUR)
    applied = sync(acme, range(29, 50), START + 2 * HOUR)
    assert len(applied.ended) == 29
    assert held() == list(range(29, 50))
    assert set(Seat.objects.exclude(ended_at=None).values_list("ended_at", flat=True)) == {START + 2 * HOUR}


def test_a_second_list_within_the_hour_bears_nothing_out(acme: Account) -> None:
    sync(acme, range(50), START)
    for minutes in (0, 20, 40, 59):
        applied = sync(acme, range(30, 50), START + HOUR + timedelta(minutes=minutes))
        assert (applied.ended, applied.held_back) == ([], 30)
    assert len(sync(acme, range(30, 50), START + 2 * HOUR).ended) == 30


def test_people_who_are_back_on_the_next_list_never_left(acme: Account) -> None:
    sync(acme, range(50), START)
    sync(acme, range(30, 50), START + HOUR)
    assert sync(acme, range(50), START + 2 * HOUR).ended == []
    applied = sync(acme, range(30, 50), START + 3 * HOUR)
    assert (applied.ended, applied.held_back) == ([], 30)
    assert all(row.is_present for row in SeatObservation.objects.filter(seat__user__github_id__lt=30))


def test_only_who_was_missed_twice_ends_while_many_others_go_missing(acme: Account) -> None:
    sync(acme, range(100), START)
    sync(acme, range(30, 100), START + HOUR)
    applied = sync(acme, range(60, 100), START + 2 * HOUR)
    assert sorted(applied.ended) == sorted(f"user-{number}" for number in range(30))
    assert applied.held_back == 60
    assert held() == list(range(30, 100))
    assert len(sync(acme, range(60, 100), START + 3 * HOUR).ended) == 30


@pytest.mark.parametrize("seats", [1, 8, 50])
def test_an_empty_list_ends_nothing_however_often_it_comes(acme: Account, seats: int) -> None:
    sync(acme, range(seats), START)
    for hours in range(1, 6):
        applied = sync(acme, [], START + hours * HOUR)
        assert (applied.ended, applied.held_back) == ([], seats)
    assert Seat.objects.held().count() == seats


def test_an_empty_list_bears_out_no_other(acme: Account) -> None:
    sync(acme, range(50), START)
    sync(acme, [], START + HOUR)
    applied = sync(acme, range(30, 50), START + 3 * HOUR)
    assert (applied.ended, applied.held_back) == ([], 30)


def test_where_nobody_held_a_seat_an_empty_list_is_nothing_special(acme: Account) -> None:
    sync(acme, [], START)
    assert sync(acme, [], START + HOUR).is_repeat


def test_a_list_somebody_vouched_for_ends_as_many_as_it_lacks(acme: Account) -> None:
    sync(acme, range(50), START)
    applied = sync(acme, [1], START + HOUR, is_unattended=False)
    assert len(applied.ended) == 49


def test_an_enterprises_list_is_measured_by_all_its_seats() -> None:
    octo = Account.objects.create(kind="enterprise", login="octo", github_id=1)

    def listed(people: Iterable[int], at: datetime) -> Applied:
        grants = [
            grant(
                number,
                f"user-{number}",
                organization_id=number % 2 + 10,
                organization_login=f"org-{number % 2}",
            )
            for number in people
        ]
        return apply(Roster(octo, at, grants, is_complete=True, is_confirmed=True, is_unattended=True))

    listed(range(100), START)
    assert len(listed([one for one in range(100) if one % 2 or one > 38], START + HOUR).ended) == 20
    assert listed([one for one in range(100) if one % 2], START + 2 * HOUR).held_back == 30


# --- Confirmed by somebody --------------------------------------------------------------------


def everything() -> list[Any]:
    seats = Seat.objects.order_by("user__github_id").values_list(
        "user__github_id", "first_seen_at", "last_seen_at", "observed_at", "ended_at"
    )
    observed = SeatObservation.objects.order_by("seat__user__github_id", "observed_at").values_list(
        "seat__user__github_id", "observed_at", "is_present", "state"
    )
    return [*seats, *observed]


@pytest.mark.parametrize("afterwards", [[], [range(29, 50)], [range(30, 50), range(40, 50)]])
def test_a_confirmed_list_counts_as_if_it_had_been_believed_at_once(
    olga: Any, afterwards: list[Iterable[int]]
) -> None:
    outcomes = []
    for is_unattended in (True, False):
        acme = organization()
        sync(acme, range(50), START)
        sync(acme, range(30, 50), START + HOUR, is_unattended=is_unattended)
        for number, people in enumerate(afterwards):
            sync(acme, people, START + HOUR + timedelta(minutes=5 + number), is_unattended=is_unattended)
        for roster in SeatRoster.objects.held_back().order_by("observed_at"):
            confirm(roster, olga)
        outcomes.append(everything())
        acme.delete()
    assert outcomes[0] == outcomes[1]


def test_a_list_is_confirmed_once(acme: Account, olga: Any) -> None:
    sync(acme, range(50), START)
    sync(acme, [], START + HOUR)
    roster = SeatRoster.objects.held_back().get()
    assert len(confirm(roster, olga)) == 50
    with pytest.raises(NothingToConfirm):
        confirm(roster, olga)
    entry = AuditEntry.objects.get(action="seat roster confirmed")
    assert (entry.subject, entry.actor_name) == (acme.subject, "olga")
    assert len(entry.detail["ended"]) == 50


def act(client: Client, **fields: str) -> str:
    rosters = SeatRoster.objects.values_list("pk", flat=True)
    answer = client.post(
        PAGE, {"action": "end_missing", "_selected_action": list(rosters), **fields}, follow=True
    )
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_page_says_what_was_held_back_and_whom_it_would_end(acme: Account, olga_client: Client) -> None:
    sync(acme, range(50), START)
    sync(acme, range(30, 50), START + HOUR)
    listing = olga_client.get(PAGE).content.decode()
    assert "held back" in listing
    asked = act(olga_client)
    assert "30 seats" in asked
    assert "user-7," in asked
    assert "user-31" not in asked
    assert Seat.objects.held().count() == 50


def test_confirming_ends_the_seats(acme: Account, olga_client: Client) -> None:
    sync(acme, range(50), START)
    sync(acme, range(30, 50), START + HOUR)
    assert "30 seats ended" in act(olga_client, confirmed="yes")
    assert held() == list(range(30, 50))
    assert "None of the selected rosters was held back" in act(olga_client, confirmed="yes")


def test_who_is_back_on_a_later_list_is_not_ended_by_an_older_one(acme: Account, olga_client: Client) -> None:
    sync(acme, range(50), START)
    sync(acme, range(30, 50), START + HOUR)
    sync(acme, range(50), START + 2 * HOUR)
    assert "no seat would end" in act(olga_client)
    act(olga_client, confirmed="yes")
    assert Seat.objects.held().count() == 50


def test_only_who_may_confirm_lists_can_end_seats(acme: Account, vic: Any, vic_client: Client) -> None:
    sync(acme, range(50), START)
    sync(acme, range(30, 50), START + HOUR)
    act(vic_client, confirmed="yes")
    assert Seat.objects.held().count() == 50
    vic.user_permissions.add(Permission.objects.get(codename="confirm_seatroster"))
    act(vic_client, confirmed="yes")
    assert Seat.objects.held().count() == 20


def test_each_state_of_a_roster_is_told_on_its_page(acme: Account, olga_client: Client) -> None:
    sync(acme, range(50), START)
    sync(acme, range(50), START + HOUR)
    sync(acme, range(30, 50), START + 2 * HOUR)
    sync(acme, range(9), START + 3 * HOUR, is_complete=False, is_confirmed=False)
    for roster, words in zip(
        SeatRoster.objects.order_by("observed_at"),
        ["whoever is not on it", "none was ended", "Not complete"],
        strict=True,
    ):
        assert words in olga_client.get(f"{PAGE}{roster.pk}/change/").content.decode()
    for state, shown in {"whole": 1, "held_back": 1, "unconfirmed": 0, "partial": 1}.items():
        assert olga_client.get(f"{PAGE}?state={state}").context["cl"].result_count == shown
