"""When connections are fetched: times that outlive the change of clocks, and a queue kept in step."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db import connection as database
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q import scheduler as django_q_scheduler
from django_q.models import OrmQ, Schedule

from portal import jobs, sync_schedules
from portal.models import Connection, Job, SyncSchedule
from portal.sync_schedules import SYNC_DOORWAYS, install_for
from portal.tasks import install_schedules, reap_jobs, run_sync_schedule

pytestmark = pytest.mark.django_db

Kind, Cadence = SyncSchedule.Kind, SyncSchedule.Cadence
asked: list[tuple[int, Any]] = []


def enqueue_nothing_but_note_it(connection_id: int, by: Any = None) -> list[Job]:
    """A doorway of the tests: two accounts."""
    asked.append((connection_id, by))
    return [jobs.enqueue("sync-seats", f"organization:{n}", "nowhere.at_all", {}, by) for n in (1, 2)]


def doorway_that_fails(connection_id: int, by: Any = None) -> list[Job]:
    raise ZeroDivisionError


@pytest.fixture(autouse=True)
def _doorways(monkeypatch: pytest.MonkeyPatch) -> None:
    asked.clear()
    for kind in Kind:
        monkeypatch.setitem(SYNC_DOORWAYS, kind, f"{__name__}.enqueue_nothing_but_note_it")


@pytest.fixture
def connection(db: None) -> Connection:
    return Connection.objects.create(name="octo", secret_env="OCTO_TOKEN")


def daily(connection: Connection, at: str = "06:30", zone: str = "UTC", **values: Any) -> SyncSchedule:
    values = {"kind": Kind.USAGE, "cadence": Cadence.DAILY, **values}
    return SyncSchedule.objects.create(
        connection=connection, daily_at=time.fromisoformat(at), time_zone=zone, **values
    )


def queued(schedule: SyncSchedule) -> list[Any]:
    """The queue's own schedules for this one."""
    return list(Schedule.objects.filter(func="portal.tasks.run_sync_schedule", args=str(schedule.pk)))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# --- What a connection starts with ------------------------------------------------------------


def test_a_new_connection_is_asked_for_seats_hourly_and_for_the_rest_daily(connection: Connection) -> None:
    made = {schedule.kind: schedule for schedule in install_for(connection)}

    assert set(made) == set(Kind)
    assert made["seats"].cadence == Cadence.HOURLY
    assert {made[kind].cadence for kind in Kind if kind != Kind.SEATS} == {Cadence.DAILY}
    assert [kind for kind in Kind if not made[kind].is_on] == [Kind.LEGACY]
    assert len({made[kind].daily_at for kind in Kind if kind != Kind.SEATS}) == 8, "not all at once"


def test_installing_again_leaves_what_an_admin_has_changed(connection: Connection) -> None:
    install_for(connection)
    SyncSchedule.objects.get(kind=Kind.TEAMS).delete()
    SyncSchedule.objects.filter(kind=Kind.SEATS).update(is_on=False)

    install_for(connection)

    assert SyncSchedule.objects.count() == len(Kind)
    assert not SyncSchedule.objects.get(kind=Kind.SEATS).is_on


def test_a_connection_made_before_there_was_flagging_gets_its_schedules_once(
    connection: Connection, clock: time_machine.Coordinates
) -> None:
    daily(connection, "23:00", kind=Kind.NOTICES)
    upgrade = import_module("portal.migrations.0005_schedules_for_connections")
    by_hand = SimpleNamespace(connection=database)
    apps = MigrationLoader(database).project_state(("portal", "0005_schedules_for_connections")).apps

    upgrade.make(apps, by_hand)

    made = {schedule.kind: schedule for schedule in SyncSchedule.objects.all()}
    assert set(made) == {Kind.FLAGGING, Kind.NOTICES, Kind.REVOKING}
    assert made[Kind.NOTICES].daily_at == time(23), "what was there stays as it is"
    installed = install_for(Connection.objects.create(name="new", secret_env="OCTO_TOKEN"))
    hours = {one.kind: one.daily_at.hour for one in installed}
    assert made[Kind.FLAGGING].daily_at.hour == hours[Kind.FLAGGING] == upgrade.HOURS["flagging"]
    assert made[Kind.REVOKING].daily_at.hour == hours[Kind.REVOKING] == upgrade.HOURS["revoking"]

    for schedule in (made[Kind.FLAGGING], made[Kind.REVOKING]):
        assert schedule.next_run_at == schedule.next_after(timezone.now())
        assert queued(schedule) == []
    clock.shift(timedelta(days=1))
    assert reap_jobs()["schedules"] >= 2
    assert [len(queued(made[kind])) for kind in (Kind.FLAGGING, Kind.REVOKING)] == [1, 1]

    upgrade.remove(apps, by_hand)
    assert not SyncSchedule.objects.filter(kind__in=[Kind.FLAGGING, Kind.NOTICES, Kind.REVOKING]).exists()


