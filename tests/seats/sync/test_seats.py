"""Seats from GitHub: what is fetched, what becomes of it, and what is left alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from metrics.ingest.rejects import retry
from portal.models import Connection, Job, RejectedLine, ReportFile
from seats.models import Account, Seat, SeatGrant, SeatObservation, SeatRoster
from tests.fake_github import FakeGitHub, Organization, State, Trouble, seat
from tests.seats.sync.running import done, run, seat_people

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def logins() -> list[str]:
    return sorted(Seat.objects.held().values_list("user__login", flat=True))


# --- What is fetched --------------------------------------------------------------------------


@pytest.mark.parametrize(("people", "requests"), [(1, 1), (100, 1), (101, 2), (230, 3)])
def test_seats_cost_a_request_for_each_hundred(
    github: FakeGitHub, octo: Organization, account: Account, people: int, requests: int
) -> None:
    seat_people(octo, people)

    tally = done("seats", account)

    assert Seat.objects.held().count() == people
    assert len(github.requests) == requests
    assert (tally["requests"], tally["pages"], tally["rows_seen"], tally["rows_new"]) == (
        requests, requests, people, people,
    )  # fmt: skip
    assert tally["rate_limit_remaining"] == 5000 - requests


def test_an_account_known_by_login_alone_gets_its_id(octo: Organization, account: Account) -> None:
    octo.seats.append(seat(octo.member("ada", 1), organization=octo.facts))

    done("seats", account)

    account.refresh_from_db()
    assert account.github_id == 900


# --- What becomes of it -----------------------------------------------------------------------


def test_whoever_is_no_longer_listed_has_no_seat_any_more(
    octo: Organization, account: Account, clock: time_machine.Coordinates
) -> None:
    seat_people(octo, 12)
    done("seats", account)
    clock.shift(timedelta(hours=1))
    del octo.seats[3]

    tally = done("seats", account)

    assert "user-4" not in logins()
    assert (tally["rows_ended"], tally["ended"]) == (1, ["user-4"])
    assert SeatObservation.objects.filter(seat__user__login="user-4", is_present=False).count() == 1


def test_what_changed_is_observed_and_verdicts_follow(
    octo: Organization, account: Account, clock: time_machine.Coordinates
) -> None:
    seat_people(octo, 3)
    done("seats", account)
    clock.shift(timedelta(hours=1))
    octo.seats[0]["last_activity_at"] = "2026-11-20T11:00:00Z"

    tally = done("seats", account)

    assert (tally["rows_changed"], tally["rows_unchanged"]) == (1, 2)
    assert Seat.objects.get(user__login="user-1").verdict == "active"
    assert SeatObservation.objects.filter(seat__user__login="user-1").count() == 2


def test_the_same_list_again_leaves_no_row_and_no_file(
    octo: Organization, account: Account, clock: time_machine.Coordinates
) -> None:
    seat_people(octo, 3)
    done("seats", account)
    clock.shift(timedelta(hours=1))

    tally = done("seats", account)

    assert (tally["rows_unchanged"], tally["rows_new"], tally["rows_changed"]) == (3, 0, 0)
    assert ReportFile.objects.count() == 1
    assert SeatRoster.objects.count() == 1


def test_somebody_seated_by_two_teams_holds_one_seat_with_two_grants(
    octo: Organization, account: Account
) -> None:
    ada = octo.member("ada", 1)
    for name in ("Web", "Data"):
        octo.seats.append(seat(ada, assigning_team=octo.team(name, members=[ada]).record()))

    done("seats", account)

    assert Seat.objects.count() == 1
    assert sorted(SeatGrant.objects.values_list("assigning_team__slug", flat=True)) == ["data", "web"]
    assert SeatRoster.objects.get().is_complete


def test_a_renamed_person_stays_the_same_person(
    state: State, octo: Organization, account: Account, clock: time_machine.Coordinates
) -> None:
    ada = octo.member("ada", 1)
    octo.seats.append(seat(ada))
    done("seats", account)
    clock.shift(timedelta(days=1))
    state.rename_user(ada, "ada-lovelace")

    done("seats", account)

    assert logins() == ["ada-lovelace"]
    assert Seat.objects.count() == 1


def test_the_seat_of_a_deleted_person_is_kept_as_unreadable_and_ends_theirs(
    octo: Organization, account: Account, clock: time_machine.Coordinates
) -> None:
    seat_people(octo, 3)
    done("seats", account)
    clock.shift(timedelta(hours=1))
    octo.seats[1] = {**octo.seats[1], "assignee": None}

    tally = done("seats", account)

    assert logins() == ["user-1", "user-3"]
    assert tally["ended"] == ["user-2"]
    assert tally["rows_rejected"] == 1
    line = RejectedLine.objects.get()
    assert (line.line_number, line.file.subject) == (2, account.subject)
    assert "assignee" in line.reason


# --- An enterprise ----------------------------------------------------------------------------


@pytest.fixture
def enterprise(state: State, connection: Connection, octo: Organization) -> Account:
    """Big, with octo and a second organization; Ada holds a seat in both and one of the enterprise's own."""
    labs = state.organization("octo-labs", 901)
    big = state.enterprise("big", 77, organizations=[octo, labs])
    ada = octo.member("ada", 1)
    octo.seats.append(seat(ada))
    labs.seats.append(seat(ada, plan_type="enterprise"))
    labs.seats.append(seat(labs.member("bob", 2)))
    big.seats.append(seat(state.user("cleo", 3)))
    return Account.objects.create(kind="enterprise", login="big", connection=connection)


