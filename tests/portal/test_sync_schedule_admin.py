"""Sync schedules in the admin: told in words, edited, run on demand."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django_q.models import Schedule

from portal import jobs
from portal.models import AuditEntry, Connection, Job, SyncSchedule
from portal.sync_schedules import SYNC_DOORWAYS, install_for
from tests.counting import queries_of

pytestmark = pytest.mark.django_db

SCHEDULES = "/portal/syncschedule/"


def enqueue_one(connection_id: int, by: Any = None) -> list[Job]:
    """A doorway of the tests."""
    return [jobs.enqueue("sync-seats", "organization:1", "nowhere.at_all", {}, by)]


def enqueue_none(connection_id: int, by: Any = None) -> list[Job]:
    return []


@pytest.fixture
def schedule(monkeypatch: pytest.MonkeyPatch) -> SyncSchedule:
    """That of the seats of a connection with all its schedules."""
    for kind in SyncSchedule.Kind:
        monkeypatch.setitem(SYNC_DOORWAYS, kind, f"{__name__}.enqueue_one")
    connection = Connection.objects.create(pk=2, name="octo", secret_env="OCTO_TOKEN")
    return install_for(connection)[0]


def page_of(schedule: SyncSchedule) -> str:
    return f"{SCHEDULES}{schedule.pk}/change/"


def test_they_are_listed_in_words(vic_client: Client, schedule: SyncSchedule) -> None:
    page = vic_client.get(SCHEDULES).content.decode()

    assert "Every hour, 14 minutes past" in page
    assert "Every day at 06:14 UTC" in page
    assert f"{schedule.next_run_at:%Y-%m-%d %H:%M} UTC" in page


def test_the_list_asks_as_often_for_many_as_for_few(olga_client: Client, schedule: SyncSchedule) -> None:
    few = queries_of(olga_client, SCHEDULES)
    for number in range(5):
        install_for(Connection.objects.create(name=f"octo-{number}", secret_env="OCTO_TOKEN"))

    assert queries_of(olga_client, SCHEDULES) == few <= 10


def test_an_edit_moves_the_queues_schedule_and_is_remembered(
    olga_client: Client, schedule: SyncSchedule
) -> None:
    response = olga_client.post(
        page_of(schedule),
        {
            "is_on": "on",
            "cadence": "daily",
            "every_hours": "6",
            "daily_at": "21:00",
            "time_zone": "Europe/Berlin",
        },
    )

    assert response.status_code == 302
    schedule.refresh_from_db()
    assert schedule.in_words == "every day at 21:00, Europe/Berlin time"
    row = Schedule.objects.get(func="portal.tasks.run_sync_schedule", args=str(schedule.pk))
    assert row.next_run == schedule.next_run_at
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.detail["is"]) == ("sync schedule changed", schedule.in_words)


def test_a_time_zone_that_is_none_is_refused(olga_client: Client, schedule: SyncSchedule) -> None:
    fields = {"cadence": "daily", "every_hours": "6", "daily_at": "21:00", "time_zone": "Berlin"}

    assert "Select a valid choice" in olga_client.post(page_of(schedule), fields).content.decode()


def test_a_new_one_is_meant_in_utc_unless_somebody_says_otherwise(olga_client: Client) -> None:
    page = olga_client.get(f"{SCHEDULES}add/").content.decode()

    assert '<option value="UTC" selected>UTC</option>' in page


def test_what_it_fetches_for_whom_cannot_be_changed(olga_client: Client, schedule: SyncSchedule) -> None:
    page = olga_client.get(page_of(schedule)).content.decode()

    assert 'name="connection"' not in page
    assert 'name="kind"' not in page
    assert "Runs every hour, 14 minutes past." in page


def test_run_now_enqueues_it_and_says_so(olga: Any, olga_client: Client, schedule: SyncSchedule) -> None:
    page = olga_client.post(f"{SCHEDULES}{schedule.pk}/run/", follow=True).content.decode()

    assert "1 job in the queue." in page
    assert Job.objects.get().created_by == olga


def test_selected_schedules_are_run_now(olga_client: Client, schedule: SyncSchedule) -> None:
    olga_client.post(SCHEDULES, {"action": "run_now", "_selected_action": [schedule.pk]})

    assert Job.objects.count() == 1


def test_a_connection_without_accounts_says_that_there_is_nothing_to_ask_for(
    olga_client: Client, schedule: SyncSchedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SYNC_DOORWAYS, SyncSchedule.Kind.SEATS, f"{__name__}.enqueue_none")

    page = olga_client.post(f"{SCHEDULES}{schedule.pk}/run/", follow=True).content.decode()

    assert "there is no account to ask for" in page


def test_a_connection_that_is_off_is_not_asked(olga_client: Client, schedule: SyncSchedule) -> None:
    Connection.objects.update(is_active=False)

    page = olga_client.post(f"{SCHEDULES}{schedule.pk}/run/", follow=True).content.decode()

    assert "is switched off" in page
    assert "Run now" not in page
    assert not Job.objects.exists()
    assert "connection off" in olga_client.get(SCHEDULES).content.decode()


def test_whoever_may_only_look_neither_runs_nor_edits(vic_client: Client, schedule: SyncSchedule) -> None:
    assert "Run now" not in vic_client.get(page_of(schedule)).content.decode()
    assert vic_client.post(f"{SCHEDULES}{schedule.pk}/run/").status_code == 403
    assert vic_client.post(page_of(schedule), {"cadence": "daily"}).status_code == 403
    vic_client.post(SCHEDULES, {"action": "run_now", "_selected_action": [schedule.pk]})

    assert not Job.objects.exists()


def test_a_connection_can_be_deleted_with_its_schedules(
    noa: Any, noa_client: Client, schedule: SyncSchedule
) -> None:
    """Whoever may delete both is not stopped by the queue's own table, which nobody may edit."""
    noa.user_permissions.set(
        Permission.objects.filter(
            codename__in=["view_connection", "delete_connection", "delete_syncschedule", "view_syncschedule"]
        )
    )

    noa_client.post(f"/portal/connection/{schedule.connection_id}/delete/", {"post": "yes"})

    assert not Connection.objects.exists()
    assert not SyncSchedule.objects.exists()