def test_a_server_that_still_answers_the_older_systems_is_asked_for_them(connection: Connection) -> None:
    connection.legacy_apis = True

    assert all(schedule.is_on for schedule in install_for(connection))


def test_every_kind_has_its_doorway_and_it_exists() -> None:
    doorways = {
        "seats": "seats.tasks.enqueue_seats",
        "members": "seats.tasks.enqueue_members",
        "teams": "seats.tasks.enqueue_teams",
        "billing": "seats.tasks.enqueue_billing",
        "usage": "metrics.tasks.enqueue_usage",
        "legacy": "metrics.tasks.enqueue_legacy",
        "flagging": "seats.tasks.enqueue_flagging",
        "notices": "seats.tasks.enqueue_notices",
        "revoking": "seats.tasks.enqueue_revoking",
    }
    assert set(SYNC_DOORWAYS) == set(Kind) == set(doorways)
    for doorway in doorways.values():
        assert callable(import_string(doorway))


def test_a_connection_has_one_schedule_of_a_kind(connection: Connection) -> None:
    daily(connection)

    with pytest.raises(IntegrityError), transaction.atomic():
        daily(connection)


# --- When -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "at", "after", "due"),
    [
        ("UTC", "06:30", "2026-11-20 06:29", "2026-11-20 06:30"),
        ("UTC", "06:30", "2026-11-20 06:30", "2026-11-21 06:30"),
        ("America/New_York", "21:00", "2026-11-20 12:00", "2026-11-21 02:00"),
        ("Pacific/Kiritimati", "00:00", "2026-11-20 12:00", "2026-11-21 10:00"),
        ("Asia/Kathmandu", "06:30", "2026-11-20 12:00", "2026-11-21 00:45"),
        # Berlin goes to summer time on 28 March 2027 at 02:00: 06:30 stays 06:30 on the wall.
        ("Europe/Berlin", "06:30", "2027-03-27 04:00", "2027-03-27 05:30"),
        ("Europe/Berlin", "06:30", "2027-03-27 12:00", "2027-03-28 04:30"),
        # On that day there is no 02:30: it comes an hour later on the wall, and once.
        ("Europe/Berlin", "02:30", "2027-03-27 12:00", "2027-03-28 01:30"),
        ("Europe/Berlin", "02:30", "2027-03-28 01:30", "2027-03-29 00:30"),
        # And on 31 October 2027 there are two: it comes at the first, and once.
        ("Europe/Berlin", "02:30", "2027-10-30 12:00", "2027-10-31 00:30"),
        ("Europe/Berlin", "02:30", "2027-10-31 00:30", "2027-11-01 01:30"),
        ("Europe/Berlin", "06:30", "2027-10-30 12:00", "2027-10-31 05:30"),
    ],
)
def test_a_time_of_day_is_meant_on_the_wall(
    connection: Connection, zone: str, at: str, after: str, due: str
) -> None:
    assert daily(connection, at, zone).next_after(utc(after)) == utc(due)


def test_every_day_of_a_year_has_exactly_one_run(connection: Connection) -> None:
    schedule = daily(connection, "02:30", "Europe/Berlin")
    due = utc("2026-12-31 12:00")
    days = []
    while due < utc("2027-12-31 00:00"):
        due = schedule.next_after(due)
        days.append(due.astimezone(UTC).date())

    assert len(days) == len(set(days)) == 365


