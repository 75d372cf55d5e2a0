"""The floor that the tests stand on holds."""

from __future__ import annotations

import re
import socket
from datetime import date
from fnmatch import fnmatch
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.utils import timezone

from seats.models import Account, InactivityPolicy
from tests import prepared_database
from tests.conftest import (
    ANYWHERE,
    APART,
    DEAREST,
    FOLDER,
    NOT_ANYWHERE,
    ON_MARIADB,
    ON_POSTGRESQL,
    THOROUGH,
    OutgoingConnection,
)


def test_no_test_leaves_this_machine() -> None:
    with pytest.raises(OutgoingConnection):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(OutgoingConnection):
        socket.getaddrinfo("example.com", 80)


def test_the_day_stands_still(frozen_day: date) -> None:
    assert timezone.now().date() == frozen_day


def test_files_go_to_a_folder_that_is_thrown_away() -> None:
    assert settings.DATA_DIR.is_relative_to(FOLDER)


def test_whatever_is_said_of_tests_is_said_of_some() -> None:
    here = Path(__file__).parent
    named = [*ANYWHERE, *NOT_ANYWHERE, *THOROUGH, *ON_POSTGRESQL, *ON_MARIADB]
    named += [name.removeprefix("tests/") for name in (*DEAREST, *APART)]
    for name in named:
        path, _, test = name.partition("::")
        assert (here / path).exists(), name
        assert not test or re.search(rf"^(def|class) {test}", (here / path).read_text(), re.M), name


def test_what_the_default_run_leaves_out_is_in_the_gate() -> None:
    """On servers, but for what says the same on any database: that is among the files of one run."""
    gate = (Path(__file__).parent.parent / ".ci" / "run").read_text()
    files = re.findall(r"tests/(\S+\.py)", gate)
    assert "$WITH_A_DATABASE and (anywhere or not thorough)" in gate
    for name in THOROUGH:
        if name.startswith(ANYWHERE) and not name.startswith(NOT_ANYWHERE):
            assert any(fnmatch(name.partition("::")[0], some) for some in files), name


def test_the_cast_has_the_rights_its_docstrings_say(olga, vic, noa) -> None:
    assert olga.has_perm("seats.change_inactivitypolicy")
    assert vic.has_perm("seats.view_seat")
    assert not vic.has_perm("seats.change_seat")
    assert not vic.has_perm("auth.view_user")
    assert not noa.has_perm("seats.view_seat")


@pytest.mark.django_db(transaction=True)
def test_what_a_test_commits_is_gone_afterwards_and_what_migrations_wrote_is_back(olga) -> None:
    octo = Account.objects.create(kind="organization", login="octo")
    InactivityPolicy.objects.create(account=octo)
    InactivityPolicy.objects.filter(scope_key="all").delete()
    permissions = Permission.objects.count()

    prepared_database.empty()

    assert (Account.objects.count(), get_user_model().objects.count()) == (0, 0)
    assert [policy.scope_key for policy in InactivityPolicy.objects.all()] == ["all"]
    assert Permission.objects.count() == permissions > 0
