"""The one way a long task runs."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_q.exceptions import TimeoutException
from django_q.models import OrmQ, Schedule

from portal import jobs
from portal.models import AuditEntry, Job
from portal.tasks import SCHEDULES, install_schedules, reap_jobs

pytestmark = pytest.mark.django_db

DOORWAY = "tests.portal.test_jobs.take_in"
done: list[int] = []


def take_in(job_id: int) -> None:
    def work(run: jobs.Run) -> dict[str, int]:
        run.progress(5, 10)
        done.append(run.arguments["file"])
        return {"rows": 10}

    jobs.run(job_id, work)


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    done.clear()


def enqueued(subject: str = "file:1", file: int = 1) -> Job:
    return jobs.enqueue("take-in", subject, DOORWAY, {"file": file})


def at_work(attempts: int = 1, silent_for: timedelta = timedelta(0), **values: object) -> Job:
    job = enqueued()
    beat = timezone.now() - silent_for
    Job.objects.filter(pk=job.pk).update(
        state=Job.State.RUNNING, attempts=attempts, started_at=beat, heartbeat_at=beat, **values
    )
    job.refresh_from_db()
    return job


def test_a_job_does_its_work_once_and_says_what_came_of_it() -> None:
    job = enqueued(file=7)

    take_in(job.pk)

    job.refresh_from_db()
    assert (job.state, job.tally, job.error, job.live_key) == (Job.State.DONE, {"rows": 10}, "", None)
    assert (job.progress_done, job.percent, job.attempts) == (5, 50, 1)
    assert job.started_at
    assert job.finished_at
    assert done == [7]


def test_how_much_there_is_to_do_shows_at_once_even_if_it_just_gave_a_sign_of_life() -> None:
    job = enqueued()
    shown: list[int | None] = []

    def work(run: jobs.Run) -> None:
        run.beat()
        run.progress(0, 6)
        # Here it may wait for long, and say nothing.
        shown.append(Job.objects.get(pk=job.pk).progress_total)

    jobs.run(job.pk, work)

    assert shown == [6]


def test_a_second_delivery_finds_nothing_to_do() -> None:
    job = enqueued()

    take_in(job.pk)
    take_in(job.pk)

    assert done == [1]


def test_a_delivery_while_another_worker_is_at_it_finds_nothing_to_do() -> None:
    job = at_work()

    take_in(job.pk)

    assert done == []


def test_enqueueing_the_same_again_returns_the_live_job_and_sends_no_second_message() -> None:
    first = enqueued()

    assert enqueued() == first
    assert OrmQ.objects.count() == 1
    assert enqueued("file:2") != first


def test_a_job_that_is_over_makes_room_for_the_next() -> None:
    first = enqueued()
    take_in(first.pk)

    assert enqueued() != first


def test_the_database_itself_allows_one_live_job_per_kind_and_subject() -> None:
    job = enqueued()

    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.create(kind="take-in", subject="file:1", task=DOORWAY, live_key=job.live_key)
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.create(kind="take-in", subject="file:9", task=DOORWAY, live_key=None)


def test_a_request_that_is_rolled_back_leaves_neither_job_nor_message() -> None:
    with transaction.atomic():
        enqueued()
        transaction.set_rollback(True)

    assert not Job.objects.exists()
    assert not OrmQ.objects.exists()


def test_short_work_runs_here_and_sends_no_message() -> None:
    job = jobs.run_here("take-in", "file:1", DOORWAY, {"file": 1})

    assert job.state == Job.State.DONE
    assert not OrmQ.objects.exists()


def test_a_queued_job_is_cancelled_at_once_and_a_late_delivery_leaves_it_alone() -> None:
    admin = User.objects.create_user("ada")
    job = enqueued()

    assert jobs.cancel(job, admin)
    take_in(job.pk)

    job.refresh_from_db()
    assert (job.state, job.live_key) == (Job.State.CANCELLED, None)
    assert done == []
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject, entry.actor_name) == ("job cancelled", f"job:{job.pk}", "ada")


def test_a_running_job_is_cancelled_at_its_next_beat() -> None:
    job = enqueued()

    def work(run: jobs.Run) -> None:
        assert jobs.cancel(run.job, None)
        run.progress(1, 2)
        done.append(1)

    jobs.run(job.pk, work)

    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    assert done == []


def test_what_is_over_cannot_be_cancelled() -> None:
    job = enqueued()
    take_in(job.pk)

    assert not jobs.cancel(job, None)
    assert not AuditEntry.objects.exists()


def test_a_refusal_is_told_in_its_own_words() -> None:
    job = enqueued()

    def work(run: jobs.Run) -> None:
        raise jobs.Refused("This file is of another organization.")

    jobs.run(job.pk, work)

    job.refresh_from_db()
    assert (job.state, job.error) == (Job.State.FAILED, "This file is of another organization.")


def test_an_unexpected_error_is_told_without_a_traceback_and_logged_with_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    job = enqueued()

    def work(run: jobs.Run) -> None:
        raise ZeroDivisionError("secret detail")

    with caplog.at_level(logging.ERROR, logger="portal.jobs"):
        jobs.run(job.pk, work)

    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert f"Job {job.pk}" in job.error
    assert "secret detail" not in job.error
    assert "ZeroDivisionError" in caplog.text


def test_a_job_cut_off_by_the_time_limit_ends_as_failed_and_lets_the_worker_die() -> None:
    job = enqueued()

    def work(run: jobs.Run) -> None:
        raise TimeoutException

    with pytest.raises(SystemExit):
        jobs.run(job.pk, work)

    job.refresh_from_db()
    assert (job.state, job.live_key) == (Job.State.FAILED, None)
    assert job.error == "It took longer than 30 minutes and was stopped."


def test_a_worker_told_to_exit_leaves_no_job_behind_that_looks_alive() -> None:
    job = enqueued()

    def work(run: jobs.Run) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        jobs.run(job.pk, work)

    job.refresh_from_db()
    assert (job.state, job.error) == (Job.State.FAILED, "The worker was stopped before the work was done.")


def test_a_silent_job_is_given_to_another_worker() -> None:
    job = at_work(silent_for=timedelta(minutes=3))
    OrmQ.objects.all().delete()

    assert reap_jobs()["requeued"] == 1
    job.refresh_from_db()
    assert job.state == Job.State.QUEUED
    assert OrmQ.objects.count() == 1

    take_in(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts) == (Job.State.DONE, 2)


def test_a_job_that_beats_is_left_alone() -> None:
    job = at_work(silent_for=timedelta(minutes=1))

    assert not any(reap_jobs().values())
    job.refresh_from_db()
    assert job.state == Job.State.RUNNING


def test_a_job_that_fell_silent_three_times_is_given_up() -> None:
    job = at_work(deaths=jobs.MAX_DEATHS - 1, silent_for=timedelta(minutes=3))

    assert reap_jobs()["failed"] == 1
    job.refresh_from_db()
    assert (job.state, job.live_key) == (Job.State.FAILED, None)
    assert "3 times" in job.error


def test_a_silent_job_that_was_to_be_cancelled_is_not_started_again() -> None:
    job = at_work(silent_for=timedelta(minutes=3), cancel_requested=True)

    reap_jobs()

    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED


def test_a_worker_that_lost_its_job_to_the_reaper_stops_and_changes_nothing() -> None:
    job = enqueued()

    def work(run: jobs.Run) -> None:
        Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=3))
        reap_jobs()
        Job.objects.claim(job.pk, timezone.now())  # the other worker
        run.progress(1, 2)
        done.append(1)

    jobs.run(job.pk, work)

    job.refresh_from_db()
    assert (job.state, job.attempts) == (Job.State.RUNNING, 2)
    assert done == []


def test_a_queued_job_whose_message_was_lost_is_woken_again() -> None:
    job = enqueued()
    OrmQ.objects.all().delete()

    assert reap_jobs()["woken"] == 0, "it may still be on its way"
    Job.objects.filter(pk=job.pk).update(woken_at=timezone.now() - timedelta(minutes=11))

    assert reap_jobs()["woken"] == 1
    assert OrmQ.objects.count() == 1


def test_a_job_waiting_behind_a_long_queue_is_not_woken_twice() -> None:
    job = enqueued()
    Job.objects.filter(pk=job.pk).update(woken_at=timezone.now() - timedelta(hours=1))

    assert reap_jobs()["woken"] == 0


def test_installing_the_schedules_again_changes_nothing() -> None:
    install_schedules()
    Schedule.objects.update(next_run=timezone.now() + timedelta(days=3))
    before = list(Schedule.objects.order_by("pk").values())

    install_schedules()

    assert list(Schedule.objects.order_by("pk").values()) == before
    assert len(before) == len(SCHEDULES)
    assert {schedule["func"] for schedule in before} >= {
        "portal.tasks.reap_jobs",
        "metrics.tasks.rebuild_dirty_days",
        "seats.tasks.refresh_verdicts",
    }
