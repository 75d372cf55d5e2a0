"""`connect`: an account and its credential meet, and every problem comes with what to do about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from portal.models import AuditEntry, Connection, SyncSchedule
from seats.models import Account
from tests.fake_github import FakeGitHub, Trouble
from tests.portal.github_state import NAME, REVOKING, REVOKING_NAME, TOKEN, small_company

pytestmark = pytest.mark.django_db


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[FakeGitHub]:
    """Where `connect` goes without --api-url; both tokens are set."""
    monkeypatch.setenv(NAME, TOKEN)
    monkeypatch.setenv(REVOKING_NAME, REVOKING)
    with FakeGitHub(small_company()) as running:
        settings.GITHUB_API_URL = running.url
        yield running


class Ended:
    def __init__(self, code: int, output: str, error: str) -> None:
        self.code, self.output, self.error = code, output, error

    @property
    def answer(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.output.splitlines()[-1])
        return found

    def state_of(self, what: str) -> str:
        return next(found["state"] for found in self.answer["findings"] if found["what"] == what)

    def finding(self, what: str) -> dict[str, str]:
        found: dict[str, str] = next(found for found in self.answer["findings"] if found["what"] == what)
        return found


def connect(*options: str) -> Ended:
    output = StringIO()
    try:
        call_command("connect", *options, "--json", stdout=output)
    except SystemExit as ended:
        return Ended(int(str(ended.code)), output.getvalue(), "")
    except CommandError as error:
        return Ended(error.returncode, output.getvalue(), str(error))
    return Ended(0, output.getvalue(), "")


def nothing_was_made() -> bool:
    return not (Connection.objects.exists() or Account.objects.exists() or AuditEntry.objects.exists())


# --- All works --------------------------------------------------------------------------------


def test_an_organization_is_connected(github: FakeGitHub) -> None:
    ended = connect("--organization", "Octo", "--token-env", NAME)

    assert ended.code == 0
    account = Account.objects.get()
    assert (account.kind, account.login, account.github_id) == ("organization", "octo", 900)
    assert account.sync_connection == Connection.objects.get()
    assert Connection.objects.get().secret_env == NAME
    assert ended.answer["organization"] == "octo"
    works = [found["what"] for found in ended.answer["findings"] if found["state"] == "ok"]
    assert works == ["credential", "account", "seats", "billing", "members", "teams", "usage reports"]
    assert ended.state_of("revoking") == "off"
    assert "7 seats can be read" in ended.finding("seats")["text"]


def test_a_new_connection_has_its_schedules_at_once(github: FakeGitHub) -> None:
    connect("--organization", "octo", "--token-env", NAME)

    is_on = dict(SyncSchedule.objects.values_list("kind", "is_on"))
    assert is_on == {
        "seats": True, "members": True, "teams": True, "billing": True, "usage": True, "legacy": False,
        "flagging": True, "notices": True, "revoking": True,
    }  # fmt: skip


def test_an_enterprise_is_connected(github: FakeGitHub) -> None:
    ended = connect("--enterprise", "octo-corp", "--token-env", NAME)

    assert ended.code == 0
    assert Account.objects.get().kind == "enterprise"
    assert ended.state_of("enterprise teams") == "ok"


def test_an_enterprises_organizations_are_looked_for_at_once(github: FakeGitHub) -> None:
    octo, labs = github.state.organizations
    github.state.enterprise("octo-corp").team("Everybody", organizations=[octo, labs])

    ended = connect("--enterprise", "octo-corp", "--token-env", NAME)

    assert ended.code == 0
    assert ended.answer["organizations"] == ["octo", "octo-labs"]
    assert "octo, octo-labs" in ended.output
    assert {one.sync_connection for one in Account.objects.organizations()} == {Connection.objects.get()}


def test_an_app_is_connected(github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    app = github.state.app()
    app.install(github.state.organization("octo"))
    monkeypatch.setenv("OCTO_KEY", app.private_key)

    ended = connect("--organization", "octo", "--app-id", str(app.id), "--private-key-env", "OCTO_KEY")

    assert ended.code == 0
    assert Connection.objects.get().kind == "app"
    assert "GitHub App portal" in ended.finding("credential")["text"]


def test_a_token_for_revoking_is_checked_too(github: FakeGitHub) -> None:
    ended = connect("--organization", "octo", "--token-env", NAME, "--revoke-token-env", REVOKING_NAME)

    assert ended.code == 0
    assert ended.state_of("revoking") == "ok"
    assert "boss" in ended.finding("credential for revoking")["text"]


def test_a_fine_grained_token_is_known_as_one(github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    github.state.token(
        "github_pat_x",
        kind="fine-grained",
        permissions={
            "members": "read",
            "organization_copilot_metrics": "read",
            "organization_copilot_seat_management": "read",
        },
    )
    monkeypatch.setenv("FINE", "github_pat_x")

    ended = connect("--organization", "octo", "--token-env", "FINE")

    assert ended.code == 0
    assert Connection.objects.get().kind == "fine-grained"


def test_what_it_did_is_in_the_audit_trail(github: FakeGitHub) -> None:
    connect("--organization", "octo", "--token-env", NAME)

    created, checked = (
        AuditEntry.objects.get(action=f"connection {verb}") for verb in ("created", "checked")
    )
    assert created.detail["credential"] == f"environment variable {NAME}"
    assert checked.detail["to_fix"] == 0
    assert AuditEntry.objects.filter(action="account connected").count() == 1
    assert list(AuditEntry.objects.broken_links()) == []


# --- Again ------------------------------------------------------------------------------------


def test_connecting_again_changes_nothing_and_checks(github: FakeGitHub) -> None:
    connect("--organization", "octo", "--token-env", NAME)
    before = AuditEntry.objects.count()

    assert connect("--organization", "octo", "--token-env", NAME).code == 0
    assert connect("--organization", "octo").code == 0
    assert Connection.objects.count() == Account.objects.count() == 1
    again = AuditEntry.objects.order_by("sequence")[before:]
    assert [entry.action for entry in again] == ["connection checked", "connection checked"]


def test_accounts_with_the_same_credential_share_a_connection(github: FakeGitHub) -> None:
    connect("--organization", "octo", "--token-env", NAME)
    connect("--organization", "octo-labs", "--token-env", NAME)

    shared = Connection.objects.get()
    assert shared.accounts.count() == 2
    assert {found.account for found in shared.what_was_found} == {"", "octo", "octo-labs"}


def test_another_credential_replaces_an_accounts_own(github: FakeGitHub) -> None:
    connect("--organization", "octo", "--token-env", NAME)
    connect("--organization", "octo", "--token-env", REVOKING_NAME)

    assert Connection.objects.get().secret_env == REVOKING_NAME
    changed = AuditEntry.objects.get(action="connection changed")
    assert changed.detail["credential"] == f"environment variable {REVOKING_NAME}"


def test_another_credential_leaves_a_shared_connection_to_the_others(github: FakeGitHub) -> None:
    connect("--organization", "octo", "--token-env", NAME)
    connect("--organization", "octo-labs", "--token-env", NAME)
    connect("--organization", "octo", "--token-env", REVOKING_NAME)

    env = dict(Account.objects.values_list("login", "connection__secret_env"))
    assert env == {"octo": REVOKING_NAME, "octo-labs": NAME}


def test_an_account_known_by_its_id_becomes_the_one_of_that_name(github: FakeGitHub) -> None:
    known = Account.objects.create(kind="organization", github_id=900)

    connect("--organization", "octo", "--token-env", NAME)

    known.refresh_from_db()
    assert (known.login, Account.objects.count()) == ("octo", 1)


def test_a_renamed_organization_stays_one_account(github: FakeGitHub) -> None:
    connect("--organization", "octo", "--token-env", NAME)
    github.state.organization("octo").rename("octo-next")

    assert connect("--organization", "octo-next", "--token-env", NAME).code == 0
    assert Account.objects.get().login == "octo-next"


# --- Connected, but something does not work ---------------------------------------------------


def test_a_missing_scope_is_named_with_the_place_to_tick_it(
    github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.state.token("weak", scopes={"user"})
    monkeypatch.setenv(NAME, "weak")

    ended = connect("--organization", "octo", "--token-env", NAME)

    assert ended.code == 1
    assert Account.objects.get().sync_connection is not None
    remedy = ended.finding("usage reports")["remedy"]
    assert "tick read:org" in remedy
    assert "https://github.com/settings/tokens" in remedy


def test_a_policy_that_is_off_is_named_with_the_place_to_switch_it_on(github: FakeGitHub) -> None:
    github.state.organization("octo").metrics_policy_is_on = False

    ended = connect("--organization", "octo", "--token-env", NAME)

    assert ended.code == 1
    remedy = ended.finding("usage reports")["remedy"]
    assert "https://github.com/organizations/octo/settings/copilot/policies" in remedy
    assert "Enabled everywhere" in remedy
    assert ended.state_of("seats") == "ok"


def test_single_sign_on_is_told_apart_from_scopes(
    github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.state.token("sso", scopes={"read:org"}, needs_sso={"octo"})
    monkeypatch.setenv(NAME, "sso")

    ended = connect("--organization", "octo", "--token-env", NAME)

    problems = [found for found in ended.answer["findings"] if found["state"] == "bad"]
    assert problems
    assert all("Configure SSO" in found["remedy"] for found in problems)


def test_a_revoking_token_without_the_scope_is_a_problem(github: FakeGitHub) -> None:
    ended = connect("--organization", "octo", "--token-env", REVOKING_NAME, "--revoke-token-env", NAME)

    assert ended.code == 1
    assert "admin:org or manage_billing:copilot" in ended.finding("revoking")["remedy"]


def test_seats_given_to_everybody_cannot_be_taken_back_singly(github: FakeGitHub) -> None:
    github.state.organization("octo").billing["seat_management_setting"] = "assign_all"

    ended = connect("--organization", "octo", "--token-env", REVOKING_NAME)

    assert ended.code == 1
    assert "seat_management" in ended.finding("revoking")["remedy"]


def test_what_github_gives_to_no_app_is_nothing_to_fix(
    github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = github.state.app()
    app.install(github.state.enterprise("octo-corp"))
    monkeypatch.setenv("OCTO_KEY", app.private_key)

    ended = connect("--enterprise", "octo-corp", "--app-id", str(app.id), "--private-key-env", "OCTO_KEY")

    assert ended.state_of("enterprise teams") == "off"
    assert "classic token" in ended.finding("enterprise teams")["remedy"]


def test_a_token_about_to_expire_is_told_in_time(
    github: FakeGitHub, monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    github.state.token("brief", scopes={"read:org"}, expires_at=timezone.now() + timedelta(days=3))
    monkeypatch.setenv(NAME, "brief")

    ended = connect("--organization", "octo", "--token-env", NAME)

    assert ended.code == 1
    assert "expires on 2026-11-23" in ended.finding("expiry")["text"]


# --- Nothing done -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--token-env", "NOT_SET_ANYWHERE"], "NOT_SET_ANYWHERE is not set"),
        (["--token-env", NAME, "--revoke-token-env", "NOT_SET_ANYWHERE"], "NOT_SET_ANYWHERE is not set"),
        (["--token-env", "SECRET_KEY"], "secret of the portal"),
        ([], "Name a credential"),
        (["--app-id", "1"], "both --app-id and --private-key-env"),
        (["--token-env", NAME, "--private-key-env", NAME], "both --app-id and --private-key-env"),
        (["--token-env", NAME, "--api-url", "http://api.example.com"], "https only"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_asked(
    github: FakeGitHub, options: list[str], says: str
) -> None:
    ended = connect("--organization", "octo", *options)

    assert ended.code == 2
    assert says in ended.error
    assert nothing_was_made()
    assert github.requests == []


def test_a_wrong_token_connects_nothing(github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "mistyped")

    ended = connect("--organization", "octo", "--token-env", NAME)

    assert ended.code == 2
    assert ended.answer["connected"] is False
    assert "Make a new token" in ended.finding("credential")["remedy"]
    assert nothing_was_made()


def test_a_key_that_is_none_connects_nothing(github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTO_KEY", "no key at all")

    ended = connect("--organization", "octo", "--app-id", "1", "--private-key-env", "OCTO_KEY")

    assert ended.code == 2
    assert "PEM" in ended.finding("credential")["text"]
    assert nothing_was_made()


@pytest.mark.parametrize("scope", ["--organization", "--enterprise"])
def test_an_account_github_does_not_know_connects_nothing(github: FakeGitHub, scope: str) -> None:
    ended = connect(scope, "nobody", "--token-env", NAME)

    assert ended.code == 2
    assert "Check the spelling" in ended.finding("account")["remedy"]
    assert nothing_was_made()


def test_an_app_that_is_not_installed_connects_nothing(
    github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = github.state.app()
    monkeypatch.setenv("OCTO_KEY", app.private_key)

    ended = connect("--organization", "octo", "--app-id", str(app.id), "--private-key-env", "OCTO_KEY")

    assert ended.code == 2
    assert "install the app" in ended.finding("account")["remedy"]
    assert nothing_was_made()


def test_a_github_that_does_not_answer_connects_nothing(github: FakeGitHub) -> None:
    ended = connect("--organization", "octo", "--token-env", NAME, "--api-url", "http://127.0.0.1:9")

    assert ended.code == 2
    assert "HTTPS_PROXY" in ended.finding("credential")["remedy"]
    assert nothing_was_made()


def test_a_login_that_is_none_is_refused(github: FakeGitHub) -> None:
    assert connect("--organization", "https://github.com/octo", "--token-env", NAME).code == 2
    assert github.requests == []


def test_a_failed_attempt_leaves_a_connection_as_it_was(
    github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect("--organization", "octo", "--token-env", NAME)
    before = Connection.objects.values().get()
    monkeypatch.setenv("WRONG", "mistyped")

    assert connect("--organization", "octo", "--token-env", "WRONG").code == 2
    assert Connection.objects.values().get() == before


def test_a_page_in_githubs_place_is_told(github: FakeGitHub) -> None:
    github.trouble = Trouble(kind="html")

    ended = connect("--organization", "octo", "--token-env", NAME)

    assert ended.code == 2
    assert "address of GitHub's API" in ended.finding("credential")["remedy"]


def test_a_limit_is_told_with_its_end(github: FakeGitHub) -> None:
    github.trouble = Trouble(kind="403-secondary", retry_after=600)

    ended = connect("--organization", "octo", "--token-env", NAME)

    assert ended.code == 2
    assert "Check again after" in ended.finding("credential")["remedy"]
    assert nothing_was_made()


def test_a_server_that_tells_only_what_matters_is_enough(github: FakeGitHub) -> None:
    """A proxy or a smaller server may not say whose a token is, nor know `GET /orgs/{org}`."""
    github.state.unserved = {"/user", "/orgs/octo", "/rate_limit"}

    ended = connect("--organization", "octo", "--token-env", NAME)

    assert ended.answer["connected"]
    assert ended.state_of("seats") == "ok"
    assert Account.objects.get().connection is not None


def test_there_a_refused_token_is_told_by_the_first_thing_that_matters(
    github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.state.unserved = {"/user", "/orgs/octo"}
    monkeypatch.setenv(NAME, "ghp_nobody-knows-this-one")

    ended = connect("--organization", "octo", "--token-env", NAME)

    assert ended.code == 2
    assert not Account.objects.exists()
