"""Inactivity policies in the admin: a change takes effect at once and leaves a trace."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from django.test import Client

from portal.models import AuditEntry
from seats.models import Account, InactivityPolicy, Seat, Team
from seats.models.policy import FROM_EVER
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
        "keep_days": 90,
        "min_watched_days": 7,
        "needs_usage_reports": "on",
        "mode": "report_only",
        "max_seats_per_run": 50,
        "max_percent_per_run": 10,
        "max_seats_per_day": 200,
        "max_percent_per_day": 20,
        "max_idle_jump": 10,
        "confirm_above": 10,
        "account": "",
        "team": "",
        "starts_on": "2026-11-20",
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
    assert (entry.actor_name, entry.detail) == ("olga", {"idle_days": {"from": "30", "to": "60"}})


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
    page = olga_client.post(f"{POLICIES}add/", form(starts_on=policy.starts_on)).content.decode()

    assert "There is a policy for this scope from this day already" in page
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


def test_the_policy_of_last_resort_neither_moves_nor_ends(
    olga_client: Client, acme: Account, policy: InactivityPolicy
) -> None:
    olga_client.post(
        f"{POLICIES}{policy.pk}/change/",
        form(idle_days=45, account=acme.pk, starts_on="2026-11-01", ends_on="2026-11-30"),
    )

    policy.refresh_from_db()
    assert policy.idle_days == 45
    assert (policy.account, policy.starts_on, policy.ends_on) == (None, FROM_EVER, None)


def test_another_policy_for_everybody_holds_for_a_time_and_can_be_deleted(
    olga_client: Client, seats: list[Seat], policy: InactivityPolicy
) -> None:
    olga_client.post(f"{POLICIES}add/", form(idle_days=90, ends_on="2026-12-31"))
    assert set(verdicts().values()) == {"active"}

    summer = InactivityPolicy.objects.exclude(pk=policy.pk).get()
    assert olga_client.post(f"{POLICIES}{summer.pk}/delete/", {"post": "yes"}).status_code == 302
    assert verdicts()["cleo"] == "idle"


def test_the_list_says_since_when_and_until_when_each_holds(
    olga_client: Client, acme: Account, policy: InactivityPolicy
) -> None:
    InactivityPolicy.objects.create(account=acme)
    for starts, ends in [("2026-11-01", None), ("2026-10-01", "2026-10-31"), ("2026-12-01", None)]:
        InactivityPolicy.objects.create(account=acme, starts_on=starts, ends_on=ends)

    page = olga_client.get(POLICIES)
    words = [page.context["cl"].model_admin.holds(row) for row in page.context["cl"].result_list]

    assert words == [
        "Yes", "Not while that of 2026-11-01 holds", "Yes", "Over since 2026-10-31", "From 2026-12-01",
    ]  # fmt: skip
    for state, count in {"now": 3, "later": 1, "over": 1}.items():
        assert olga_client.get(f"{POLICIES}?holds={state}").context["cl"].result_count == count


def test_the_page_tells_who_changed_what(
    olga_client: Client, acme: Account, policy: InactivityPolicy
) -> None:
    olga_client.post(f"{POLICIES}{policy.pk}/change/", form(idle_days=45, needs_second_person="on"))

    page = olga_client.get(f"{POLICIES}{policy.pk}/change/").content.decode()

    assert "Changed. idle days: 30 → 45; needs second person: no → yes" in page


# --- The simulator ----------------------------------------------------------------------------

SIMULATE = f"{POLICIES}simulate/"


def shown(client: Client, **values: Any) -> str:
    answer = client.post(SIMULATE, {"idle_days": 30, "grace_days": 14, **values})
    assert answer.status_code == 200
    told = answer.json()
    return told["says"] + told["html"]


def test_what_a_form_holds_is_simulated_and_not_saved(
    olga_client: Client, seats: list[Seat], policy: InactivityPolicy
) -> None:
    text = shown(olga_client, policy=policy.pk, idle_days=50)

    assert "After 50 days without use 1 seat is inactive today, 19.00 USD a month." in text
    assert "cleo (last used 2026-09-01)" in text
    assert "ben" not in text
    policy.refresh_from_db()
    assert policy.idle_days == 30
    assert verdicts()["ben"] == "idle"


def test_a_policy_that_is_not_there_yet_is_simulated_too(
    olga_client: Client, acme: Account, seats: list[Seat]
) -> None:
    hold(organization("zeta"), grant(9, "zoe", used=99))

    assert "3 seats are inactive" in shown(olga_client)
    assert "2 seats are inactive" in shown(olga_client, account=acme.pk)


def test_each_number_leads_to_as_many_seats(olga_client: Client, seats: list[Seat]) -> None:
    hold(organization("zeta"), grant(9, "zoe", used=20))
    text = shown(olga_client, idle_days=14)

    links = [
        (html.unescape(url), int(count.replace(",", "")))
        for url, count in re.findall(r'href="([^"]+)">([\d,]+)</a>', text)
    ]

    assert len(links) > 5
    for url, count in links:
        assert olga_client.get(url).context["cl"].result_count == count, url


@pytest.mark.parametrize(
    "value", ["x", "all,30,14,0,0", "account:99,30,14,0,0,0", "all,0,14,0,0,0", "team:,1,1,0,0,0"]
)
def test_an_address_of_no_simulation_lists_nothing(
    olga_client: Client, seats: list[Seat], value: str
) -> None:
    page = olga_client.get("/seats/seat/", {"simulated": value})

    assert page.context["cl"].result_count == 0


def test_senseless_values_say_what_is_wrong(olga_client: Client, acme: Account) -> None:
    team = Team.objects.create(account=acme, github_id=1, slug="web")

    assert "Idle days: Ensure this value is greater than or equal to 1." in shown(olga_client, idle_days=0)
    assert "not both" in shown(olga_client, account=acme.pk, team=team.pk)


def test_whoever_may_see_policies_may_simulate_them_but_sees_no_people_without_permission(
    vic_client: Client, noa: Any, noa_client: Client, seats: list[Seat], policy: InactivityPolicy
) -> None:
    assert "cleo" in vic_client.post(SIMULATE, {"policy": policy.pk}).json()["html"]
    assert vic_client.get(SIMULATE).status_code == 405
    assert noa_client.post(SIMULATE, {"policy": policy.pk}).status_code == 403

    noa.user_permissions.set(Permission.objects.filter(codename="view_inactivitypolicy"))
    told = noa_client.post(SIMULATE, {"policy": policy.pk}).json()
    assert "2 seats are inactive" in told["says"]
    assert "cleo" not in told["html"]
    assert "/seats/seat/" not in told["html"]


def test_the_page_asks_for_the_simulation(olga_client: Client, policy: InactivityPolicy) -> None:
    for url in (f"{POLICIES}{policy.pk}/change/", f"{POLICIES}add/"):
        page = olga_client.get(url).content.decode()
        assert f'data-simulator="{SIMULATE}"' in page
        assert "portal/simulator.js" in page


# --- What the database refuses ----------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"idle_days": 0},
        {"max_percent_per_run": 101},
        {"max_percent_per_day": 101},
        {"max_idle_jump": 101},
        {"starts_on": "2026-11-20", "ends_on": "2026-11-19"},
        {"starts_on": FROM_EVER},
    ],
    ids=str,
)
def test_the_database_refuses_what_makes_no_sense(policy: InactivityPolicy, fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        InactivityPolicy.objects.create(**{"starts_on": "2026-11-20", **fields})


def test_a_policy_has_one_scope(acme: Account) -> None:
    team = Team.objects.create(account=acme, github_id=1, slug="web")
    with pytest.raises(IntegrityError), transaction.atomic():
        InactivityPolicy.objects.create(account=acme, team=team)


def test_the_policy_of_last_resort_never_ends(policy: InactivityPolicy) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        InactivityPolicy.objects.filter(pk=policy.pk).update(ends_on="2026-12-31")