def test_every_hour_comes_at_a_minute_of_the_connections_own(connection: Connection) -> None:
    schedule = daily(connection, cadence=Cadence.HOURLY)

    first = schedule.next_after(utc("2026-11-20 12:00"))

    assert first.minute == schedule.minute
    assert first - utc("2026-11-20 12:00") <= timedelta(hours=1)
    assert schedule.next_after(first) == first + timedelta(hours=1)


def test_every_few_hours_are_counted_from_midnight_in_the_time_zone(connection: Connection) -> None:
    schedule = daily(connection, zone="Europe/Berlin", cadence=Cadence.EVERY_HOURS, every_hours=8)
    at = utc("2026-11-19 12:00")

    local = []
    for _ in range(4):
        at = schedule.next_after(at)
        local.append((at + timedelta(hours=1)).hour)

    assert local == [16, 0, 8, 16]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"cadence": Cadence.DAILY}, "every day at 06:30 UTC"),
        ({"cadence": Cadence.DAILY, "zone": "Europe/Berlin"}, "every day at 06:30, Europe/Berlin time"),
        ({"cadence": Cadence.HOURLY}, "every hour, 14 minutes past"),
        ({"cadence": Cadence.EVERY_HOURS, "every_hours": 4}, "every 4 hours from 00:14 UTC"),
    ],
    ids=["daily", "elsewhere", "hourly", "every-four-hours"],
)
def test_how_often_is_told_in_words(values: dict[str, Any], words: str) -> None:
    connection = Connection.objects.create(pk=2, name="octo", secret_env="OCTO_TOKEN")

    assert daily(connection, **values).in_words == words


def test_a_time_zone_that_is_none_is_refused(connection: Connection) -> None:
    schedule = SyncSchedule(connection=connection, kind=Kind.SEATS, time_zone="Berlin")

    with pytest.raises(ValidationError, match=r"Berlin is no time zone"):
        schedule.full_clean()


# --- The queue's own schedule -----------------------------------------------------------------


def test_the_queue_keeps_one_schedule_in_step(
    connection: Connection, clock: time_machine.Coordinates
) -> None:
    schedule = daily(connection)
    [row] = queued(schedule)
    assert row.next_run == schedule.next_run_at == utc("2026-11-21 06:30")

    schedule.daily_at = time(13, 0)
    schedule.save()

    [row] = queued(schedule)
    assert row.next_run == schedule.next_run_at == utc("2026-11-20 13:00")


def test_switched_off_it_leaves_the_queue(connection: Connection) -> None:
    schedule = daily(connection)
    schedule.is_on = False
    schedule.save()

    assert queued(schedule) == []
    assert schedule.next_run_at is None


def test_deleted_it_leaves_the_queue(connection: Connection) -> None:
    one, two = daily(connection), daily(connection, kind=Kind.TEAMS)

    one.delete()
    assert [len(queued(two)), Schedule.objects.count()] == [1, 1]
    SyncSchedule.objects.all().delete()

    assert not Schedule.objects.exists()


def test_deleted_with_its_connection_it_leaves_the_queue_within_a_minute(connection: Connection) -> None:
    install_schedules()
    install_for(connection)
    connection.delete()

    reap_jobs()

    assert not Schedule.objects.filter(func="portal.tasks.run_sync_schedule").exists()
    assert Schedule.objects.exists(), "the portal's own stay"


# --- Due --------------------------------------------------------------------------------------


def when_due(schedule: SyncSchedule, clock: time_machine.Coordinates) -> None:
    assert schedule.next_run_at is not None
    clock.move_to(schedule.next_run_at + timedelta(seconds=20), tick=False)


def test_when_it_is_due_the_connections_accounts_are_enqueued_and_the_next_run_planned(
    connection: Connection, clock: time_machine.Coordinates
) -> None:
    schedule = daily(connection)
    when_due(schedule, clock)

    assert run_sync_schedule(schedule.pk) == 2

    assert asked == [(connection.pk, None)]
    schedule.refresh_from_db()
    assert schedule.next_run_at == utc("2026-11-22 06:30")
    assert schedule.last_enqueued_at == timezone.now()
    assert [row.next_run for row in queued(schedule)] == [schedule.next_run_at]


