"""The pages on which seats are asked for, decided about and granted."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from portal.models import AuditEntry, Job
from seats.models import Account, SeatRequest
from seats.reclaim import grant, seat_requests
from tests.counting import queries_of
from tests.seats.holding import grant as granted
from tests.seats.holding import hold, organization
from tests.seats.sheets.pages import bring, choose, take

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

REQUESTS = "/seats/seatrequest/"
State = SeatRequest.State


@pytest.fixture
def acme() -> Account:
    return organization("acme")


def asked(account: Account, *logins: str) -> list[SeatRequest]:
    return [seat_requests.ask(account, login, reason="New in the team") for login in logins]


def states() -> dict[str, str]:
    return dict(SeatRequest.objects.order_by("pk").values_list("login", "state"))


def act(client: Client, action: str, requests: list[SeatRequest], **more: Any) -> Any:
    data = {"action": action, "_selected_action": [one.pk for one in requests], **more}
    return client.post(REQUESTS, data, follow=True)


def confirmed(client: Client, action: str, requests: list[SeatRequest], **more: Any) -> Any:
    count = act(client, action, requests).context["count"]
    return act(client, action, requests, confirmed="yes", count=count, **more)


def may(user: Any, *codenames: str) -> None:
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))


def test_a_seat_is_asked_for_by_a_form(olga_client: Client, olga: Any, acme: Account) -> None:
    form = {"account": acme.pk, "login": " @ana ", "reason": "New", "asked_by": "Mia of Sales"}

    olga_client.post(f"{REQUESTS}add/", form)

    request = SeatRequest.objects.get()
    assert (request.login, request.state, request.created_by) == ("ana", "waiting", olga)
    entry = AuditEntry.objects.get(subject=request.subject)
    assert (entry.action, entry.detail["asked_by"]) == ("seat requested", "Mia of Sales")
    page = olga_client.get(f"{REQUESTS}{request.pk}/change/").content.decode()
    assert "Mia of Sales, entered by olga" in page
    assert "whom no list has shown yet" in page
    assert ">Waiting<" in re.sub(r"\s+", "", page)


def test_the_form_says_why_a_request_makes_no_sense(olga_client: Client, acme: Account) -> None:
    hold(acme, granted(1, "ana"))
    enterprise = Account.objects.create(kind="enterprise", login="acme-inc")

    for form, says in (
        ({"account": acme.pk, "login": "ana", "reason": "New"}, "ana holds a seat in acme already."),
        ({"account": acme.pk, "login": "no one", "reason": "New"}, "cannot be a login"),
        ({"account": acme.pk, "login": "ben", "reason": ""}, "This field is required."),
        ({"account": enterprise.pk, "login": "ben", "reason": "New"}, "Select a valid choice"),
    ):
        page = olga_client.post(f"{REQUESTS}add/", form).content.decode()
        assert says in page.replace("&#x27;", "'")
    assert not SeatRequest.objects.exists()


def test_the_list_shows_the_line(olga_client: Client, olga: Any, acme: Account) -> None:
    ana, ben, cem, dan = asked(acme, "ana", "ben", "cem", "dan")
    [eve] = asked(organization("other"), "eve")
    grant.approve_request([ana, cem, eve], olga)
    grant.refuse_request([dan], olga, "No budget")

    page = olga_client.get(REQUESTS)

    rows = {row.login: row for row in page.context["cl"].result_list}
    assert set(rows) == {"ana", "ben", "cem", "eve"}, "what is open"
    assert [rows[name].ahead for name in ("ana", "cem", "eve")] == [1, 2, 1]
    assert ben.state == State.WAITING
    everybody = olga_client.get(f"{REQUESTS}?state=all").context["cl"].result_list
    assert [row.login for row in everybody] == ["ana", "ben", "cem", "dan", "eve"]
    refused = olga_client.get(f"{REQUESTS}?state=refused")
    assert "No budget" in refused.content.decode()


def test_a_page_asks_before_anything_is_decided(olga_client: Client, acme: Account) -> None:
    requests = asked(acme, "ana", "ben")

    for action in ("approve", "refuse", "withdraw", "grant_now"):
        page = act(olga_client, action, requests).content.decode()
        assert "2 requests</strong>" in page
        assert "ana in acme, ben in acme" in page
    assert set(states().values()) == {"waiting"}

    confirmed(olga_client, "approve", requests)
    assert set(states().values()) == {"approved"}
    assert "This field is required" in confirmed(olga_client, "refuse", requests).content.decode()
    confirmed(olga_client, "refuse", requests[:1], reason="No budget")
    confirmed(olga_client, "withdraw", requests[1:])
    assert states() == {"ana": "refused", "ben": "withdrawn"}


def test_a_list_that_changed_meanwhile_is_asked_about_again(
    olga_client: Client, olga: Any, acme: Account
) -> None:
    requests = asked(acme, "ana", "ben")
    grant.refuse_request(requests[:1], olga, "No")

    page = act(olga_client, "approve", requests, confirmed="yes", count="2").content.decode()

    assert "have changed in the meantime" in page
    assert states() == {"ana": "refused", "ben": "waiting"}


def test_granting_now_approves_and_starts_a_job(olga_client: Client, olga: Any, acme: Account) -> None:
    requests = asked(acme, "ana", "ben")

    page = confirmed(olga_client, "grant_now", requests).content.decode()

    job = Job.objects.get(kind="grant-seats")
    assert (job.subject, job.arguments["names"], job.created_by) == (acme.subject, ["ana", "ben"], olga)
    assert "GitHub is being asked for 2 seats." in page
    assert "being given right now" in confirmed(olga_client, "grant_now", requests[:1]).content.decode()


def test_seats_go_to_the_next_in_line(olga_client: Client, olga: Any, acme: Account) -> None:
    requests = asked(acme, "ana", "ben", "cem")
    assert "Nobody stands in line" in olga_client.get(f"{REQUESTS}next/").content.decode()
    grant.approve_request(requests, olga)

    page = olga_client.get(f"{REQUESTS}next/").content.decode()
    assert "No seat that was taken back is free now" in page
    assert (
        "Only 3 stand in line"
        in olga_client.post(f"{REQUESTS}next/", {"account": acme.pk, "count": 4}).content.decode()
    )
    assert not Job.objects.exists()

    olga_client.post(f"{REQUESTS}next/", {"account": acme.pk, "count": 2})
    assert Job.objects.get().arguments["names"] == ["ana", "ben"]


# --- Who may ----------------------------------------------------------------------------------


def test_who_may_look_changes_nothing(vic_client: Client, noa_client: Client, acme: Account) -> None:
    requests = asked(acme, "ana")

    assert noa_client.get(REQUESTS).status_code == 403
    assert vic_client.get(REQUESTS).status_code == 200
    assert vic_client.get(f"{REQUESTS}add/").status_code == 403
    assert vic_client.get(f"{REQUESTS}next/").status_code == 403
    assert vic_client.post(f"{REQUESTS}next/", {"account": acme.pk, "count": 1}).status_code == 403
    assert vic_client.get(f"{REQUESTS}import/").status_code == 403
    for action in ("approve", "refuse", "withdraw", "grant_now"):
        act(vic_client, action, requests, confirmed="yes", count="1", reason="x")
    assert states() == {"ana": "waiting"}


def test_who_may_ask_does_not_decide(vic_client: Client, vic: Any, acme: Account) -> None:
    may(vic, "add_seatrequest")
    form = {"account": acme.pk, "login": "ana", "reason": "New", "asked_by": ""}

    vic_client.post(f"{REQUESTS}add/", form)

    request = SeatRequest.objects.get()
    act(vic_client, "approve", [request], confirmed="yes", count="1")
    assert states() == {"ana": "waiting"}
    assert vic_client.get(f"{REQUESTS}next/").status_code == 403


def test_nobody_rewrites_or_deletes_a_request(olga_client: Client, acme: Account) -> None:
    [ana] = asked(acme, "ana")

    assert olga_client.post(f"{REQUESTS}{ana.pk}/change/", {"login": "eve"}).status_code == 403
    assert olga_client.post(f"{REQUESTS}{ana.pk}/delete/", {"post": "yes"}).status_code == 403
    act(olga_client, "delete_selected", [ana], post="yes")
    assert states() == {"ana": "waiting"}


# --- Spreadsheets -----------------------------------------------------------------------------


def test_a_manager_hands_in_a_list(olga_client: Client, olga: Any, acme: Account) -> None:
    bring(
        olga_client,
        "seatrequest",
        'organization,login,reason,asked_by\nacme,ana,New,Mia\nACME,@ben,"New, too",\n',
    )

    ana, ben = SeatRequest.objects.order_by("pk")
    assert (ana.login, ana.account, ana.asked_by, ana.created_by) == ("ana", acme, "Mia", olga)
    assert (ben.login, ben.reason, ben.state) == ("ben", "New, too", "waiting")
    actions = list(AuditEntry.objects.order_by("sequence").values_list("action", "subject"))
    assert actions == [
        ("seat requested", ana.subject),
        ("seat requested", ben.subject),
        ("seat request imported", ""),
    ]


def test_each_line_that_makes_no_sense_says_why_and_keeps_the_file_out(
    olga_client: Client, acme: Account
) -> None:
    hold(acme, granted(1, "ana"))
    asked(acme, "ben")

    page = (
        choose(
            olga_client,
            "seatrequest",
            "organization,login,reason,asked_by\n"
            "acme,ana,New,\n"
            "acme,ben,New,\n"
            "nowhere,cem,New,\n"
            "acme,dan,,\n"
            "acme,eve,New,\n"
            "acme,EVE,New,\n",
        )
        .content.decode()
        .replace("&#x27;", "'")
    )

    for says in (
        "ana holds a seat in acme already.",
        "A seat for ben in acme was asked for already",
        "There is no organization 'nowhere'",
        "This field cannot be blank.",
        "A seat for EVE in acme was asked for already",
    ):
        assert says in page
    assert states() == {"ben": "waiting"}


def test_the_list_goes_out_as_it_comes_in(olga_client: Client, olga: Any, acme: Account) -> None:
    seat_requests.ask(acme, "ana", reason="=cmd()", asked_by="Mia")

    sheet = take(olga_client, "seatrequest").decode()

    assert sheet.splitlines()[:2] == [
        "organization,login,reason,asked_by,state,asked_at",
        "acme,ana,'=cmd(),Mia,waiting,2026-11-20T12:00:00Z",
    ]


# --- Size -------------------------------------------------------------------------------------


def test_the_list_asks_as_often_for_many_requests_as_for_few(
    olga_client: Client, olga: Any, acme: Account
) -> None:
    grant.approve_request(asked(acme, "ana", "ben"), olga)
    few = queries_of(olga_client, REQUESTS)
    grant.approve_request(asked(acme, *(f"user-{number}" for number in range(30))), olga)

    assert queries_of(olga_client, REQUESTS) == few
