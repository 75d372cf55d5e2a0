"""Members of an organization: who belongs to it, and who left it and still holds a seat."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from portal.models import Job
from seats.models import Account, GitHubUser, Listing, OrganizationMembership, Seat, UserLogin
from tests.fake_github import FakeGitHub, Organization, Request, State, Trouble
from tests.seats.sync.running import done, run, seat_people

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def members() -> dict[str, str]:
    return dict(OrganizationMembership.objects.values_list("user__login", "role"))


def is_member_list(request: Request) -> bool:
    return request.path.endswith("/members")


def people(octo: Organization, count: int) -> None:
    for number in range(1, count + 1):
        octo.member(f"user-{number}", number)


def test_members_and_owners_are_taken_over_whole(
    github: FakeGitHub, octo: Organization, account: Account
) -> None:
    octo.member("ada", 1, role="admin")
    octo.member("bob", 2)

    tally = done("members", account)

    assert members() == {"ada": "admin", "bob": "member"}
    assert (tally["rows_seen"], tally["rows_new"], tally["requests"]) == (2, 2, 2)


def test_whoever_left_is_taken_out_after_a_second_look(
    github: FakeGitHub, octo: Organization, account: Account
) -> None:
    people(octo, 130)
    done("members", account)
    github.forget()
    del octo.members[7]

    tally = done("members", account)

    assert "user-8" not in members()
    assert (tally["rows_ended"], tally["ended"], tally["rows_unchanged"]) == (1, ["user-8"], 129)
    assert tally["requests"] == 2 + 2 + 1  # twice the list of two pages, and the owners


def test_somebody_who_is_missing_from_one_reading_only_stays(
    github: FakeGitHub, octo: Organization, account: Account
) -> None:
    people(octo, 30)
    done("members", account)
    missing = octo.members.pop(3)
    readings = 0

    def show_again(request: Request) -> None:
        nonlocal readings
        readings += is_member_list(request) and request.query.get("role") == "all"
        if readings == 2 and missing not in octo.members:
            octo.members.append(missing)

    github.before_answer = show_again

    assert done("members", account)["rows_ended"] == 0
    assert len(members()) == 30


def test_nobody_at_all_is_believed_by_no_single_list(
    github: FakeGitHub, octo: Organization, account: Account, clock: time_machine.Coordinates
) -> None:
    people(octo, 3)
    done("members", account)
    github.trouble = Trouble("empty-roster", where=is_member_list)

    tally = done("members", account)
    assert tally["notes"] == ["GitHub listed nobody in octo: the members stay as they were known."]
    assert len(members()) == 3

    clock.shift(timedelta(hours=1, minutes=1))
    assert done("members", account)["rows_ended"] == 3


def test_a_second_run_writes_nothing(octo: Organization, account: Account) -> None:
    people(octo, 5)
    done("members", account)
    before = list(OrganizationMembership.objects.values())
    logins = list(UserLogin.objects.values())

    tally = done("members", account)

    assert (tally["rows_unchanged"], tally["rows_new"]) == (5, 0)
    assert list(OrganizationMembership.objects.values()) == before
    assert list(UserLogin.objects.values()) == logins


def test_a_new_role_and_a_new_login_are_followed(
    state: State, octo: Organization, account: Account, clock: time_machine.Coordinates
) -> None:
    ada = octo.member("ada", 1)
    done("members", account)
    clock.shift(timedelta(days=1))
    octo.admins.add(1)
    state.rename_user(ada, "lovelace")

    tally = done("members", account)

    assert members() == {"lovelace": "admin"}
    assert tally["rows_changed"] == 1
    assert GitHubUser.objects.count() == 1


def test_who_left_and_still_holds_a_seat_can_be_seen(
    octo: Organization, account: Account, clock: time_machine.Coordinates
) -> None:
    seat_people(octo, 3)
    done("seats", account)
    clock.shift(timedelta(hours=1))
    del octo.members[1]
    done("members", account)
    assert [seat.user.login for seat in Seat.objects.of_people_who_left()] == ["user-2"]

    clock.shift(timedelta(hours=1))
    seat_people(octo, 1, first=9)
    done("seats", account)

    # Whoever joined after the list of members was read has not left.
    assert [seat.user.login for seat in Seat.objects.of_people_who_left()] == ["user-2"]


def test_a_refusal_leaves_the_members_as_they_were(
    github: FakeGitHub, octo: Organization, account: Account
) -> None:
    people(octo, 3)
    done("members", account)
    github.trouble = Trouble("401", where=is_member_list)

    job = run("members", account)

    assert job.state == Job.State.FAILED
    assert job.error
    assert len(members()) == 3
    assert Listing.objects.get().rows == 3