def test_delivered_twice_it_runs_once(connection: Connection, clock: time_machine.Coordinates) -> None:
    schedule = daily(connection)
    when_due(schedule, clock)

    run_sync_schedule(schedule.pk)
    run_sync_schedule(schedule.pk)

    assert len(asked) == 1


@pytest.mark.django_db(transaction=True)
def test_the_queue_itself_wakes_it_across_the_change_of_clocks(
    connection: Connection, clock: time_machine.Coordinates
) -> None:
    """django-q2 adds a day in UTC; what it planned is put right before it comes."""
    clock.move_to(utc("2027-03-26 12:00"), tick=False)
    schedule = daily(connection, "06:30", "Europe/Berlin")
    ran = []
    for _ in range(3):
        when_due(schedule, clock)
        django_q_scheduler.scheduler()
        [message] = OrmQ.objects.all()
        import_string(message.func())(*message.task["args"])
        message.delete()
        Job.objects.all().delete()
        OrmQ.objects.all().delete()
        ran.append(schedule.next_run_at)
        schedule.refresh_from_db()

    assert ran == [utc("2027-03-27 05:30"), utc("2027-03-28 04:30"), utc("2027-03-29 04:30")]
    assert len(asked) == 3


def test_a_run_whose_message_was_lost_is_made_up_for(
    connection: Connection, clock: time_machine.Coordinates
) -> None:
    schedule = daily(connection)
    when_due(schedule, clock)
    Schedule.objects.update(next_run=timezone.now() + timedelta(days=1))  # the queue believes it sent one

    clock.shift(timedelta(minutes=14))
    assert reap_jobs()["schedules"] == 0
    clock.shift(timedelta(minutes=2))
    assert reap_jobs()["schedules"] == 1
    assert reap_jobs()["schedules"] == 0
    assert len(asked) == 1


def test_runs_missed_while_nobody_worked_are_made_once(
    connection: Connection, clock: time_machine.Coordinates
) -> None:
    schedule = daily(connection)
    clock.shift(timedelta(days=10))

    reap_jobs()
    run_sync_schedule(schedule.pk)

    assert len(asked) == 1


def test_one_that_fails_stays_due_and_keeps_no_other_from_running(
    connection: Connection, clock: time_machine.Coordinates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SYNC_DOORWAYS, Kind.MEMBERS, f"{__name__}.doorway_that_fails")
    broken, whole = daily(connection, kind=Kind.MEMBERS), daily(connection, kind=Kind.TEAMS)
    clock.shift(timedelta(days=1))

    assert reap_jobs()["schedules"] == 1

    broken.refresh_from_db()
    whole.refresh_from_db()
    assert (broken.next_run_at, whole.next_run_at) == (utc("2026-11-21 06:30"), utc("2026-11-22 06:30"))


def test_a_connection_that_is_off_is_not_asked(
    connection: Connection, clock: time_machine.Coordinates
) -> None:
    schedule = daily(connection)
    Connection.objects.update(is_active=False)
    when_due(schedule, clock)

    assert run_sync_schedule(schedule.pk) == 0
    assert asked == []


def test_a_message_for_a_schedule_that_is_gone_does_nothing(connection: Connection) -> None:
    schedule = daily(connection)
    pk = schedule.pk
    connection.delete()

    assert run_sync_schedule(pk) == 0
    assert not Schedule.objects.exists()


def test_run_now_leaves_the_next_run_as_it_is(
    connection: Connection, olga: Any, clock: time_machine.Coordinates
) -> None:
    schedule = daily(connection)

    started = sync_schedules.enqueue(schedule, olga)

    assert [job.created_by for job in started] == [olga, olga]
    schedule.refresh_from_db()
    assert schedule.next_run_at == utc("2026-11-21 06:30")
    assert schedule.last_enqueued_at == timezone.now()


def test_a_change_while_a_run_is_due_does_not_lose_it(
    connection: Connection, clock: time_machine.Coordinates
) -> None:
    schedule = daily(connection)
    when_due(schedule, clock)
    schedule.daily_at = time(23, 0)
    schedule.save()

    assert run_sync_schedule(schedule.pk) == 2
