"""Credentials: encrypted with rotating keys, or only named; never the portal's own secrets."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.core.management.base import CommandError

from portal import credentials
from portal.credentials import CredentialError
from portal.models import AuditEntry, Connection

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))
TOKEN = "ghp_a-token-that-only-the-tests-use"


@pytest.fixture
def keys(settings: Any) -> Any:
    settings.CREDENTIAL_KEYS = [OLD]
    return settings


@pytest.fixture
def kept(keys: Any, db: None) -> Connection:
    """A connection that keeps a token and one for revoking, under the old key."""
    connection = Connection(name="octo")
    connection.keep(TOKEN)
    connection.keep_for_revoking(f"{TOKEN}-revoking")
    connection.save()
    return connection


# --- Encryption -------------------------------------------------------------------------------


def test_what_is_kept_is_not_what_was_entered(keys: Any) -> None:
    kept = credentials.encrypt(TOKEN)

    assert TOKEN not in kept
    assert credentials.decrypt(kept) == TOKEN
    assert credentials.encrypt(TOKEN) != kept


def test_the_newest_key_encrypts_and_every_key_decrypts(keys: Any) -> None:
    kept = credentials.encrypt(TOKEN)
    keys.CREDENTIAL_KEYS = [NEW, OLD]

    assert credentials.decrypt(kept) == TOKEN
    assert Fernet(NEW).decrypt(credentials.encrypt(TOKEN).encode()).decode() == TOKEN


def test_a_long_token_is_kept_whole(kept: Connection) -> None:
    long = "ghs_" + "x" * 5000
    kept.keep(long)
    kept.save()

    assert Connection.objects.get().secret() == long


def test_without_keys_nothing_is_kept(settings: Any) -> None:
    settings.CREDENTIAL_KEYS = []

    with pytest.raises(CredentialError, match="Without CREDENTIAL_KEYS") as refused:
        Connection(name="octo").keep(TOKEN)
    assert "environment variable" in refused.value.remedy
    assert TOKEN not in str(refused.value)


def test_a_key_that_was_taken_away_is_told(keys: Any) -> None:
    kept = credentials.encrypt(TOKEN)
    keys.CREDENTIAL_KEYS = [OTHER]

    with pytest.raises(CredentialError, match="no longer in CREDENTIAL_KEYS"):
        credentials.decrypt(kept)


def test_a_text_that_is_no_key_is_told_without_being_shown(settings: Any) -> None:
    settings.CREDENTIAL_KEYS = ["a-mistyped-key"]

    with pytest.raises(CredentialError, match="no key") as refused:
        credentials.encrypt(TOKEN)
    assert "a-mistyped-key" not in str(refused.value)


# --- Rotation ---------------------------------------------------------------------------------


def test_a_key_is_replaced_step_by_step(kept: Connection, keys: Any) -> None:
    keys.CREDENTIAL_KEYS = [NEW, OLD]
    output = StringIO()
    call_command("reencrypt_credentials", stdout=output)
    keys.CREDENTIAL_KEYS = [NEW]

    again = Connection.objects.get()
    assert (again.secret(), again.revoke_secret()) == (TOKEN, f"{TOKEN}-revoking")
    assert "1 of 1 connections" in output.getvalue()
    assert AuditEntry.objects.get().action == "connection encrypted anew"


def test_rotating_again_finds_nothing_to_do(kept: Connection, keys: Any) -> None:
    before = kept.kept_secret
    call_command("reencrypt_credentials", stdout=StringIO())

    assert Connection.objects.get().kept_secret == before
    assert not AuditEntry.objects.exists()


def test_what_cannot_be_read_stays_and_is_told(kept: Connection, keys: Any) -> None:
    keys.CREDENTIAL_KEYS = [NEW]
    errors = StringIO()

    with pytest.raises(CommandError) as ended:
        call_command("reencrypt_credentials", stdout=StringIO(), stderr=errors)

    assert ended.value.returncode == 1
    assert "octo: The kept credential" in errors.getvalue()
    assert Connection.objects.get().kept_secret == kept.kept_secret


def test_a_credential_entered_meanwhile_is_not_overwritten(kept: Connection, keys: Any) -> None:
    keys.CREDENTIAL_KEYS = [NEW, OLD]
    seen_earlier = Connection.objects.get()
    kept.keep("another token")
    kept.save()

    assert seen_earlier.reencrypt() is False
    assert Connection.objects.get().secret() == "another token"


# --- Environment variables --------------------------------------------------------------------


def test_a_named_credential_is_read_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Connection(name="octo", secret_env="OCTO_TOKEN")
    monkeypatch.setenv("OCTO_TOKEN", f"{TOKEN}\n")
    assert connection.secret() == TOKEN

    monkeypatch.setenv("OCTO_TOKEN", "another")
    assert connection.secret() == "another"


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTO_TOKEN", " ")

    with pytest.raises(CredentialError, match="OCTO_TOKEN is not set"):
        Connection(name="octo", secret_env="OCTO_TOKEN").secret()


def test_a_connection_without_any_credential_says_so() -> None:
    with pytest.raises(CredentialError, match="No credential is set"):
        Connection(name="octo").secret()


@pytest.mark.parametrize("name", ["SECRET_KEY", "secret_key", "AUDIT_KEYS", "CREDENTIAL_KEYS", "EMAIL_URL"])
def test_the_portals_own_secrets_are_never_a_credential(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "the portal's own")

    with pytest.raises(CredentialError, match="secret of the portal"):
        credentials.from_environment(name)


@pytest.mark.parametrize("name", ["", "A B", "1TOKEN", "TOKEN=x", "ghp-123"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(CredentialError, match="cannot be the name"):
        credentials.check_name(name)