def test_an_enterprise_counts_a_person_once_and_lists_every_grant(enterprise: Account) -> None:
    tally = done("seats", enterprise)

    held = Seat.objects.held().values_list("account__login", "user__login")
    assert sorted(held) == [("big", "cleo"), ("octo", "ada"), ("octo-labs", "ada"), ("octo-labs", "bob")]
    assert tally["rows_seen"] == 4
    assert SeatRoster.objects.get().is_complete


def test_the_organizations_of_an_enterprise_are_met_in_its_seats(enterprise: Account) -> None:
    done("seats", enterprise)

    found = Account.objects.organizations().values_list("login", "github_id", "parent__login")
    assert sorted(found) == [("octo", 900, "big"), ("octo-labs", 901, "big")]


def test_a_renamed_organization_keeps_its_seats(
    enterprise: Account, octo: Organization, clock: time_machine.Coordinates
) -> None:
    done("seats", enterprise)
    clock.shift(timedelta(hours=1))
    octo.rename("octo-next")

    tally = done("seats", enterprise)

    renamed = Account.objects.get(github_id=900)
    assert (renamed.login, renamed.former_logins) == ("octo-next", ["octo"])
    assert Seat.objects.held().count() == 4
    assert tally["rows_ended"] == 0


def test_an_organization_below_a_connected_enterprise_asks_for_no_list_of_its_own(
    enterprise: Account, github: FakeGitHub
) -> None:
    done("seats", enterprise)
    github.forget()

    tally = done("seats", Account.objects.get(login="octo"))

    assert github.requests == []
    assert tally["notes"] == ["Nothing to do here for octo."]


# --- A list that is not whole -----------------------------------------------------------------


def test_a_list_that_shifted_is_read_again(github: FakeGitHub, octo: Organization, account: Account) -> None:
    seat_people(octo, 230)
    github.trouble = Trouble("shift", times=1, where=lambda request: request.query.get("page") == "2")

    tally = done("seats", account)

    assert Seat.objects.held().count() == 230
    assert tally["requests"] == 6
    assert SeatRoster.objects.get().is_complete


def test_a_list_that_always_shifts_adds_and_changes_and_ends_nobody(
    github: FakeGitHub, octo: Organization, account: Account, clock: time_machine.Coordinates
) -> None:
    seat_people(octo, 230)
    done("seats", account)
    clock.shift(timedelta(hours=1))
    seat_people(octo, 1, first=500)
    octo.seats[5]["last_activity_at"] = "2026-11-20T11:00:00Z"
    github.trouble = Trouble("shift", where=lambda request: request.query.get("page") == "2")
    github.forget()

    tally = done("seats", account)

    assert len(github.requests) == 9
    assert Seat.objects.held().count() == 231
    assert (tally["rows_new"], tally["rows_changed"], tally["rows_ended"]) == (1, 1, 0)
    assert any("none was ended" in note for note in tally["notes"])


