"""Granting and cancelling seats changes the lists, and is refused as GitHub refuses it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fake_github import Organization, State, Team, seat
from tests.fake_github.conftest import Asking

USERS = "/orgs/octo/copilot/billing/selected_users"
TEAMS = "/orgs/octo/copilot/billing/selected_teams"


def users(*names: str) -> dict[str, Any]:
    return {"json": {"selected_usernames": list(names)}}


def pending(octo: Organization) -> dict[str, str]:
    return {
        row["assignee"]["login"]: row["pending_cancellation_date"]
        for row in octo.seats
        if row["pending_cancellation_date"]
    }


def test_a_new_member_gets_a_seat(octo: Organization, ask: Asking) -> None:
    octo.member("new")
    assert ask(USERS, "POST", **users("NEW", "u1")).json() == {"seats_created": 1}
    answer = ask("/orgs/octo/members/new/copilot").json()
    assert answer["created_at"] == "2026-11-20T12:00:00Z"
    assert answer["plan_type"] == "business"


def test_a_cancelled_seat_stays_until_the_cycle_ends(octo: Organization, ask: Asking, clock: Any) -> None:
    assert ask(USERS, "DELETE", **users("u1", "u2")).json() == {"seats_cancelled": 2}
    assert pending(octo) == {"u1": "2026-12-01", "u2": "2026-12-01"}
    assert ask("/orgs/octo/copilot/billing").json()["seat_breakdown"]["pending_cancellation"] == 2
    clock.move_to("2026-12-01T00:00:01Z")
    assert ask("/orgs/octo/copilot/billing/seats").json()["total_seats"] == 248
    assert ask("/orgs/octo/members/u1/copilot").status_code == 404


def test_who_is_pending_already_is_not_counted_again_and_can_come_back(
    octo: Organization, ask: Asking
) -> None:
    ask(USERS, "DELETE", **users("u1"))
    assert ask(USERS, "DELETE", **users("u1", "u2")).json() == {"seats_cancelled": 1}
    assert ask(USERS, "POST", **users("u1")).json() == {"seats_created": 1}
    assert list(pending(octo)) == ["u2"]


def test_a_seat_from_a_team_makes_the_whole_call_fail(octo: Organization, core: Team, ask: Asking) -> None:
    octo.seats[0]["assigning_team"] = core.facts
    assert ask(USERS, "DELETE", **users("u5", "u0")).status_code == 422
    assert pending(octo) == {}


@pytest.mark.parametrize("body", [None, {}, {"selected_usernames": []}, {"selected_usernames": "u1"}])
def test_a_call_without_names_is_refused(body: Any, ask: Asking) -> None:
    assert ask(USERS, "DELETE", json=body).status_code == 422


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seat_management_setting", "assign_all"),
        ("seat_management_setting", "disabled"),
        ("seat_management_setting", "unconfigured"),
        ("public_code_suggestions", "unconfigured"),
    ],
)
def test_the_settings_must_allow_it(key: str, value: str, octo: Organization, ask: Asking) -> None:
    octo.billing[key] = value
    assert ask(USERS, "POST", **users("u1")).status_code == 422
    assert ask(USERS, "DELETE", **users("u1")).status_code == 422
    assert ask("/orgs/octo/copilot/billing").json()[key] == value


def test_so_must_the_plan_and_the_payment(octo: Organization, ask: Asking) -> None:
    octo.has_payment_problem = True
    assert ask(USERS, "DELETE", **users("u1")).status_code == 422
    octo.has_payment_problem, octo.copilot_is_enabled = False, False
    assert ask(USERS, "DELETE", **users("u1")).status_code == 422


def test_strangers_get_no_seat(ask: Asking) -> None:
    assert ask(USERS, "POST", **users("u1", "stranger")).status_code == 422


def test_teams_are_named_by_name_and_cancel_whom_nothing_else_covers(
    octo: Organization, core: Team, ask: Asking
) -> None:
    octo.seats.clear()
    other = octo.team("Other", members=octo.members[:1])
    both = {"selected_teams": ["core team", "Other"]}
    assert ask(TEAMS, "POST", json=both).json() == {"seats_created": 6}
    assert len(octo.seats) == 7
    assert ask(TEAMS, "DELETE", json={"selected_teams": ["Core Team"]}).json() == {"seats_cancelled": 5}
    kept = [row for row in octo.seats if not row["pending_cancellation_date"]]
    assert [(row["assignee"]["login"], row["assigning_team"]["id"]) for row in kept] == [("u0", other.id)]
    assert ask(TEAMS, "DELETE", json={"selected_teams": ["core-team"]}).status_code == 422


def test_an_enterprise_grants_by_itself(state: State, octo: Organization, ask: Asking) -> None:
    path = "/enterprises/big/copilot/billing/selected_users"
    assert ask(path, "POST", **users("u1")).json() == {"seats_created": 1}
    body = ask("/enterprises/big/members/u1/copilot").json()
    assert [each["organization"] and each["organization"]["login"] for each in body["seats"]] == [
        None,
        "octo",
    ]
    assert body["total_seats"] == 1
    assert ask(path, "DELETE", **users("u1")).json() == {"seats_cancelled": 1}
    assert pending(octo) == {}


def test_enterprise_teams_grant_and_may_be_cancelled_later(state: State, ask: Asking) -> None:
    path, body = "/enterprises/big/copilot/billing/selected_enterprise_teams", ["Guild"]
    names = {"selected_enterprise_teams": body}
    assert ask(path, "POST", json=names).json() == {"seats_created": 4}
    state.enterprises[0].is_asynchronous = True
    assert ask(path, "DELETE", json=names).status_code == 202
    assert all(row["pending_cancellation_date"] for row in state.enterprises[0].seats)


def test_an_open_invitation_has_no_seat_to_show(octo: Organization, ask: Asking) -> None:
    octo.invited.add("soon")
    assert ask("/orgs/octo/members/soon/copilot").status_code == 422
    assert ask("/enterprises/big/members/soon/copilot").status_code == 422


def test_the_summary_counts_people(octo: Organization, ask: Asking) -> None:
    octo.seats.append(seat(octo.members[0], assigning_team=octo.teams[0].facts))
    octo.seats[1]["last_activity_at"] = "2026-11-19T08:00:00Z"
    octo.seats[2]["created_at"] = "2026-11-02T08:00:00Z"
    assert ask("/orgs/octo/copilot/billing").json()["seat_breakdown"] == {
        "total": 250,
        "added_this_cycle": 1,
        "pending_cancellation": 0,
        "pending_invitation": 0,
        "active_this_cycle": 1,
        "inactive_this_cycle": 249,
    }


def test_whoever_leaves_is_gone_from_everywhere(state: State, octo: Organization, ask: Asking) -> None:
    state.delete_user(octo.members[0])
    assert ask("/orgs/octo/members/u0/copilot").status_code == 404
    assert "u0" not in ask("/orgs/octo/teams/core-team/members").text
    assert "u0" not in ask("/enterprises/big/teams/guild/memberships").text


@pytest.mark.parametrize(("late", "ending"), [(False, {}), (True, {"u1": "2026-12-01"})])
def test_a_name_may_be_refused_before_or_after_the_others_were_done(
    late: bool, ending: dict[str, str], octo: Organization, ask: Asking
) -> None:
    octo.stubborn, octo.refuses_late = {"u2"}, late
    answer = ask(USERS, "DELETE", **users("u1", "u2"))
    assert (answer.status_code, answer.json()["message"]) == (422, "The user cannot be changed.")
    assert pending(octo) == ending


def test_a_refusal_may_come_without_a_body(octo: Organization, ask: Asking) -> None:
    octo.stubborn, octo.refusal = {"u2"}, ""
    answer = ask(USERS, "DELETE", **users("u2"))
    assert (answer.status_code, answer.content) == (422, b"")


def test_a_name_may_be_passed_over_without_a_word(octo: Organization, ask: Asking) -> None:
    octo.passed_over = {"u2"}
    assert ask(USERS, "DELETE", **users("u1", "u2")).json() == {"seats_cancelled": 1}
    assert list(pending(octo)) == ["u1"]
