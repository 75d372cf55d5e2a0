"""Every page says as of when it speaks and from which source, and what is older than it should be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from portal.models import Connection, Job, ReportFile, SyncSchedule
from portal.sync_schedules import install_for
from seats.models import Account, SeatRoster

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def octo(clock: time_machine.Coordinates) -> Account:
    """Connected four days ago; its seats are due every hour."""
    clock.shift(-4 * 24 * HOUR)
    connection = Connection.objects.create(name="octo", secret_env="OCTO_TOKEN")
    install_for(connection)
    account = Account.objects.create(kind="organization", login="octo", connection=connection)
    clock.shift(4 * 24 * HOUR)
    return account


def ran(account: Account, kind: str, ago: timedelta, state: str = "done", error: str = "") -> Job:
    return Job.objects.create(
        kind=f"sync-{kind}", subject=account.subject, state=state, error=error, task="seats.tasks.sync",
        finished_at=timezone.now() - ago,
    )  # fmt: skip


def roster(account: Account, at: datetime, file: ReportFile | None = None) -> SeatRoster:
    return SeatRoster.objects.create(account=account, observed_at=at, is_complete=True, seats=3, file=file)


def test_seats_say_as_of_when_they_are_and_that_the_api_told(olga_client: Client, octo: Account) -> None:
    roster(octo, datetime(2026, 11, 20, 9, 30, tzinfo=UTC))

    for page in ("/", "/seats/seat/", "/seats/team/", "/seats/inactivitypolicy/"):
        assert "as of 2026-11-20 09:30 UTC, from GitHub&#x27;s API" in olga_client.get(page).content.decode()


def test_an_unchanged_list_is_as_fresh_as_its_last_sight(olga_client: Client, octo: Account) -> None:
    seen = roster(octo, datetime(2026, 11, 18, 9, 30, tzinfo=UTC))
    seen.see_again(datetime(2026, 11, 20, 11, 30, tzinfo=UTC))
    seen.save()

    assert "as of 2026-11-20 11:30 UTC" in olga_client.get("/seats/seat/").content.decode()


def test_seats_from_a_file_name_it(olga_client: Client, octo: Account) -> None:
    file = ReportFile.objects.create(
        source="upload", kind="seats", name="seats.json", sha256="0" * 64, size=1
    )
    roster(octo, datetime(2026, 11, 20, 9, 30, tzinfo=UTC), file)

    assert "as of 2026-11-20 09:30 UTC, from seats.json" in olga_client.get("/seats/seat/").content.decode()


def test_an_account_that_lags_behind_is_told(olga_client: Client, octo: Account) -> None:
    other = Account.objects.create(kind="organization", login="other")
    roster(octo, datetime(2026, 11, 20, 9, 30, tzinfo=UTC))
    roster(other, datetime(2026, 11, 1, 9, 30, tzinfo=UTC))

    assert "the oldest of the accounts&#x27; lists is of 2026-11-01" in (
        olga_client.get("/seats/seat/").content.decode()
    )


def test_nothing_is_late_while_runs_come_to_a_good_end(olga_client: Client, octo: Account) -> None:
    ran(octo, "seats", HOUR)
    ran(octo, "usage", 20 * HOUR)

    assert "portal-late" not in olga_client.get("/").content.decode()


def test_a_banner_says_since_when_and_why_nothing_came(olga_client: Client, octo: Account) -> None:
    ran(octo, "usage", 20 * HOUR)
    ran(octo, "seats", 4 * HOUR)
    ran(octo, "seats", HOUR, "failed", "The token was refused: renew it under Connections.")

    page = olga_client.get("/seats/seat/").content.decode()

    assert (
        "Seats of octo: nothing has come from GitHub since 2026-11-20 08:00 UTC; it is due every hour" in page
    )
    assert "The token was refused: renew it under Connections." in page


def test_a_schedule_whose_jobs_never_ran_points_at_the_worker(olga_client: Client, octo: Account) -> None:
    page = olga_client.get("/").content.decode()

    assert "Seats of octo: nothing has come from GitHub yet" in page
    assert "Use of octo: nothing has come from GitHub yet" in page
    assert "is the background worker running?" in page


def test_seats_of_an_organization_come_with_those_of_its_enterprise(
    olga_client: Client, octo: Account
) -> None:
    through = Connection.objects.create(name="big", secret_env="BIG_TOKEN")
    octo.parent = Account.objects.create(kind="enterprise", login="big", connection=through)
    octo.save()

    assert "Seats of octo" not in olga_client.get("/seats/seat/").content.decode()


def test_more_than_three_late_syncs_are_counted(olga_client: Client, octo: Account) -> None:
    for number in range(2):
        connection = Connection.objects.create(name=f"more-{number}", secret_env="MORE_TOKEN")
        install_for(connection)
        account = Account.objects.create(kind="organization", login=f"more-{number}", connection=connection)
        Connection.objects.filter(pk=connection.pk).update(created_at=timezone.now() - 96 * HOUR)
        Account.objects.filter(pk=account.pk).update(created_at=timezone.now() - 96 * HOUR)

    page = olga_client.get("/").content.decode()

    # Seats and use of each of the three.
    assert page.count("nothing has come from GitHub yet") == 3
    assert "3 more syncs are late." in page
    assert "See the schedules" in page


def test_what_is_switched_off_or_new_is_not_late(
    olga_client: Client, octo: Account, clock: time_machine.Coordinates
) -> None:
    SyncSchedule.objects.filter(kind="usage").update(is_on=False)
    Account.objects.filter(pk=octo.pk).update(created_at=timezone.now())

    assert "portal-late" not in olga_client.get("/").content.decode()


def test_who_may_not_see_seats_is_told_nothing_of_them(noa_client: Client, octo: Account) -> None:
    roster(octo, datetime(2026, 11, 20, 9, 30, tzinfo=UTC))

    page = noa_client.get("/").content.decode()

    assert "octo" not in page
    assert "portal-as-of" not in page


def test_use_says_up_to_which_day_and_which_days_may_still_change(olga_client: Client, octo: Account) -> None:
    from metrics.models import ReportDay

    file = ReportFile.objects.create(
        source="download", kind="users-1-day", name="users", sha256="1" * 64, size=1
    )
    at = datetime(2026, 11, 20, 6, tzinfo=UTC)
    ReportDay.objects.create(
        account=octo, report="users", day=at.date() - timedelta(days=2), file=file, observed_at=at
    )

    page = olga_client.get("/metrics/userday/").content.decode()

    said: Any = "up to 2026-11-18 (UTC), as of 2026-11-20 06:00 UTC, from GitHub&#x27;s API"
    assert f"{said}; days from 2026-11-17 on are provisional" in page
    assert said not in olga_client.get("/seats/seat/").content.decode()
