"""From a connection to a client: the right credential, and GitHub's wishes kept for all processes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.connections import NoCredential, RowLimits, github_for
from portal.github.errors import GitHubError, RateLimited
from portal.models import Connection
from portal.models.connection import check_base_url
from tests.fake_github import FakeGitHub, Trouble
from tests.portal.github_state import NAME, REVOKING, REVOKING_NAME, TOKEN, small_company

pytestmark = pytest.mark.django_db


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub(small_company()) as running:
        yield running


@pytest.fixture
def connection(github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> Connection:
    monkeypatch.setenv(NAME, TOKEN)
    monkeypatch.setenv(REVOKING_NAME, REVOKING)
    return Connection.objects.create(
        name="octo", base_url=github.url, secret_env=NAME, revoke_secret_env=REVOKING_NAME
    )


def test_a_client_speaks_with_the_connections_credential(connection: Connection) -> None:
    with github_for(connection) as client:
        assert client.whoami().login == "octocat"


def test_the_separate_credential_is_used_for_revoking_alone(connection: Connection) -> None:
    with github_for(connection, for_revoking=True) as client:
        assert client.whoami().login == "boss"

    connection.revoke_secret_env = ""
    with github_for(connection, for_revoking=True) as client:
        assert client.whoami().login == "octocat"


def test_a_kept_credential_is_decrypted_for_the_client(connection: Connection, settings: Any) -> None:
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    connection.keep(TOKEN)
    connection.save()

    with github_for(Connection.objects.get()) as client:
        assert client.whoami().login == "octocat"


def test_an_app_finds_its_installation_by_the_account(
    connection: Connection, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = github.state.app()
    app.install(github.state.organization("octo"))
    monkeypatch.setenv("OCTO_KEY", app.private_key.replace("\n", "\\n"))
    connection.kind, connection.app_id, connection.secret_env = "app", app.client_id, "OCTO_KEY"

    with github_for(connection, organization="octo") as client:
        assert client.organization("octo").id == 900
    with github_for(connection, organization="octo-labs") as client, pytest.raises(GitHubError):
        client.organization("octo-labs")


def test_a_missing_credential_is_an_error_of_its_own(
    connection: Connection, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(NAME)

    with pytest.raises(NoCredential, match=f"{NAME} is not set") as refused:
        github_for(connection)
    assert isinstance(refused.value, GitHubError)
    assert github.requests == []


# --- Limits -----------------------------------------------------------------------------------


def test_what_github_asks_to_wait_for_is_kept_on_the_row(connection: Connection, github: FakeGitHub) -> None:
    github.trouble = Trouble(kind="429", retry_after=300, times=1)

    with github_for(connection) as client, pytest.raises(RateLimited) as limited:
        client.organization("octo")

    connection.refresh_from_db()
    assert connection.limited_until == limited.value.until
    assert timedelta(seconds=290) < connection.limited_until - timezone.now() <= timedelta(seconds=300)


def test_another_process_asks_nothing_until_then(connection: Connection, github: FakeGitHub) -> None:
    Connection.objects.update(limited_until=timezone.now() + timedelta(minutes=5))

    with github_for(connection) as client, pytest.raises(RateLimited):
        client.organization("octo")
    assert github.requests == []


def test_the_time_to_wait_for_only_moves_forward(connection: Connection) -> None:
    limits, now = RowLimits(connection), timezone.now()

    limits.hold(now + timedelta(minutes=5))
    limits.hold(now + timedelta(minutes=1))

    assert limits.until() == now + timedelta(minutes=5)
    limits.hold(now + timedelta(minutes=9))
    assert RowLimits(connection).until() == now + timedelta(minutes=9)


def test_saving_a_connection_takes_no_wish_of_githubs_back(connection: Connection) -> None:
    until = timezone.now() + timedelta(minutes=5)
    RowLimits(connection).hold(until)

    connection.name = "octo, renamed by somebody who opened the form before"
    connection.save()

    again = Connection.objects.get()
    assert (again.name, again.limited_until) == (connection.name, until)


def test_a_connection_that_is_not_saved_yet_waits_as_well(github: FakeGitHub, connection: Connection) -> None:
    tried = Connection(name="octo", base_url=github.url, secret_env=NAME)
    tried.limited_until = timezone.now() + timedelta(minutes=5)

    with github_for(tried) as client, pytest.raises(RateLimited):
        client.whoami()
    assert github.requests == []


# --- The row ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "app"},
        {"kept_secret": "x", "secret_env": "X"},
        {"kept_revoke_secret": "x", "revoke_secret_env": "X"},
    ],
    ids=["an app without id", "kept and named", "kept and named for revoking"],
)
def test_the_database_refuses_a_connection_that_contradicts_itself(wrong: dict[str, str]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Connection.objects.create(name="octo", **wrong)


@pytest.mark.parametrize(
    "url", ["https://api.github.com", "https://api.octo.ghe.com", "http://127.0.0.1:8080/api"]
)
def test_an_api_is_reached_over_https_or_on_this_machine(url: str) -> None:
    check_base_url(url)


@pytest.mark.parametrize(
    "url",
    ["http://api.github.com", "api.github.com", "ftp://api.github.com", "https://", "https://me:pw@api.github.com",
     "https://api.github.com?x=1", "https://api.github.com:port"],
)  # fmt: skip
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        check_base_url(url)
