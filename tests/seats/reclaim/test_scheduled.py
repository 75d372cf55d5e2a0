"""The rounds of a day: flag, tell, take back; one job per account, each after those before it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from portal import jobs
from portal.models import AuditEntry, Connection, Job, SyncSchedule
from portal.sync_schedules import install_for, run_due
from seats import tasks
from seats.models import Account, Notice, RevocationBatch, SeatReview
from seats.reclaim import scheduled
from tests.fake_github import FakeGitHub, Organization
from tests.seats.holding import NOON, ago, grant, hold, organization
from tests.seats.reclaim.approved import asked_to_end, idle_people, pending, policy, trail
from tests.seats.sync.running import done

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

ROUNDS = {"flagging": "flag-seats", "notices": "send-notices", "revoking": "reclaim-seats"}


@pytest.fixture
def connected(db: None) -> Connection:
    """An enterprise with two organizations, and one by itself; nobody at the other end."""
    connection = Connection.objects.create(name="acme", secret_env="NO_TOKEN")
    enterprise = Account.objects.create(kind="enterprise", login="acme-inc", connection=connection)
    organization("east", parent=enterprise)
    organization("west", parent=enterprise)
    organization("alone", connection=connection)
    return connection


def enqueued(kind: str, connection: Connection, by: Any = None) -> list[str]:
    return [job.subject for job in getattr(tasks, f"enqueue_{kind}")(connection.pk, by)]


def run(job: Job) -> Job:
    tasks.run_round(job.pk)
    job.refresh_from_db()
    return job


# --- One job per account ----------------------------------------------------------------------


def test_an_enterprises_job_flags_and_tells_for_its_organizations(connected: Connection) -> None:
    heads = [one.subject for one in Account.objects.filter(login__in=["acme-inc", "alone"])]

    assert sorted(enqueued("flagging", connected)) == sorted(heads)
    assert sorted(enqueued("notices", connected)) == sorted(heads)


def test_seats_are_taken_back_account_by_account(connected: Connection) -> None:
    assert sorted(enqueued("revoking", connected)) == sorted(one.subject for one in Account.objects.all())


def test_a_round_that_is_live_is_not_begun_twice(connected: Connection, olga: Any) -> None:
    first = tasks.enqueue_flagging(connected.pk)

    assert tasks.enqueue_flagging(connected.pk, olga) == first
    assert Job.objects.count() == 2


def test_a_connection_that_is_switched_off_has_no_rounds(connected: Connection) -> None:
    Connection.objects.update(is_active=False)

    assert [enqueued(kind, connected) for kind in ROUNDS] == [[], [], []]


def test_an_account_that_was_joined_with_another_says_so(connected: Connection) -> None:
    [_, job] = tasks.enqueue_flagging(connected.pk)
    Account.objects.filter(login="alone").delete()

    assert "joined with another one" in run(job).error


# --- The order of the day ---------------------------------------------------------------------


def test_a_day_flags_then_tells_then_takes_back(connected: Connection) -> None:
    at = {schedule.kind: schedule.daily_at for schedule in install_for(connected)}

    assert at["usage"] < at["flagging"] < at["notices"] < at["revoking"]


@pytest.mark.parametrize(
    ("kind", "waits_for"),
    [
        ("flag-seats", ["sync-seats", "sync-usage"]),
        ("send-notices", ["sync-seats", "sync-usage", "flag-seats"]),
        ("reclaim-seats", ["sync-seats", "sync-usage", "flag-seats", "send-notices"]),
    ],
)
def test_a_round_waits_for_those_before_it_also_of_its_enterprise(
    connected: Connection, kind: str, waits_for: list[str], clock: time_machine.Coordinates
) -> None:
    enterprise, west = Account.objects.get(login="acme-inc"), Account.objects.get(login="west")
    for before in waits_for:
        for account in (west, enterprise):
            job = scheduled.enqueue(kind, west)
            ahead = jobs.enqueue(before, account.subject, "nowhere.at_all", {})

            assert run(job).state == Job.State.QUEUED
            assert f"wait for another job to end first: {before}" in job.error.replace("waits", "wait")
            assert job.run_after == timezone.now() + timedelta(minutes=1)

            ahead.finish(Job.State.FAILED)
            clock.shift(timedelta(minutes=1))
            assert run(job).state == Job.State.DONE, job.error


def test_a_round_waits_for_no_other_account(connected: Connection) -> None:
    jobs.enqueue("sync-seats", Account.objects.get(login="alone").subject, "nowhere.at_all", {})

    assert run(scheduled.enqueue("flag-seats", Account.objects.get(login="west"))).state == Job.State.DONE


def test_a_round_waits_for_a_quarter_of_a_day_at_most(
    connected: Connection, clock: time_machine.Coordinates
) -> None:
    west = Account.objects.get(login="west")
    jobs.enqueue("sync-usage", west.subject, "nowhere.at_all", {})
    job = scheduled.enqueue("flag-seats", west)
    clock.shift(timedelta(hours=6, minutes=1))

    assert run(job).state == Job.State.DONE


# --- What they do -----------------------------------------------------------------------------


def rounds(connection: Connection, clock: time_machine.Coordinates) -> dict[str, Job]:
    """The three schedules of a day, run as the queue does; the jobs as they ended."""
    ended = {}
    install_for(connection)
    for kind, name in ROUNDS.items():
        schedule = SyncSchedule.objects.get(connection=connection, kind=kind)
        assert schedule.next_run_at is not None
        clock.move_to(max(schedule.next_run_at, timezone.now()), tick=False)
        [job] = run_due(schedule.pk)
        assert job.kind == name
        ended[name] = run(job)
        assert ended[name].state == Job.State.DONE, ended[name].error
    return ended


def test_in_report_only_a_day_flags_and_does_nothing_else(
    connection: Connection,
    github: FakeGitHub,
    octo: Organization,
    account: Account,
    clock: time_machine.Coordinates,
) -> None:
    idle_people(octo, 3)
    policy(mode="report_only")
    done("seats", account)
    github.forget()

    ended = rounds(connection, clock)

    assert ended["flag-seats"].tally["opened"] == 3
    assert SeatReview.objects.open().count() == 3
    assert (Notice.objects.count(), RevocationBatch.objects.count()) == (0, 0)
    assert github.calls() == []


def test_in_automatic_mode_a_day_ends_with_seats_taken_back(
    connection: Connection,
    github: FakeGitHub,
    octo: Organization,
    account: Account,
    clock: time_machine.Coordinates,
) -> None:
    idle_people(octo, 3)
    policy(mode="automatic", notice_days=0)
    clock.move_to(NOON + timedelta(hours=19, minutes=30), tick=False)
    done("seats", account)

    rounds(connection, clock)

    batch = RevocationBatch.objects.get()
    assert batch.is_automatic
    execution = Job.objects.get(kind="revoke-batch")
    tasks.execute_batch(execution.pk)
    assert pending(octo) == ["user-1", "user-2", "user-3"]
    assert asked_to_end(github) == [["user-1", "user-2", "user-3"]]
    assert trail(batch.subject)[0] == "seats proposed"


# --- Midnight ---------------------------------------------------------------------------------


def test_accounts_from_files_alone_are_flagged_every_night(connected: Connection) -> None:
    lonely = organization("from-files")
    below = Account.objects.create(kind="enterprise", login="files-inc")
    organization("below", parent=below)
    policy()
    hold(lonely, grant(1, "ana", used=90), grant(2, "ben", used=1))

    tasks.refresh_verdicts()

    nightly = {job.subject: job for job in Job.objects.filter(kind="flag-seats")}
    assert set(nightly) == {lonely.subject, below.subject}
    assert run(nightly[lonely.subject]).tally["opened"] == 1
    assert [review.seat.user.login for review in SeatReview.objects.open()] == ["ana"]


def test_batches_nobody_decided_expire_at_midnight(clock: time_machine.Coordinates) -> None:
    account = organization("acme")
    batch = RevocationBatch.objects.create(account=account, seats_held=1, digest="", proposed_at=ago(60))

    tasks.refresh_verdicts()

    batch.refresh_from_db()
    assert batch.state == RevocationBatch.State.EXPIRED
    assert AuditEntry.objects.filter(action="batch expired", subject=batch.subject).exists()
