"""Both limits, and the record of who did not wait."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.fake_github import FakeGitHub, State, Trouble
from tests.fake_github.conftest import Asking


def test_the_budget_counts_down_and_comes_back(
    state: State, github: FakeGitHub, ask: Asking, clock: Any
) -> None:
    state.token("small", login="solo", limit=3)
    left = [ask("/orgs/octo", token="small").headers["X-RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    spent = ask("/orgs/octo", token="small")
    assert spent.status_code == 403
    assert "rate limit" in spent.json()["message"]
    assert spent.headers["X-RateLimit-Remaining"] == "0"
    assert int(spent.headers["X-RateLimit-Reset"]) == int(state.now().timestamp()) + 3600
    assert github.too_early == []
    clock.shift(3600)
    assert ask("/orgs/octo", token="small").headers["X-RateLimit-Remaining"] == "2"
    assert github.too_early == []


def test_all_tokens_of_a_person_share_one_budget(state: State, ask: Asking) -> None:
    state.token("another")
    assert ask("/orgs/octo").headers["X-RateLimit-Used"] == "1"
    assert ask("/orgs/octo", token="another").headers["X-RateLimit-Used"] == "2"


def test_asking_for_the_limit_costs_nothing_and_is_never_too_early(
    state: State, github: FakeGitHub, ask: Asking
) -> None:
    state.token("none", login="broke", limit=0)
    assert ask("/orgs/octo", token="none").status_code == 403
    assert ask("/rate_limit", token="none").json()["resources"]["core"]["remaining"] == 0
    assert github.too_early == []


def test_the_limit_may_also_be_told_by_429(state: State, ask: Asking) -> None:
    state.limit_status = 429
    state.token("none", login="broke", limit=0)
    assert ask("/orgs/octo", token="none").status_code == 429


@pytest.mark.parametrize(
    ("kind", "retry_after", "status", "wait"),
    [
        ("429", 7, 429, 7),
        ("429", None, 429, 60),
        ("403-secondary", 7, 403, 7),
        ("403-secondary", None, 403, 60),
        ("403-primary", None, 403, 1),
        ("403-primary", 5, 403, 5),
        ("429-primary", None, 429, 1),
    ],
)
def test_who_comes_before_the_time_is_refused_again_and_noted(
    kind: Any, retry_after: int | None, status: int, wait: int, github: FakeGitHub, ask: Asking, clock: Any
) -> None:
    github.trouble = Trouble(kind, retry_after=retry_after, times=1)
    refused = ask("/orgs/octo")
    assert refused.status_code == status
    assert refused.headers.get("Retry-After") == (str(retry_after) if retry_after else None)
    if kind.endswith("primary"):
        assert refused.headers["X-RateLimit-Remaining"] == "0"
    else:
        assert refused.headers["X-RateLimit-Remaining"] != "0"
    clock.shift(wait - 0.5)
    assert ask("/orgs/octo/teams").status_code == status
    assert [request.path for request in github.too_early] == ["/orgs/octo/teams"]
    assert github.too_early[0].until is not None
    clock.shift(0.5)
    assert ask("/orgs/octo/teams").status_code == 200
    assert len(github.too_early) == 1


def test_another_persons_token_is_not_held(state: State, github: FakeGitHub, ask: Asking) -> None:
    state.token("hers", login="ada")
    github.trouble = Trouble("429", retry_after=7, times=1)
    ask("/orgs/octo")
    assert ask("/orgs/octo", token="hers").status_code == 200


def test_what_was_under_way_is_not_held_against_the_client(github: FakeGitHub, ask: Asking) -> None:
    """Another connection's request for something else may have left before the refusal arrived."""
    github.trouble = Trouble("429", retry_after=7, times=1)
    ask("/orgs/octo")
    headers = {"Authorization": "Bearer t0ken"}
    with requests.Session() as other:
        assert other.get(f"{github.url}/orgs/octo/teams", headers=headers, timeout=5).status_code == 429
    assert github.too_early == []
    with requests.Session() as other:
        assert other.get(f"{github.url}/orgs/octo", headers=headers, timeout=5).status_code == 429
    assert len(github.too_early) == 1


def test_bursts_meet_the_secondary_limit_where_it_is_watched(state: State, ask: Asking, clock: Any) -> None:
    state.points_per_minute = 7
    path, body = "/orgs/octo/copilot/billing/selected_users", {"selected_usernames": ["u1"]}
    assert ask(path, "POST", json=body).status_code == 201
    refused = ask(path, "POST", json=body)
    assert refused.status_code == 403
    assert refused.headers["Retry-After"] == "60"
    clock.shift(61)
    assert ask(path, "POST", json=body).status_code == 201


def test_a_failing_servers_pause_is_about_one_request(github: FakeGitHub, ask: Asking, clock: Any) -> None:
    github.trouble = Trouble("503", retry_after=5, times=1)
    ask("/orgs/octo")
    assert ask("/orgs/octo/teams").status_code == 200
    assert github.too_early == []
    assert ask("/orgs/octo").status_code == 200
    assert [request.path for request in github.too_early] == ["/orgs/octo"]
    github.trouble = Trouble("503", retry_after=5, times=1)
    ask("/orgs/octo")
    clock.shift(5)
    assert ask("/orgs/octo").status_code == 200
    assert len(github.too_early) == 1
