"""A company at GitHub, and connections of ours that lead to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from tests.fake_github import FakeGitHub, State, company_state

if TYPE_CHECKING:
    # pytest loads this file before Django is set up.
    from pytest_django.fixtures import SettingsWrapper

    from portal.models import Connection

TOKEN = "a-token-that-only-the-tests-use"


@pytest.fixture
def state(clock: time_machine.Coordinates) -> State:
    """Forty people in an enterprise of two organizations, with 28 days of reports."""
    return company_state(40, 4, 28, organizations=2, token=TOKEN)


@pytest.fixture
def github(state: State) -> Iterator[FakeGitHub]:
    with FakeGitHub(state) as running:
        yield running


@pytest.fixture
def connection(
    db: None, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch, settings: SettingsWrapper
) -> Connection:
    """With a token that may ask everything."""
    from portal.models import Connection

    settings.REPORT_HOSTS = ["127.0.0.1"]
    monkeypatch.setenv("GITHUB_TOKEN_OF_THE_TESTS", TOKEN)
    return Connection.objects.create(name="octo", base_url=github.url, secret_env="GITHUB_TOKEN_OF_THE_TESTS")


@pytest.fixture
def connected(connection: Connection, state: State) -> Callable[..., Any]:
    """Connects an account by its login."""
    from seats.models import Account

    def connect(login: str = "octo-apps", kind: str = "organization") -> Account:
        return Account.objects.create(kind=kind, login=login, connection=connection)

    return connect
