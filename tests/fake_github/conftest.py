"""A small GitHub, and somebody who asks it with plain HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
import requests

from tests.fake_github import App, FakeGitHub, Organization, State, Team, seat

TOKEN = "t0ken"


@dataclass
class Asking:
    """A session with a token; nothing is retried."""

    github: FakeGitHub
    session: requests.Session

    def __call__(
        self, path: str, method: str = "GET", token: str | None = TOKEN, **options: Any
    ) -> requests.Response:
        headers = {"X-GitHub-Api-Version": "2026-03-10", **options.pop("headers", {})}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        options.setdefault("timeout", 5)
        options.setdefault("allow_redirects", False)
        return self.session.request(method, self.github.url + path, headers=headers, **options)


@pytest.fixture
def state(clock: Any) -> State:
    """Octo of 250 seats below the enterprise Big, with teams and teams of teams."""
    state = State()
    big = state.enterprise("big", 9)
    octo = state.organization("octo", 5, enterprise=big)
    for number in range(250):
        octo.seats.append(seat(octo.member(f"u{number}")))
    core = octo.team("Core Team", members=octo.members[:3])
    octo.team("Child", parent=core, members=octo.members[2:6])
    big.team("Guild", members=octo.members[:4], organizations=[octo])
    octo.member("octocat", role="admin")
    state.token(TOKEN)
    return state


@pytest.fixture
def octo(state: State) -> Organization:
    return state.organizations[0]


@pytest.fixture
def core(octo: Organization) -> Team:
    return octo.teams[0]


@pytest.fixture
def github(state: State) -> Iterator[FakeGitHub]:
    with FakeGitHub(state) as github:
        yield github


@pytest.fixture
def ask(github: FakeGitHub) -> Iterator[Asking]:
    with requests.Session() as session:
        yield Asking(github, session)


def signed(app: App, *, life: int = 500, issued: int = -60) -> str:
    """A JSON web token of the app, as its owner's program would sign it."""
    now = int(app.state.now().timestamp())
    claims = {"iat": now + issued, "exp": now + life, "iss": app.client_id}
    return jwt.encode(claims, app.private_key, "RS256")
