"""Asking GitHub about one seat, from its page."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from portal.models import AuditEntry, Connection, Job
from seats.models import Account, Seat
from tests.fake_github import FakeGitHub, Organization, State, Trouble, seat
from tests.seats.sync.running import done, seat_people

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def held(octo: Organization, account: Account, clock: time_machine.Coordinates) -> Seat:
    """User-2's seat, as the list of three showed it an hour ago."""
    seat_people(octo, 3)
    done("seats", account)
    clock.shift(timedelta(hours=1))
    return Seat.objects.get(user__login="user-2")


def press(client: Client, seat: Seat) -> str:
    answer = client.post(reverse("admin:seats_seat_ask", args=[seat.pk]), follow=True)
    assert answer.status_code == 200
    return " ".join(str(message) for message in answer.context["messages"])


def test_an_answer_that_says_something_new_is_shown(
    olga_client: Client, github: FakeGitHub, octo: Organization, held: Seat
) -> None:
    octo.seats[1]["last_activity_at"] = "2026-11-20T10:00:00Z"
    github.forget()

    assert "something new" in press(olga_client, held)

    held.refresh_from_db()
    assert held.verdict == "active"
    assert [request.path for request in github.requests] == ["/orgs/octo/members/user-2/copilot"]
    assert AuditEntry.objects.filter(action="seat asked about").count() == 1


def test_an_answer_never_ends_anybodys_seat(olga_client: Client, octo: Organization, held: Seat) -> None:
    assert "as it is shown here" in press(olga_client, held)

    assert Seat.objects.held().count() == 3


def test_the_pages_go_on_telling_the_age_of_the_whole_list(olga_client: Client, held: Seat) -> None:
    press(olga_client, held)

    assert "as of 2026-11-20 12:00 UTC" in olga_client.get("/seats/seat/").content.decode()


def test_a_seat_that_github_does_not_show_is_left_to_the_next_list(
    olga_client: Client, octo: Organization, held: Seat
) -> None:
    del octo.seats[1]

    assert "GitHub shows no seat of user-2 in octo" in press(olga_client, held)

    held.refresh_from_db()
    assert held.ended_at is None


def test_trouble_is_said_in_words(olga_client: Client, github: FakeGitHub, held: Seat) -> None:
    github.trouble = Trouble("401")

    said = press(olga_client, held)

    assert said
    assert "Traceback" not in said
    assert Job.objects.get(kind="ask-seat").state == Job.State.FAILED


def test_a_person_with_several_grants_is_asked_about_at_the_enterprise(
    olga_client: Client, state: State, connection: Connection, octo: Organization
) -> None:
    state.enterprise("big", 77, organizations=[octo])
    enterprise = Account.objects.create(kind="enterprise", login="big", connection=connection)
    ada = octo.member("ada", 1)
    octo.seats.append(seat(ada))
    state.enterprise("big").seats.append(seat(ada))
    done("seats", enterprise)

    own = Seat.objects.get(account=enterprise)

    assert "as it is shown here" in press(olga_client, own)


def test_only_whoever_may_start_jobs_sees_the_button(
    olga_client: Client, vic_client: Client, held: Seat
) -> None:
    page = reverse("admin:seats_seat_change", args=[held.pk])
    words = "Ask GitHub about this seat now"

    assert words in olga_client.get(page).content.decode()
    assert words not in vic_client.get(page).content.decode()
    assert vic_client.post(reverse("admin:seats_seat_ask", args=[held.pk])).status_code == 403
    assert olga_client.get(reverse("admin:seats_seat_ask", args=[held.pk])).status_code == 405


def test_without_a_connection_there_is_no_button(olga_client: Client, held: Seat) -> None:
    Account.objects.update(connection=None)

    page = olga_client.get(reverse("admin:seats_seat_change", args=[held.pk])).content.decode()

    assert "Ask GitHub" not in page


# --- What the answer may not do ---------------------------------------------------------------


def test_a_login_that_changed_hands_says_nothing_of_our_seat(
    olga_client: Client, state: State, octo: Organization, held: Seat
) -> None:
    state.delete_user(octo.members[1])
    heir = octo.member("user-2", 77)
    octo.seats.append(seat(heir, last_activity_at="2026-11-20T10:00:00Z"))

    assert "is of the person with the id 77 today" in press(olga_client, held)

    held.refresh_from_db()
    assert (held.ended_at, held.last_activity_at, held.user.github_id) == (None, None, 2)
    assert not Seat.objects.filter(user__github_id=77).exists()


def test_an_organization_shows_one_of_several_grants_and_the_others_are_not_forgotten(
    olga_client: Client, octo: Organization, account: Account, clock: time_machine.Coordinates
) -> None:
    core = octo.team("Core")
    ada = octo.member("ada", 1)
    octo.seats += [seat(ada), seat(ada, assigning_team=core.facts)]
    done("seats", account)
    clock.shift(timedelta(hours=1))
    held = Seat.objects.get()

    press(olga_client, held)

    held.refresh_from_db()
    assert held.granted_by == "direct;team"
    assert sorted(held.grants.values_list("route", flat=True)) == ["direct", "team"]


def test_an_answer_is_newer_than_every_list_whatever_the_clocks_say(
    olga_client: Client, octo: Organization, held: Seat, clock: time_machine.Coordinates
) -> None:
    clock.shift(timedelta(hours=-3))
    octo.seats[1]["pending_cancellation_date"] = "2026-12-01"

    press(olga_client, held)

    held.refresh_from_db()
    assert str(held.pending_cancellation_date) == "2026-12-01"


def test_an_enterprise_that_shows_only_an_organizations_seat_has_none_of_its_own(
    olga_client: Client, state: State, connection: Connection, octo: Organization
) -> None:
    state.enterprise("big", 77, organizations=[octo])
    enterprise = Account.objects.create(kind="enterprise", login="big", connection=connection)
    ada = octo.member("ada", 1)
    octo.seats.append(seat(ada))
    state.enterprise("big").seats.append(seat(ada))
    done("seats", enterprise)
    own = Seat.objects.get(account=enterprise)
    state.enterprise("big").seats.clear()

    assert "GitHub shows no seat of ada in big" in press(olga_client, own)
