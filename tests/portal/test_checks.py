"""The portal's own system checks: each fires on what it is about, and says what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.checks import CheckMessage
from django.db import connection

from portal import checks
from portal.models import Connection


def only(messages: list[CheckMessage]) -> CheckMessage:
    assert len(messages) == 1
    assert messages[0].hint
    return messages[0]


def test_a_temporary_key_is_an_error(settings: Any) -> None:
    assert checks.secret_key_is_set(None) == []
    settings.SECRET_KEY_IS_TEMPORARY = True

    assert only(checks.secret_key_is_set(None)).id == "portal.E001"


def test_the_queue_as_configured_gives_no_task_out_twice() -> None:
    assert checks.tasks_are_given_out_once(None) == []


@pytest.mark.parametrize(
    "change",
    [
        {"retry": 1800},  # no longer than the timeout
        {"retry": 3600},  # a task prefetched behind another one of 1,800 s
        {"workers": 1, "queue_limit": 4},  # five tasks wait behind one another
    ],
)
def test_a_queue_that_gives_a_task_out_twice_is_an_error(settings: Any, change: dict[str, int]) -> None:
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, **change}

    assert only(checks.tasks_are_given_out_once(None)).id == "portal.E002"


def test_a_data_folder_yet_to_be_made_is_fine(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "not" / "there" / "yet"

    assert checks.data_folder_is_writable(None) == []


def test_a_data_folder_that_cannot_be_made_is_an_error(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    settings.DATA_DIR = tmp_path / "a file" / "folder"

    assert only(checks.data_folder_is_writable(None)).id == "portal.E003"


@pytest.mark.django_db
def test_the_database_of_the_tests_compares_texts_by_their_bytes() -> None:
    assert checks.logins_keep_their_case(None, databases=["default"]) == []


@pytest.mark.django_db(transaction=True)
def test_a_collation_that_confuses_cases_is_an_error() -> None:
    if connection.vendor != "mysql":
        pytest.skip("only MariaDB and MySQL have such collations")
    name = connection.settings_dict["NAME"]
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE `{name}` COLLATE utf8mb4_general_ci")
    try:
        assert only(checks.logins_keep_their_case(None, databases=["default"])).id == "portal.E004"
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE `{name}` COLLATE utf8mb4_bin")


def test_debug_is_a_warning(settings: Any) -> None:
    assert checks.debug_is_off(None) == []
    settings.DEBUG = True

    assert only(checks.debug_is_off(None)).id == "portal.W001"


def test_every_host_name_is_a_warning(settings: Any) -> None:
    assert checks.hosts_are_named(None) == []
    settings.ALLOWED_HOSTS = ["*"]

    assert only(checks.hosts_are_named(None)).id == "portal.W002"


def test_keys_that_are_none_are_an_error(settings: Any) -> None:
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    assert checks.credential_keys_are_keys(None) == []
    settings.CREDENTIAL_KEYS += ["a-mistyped-key"]

    message = only(checks.credential_keys_are_keys(None))
    assert message.id == "portal.E005"
    assert "a-mistyped-key" not in str(message)


@pytest.mark.django_db
def test_kept_credentials_without_keys_are_a_warning(settings: Any) -> None:
    settings.CREDENTIAL_KEYS = []
    Connection.objects.create(name="named", secret_env="TOKEN")
    assert checks.kept_credentials_can_be_read(None) == []
    Connection.objects.create(name="kept", kept_secret="x")

    assert only(checks.kept_credentials_can_be_read(None)).id == "portal.W003"
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    assert checks.kept_credentials_can_be_read(None) == []


def test_a_trail_signed_by_the_secret_key_is_a_warning(settings: Any) -> None:
    settings.AUDIT_KEYS = ["a key of its own"]
    assert checks.audit_has_keys_of_its_own(None) == []
    settings.AUDIT_KEYS = []

    assert only(checks.audit_has_keys_of_its_own(None)).id == "portal.W004"
