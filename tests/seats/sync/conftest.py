"""A GitHub on loopback, an organization there, and a connection of ours that leads to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.fake_github import FakeGitHub, Organization, State

if TYPE_CHECKING:
    # pytest loads this file before Django is set up.
    from portal.models import Connection
    from seats.models import Account

TOKEN = "a-token-that-only-the-tests-use"


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
def github(state: State) -> Iterator[FakeGitHub]:
    with FakeGitHub(state) as running:
        yield running


@pytest.fixture
def connection(db: None, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """With a token that may ask everything."""
    from portal.models import Connection

    github.state.token(TOKEN)
    monkeypatch.setenv("GITHUB_TOKEN_OF_THE_TESTS", TOKEN)
    return Connection.objects.create(name="octo", base_url=github.url, secret_env="GITHUB_TOKEN_OF_THE_TESTS")


@pytest.fixture
def octo(state: State) -> Organization:
    """The organization at GitHub."""
    return state.organization("octo", 900)


@pytest.fixture
def account(connection: Connection, octo: Organization) -> Account:
    """The same organization as we know it: by its login alone."""
    from seats.models import Account

    return Account.objects.create(kind="organization", login="octo", connection=connection)
