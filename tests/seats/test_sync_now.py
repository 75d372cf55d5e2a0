"""*Sync now*: from an account's page, for all accounts from the home page, pressed as often as you like."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from portal.models import AuditEntry, Connection, Job
from seats.models import Account

pytestmark = pytest.mark.django_db

EVERYTHING = {"sync-accounts", "sync-seats", "sync-members", "sync-teams", "sync-billing", "sync-usage"}


@pytest.fixture
def octo() -> Account:
    connection = Connection.objects.create(name="octo", secret_env="OCTO_TOKEN")
    return Account.objects.create(kind="organization", login="octo", connection=connection)


def press(client: Client, account: Account) -> Any:
    return client.post(f"/seats/account/{account.pk}/sync-now/", follow=True)


def test_a_press_asks_for_everything_about_the_account(olga_client: Client, octo: Account) -> None:
    page = press(olga_client, octo).content.decode()

    assert "GitHub is being asked: 6 jobs are queued or running." in page
    assert set(Job.objects.live().values_list("kind", flat=True)) == EVERYTHING
    assert set(Job.objects.values_list("subject", flat=True)) == {octo.subject}


def test_ten_presses_start_it_once(olga_client: Client, octo: Account) -> None:
    for _ in range(10):
        press(olga_client, octo)

    assert Job.objects.count() == len(EVERYTHING)


def test_a_press_on_an_enterprise_is_for_its_organizations_too(olga_client: Client) -> None:
    connection = Connection.objects.create(name="big", secret_env="BIG_TOKEN")
    big = Account.objects.create(kind="enterprise", login="big", connection=connection)
    below = Account.objects.create(kind="organization", login="below", parent=big)

    press(olga_client, big)

    members = Job.objects.filter(kind="sync-members").values_list("subject", flat=True)
    seats = Job.objects.filter(kind="sync-seats").values_list("subject", flat=True)
    assert list(members) == [below.subject]
    # Its list has its organizations' seats.
    assert list(seats) == [big.subject]


def test_who_pressed_is_in_the_audit_trail(olga_client: Client, olga: Any, octo: Account) -> None:
    press(olga_client, octo)

    entry = AuditEntry.objects.get(action="sync started")
    assert (entry.actor_name, entry.subject) == (olga.username, octo.subject)


def test_the_home_page_syncs_all_that_is_connected(olga_client: Client, octo: Account) -> None:
    Account.objects.create(kind="organization", login="by-files-only")

    home = olga_client.get("/").content.decode()
    assert "GitHub is asked about octo through 1 connection." in home
    olga_client.post("/seats/account/sync-now/")

    assert set(Job.objects.values_list("subject", flat=True)) == {octo.subject}


def test_an_account_that_no_connection_speaks_for_has_no_button(olga_client: Client) -> None:
    account = Account.objects.create(kind="organization", login="by-files-only")

    assert "Sync now" not in olga_client.get(f"/seats/account/{account.pk}/change/").content.decode()
    assert "No connection speaks for it" in press(olga_client, account).content.decode()
    assert not Job.objects.exists()


def test_only_who_may_add_jobs_may_press(vic_client: Client, vic: Any, octo: Account) -> None:
    assert "Sync now" not in vic_client.get(f"/seats/account/{octo.pk}/change/").content.decode()
    assert vic_client.post(f"/seats/account/{octo.pk}/sync-now/").status_code == 403
    assert vic_client.post("/seats/account/sync-now/").status_code == 403

    vic.user_permissions.add(Permission.objects.get(codename="add_job"))
    assert "Sync now" in vic_client.get(f"/seats/account/{octo.pk}/change/").content.decode()
    assert press(vic_client, octo).status_code == 200


def test_looking_at_a_page_starts_nothing(olga_client: Client, octo: Account) -> None:
    assert olga_client.get(f"/seats/account/{octo.pk}/sync-now/").status_code == 405
    assert not Job.objects.exists()
