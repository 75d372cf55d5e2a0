"""Credentials: tokens as they are, GitHub Apps through tokens that live an hour; none is ever shown."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import time_machine

from portal.github.auth import AppAuth, InstallationTokens, Target, TokenAuth
from portal.github.client import GitHub
from portal.github.errors import BadCredentials, MissingPermission, NotFound
from tests.fake_github import App, FakeGitHub, Organization, State, Trouble, seat
from tests.fake_github.state import key_pair
from tests.portal.github.conftest import CORP, OCTO, TOKEN, MakeClient

TOKEN_CALL = "POST /app/installations/{installation_id}/access_tokens"


@pytest.fixture
def app(state: State, octo: Organization) -> App:
    app = state.app(4711)
    app.install(octo)
    return app


MakeAuth = Callable[..., AppAuth]


@pytest.fixture
def make_auth(fake: FakeGitHub, app: App) -> MakeAuth:
    """An AppAuth with a memory of its own for tokens."""

    def make(**options: Any) -> AppAuth:
        given: dict[str, Any] = {"target": OCTO, "tokens": InstallationTokens()} | options
        return AppAuth(fake.url, given.pop("app_id", app.id), given.pop("key", app.private_key), **given)

    return make


# --- Tokens -------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "  ", "a b", "ghp_\nX-Evil: 1", "ghp_\u00e9", "ghp_\x00"])
def test_what_cannot_be_a_token_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(BadCredentials) as caught:
        TokenAuth(token)
    assert "ghp" not in str(caught.value)


def test_blanks_around_a_token_do_not_matter(make_client: MakeClient) -> None:
    assert make_client(auth=TokenAuth(f" {TOKEN}\n")).whoami().login == "octocat"


def test_no_length_is_too_long_for_a_token(make_client: MakeClient, state: State) -> None:
    state.token("ghs_" + "x" * 4000)
    assert make_client(auth=TokenAuth("ghs_" + "x" * 4000)).seats(OCTO).is_complete


def test_a_classic_token_tells_its_scopes(make_client: MakeClient, state: State) -> None:
    state.token("classic", scopes={"read:org", "manage_billing:copilot"}, login="mona")
    found = make_client(auth=TokenAuth("classic")).whoami()
    assert (found.kind, found.login) == ("classic token", "mona")
    assert found.scopes == {"read:org", "manage_billing:copilot"}
    state.token("bare", scopes=())
    assert make_client(auth=TokenAuth("bare")).whoami().scopes == frozenset()


def test_a_fine_grained_token_tells_its_end(make_client: MakeClient, state: State) -> None:
    ends = datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)
    state.token("github_pat_x", kind="fine-grained", expires_at=ends)
    found = make_client(auth=TokenAuth("github_pat_x")).whoami()
    assert (found.kind, found.scopes, found.expires_at) == ("fine-grained token", None, ends)


def test_a_token_of_an_installation_speaks_for_nobody(
    make_client: MakeClient, state: State, app: App
) -> None:
    value = state.issue(app.installations[0], app.installations[0].permissions).value
    client = make_client(auth=TokenAuth(value))
    assert client.whoami().kind == "installation token"
    assert client.seats(OCTO).is_complete


def test_an_unknown_token_is_refused(make_client: MakeClient, fake: FakeGitHub) -> None:
    with pytest.raises(BadCredentials):
        make_client(auth=TokenAuth("unknown")).whoami()
    assert len(fake.requests) == 1


def test_only_an_app_has_installations(client: GitHub) -> None:
    with pytest.raises(MissingPermission, match="Only a GitHub App"):
        client.installations()


# --- GitHub Apps --------------------------------------------------------------------------------


def test_an_app_asks_with_a_token_of_its_installation(
    make_client: MakeClient, make_auth: MakeAuth, fake: FakeGitHub
) -> None:
    client = make_client(auth=make_auth())
    assert client.seats(OCTO).is_complete
    assert client.members("octo")
    counted = fake.counted()
    assert (counted["GET /orgs/{org}/installation"], counted[TOKEN_CALL]) == (1, 1)


def test_a_known_installation_is_not_looked_up(
    make_client: MakeClient, make_auth: MakeAuth, fake: FakeGitHub, app: App
) -> None:
    number = app.installations[0].id
    assert make_client(auth=make_auth(installation_id=number, target=None)).seats(OCTO).is_complete
    assert fake.requests[0].operation == TOKEN_CALL


def test_an_enterprise_has_an_installation_too(
    make_client: MakeClient, make_auth: MakeAuth, fake: FakeGitHub, app: App, state: State
) -> None:
    app.install(state.enterprises[0])
    make_client(auth=make_auth(target=CORP)).rate_limit()
    assert fake.counted()["GET /enterprises/{enterprise}/installation"] == 1


def test_an_app_tells_who_it_is_and_where_it_is_installed(
    make_client: MakeClient, make_auth: MakeAuth, app: App
) -> None:
    client = make_client(auth=make_auth(target=None))
    who = client.whoami()
    assert (who.kind, who.login) == ("app", "portal")
    [installation] = client.installations()
    assert installation.account is not None
    assert (installation.id, installation.account.login) == (app.installations[0].id, "octo")
    assert installation.permissions["organization_copilot_metrics"] == "read"


def test_an_app_without_an_account_to_ask_for_says_so(make_client: MakeClient, make_auth: MakeAuth) -> None:
    with pytest.raises(BadCredentials, match="on whose behalf"):
        make_client(auth=make_auth(target=None)).seats(OCTO)


def test_an_app_that_is_not_installed_says_so(make_client: MakeClient, make_auth: MakeAuth, app: App) -> None:
    app.installations.clear()
    with pytest.raises(NotFound, match="not installed on the organization “octo”"):
        make_client(auth=make_auth()).seats(OCTO)


def test_a_suspended_app_says_so(make_client: MakeClient, make_auth: MakeAuth, app: App) -> None:
    app.installations[0].is_suspended = True
    with pytest.raises(MissingPermission, match="suspended"):
        make_client(auth=make_auth()).seats(OCTO)


def test_a_key_of_another_app_is_told(make_client: MakeClient, make_auth: MakeAuth) -> None:
    with pytest.raises(BadCredentials, match="app ID and the private key belong together"):
        make_client(auth=make_auth(key=key_pair(1)[0])).seats(OCTO)


def test_the_signature_begins_early_and_ends_in_time(make_auth: MakeAuth, app: App, clock: Any) -> None:
    now = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp())
    signed = make_auth().app_authorization().removeprefix("Bearer ")
    claims = jwt.decode(
        signed, app.public_key, algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
    )
    assert claims["iat"] == now - 60
    assert now < claims["exp"] <= now + 600
    assert claims["iss"] == "4711"


def test_a_token_is_renewed_five_minutes_before_its_end(
    make_client: MakeClient, make_auth: MakeAuth, fake: FakeGitHub, clock: time_machine.Coordinates
) -> None:
    client = make_client(auth=make_auth())
    client.organization("octo")
    clock.shift(timedelta(minutes=54, seconds=59))
    client.organization("octo")
    assert fake.counted()[TOKEN_CALL] == 1
    clock.shift(timedelta(seconds=2))
    client.organization("octo")
    assert fake.counted()[TOKEN_CALL] == 2
    assert all(request.status < 400 for request in fake.requests)


def test_a_token_lives_by_githubs_clock(
    make_client: MakeClient,
    make_auth: MakeAuth,
    fake: FakeGitHub,
    state: State,
    clock: time_machine.Coordinates,
) -> None:
    """Ours is two minutes behind: the token is renewed in time all the same."""
    state.now = lambda: datetime.now(UTC) + timedelta(minutes=2)
    client = make_client(auth=make_auth())
    client.organization("octo")
    clock.shift(timedelta(minutes=54))
    client.organization("octo")
    assert fake.counted()[TOKEN_CALL] == 1
    clock.shift(timedelta(minutes=2))
    client.organization("octo")
    assert fake.counted()[TOKEN_CALL] == 2


def test_a_token_that_ended_early_is_replaced_once(
    make_client: MakeClient, make_auth: MakeAuth, fake: FakeGitHub, state: State
) -> None:
    client = make_client(auth=make_auth())
    client.organization("octo")
    state.tokens.clear()
    assert client.seats(OCTO).is_complete
    assert fake.counted()[TOKEN_CALL] == 2


def test_several_threads_fetch_one_token(
    make_client: MakeClient, make_auth: MakeAuth, fake: FakeGitHub, state: State, octo: Organization
) -> None:
    octo.seats.extend(seat(octo.member(f"more-{number}")) for number in range(1000))
    fake.latency = 0.01
    client = make_client(auth=make_auth(), parallel=6)

    def forget_tokens(request: Any) -> None:
        if request.query.get("page") == "2":
            fake.before_answer = None
            state.tokens.clear()

    fake.before_answer = forget_tokens
    assert client.seats(OCTO).is_complete
    assert fake.counted()[TOKEN_CALL] == 2


def test_clients_of_one_process_share_a_token(
    make_client: MakeClient, make_auth: MakeAuth, fake: FakeGitHub
) -> None:
    tokens = InstallationTokens()
    for _ in range(3):
        make_client(auth=make_auth(tokens=tokens)).organization("octo")
    make_client(auth=make_auth(tokens=tokens, target=Target("organization", "OCTO"))).organization("octo")
    assert fake.counted()[TOKEN_CALL] == 1


@pytest.mark.parametrize(
    "key", ["", "nonsense", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"]
)
def test_what_is_no_private_key_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(BadCredentials, match="private key cannot be read") as caught:
        AppAuth("https://api.github.com", 1, key)
    assert "AAAA" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_key_may_have_its_line_breaks_written_out(app: App) -> None:
    AppAuth("https://api.github.com", 1, app.private_key.replace("\n", "\\n"))
    AppAuth("https://api.github.com", 1, app.private_key.replace("\n", "\r\n"))


# --- Nothing is shown ---------------------------------------------------------------------------


def test_no_credential_shows_or_copies_its_secret(make_client: MakeClient, make_auth: MakeAuth) -> None:
    auth = make_auth()
    client = make_client(auth=auth)
    client.organization("octo")
    [token] = auth.secrets()
    assert token.startswith("ghs_")
    for one in (TokenAuth(TOKEN), auth):
        shown = f"{one} {one!r} {[one]} {client!r}"
        assert not [secret for secret in one.secrets() if secret in shown]
        for store in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps):
            with pytest.raises(TypeError):
                store(one)


def test_a_token_that_could_not_be_fetched_is_fetched_next_time(
    make_client: MakeClient, make_auth: MakeAuth, fake: FakeGitHub
) -> None:
    fake.trouble = Trouble("500", where=lambda request: request.method == "POST")
    client = make_client(auth=make_auth(), retries=1)
    for _ in range(2):
        with pytest.raises(Exception, match="answered 500"):
            client.seats(OCTO)
    fake.trouble = None
    assert client.seats(OCTO).is_complete
