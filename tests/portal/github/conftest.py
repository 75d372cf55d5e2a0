"""A small GitHub on loopback, and clients for it that are quick to lose patience."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from portal.github.auth import TokenAuth
from portal.github.client import GitHub, Target
from tests.fake_github import FakeGitHub, Organization, State, seat

TOKEN = "ghp_0123456789TheTokenOfTheTests"
OCTO = Target("organization", "octo")
CORP = Target("enterprise", "octo-corp")

MakeClient = Callable[..., GitHub]


@pytest.fixture
def state() -> State:
    """An organization of 250 seats in an enterprise, and a token that may read all of it."""
    state = State()
    octo = state.organization("octo", id=9001)
    for number in range(250):
        octo.seats.append(seat(octo.member(f"user-{number:03}", 1000 + number)))
    state.enterprise("octo-corp", id=7001, organizations=[octo])
    state.token(TOKEN)
    return state


@pytest.fixture
def octo(state: State) -> Organization:
    return state.organizations[0]


@pytest.fixture
def fake(state: State) -> Iterator[FakeGitHub]:
    with FakeGitHub(state) as fake:
        yield fake


@pytest.fixture
def make_client(fake: FakeGitHub) -> Iterator[MakeClient]:
    """`make_client(patience=3)`: a client of the fake GitHub, closed after the test."""
    made: list[GitHub] = []

    def make(**options: Any) -> GitHub:
        quick = {"backoff": 0.005, "timeouts": (5, 5), "total_timeout": 20, "report_hosts": ["127.0.0.1"]}
        auth = options.pop("auth", None) or TokenAuth(TOKEN)
        made.append(GitHub(options.pop("url", fake.url), auth, **(quick | options)))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: MakeClient) -> GitHub:
    return make_client()


@pytest.fixture
def report_day(state: State, octo: Organization) -> date:
    """A day of which there is a report of people in two parts."""
    day = state.today - timedelta(days=3)
    parts = [[{"user_id": number, "day": day.isoformat()} for number in part] for part in ((1, 2), (3,))]
    octo.reports["users-1-day", day.isoformat()] = parts
    return day
