"""Who may ask, and how a refusal says what is missing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.fake_github import FakeGitHub, State
from tests.fake_github.conftest import Asking, signed

SEATS = "/orgs/octo/copilot/billing/seats"


@pytest.mark.parametrize(
    ("token", "status"), [(None, 401), ("nonsense", 401), ("t0ken", 200), ("a.b.c", 401), ("eyA.b.c", 401)]
)
def test_a_token_must_be_known(token: str | None, status: int, ask: Asking) -> None:
    assert ask(SEATS, token=token).status_code == status


def test_a_token_ends(state: State, ask: Asking, clock: Any) -> None:
    state.token("short", expires_at=state.now() + timedelta(minutes=5))
    answer = ask(SEATS, token="short")
    assert answer.headers["GitHub-Authentication-Token-Expiration"] == "2026-11-20 12:05:00 UTC"
    clock.shift(301)
    assert ask(SEATS, token="short").json()["message"] == "Bad credentials"


def test_a_missing_scope_is_named(state: State, ask: Asking) -> None:
    state.token("poor", scopes={"repo"})
    answer = ask(SEATS, token="poor")
    assert answer.status_code == 403
    assert answer.headers["X-OAuth-Scopes"] == "repo"
    assert answer.headers["X-Accepted-OAuth-Scopes"] == "manage_billing:copilot, read:org"


@pytest.mark.parametrize(
    ("scope", "path", "status"),
    [
        ("read:org", SEATS, 200),
        ("admin:org", SEATS, 200),
        ("read:org", "/orgs/octo/members", 200),
        ("manage_billing:copilot", "/orgs/octo/members", 403),
        ("read:org", "/enterprises/big/copilot/billing/seats", 403),
        ("read:enterprise", "/enterprises/big/copilot/billing/seats", 200),
        ("admin:enterprise", "/enterprises/big/teams", 200),
        ("manage_billing:copilot", "/enterprises/big/teams", 403),
        ("read:org", "/orgs/octo/copilot/metrics/reports/users-1-day?day=2026-11-01", 204),
        ("manage_billing:copilot", "/orgs/octo/copilot/metrics/reports/users-1-day?day=2026-11-01", 403),
    ],
)
def test_each_operation_wants_a_scope_of_its_own(
    scope: str, path: str, status: int, state: State, ask: Asking
) -> None:
    state.token("narrow", scopes={scope})
    assert ask(path, token="narrow").status_code == status


def test_what_a_token_may_not_see_is_not_there(state: State, ask: Asking) -> None:
    state.token("elsewhere", accounts={"other"})
    assert ask(SEATS, token="elsewhere").status_code == 404


def test_single_sign_on_is_asked_for(state: State, ask: Asking) -> None:
    state.token("unsigned", needs_sso={"octo"})
    answer = ask(SEATS, token="unsigned")
    assert answer.status_code == 403
    assert answer.headers["X-GitHub-SSO"].startswith("required; url=https://")


def test_fine_grained_tokens_have_permissions(state: State, ask: Asking) -> None:
    state.token("fine", kind="fine-grained", permissions={"organization_copilot_seat_management": "read"})
    assert ask(SEATS, token="fine").status_code == 200
    refused = ask("/orgs/octo/members", token="fine")
    assert refused.status_code == 403
    assert refused.headers["X-Accepted-GitHub-Permissions"] == "members=read"
    assert "X-OAuth-Scopes" not in refused.headers
    assert ask("/enterprises/big/copilot/billing/seats", token="fine").status_code == 403
    body = {"selected_usernames": ["u1"]}
    path = "/orgs/octo/copilot/billing/selected_users"
    assert ask(path, "DELETE", token="fine", json=body).status_code == 403


def test_an_app_gets_a_token_for_an_hour(state: State, ask: Asking, clock: Any) -> None:
    app = state.app()
    installation = app.install(state.organizations[0])
    assert ask("/orgs/octo/installation", token=signed(app)).json()["id"] == installation.id
    made = ask(f"/app/installations/{installation.id}/access_tokens", "POST", token=signed(app))
    assert made.status_code == 201
    token = made.json()["token"]
    assert len(token) > 400
    assert ask(SEATS, token=token).status_code == 200
    assert ask("/user", token=token).status_code == 403
    assert ask("/enterprises/big/teams", token=token).status_code == 403
    clock.shift(3601)
    assert ask(SEATS, token=token).status_code == 401


def test_an_apps_signature_is_checked(state: State, ask: Asking, clock: Any) -> None:
    app, other = state.app(key=0), state.app(key=1)
    good = signed(app)
    assert ask("/app", token=good).json()["id"] == app.id
    forged = signed(other).split(".")
    assert ask("/app", token=".".join([*good.split(".")[:2], forged[2]])).status_code == 401
    assert ask("/app", token=signed(app, life=900)).status_code == 401
    assert ask("/app", token=signed(app, issued=120)).status_code == 401
    assert ask("/app", token="t0ken").status_code == 401
    assert ask(SEATS, token=good).status_code == 403
    clock.shift(501)
    assert ask("/app", token=good).status_code == 401


def test_a_token_can_be_narrowed_but_not_widened(state: State, ask: Asking) -> None:
    app = state.app()
    number = app.install(state.organizations[0], {"members": "read"}).id
    path = f"/app/installations/{number}/access_tokens"
    narrow = ask(path, "POST", token=signed(app), json={"permissions": {"members": "read"}})
    assert narrow.json()["permissions"] == {"members": "read"}
    for wanted in ({"members": "write"}, {"administration": "read"}):
        assert ask(path, "POST", token=signed(app), json={"permissions": wanted}).status_code == 422


def test_a_suspended_installation_is_refused_and_a_removed_one_is_gone(state: State, ask: Asking) -> None:
    app = state.app()
    installation = app.install(state.organizations[0])
    path = f"/app/installations/{installation.id}/access_tokens"
    token = ask(path, "POST", token=signed(app)).json()["token"]
    installation.is_suspended = True
    assert ask(path, "POST", token=signed(app)).status_code == 403
    assert ask(SEATS, token=token).status_code == 403
    installation.is_suspended = False
    app.installations.clear()
    assert ask(path, "POST", token=signed(app)).status_code == 404
    assert ask(SEATS, token=token).status_code == 404


def test_whoever_asks_must_say_what_they_are(ask: Asking) -> None:
    assert ask("/orgs/octo", headers={"User-Agent": ""}).status_code == 403


@pytest.mark.parametrize(
    ("version", "status"), [("2022-11-28", 200), ("2026-03-10", 200), ("2024-01-01", 400), ("", 200)]
)
def test_the_version_must_be_one_of_githubs(version: str, status: int, ask: Asking) -> None:
    assert ask("/orgs/octo", headers={"X-GitHub-Api-Version": version}).status_code == status


def test_an_old_version_is_announced_and_then_gone(state: State, ask: Asking) -> None:
    old = {"X-GitHub-Api-Version": "2022-11-28"}
    state.sunset["2022-11-28"] = state.now() + timedelta(days=30)
    assert ask("/orgs/octo", headers=old).headers["Sunset"] == "Sun, 20 Dec 2026 12:00:00 GMT"
    state.retired_versions.add("2022-11-28")
    assert ask("/orgs/octo", headers=old).status_code == 410
    assert ask("/versions").json() == ["2026-03-10"]


def test_the_newest_version_tells_the_core_limit_once(ask: Asking) -> None:
    assert list(ask("/rate_limit").json()) == ["resources"]
    older = ask("/rate_limit", headers={"X-GitHub-Api-Version": "2022-11-28"}).json()
    assert older["rate"] == older["resources"]["core"]


def test_the_record_keeps_no_token(github: FakeGitHub, ask: Asking) -> None:
    ask(SEATS)
    assert github.requests[0].has_authorization
    assert "t0ken" not in repr(github.requests)


def test_the_tokens_own_organizations(state: State, ask: Asking) -> None:
    state.organization("elsewhere")
    assert [each["login"] for each in ask("/user/orgs").json()] == ["octo"]
    assert ask("/user").json()["login"] == "octocat"


def test_without_copilot_or_with_the_policy_off_there_is_nothing_to_read(state: State, ask: Asking) -> None:
    octo = state.organizations[0]
    octo.metrics_policy_is_on = False
    answer = ask("/orgs/octo/copilot/metrics/reports/users-1-day?day=2026-11-01")
    assert answer.status_code == 403
    assert "policy" in answer.json()["message"]
    octo.has_payment_problem = True
    assert ask("/orgs/octo/copilot/billing").status_code == 422
    octo.copilot_is_enabled = False
    assert ask("/orgs/octo/copilot/billing").status_code == 404
    assert ask(SEATS).status_code == 404
    assert ask("/orgs/octo/members/u1/copilot").status_code == 422