def test_an_empty_list_where_there_were_seats_ends_nothing_and_says_so(
    github: FakeGitHub, octo: Organization, account: Account, clock: time_machine.Coordinates
) -> None:
    seat_people(octo, 130)
    done("seats", account)
    clock.shift(timedelta(hours=1))
    github.trouble = Trouble("empty-roster")

    job = run("seats", account)

    assert job.state == Job.State.FAILED
    assert "listed no seat at all" in job.error
    assert Seat.objects.held().count() == 130


def test_an_account_without_any_seat_is_nothing_to_wonder_about(octo: Organization, account: Account) -> None:
    assert done("seats", account)["rows_seen"] == 0


def test_many_endings_at_once_wait_for_a_second_list(
    octo: Organization, account: Account, clock: time_machine.Coordinates
) -> None:
    seat_people(octo, 60)
    done("seats", account)
    clock.shift(timedelta(hours=1))
    del octo.seats[:40]

    tally = done("seats", account)
    assert Seat.objects.held().count() == 60
    assert any("too many to end" in note for note in tally["notes"])

    clock.shift(timedelta(hours=1, minutes=1))
    assert done("seats", account)["rows_ended"] == 40
    assert Seat.objects.held().count() == 20


# --- What is refused --------------------------------------------------------------------------


def test_a_refusal_is_a_sentence_and_touches_nothing(
    octo: Organization, account: Account, state: State, clock: time_machine.Coordinates
) -> None:
    seat_people(octo, 3)
    done("seats", account)
    clock.shift(timedelta(hours=1))
    octo.copilot_is_enabled = False

    job = run("seats", account)

    assert job.state == Job.State.FAILED
    assert job.error
    assert "octo" in job.error or "GitHub" in job.error
    assert Seat.objects.held().count() == 3


def test_an_account_without_a_connection_says_where_to_add_one(account: Account) -> None:
    Account.objects.update(connection=None)

    job = run("seats", account)

    assert job.error == "octo has no connection to GitHub: add one under Connections."


def test_a_login_that_changed_hands_is_refused(octo: Organization, account: Account) -> None:
    Account.objects.update(github_id=5)
    octo.seats.append(seat(octo.member("ada", 1), organization=octo.facts))

    job = run("seats", account)

    assert "changed hands" in job.error
    assert Seat.objects.count() == 0


# --- The file behind it -----------------------------------------------------------------------


def test_the_pages_are_kept_like_an_uploaded_list(octo: Organization, account: Account) -> None:
    seat_people(octo, 130)

    done("seats", account)

    file = ReportFile.objects.get()
    assert (file.source, file.kind, file.state) == ("download", "seats", "done")
    assert (file.subject, file.rows_read, file.rows_new) == (account.subject, 130, 130)
    assert file.kept_file is not None
    assert file.kept_file.is_file()
    assert set(Seat.objects.values_list("file", flat=True)) == {file.pk}


def test_a_rejected_element_can_be_mended_and_taken_in(
    github: FakeGitHub, octo: Organization, account: Account
) -> None:
    github.contract = None  # what follows breaks it
    seat_people(octo, 2)
    broken = {**octo.seats[1], "created_at": "yesterday"}
    octo.seats[1] = broken
    tally = done("seats", account)
    assert (tally["rows_new"], tally["rows_rejected"]) == (1, 1)
    line = RejectedLine.objects.get()
    line.line = line.line.replace("yesterday", "2026-06-01T09:00:00Z")
    line.save()

    [outcome] = retry([line])

    assert (outcome.counts.rows_new, outcome.rejected) == (1, [])
    assert logins() == ["user-1", "user-2"]
    assert Seat.objects.get(user__login="user-2").account == account


def test_the_same_broken_element_is_listed_once(
    github: FakeGitHub, octo: Organization, account: Account, clock: time_machine.Coordinates
) -> None:
    github.contract = None
    seat_people(octo, 2)
    octo.seats[1] = {**octo.seats[1], "created_at": "yesterday"}

    for _ in range(3):
        done("seats", account)
        clock.shift(timedelta(hours=1))

    assert RejectedLine.objects.count() == 1
    assert ReportFile.objects.count() == 1
