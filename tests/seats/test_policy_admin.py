"""Inactivity policies and exemptions in the admin: a change takes effect at once and leaves a trace."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from portal.models import AuditEntry
from seats.models import Account, Exemption, InactivityPolicy, Seat
from tests.counting import queries_of
from tests.seats.holding import grant, hold, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

POLICIES = "/seats/inactivitypolicy/"


@pytest.fixture
def acme() -> Account:
    return organization("acme")


@pytest.fixture
def seats(acme: Account) -> list[Seat]:
    return hold(acme, grant(1, "ana", used=2), grant(2, "ben", used=40), grant(3, "cleo", used=80))


@pytest.fixture
def policy() -> InactivityPolicy:
    return InactivityPolicy.objects.get(scope_key="all")


def form(**fields: Any) -> dict[str, Any]:
    return {
        "idle_days": 30,
        "grace_days": 14,
        "notice_days": 7,
        "mode": "report_only",
        "max_seats_per_run": 50,
        "max_percent_per_run": 10,
        "account": "",
        "team": "",
        **fields,
    }


def verdicts() -> dict[str, str]:
    return dict(Seat.objects.values_list("user__login", "verdict"))


def test_the_list_says_how_many_seats_each_policy_catches(olga_client: Client, seats: list[Seat]) -> None:
    [row] = olga_client.get(POLICIES).context["cl"].result_list

    assert (row.judged, row.caught_now) == (3, 2)


def test_the_number_leads_to_the_seats_it_counts(
    olga_client: Client, seats: list[Seat], policy: InactivityPolicy
) -> None:
    link = f"/seats/seat/?policy={policy.pk}&verdict=inactive"

    assert link.replace("&", "&amp;") in olga_client.get(POLICIES).content.decode()
    listed = olga_client.get(link).context["cl"].result_list
    assert sorted(seat.user.login for seat in listed) == ["ben", "cleo"]


def test_saving_a_policy_changes_the_verdicts_and_is_recorded(
    olga_client: Client, seats: list[Seat], policy: InactivityPolicy
) -> None:
    answer = olga_client.post(f"{POLICIES}{policy.pk}/change/", form(idle_days=60), follow=True)

    assert "this policy would catch 1 today" in answer.content.decode()
    assert verdicts() == {"ana": "active", "ben": "active", "cleo": "idle"}
    entry = AuditEntry.objects.get(action="policy changed")
    assert (entry.actor_name, entry.detail) == ("olga", {"idle_days": "60"})


def test_a_policy_of_an_organization_wins_over_everybodys(
    olga_client: Client, acme: Account, seats: list[Seat]
) -> None:
    olga_client.post(f"{POLICIES}add/", form(account=acme.pk, idle_days=90))
    assert set(verdicts().values()) == {"active"}

    narrower = InactivityPolicy.objects.get(account=acme)
    olga_client.post(f"{POLICIES}{narrower.pk}/delete/", {"post": "yes"})
    assert verdicts()["cleo"] == "idle"
    assert AuditEntry.objects.filter(action="policy deleted").exists()


def test_a_second_policy_for_one_scope_is_refused(olga_client: Client, policy: InactivityPolicy) -> None:
    page = olga_client.post(f"{POLICIES}add/", form()).content.decode()

    assert "There is a policy for this scope already" in page
    assert InactivityPolicy.objects.count() == 1


@pytest.mark.parametrize("field", ["idle_days", "max_percent_per_run"])
def test_senseless_numbers_are_refused(olga_client: Client, policy: InactivityPolicy, field: str) -> None:
    wrong = {"idle_days": 0, "max_percent_per_run": 101}[field]

    answer = olga_client.post(f"{POLICIES}{policy.pk}/change/", form(**{field: wrong}))

    assert answer.status_code == 200
    assert answer.context["errors"]


def test_the_policy_for_everybody_stays(olga_client: Client, policy: InactivityPolicy) -> None:
    assert olga_client.post(f"{POLICIES}{policy.pk}/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [policy.pk], "post": "yes"}
    olga_client.post(POLICIES, chosen)

    assert InactivityPolicy.objects.filter(pk=policy.pk).exists()


def test_whoever_may_only_look_changes_nothing(
    vic_client: Client, seats: list[Seat], policy: InactivityPolicy
) -> None:
    assert vic_client.get(f"{POLICIES}{policy.pk}/change/").status_code == 200
    assert vic_client.post(f"{POLICIES}{policy.pk}/change/", form(idle_days=5)).status_code == 403
    assert vic_client.get(f"{POLICIES}import/").status_code == 403


def test_whoever_may_change_policies_does(
    noa: Any, noa_client: Client, seats: list[Seat], policy: InactivityPolicy
) -> None:
    codenames = ["view_inactivitypolicy", "change_inactivitypolicy"]
    noa.user_permissions.set(Permission.objects.filter(codename__in=codenames))

    assert noa_client.post(f"{POLICIES}{policy.pk}/change/", form(idle_days=90)).status_code == 302
    assert noa_client.get(f"{POLICIES}import/").status_code == 403


def test_the_list_asks_as_many_queries_for_forty_policies(olga_client: Client, seats: list[Seat]) -> None:
    few = queries_of(olga_client, POLICIES)
    for number in range(40):
        InactivityPolicy.objects.create(account=organization(f"org-{number}"))

    assert queries_of(olga_client, POLICIES) == few


# --- Exemptions -------------------------------------------------------------------------------


def test_an_exemption_takes_effect_and_ends_with_its_deletion(
    olga: Any, olga_client: Client, seats: list[Seat]
) -> None:
    fields = {"user": seats[1].user_id, "account": "", "reason": "Parental leave.", "starts_on": "2026-11-20"}
    olga_client.post("/seats/exemption/add/", {**fields, "until": ""})
    exemption = Exemption.objects.get()
    assert exemption.created_by == olga
    assert verdicts()["ben"] == "exempt"

    olga_client.post(f"/seats/exemption/{exemption.pk}/delete/", {"post": "yes"})
    assert verdicts()["ben"] == "idle"
    actions = AuditEntry.objects.order_by("sequence").values_list("action", flat=True)
    assert list(actions) == ["exemption added", "exemption deleted"]


@pytest.mark.parametrize(
    ("state", "logins"),
    [("now", ["ana"]), ("over", ["ben"]), ("later", ["cleo"]), ("", ["ana", "ben", "cleo"])],
)
def test_exemptions_are_filtered_by_whether_they_hold(
    olga_client: Client, seats: list[Seat], state: str, logins: list[str]
) -> None:
    starts = {"ana": "2026-11-01", "ben": "2026-10-01", "cleo": "2026-12-01"}
    for seat in seats:
        until = "2026-11-19" if seat.user.login == "ben" else None
        Exemption.objects.create(
            user=seat.user, reason="A pilot.", starts_on=starts[seat.user.login], until=until
        )

    listed = olga_client.get(f"/seats/exemption/?state={state}").context["cl"].result_list

    assert sorted(row.user.login for row in listed) == logins
