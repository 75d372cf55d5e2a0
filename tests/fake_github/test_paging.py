"""Pages and their `Link` headers."""

from __future__ import annotations

import requests

from tests.fake_github import FakeGitHub, Organization, State, legacy, seat
from tests.fake_github.conftest import Asking

SEATS = "/orgs/octo/copilot/billing/seats"


def every_page(ask: Asking, path: str) -> list[requests.Response]:
    """Follows `next` as it is."""
    answers = [ask(path)]
    while "next" in answers[-1].links:
        url = answers[-1].links["next"]["url"]
        assert url.startswith(ask.github.url)
        answers.append(ask(url.removeprefix(ask.github.url)))
    return answers


def test_seats_come_in_pages_of_fifty_unless_asked_otherwise(ask: Asking) -> None:
    assert [len(page.json()["seats"]) for page in every_page(ask, SEATS)] == [50] * 5
    assert [len(page.json()["seats"]) for page in every_page(ask, f"{SEATS}?per_page=100")] == [100, 100, 50]


def test_no_page_has_more_than_a_hundred(ask: Asking) -> None:
    assert len(ask(f"{SEATS}?per_page=1000").json()["seats"]) == 100


def test_other_lists_come_in_pages_of_thirty(ask: Asking) -> None:
    pages = every_page(ask, "/orgs/octo/members")
    assert len(pages[0].json()) == 30
    assert sum(len(page.json()) for page in pages) == 251


def test_a_single_page_has_no_link_header(ask: Asking) -> None:
    assert "Link" not in ask("/orgs/octo/teams").headers
    assert "Link" not in ask("/orgs/octo/members?per_page=100&role=admin").headers


def test_the_links_name_the_neighbours_and_the_ends(ask: Asking) -> None:
    first, second, last = (
        {name: link["url"].rpartition("page=")[2] for name, link in ask(path).links.items()}
        for path in (f"{SEATS}?per_page=100&page={number}" for number in (1, 2, 3))
    )
    assert first == {"next": "2", "last": "3"}
    assert second == {"prev": "1", "next": "3", "last": "3", "first": "1"}
    assert last == {"prev": "2", "first": "1"}


def test_a_page_beyond_the_last_is_empty(ask: Asking) -> None:
    answer = ask(f"{SEATS}?page=99")
    assert answer.json() == {"total_seats": 250, "seats": []}
    assert "next" not in answer.links


def test_links_lead_to_the_address_that_was_asked(github: FakeGitHub, ask: Asking) -> None:
    """Behind a proxy or under another name the links stay on it."""
    answer = ask(SEATS, headers={"Host": "github.example"})
    assert answer.links["next"]["url"].startswith("http://github.example/")


def test_a_base_url_may_have_a_path(state: State) -> None:
    with FakeGitHub(state, prefix="/api/v3") as github:
        answer = requests.get(f"{github.url}{SEATS}", headers={"Authorization": "Bearer t0ken"}, timeout=5)
        assert github.url.endswith("/api/v3")
        assert answer.links["next"]["url"].startswith(github.url)
        assert github.requests[0].path == SEATS


def test_one_person_is_one_seat_however_many_rows(state: State, octo: Organization, ask: Asking) -> None:
    """In two organizations and under two teams: a row each, a licence once."""
    other = state.organization("other", enterprise=state.enterprises[0])
    other.seats.append(seat(octo.members[0]))
    octo.seats.append(seat(octo.members[0], assigning_team=octo.teams[0].facts))
    body = ask("/enterprises/big/copilot/billing/seats?page=6").json()
    assert body["total_seats"] == 250
    assert len(body["seats"]) == 2
    assert body["seats"][1]["organization"]["login"] == "other"
    assert ask(SEATS).json()["total_seats"] == 250


def test_a_change_shows_on_the_next_page_read(octo: Organization, ask: Asking) -> None:
    """Pages are encoded once, and anew after any change, however deep."""
    octo.seats[0]["assignee"]["login"] = "renamed"
    assert ask(SEATS).json()["seats"][0]["assignee"]["login"] == "renamed"
    octo.seats[0]["assignee"]["login"] = "again"
    octo.seats[1]["last_activity_at"] = "2026-11-19T08:00:00Z"
    del octo.seats[2]
    body = ask(SEATS).json()
    assert body["total_seats"] == 249
    assert body["seats"][0]["assignee"]["login"] == "again"
    assert body["seats"][1]["last_activity_at"] == "2026-11-19T08:00:00Z"


def test_a_team_lists_the_members_of_its_child_teams(ask: Asking) -> None:
    found = {each["login"]: each["inherited"] for each in ask("/orgs/octo/teams/core-team/members").json()}
    assert found == {"u0": False, "u1": False, "u2": False, "u3": True, "u4": True, "u5": True}


def test_an_organization_lists_the_enterprises_teams_that_are_assigned_to_it(ask: Asking) -> None:
    teams = {each["slug"]: each for each in ask("/orgs/octo/teams").json()}
    assert list(teams) == ["core-team", "child", "ent:guild"]
    assert teams["child"]["parent"]["slug"] == "core-team"
    assert teams["ent:guild"]["type"] == "enterprise"
    assert [each["slug"] for each in ask("/orgs/octo/teams?team_type=enterprise").json()] == ["ent:guild"]
    members = ask("/enterprises/big/teams/ent%3Aguild/memberships").json()
    assert [each["login"] for each in members] == ["u0", "u1", "u2", "u3"]


def test_an_organizations_name_may_be_written_in_any_case_but_not_with_a_slash(ask: Asking) -> None:
    assert ask("/orgs/OCTO").json()["id"] == 5
    assert ask("/orgs/octo/").status_code == 404


def test_unchanged_answers_cost_nothing(ask: Asking) -> None:
    first = ask("/orgs/octo")
    again = ask("/orgs/octo", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["X-RateLimit-Remaining"] == first.headers["X-RateLimit-Remaining"]


def test_the_older_systems_answer_when_they_are_open(state: State, ask: Asking) -> None:
    legacy.fill(state, 1, 60)
    days = [day["date"] for day in ask("/orgs/octo/copilot/metrics?per_page=25&page=3").json()]
    assert len(days) == 10
    assert days[-1] == "2026-11-19"
    window = "since=2026-11-01T00:00:00Z&until=2026-11-03"
    assert len(ask(f"/orgs/octo/copilot/metrics?{window}").json()) == 3
    assert len(ask("/enterprises/big/copilot/usage").json()) == 28
    assert len(ask("/orgs/octo/team/core-team/copilot/usage?per_page=5").json()) == 5
    assert ask("/orgs/octo/copilot/metrics?since=soon").status_code == 422
    state.organizations[0].metrics_policy_is_on = False
    assert ask("/orgs/octo/copilot/metrics").status_code == 422
