"""The pages of connections: entered, replaced, checked, without ever showing a credential."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import Permission
from django.test import Client

from portal.models import AuditEntry, Connection, SyncSchedule
from seats.models import Account
from tests.counting import queries_of
from tests.fake_github import FakeGitHub
from tests.fake_github.state import key_pair
from tests.portal.github_state import NAME, REVOKING, TOKEN, small_company

pytestmark = pytest.mark.django_db

CONNECTIONS = "/portal/connection/"


@pytest.fixture
def github(settings: Any) -> Iterator[FakeGitHub]:
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    with FakeGitHub(small_company()) as running:
        yield running


@pytest.fixture
def entered(github: FakeGitHub) -> dict[str, Any]:
    """What somebody enters who pastes a token for octo."""
    return {
        "name": "Octo", "base_url": github.url, "kind": "token", "token": TOKEN, "is_active": "on",
        "organizations": "octo", "enterprises": "",
        # The rest of the form, as the browser sends it.
        "secret_env": "", "app_id": "", "installation_id": "", "private_key": "", "revoke_token": "",
        "revoke_secret_env": "",
    }  # fmt: skip


@pytest.fixture
def connection(olga_client: Client, entered: dict[str, Any]) -> Connection:
    olga_client.post(f"{CONNECTIONS}add/", entered)
    return Connection.objects.get()


def page_of(connection: Connection) -> str:
    return f"{CONNECTIONS}{connection.pk}/change/"


def change(client: Client, connection: Connection, entered: dict[str, Any], **others: Any) -> Any:
    """Save the form with what is entered now, without the token of the beginning."""
    return client.post(page_of(connection), {**entered, "token": "", **others})


def errors_of(answer: Any) -> dict[str, list[str]]:
    return {name: list(found) for name, found in answer.context["adminform"].form.errors.items()}


# --- Adding -----------------------------------------------------------------------------------


def test_a_token_is_entered_kept_encrypted_and_leads_to_its_page(
    olga_client: Client, entered: dict[str, Any]
) -> None:
    answer = olga_client.post(f"{CONNECTIONS}add/", entered, follow=True)

    connection = Connection.objects.get()
    assert answer.redirect_chain[-1][0] == page_of(connection)
    assert "Not checked yet" in answer.content.decode()
    assert connection.secret() == TOKEN
    assert TOKEN not in connection.kept_secret
    assert connection.sync_schedules.count() == len(SyncSchedule.Kind)


def test_the_accounts_it_is_for_are_made_and_connected(olga_client: Client, entered: dict[str, Any]) -> None:
    known = Account.objects.create(kind="organization", login="octo-labs")
    entered |= {"organizations": "octo, Octo-Labs\nOCTO", "enterprises": "octo-corp"}

    olga_client.post(f"{CONNECTIONS}add/", entered)

    connected = Account.objects.filter(connection=Connection.objects.get())
    assert set(connected.values_list("kind", "login")) == {
        ("organization", "octo"), ("organization", "octo-labs"), ("enterprise", "octo-corp"),
    }  # fmt: skip
    assert known in connected


def test_an_app_is_entered_with_its_key(olga_client: Client, entered: dict[str, Any]) -> None:
    pem, _ = key_pair()
    entered |= {"kind": "app", "token": "", "app_id": "4711", "private_key": pem}

    olga_client.post(f"{CONNECTIONS}add/", entered)

    assert Connection.objects.get().secret() == pem.strip()


def test_a_variable_is_named_without_keys(
    olga_client: Client, entered: dict[str, Any], settings: Any
) -> None:
    settings.CREDENTIAL_KEYS = []
    assert "keeps no credential" in olga_client.get(f"{CONNECTIONS}add/").content.decode()

    refused = olga_client.post(f"{CONNECTIONS}add/", entered)
    assert "Without CREDENTIAL_KEYS" in errors_of(refused)["token"][0]
    assert TOKEN not in refused.content.decode()

    olga_client.post(f"{CONNECTIONS}add/", {**entered, "token": "", "secret_env": NAME})
    assert Connection.objects.get().secret_env == NAME


@pytest.mark.parametrize(
    ("others", "field", "says"),
    [
        ({"token": ""}, "token", "Enter the token"),
        ({"secret_env": NAME}, "secret_env", "not both"),
        ({"token": "", "secret_env": "SECRET_KEY"}, "secret_env", "secret of the portal"),
        ({"token": "two words"}, "token", "no token has"),
        ({"kind": "app", "token": "", "private_key": "no key"}, "app_id", "known by its id"),
        (
            {"kind": "app", "token": "", "app_id": "1", "private_key": "no key"},
            "private_key",
            "whole PEM file",
        ),
        ({"base_url": "https://evil.example.com"}, "base_url", "sent to GitHub only"),
        ({"base_url": "http://api.github.com"}, "base_url", "https only"),
        ({"organizations": "https://github.com/octo"}, "organizations", "is no login"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    olga_client: Client, entered: dict[str, Any], others: dict[str, str], field: str, says: str
) -> None:
    answer = olga_client.post(f"{CONNECTIONS}add/", {**entered, **others})

    assert says in " ".join(errors_of(answer)[field])
    assert TOKEN not in answer.content.decode()
    assert not Connection.objects.exists()


def test_an_address_of_githubs_or_of_the_setting_is_taken(
    olga_client: Client, entered: dict[str, Any], settings: Any
) -> None:
    settings.GITHUB_API_URL = "https://github.example.com/api/v3"
    for number, url in enumerate(
        ["https://api.octo.ghe.com", "https://api.github.com/", "https://github.example.com/api/v3"]
    ):
        olga_client.post(f"{CONNECTIONS}add/", {**entered, "name": f"Octo {number}", "base_url": url})

    assert Connection.objects.count() == 3
    assert Connection.objects.filter(base_url="https://api.github.com").exists()


# --- Changing ---------------------------------------------------------------------------------


def test_no_page_gives_a_credential_back(olga_client: Client, connection: Connection) -> None:
    for path in (
        CONNECTIONS,
        page_of(connection),
        f"{CONNECTIONS}{connection.pk}/history/",
        "/portal/auditentry/",
    ):
        page = olga_client.get(path).content.decode()
        assert TOKEN not in page
        assert connection.kept_secret not in page
    assert "stored – leave empty to keep it" in olga_client.get(page_of(connection)).content.decode()


def test_a_key_that_was_refused_is_not_shown_again(
    olga_client: Client, connection: Connection, entered: dict[str, Any]
) -> None:
    answer = change(
        olga_client, connection, entered, kind="app", app_id="", private_key="-----BEGIN a secret"
    )

    assert answer.status_code == 200
    assert "a secret" not in answer.content.decode()


def test_an_empty_field_keeps_what_is_stored(
    olga_client: Client, connection: Connection, entered: dict[str, Any]
) -> None:
    change(olga_client, connection, entered, name="Octo, renamed")

    again = Connection.objects.get()
    assert (again.name, again.secret()) == ("Octo, renamed", TOKEN)


def test_another_token_replaces_it_and_the_audit_says_only_that(
    olga_client: Client, connection: Connection, entered: dict[str, Any]
) -> None:
    change(olga_client, connection, entered, token="ghp_another", revoke_token=REVOKING)

    again = Connection.objects.get()
    assert (again.secret(), again.revoke_secret()) == ("ghp_another", REVOKING)
    replaced = AuditEntry.objects.filter(action="connection credential replaced").first()
    assert replaced is not None
    assert replaced.detail["which"] == ["token", "revoke token"]
    assert replaced.actor_name == "olga"


def test_a_named_variable_takes_the_place_of_what_was_kept(
    olga_client: Client, connection: Connection, entered: dict[str, Any]
) -> None:
    change(olga_client, connection, entered, secret_env=NAME)

    again = Connection.objects.get()
    assert (again.kept_secret, again.secret_env) == ("", NAME)


def test_the_credential_for_revoking_can_be_forgotten(
    olga_client: Client, connection: Connection, entered: dict[str, Any]
) -> None:
    change(olga_client, connection, entered, revoke_token=REVOKING)
    assert Connection.objects.get().has_own_revoke_secret

    change(olga_client, connection, entered, forget_revoke_token="on")
    assert not Connection.objects.get().has_own_revoke_secret


@pytest.mark.parametrize(
    "others",
    [{"base_url": "https://api.github.com"}, {"kind": "app", "app_id": "1"}],
    ids=["address", "kind"],
)
def test_a_kept_credential_is_sent_nowhere_it_was_not_entered_for(
    olga_client: Client, connection: Connection, entered: dict[str, Any], others: dict[str, str]
) -> None:
    answer = change(olga_client, connection, entered, **others)

    assert any("changed" in error for errors in errors_of(answer).values() for error in errors)
    assert Connection.objects.get().base_url == entered["base_url"]


def test_a_kept_credential_for_revoking_does_not_move_either(
    olga_client: Client, connection: Connection, entered: dict[str, Any]
) -> None:
    change(olga_client, connection, entered, revoke_token=REVOKING)

    answer = change(olga_client, connection, entered, base_url="https://api.github.com", token="ghp_anew")

    assert "anew" in errors_of(answer)["revoke_token"][0]


def test_an_account_that_is_taken_out_has_no_connection_any_more(
    olga_client: Client, connection: Connection, entered: dict[str, Any]
) -> None:
    assert "octo" in olga_client.get(page_of(connection)).content.decode()

    change(olga_client, connection, entered, organizations="octo-labs")

    connected = dict(Account.objects.values_list("login", "connection"))
    assert connected == {"octo": None, "octo-labs": connection.pk}
    assert AuditEntry.objects.filter(action="account disconnected").count() == 1


def test_the_older_systems_go_on_and_off_with_their_schedule(
    olga_client: Client, connection: Connection, entered: dict[str, Any]
) -> None:
    legacy = SyncSchedule.objects.get(connection=connection, kind="legacy")
    assert not legacy.is_on

    change(olga_client, connection, entered, legacy_apis="on")
    legacy.refresh_from_db()
    assert legacy.is_on

    change(olga_client, connection, entered)
    legacy.refresh_from_db()
    assert not legacy.is_on


def test_a_deleted_connection_leaves_its_accounts_and_a_trace(
    olga_client: Client, connection: Connection
) -> None:
    olga_client.post(f"{CONNECTIONS}{connection.pk}/delete/", {"post": "yes"})

    assert Account.objects.get().connection is None
    assert AuditEntry.objects.get(action="connection deleted").detail["accounts"] == ["octo"]


# --- Checking ---------------------------------------------------------------------------------


def test_check_now_says_what_works_and_what_to_fix(
    olga_client: Client, connection: Connection, github: FakeGitHub
) -> None:
    github.state.organization("octo").metrics_policy_is_on = False

    answer = olga_client.post(f"{CONNECTIONS}{connection.pk}/check/", follow=True)

    page = answer.content.decode()
    assert "1 to fix" in page
    assert "7 seats can be read" in page
    assert 'href="https://github.com/organizations/octo/settings/copilot/policies"' in page
    connection.refresh_from_db()
    assert connection.checked_at is not None
    assert AuditEntry.objects.get(action="connection checked").detail["to_fix"] == 1


def test_the_list_tells_how_each_fares(olga_client: Client, connection: Connection) -> None:
    assert "not checked yet" in olga_client.get(CONNECTIONS).content.decode()

    olga_client.post(CONNECTIONS, {"action": "check_selected", "_selected_action": [connection.pk]})

    assert re.search(r">\s*works\s*<", olga_client.get(CONNECTIONS).content.decode())


def test_a_check_changes_nothing_at_github_and_asks_little(
    olga_client: Client, connection: Connection, github: FakeGitHub
) -> None:
    olga_client.post(f"{CONNECTIONS}{connection.pk}/check/")

    assert {request.method for request in github.requests} == {"GET"}
    assert len(github.requests) <= 8


def test_a_check_is_no_matter_of_following_a_link(olga_client: Client, connection: Connection) -> None:
    assert olga_client.get(f"{CONNECTIONS}{connection.pk}/check/").status_code == 405


def test_a_check_follows_an_enterprise_into_a_few_of_its_organizations(
    olga_client: Client, connection: Connection
) -> None:
    enterprise = Account.objects.create(kind="enterprise", login="octo-corp", connection=connection)
    Account.objects.filter(login="octo").update(connection=None, parent=enterprise)

    olga_client.post(f"{CONNECTIONS}{connection.pk}/check/")

    connection.refresh_from_db()
    assert {finding.account for finding in connection.what_was_found} == {"", "octo-corp", "octo"}


def test_the_last_checks_are_remembered(olga_client: Client, connection: Connection) -> None:
    for _ in range(2):
        olga_client.post(f"{CONNECTIONS}{connection.pk}/check/")

    page = olga_client.get(page_of(connection)).content.decode()
    assert page.count("UTC by olga: 7 work, 0 to fix") == 2


# --- Who may ----------------------------------------------------------------------------------


def test_whoever_may_look_sees_findings_and_no_form(
    vic_client: Client, olga_client: Client, connection: Connection
) -> None:
    olga_client.post(f"{CONNECTIONS}{connection.pk}/check/")
    page = vic_client.get(page_of(connection)).content.decode()

    assert "7 seats can be read" in page
    assert "Check now" not in page
    assert "id_token" not in page
    assert vic_client.post(f"{CONNECTIONS}{connection.pk}/check/").status_code == 403
    assert vic_client.post(page_of(connection), {"name": "x"}).status_code == 403
    assert vic_client.get(f"{CONNECTIONS}add/").status_code == 403


def test_without_permission_there_is_nothing_to_see(noa_client: Client, connection: Connection) -> None:
    assert noa_client.get(CONNECTIONS).status_code == 403
    assert noa_client.get(page_of(connection)).status_code == 403
    assert CONNECTIONS not in noa_client.get("/").content.decode()


def test_whoever_may_add_but_not_change_can_add(
    noa: Any, noa_client: Client, entered: dict[str, Any]
) -> None:
    noa.user_permissions.set(Permission.objects.filter(codename__in=["add_connection", "view_connection"]))

    noa_client.post(f"{CONNECTIONS}add/", entered)

    assert Connection.objects.exists()
    assert noa_client.get(page_of(Connection.objects.get())).status_code == 200


def test_the_account_says_through_which_connection_it_is_asked(
    olga_client: Client, connection: Connection
) -> None:
    page = olga_client.get(f"/seats/account/{Account.objects.get().pk}/change/").content.decode()

    assert page_of(connection) in page


def test_the_list_asks_as_often_for_many_connections_as_for_few(
    olga_client: Client, connection: Connection
) -> None:
    few = queries_of(olga_client, CONNECTIONS)
    for number in range(20):
        made = Connection.objects.create(name=f"c{number}", secret_env=NAME)
        Account.objects.create(kind="organization", login=f"o{number}", connection=made)

    assert queries_of(olga_client, CONNECTIONS) == few <= 9
