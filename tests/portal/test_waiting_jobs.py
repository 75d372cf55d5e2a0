"""Jobs that GitHub asked to wait, that are tried again, that outlive their workers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone
from django_q.models import OrmQ

from portal import jobs, leash
from portal.github.errors import MissingPermission, RateLimited, ServerTrouble
from portal.models import AuditEntry, Job
from portal.models.job import ERROR_SIZE, TALLY_SIZE, kept_tally
from portal.tasks import reap_jobs

DOORWAY = "tests.portal.test_waiting_jobs.do"

pytestmark = pytest.mark.django_db
works: list[Callable[[jobs.Run], Any]] = []


def do(job_id: int) -> None:
    """What comes next in `works`."""
    jobs.run(job_id, lambda run: works.pop(0)(run))


@pytest.fixture(autouse=True)
def _no_work() -> None:
    works.clear()


def enqueued(subject: str = "organization:1", **options: Any) -> Job:
    return jobs.enqueue("sync-seats", subject, DOORWAY, {}, **options)


def delivered(job: Job, *, work: Callable[[jobs.Run], Any]) -> Job:
    """The job after one more delivery, in which this is the work."""
    works.append(work)
    do(job.pk)
    job.refresh_from_db()
    return job


def raising(error: BaseException) -> Callable[[jobs.Run], None]:
    def work(run: jobs.Run) -> None:
        raise error

    return work


def well(run: jobs.Run) -> dict[str, int]:
    return {"rows_seen": 7}


def wake_ups() -> int:
    return OrmQ.objects.count()


# --- Later ------------------------------------------------------------------------------------


def test_work_that_must_wait_goes_back_to_the_queue_as_itself(clock: time_machine.Coordinates) -> None:
    until = timezone.now() + timedelta(minutes=40)

    job = delivered(enqueued(), work=raising(jobs.Later(until, "GitHub asks to wait.")))

    assert (job.state, job.run_after, job.error) == ("queued", until, "GitHub asks to wait.")
    assert job.live_key == "sync-seats:organization:1"
    assert job.is_waiting
    assert enqueued() == job, "nobody starts a second one meanwhile"


def test_a_job_that_waits_is_not_started_by_a_late_delivery(clock: time_machine.Coordinates) -> None:
    job = delivered(enqueued(), work=raising(jobs.Later(timezone.now() + timedelta(minutes=5), "Wait.")))

    job = delivered(job, work=well)

    assert (job.state, job.attempts, len(works)) == ("queued", 1, 1)


def test_the_reaper_wakes_a_job_whose_time_has_come_and_no_sooner(clock: time_machine.Coordinates) -> None:
    job = delivered(enqueued(), work=raising(jobs.Later(timezone.now() + timedelta(minutes=5), "Wait.")))
    OrmQ.objects.all().delete()  # the message that has been delivered

    clock.shift(timedelta(minutes=4, seconds=59))
    assert reap_jobs()["woken"] == 0
    clock.shift(timedelta(seconds=1))
    assert reap_jobs()["woken"] == 1
    assert reap_jobs()["woken"] == 0, "once is enough"
    assert wake_ups() == 1

    assert delivered(job, work=well).state == "done"


def test_waiting_is_no_crash(clock: time_machine.Coordinates) -> None:
    job = enqueued()
    for _ in range(10):
        job = delivered(job, work=raising(jobs.Later(timezone.now() + timedelta(minutes=1), "Wait.")))
        clock.shift(timedelta(minutes=1))

    assert delivered(job, work=well).state == "done"


def test_a_job_may_be_enqueued_for_later(clock: time_machine.Coordinates) -> None:
    job = enqueued(run_after=timezone.now() + timedelta(hours=1))

    assert wake_ups() == 0
    clock.shift(timedelta(hours=1))
    assert reap_jobs()["woken"] == 1
    assert delivered(job, work=well).state == "done"


def test_a_time_that_has_passed_is_no_reason_to_wait() -> None:
    enqueued(run_after=timezone.now() - timedelta(seconds=1))

    assert wake_ups() == 1


def test_many_jobs_whose_time_has_come_are_woken_a_few_at_a_time_the_longest_waiting_first(
    clock: time_machine.Coordinates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "WOKEN_AT_ONCE", 2)
    waiting = [
        enqueued(f"organization:{n}", run_after=timezone.now() + timedelta(minutes=9 - n)) for n in range(3)
    ]
    clock.shift(timedelta(hours=1))

    assert reap_jobs()["woken"] == 2
    unwoken = Job.objects.get(woken_at=None)
    assert unwoken == waiting[0]
    assert [reap_jobs()["woken"] for _ in range(2)] == [1, 0]


def test_a_waiting_job_is_cancelled_at_once(clock: time_machine.Coordinates) -> None:
    job = delivered(enqueued(), work=raising(jobs.Later(timezone.now() + timedelta(minutes=5), "Wait.")))

    assert jobs.cancel(job, None)
    clock.shift(timedelta(minutes=6))

    assert reap_jobs()["woken"] == 0
    job.refresh_from_db()
    assert (job.state, job.live_key) == ("cancelled", None)


def test_a_job_to_be_cancelled_that_asks_to_wait_ends(clock: time_machine.Coordinates) -> None:
    job = enqueued()

    def work(run: jobs.Run) -> None:
        jobs.cancel(job, None)
        raise jobs.Later(timezone.now() + timedelta(minutes=5), "Wait.")

    assert delivered(job, work=work).state == "cancelled"


def test_work_begun_here_that_must_wait_is_left_to_the_worker(clock: time_machine.Coordinates) -> None:
    works.append(raising(jobs.Later(timezone.now() + timedelta(minutes=5), "Wait.")))

    job = jobs.run_here("sync-seats", "organization:1", DOORWAY, {})

    assert job.is_waiting
    clock.shift(timedelta(minutes=5))
    assert reap_jobs()["woken"] == 1


# --- What GitHub says -------------------------------------------------------------------------


def test_a_rate_limit_makes_the_job_wait_exactly_as_long_as_github_asked(
    clock: time_machine.Coordinates,
) -> None:
    until = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)

    job = delivered(enqueued(), work=raising(RateLimited("The hourly allowance is used up.", until=until)))

    assert (job.state, job.run_after) == ("queued", until)
    assert job.error == "The hourly allowance is used up."


def test_a_limit_that_has_passed_by_our_clock_is_no_reason_to_ask_again_at_once(
    clock: time_machine.Coordinates,
) -> None:
    past = timezone.now() - timedelta(seconds=3)

    job = delivered(enqueued(), work=raising(RateLimited("Wait.", until=past)))

    assert job.run_after == timezone.now() + jobs.SHORTEST_WAIT
    assert wake_ups() == 1, "only the one that was delivered"


def test_trouble_at_githubs_end_is_tried_again_with_growing_pauses_and_then_told(
    clock: time_machine.Coordinates,
) -> None:
    job = enqueued()
    pauses = []
    for _ in range(4):
        job = delivered(job, work=raising(ServerTrouble("GitHub does not answer.", status=502)))
        assert job.run_after is not None
        pauses.append((job.run_after - timezone.now()) // timedelta(minutes=1))
        clock.move_to(job.run_after)
    job = delivered(job, work=raising(ServerTrouble("GitHub does not answer.", status=502)))

    assert pauses == [1, 5, 15, 60]
    assert (job.state, job.error, job.live_key) == ("failed", "GitHub does not answer.", None)


def test_an_answer_in_between_starts_the_tries_anew(clock: time_machine.Coordinates) -> None:
    job = delivered(enqueued(), work=raising(ServerTrouble("GitHub does not answer.")))
    clock.shift(timedelta(minutes=1))
    job = delivered(job, work=raising(RateLimited("Wait.", until=timezone.now() + timedelta(minutes=1))))

    assert job.retries == 0


def test_a_refusal_by_github_is_told_in_its_words_and_not_tried_again() -> None:
    says = "The token lacks the scope read:org."

    job = delivered(enqueued(), work=raising(MissingPermission(says, needed="read:org", status=403)))

    assert (job.state, job.error) == ("failed", says)


def test_a_new_try_forgets_the_error_of_the_last(clock: time_machine.Coordinates) -> None:
    job = delivered(enqueued(), work=raising(ServerTrouble("GitHub does not answer.")))
    clock.shift(timedelta(minutes=1))

    job = delivered(job, work=well)

    assert (job.state, job.error, job.tally) == ("done", "", {"rows_seen": 7})


# --- What it leaves ---------------------------------------------------------------------------


def test_what_was_counted_before_the_end_is_kept() -> None:
    def work(run: jobs.Run) -> None:
        run.tally["requests"] = 3
        run.progress(3, 10, "page 3 of 10")
        raise jobs.Refused("No.")

    job = delivered(enqueued(), work=work)

    assert (job.tally, job.note, job.progress_done) == ({"requests": 3}, "page 3 of 10", 3)


def test_the_tally_is_saved_with_the_beat() -> None:
    job = enqueued()

    def work(run: jobs.Run) -> None:
        run.tally["requests"] = 3
        run.beat()
        assert Job.objects.get(pk=job.pk).tally == {"requests": 3}

    assert delivered(job, work=work).state == "done"


def test_a_huge_tally_is_cut_and_says_how_much_is_missing() -> None:
    tally = {
        "rows_seen": 100_000,
        "ended": [f"octocat-{n}" for n in range(20_000)],
        "notes": ["All is well."],
    }

    kept = kept_tally(tally)

    assert len(str(kept)) < TALLY_SIZE * 1.2
    assert kept["rows_seen"] == 100_000
    assert kept["notes"] == ["All is well."]
    assert kept["left_out"]["ended"] + len(kept["ended"]) == 20_000


@pytest.mark.parametrize("value", [{"a": "x" * TALLY_SIZE}, {"a": {str(n): n for n in range(20_000)}}])
def test_a_huge_tally_without_lists_is_dropped_rather_than_kept(value: dict[str, Any]) -> None:
    assert kept_tally(value) == {"left_out": {"everything": 1}}


def test_what_json_and_postgresql_do_not_know_is_kept_as_text() -> None:
    day = datetime(2026, 11, 20, tzinfo=UTC)

    job = delivered(enqueued(), work=lambda run: {"day": day, "na\0me": "a\0b", "many": ("x\0",)})

    assert job.tally == {"day": str(day), "name": "ab", "many": ["x"]}


def test_an_endless_error_is_cut() -> None:
    job = delivered(enqueued(), work=raising(jobs.Refused("No\0! " * 10_000)))

    assert len(job.error) == ERROR_SIZE
    assert "\0" not in job.error


def test_the_last_good_run_is_the_newest_that_was_done() -> None:
    for work in (well, well, raising(jobs.Refused("No."))):
        delivered(enqueued(), work=work)
    delivered(enqueued("organization:2"), work=well)

    last = Job.objects.last_done("sync-seats", "organization:1")

    assert last is not None
    assert last.pk == Job.objects.filter(subject="organization:1", state="done").latest("id").pk
    assert Job.objects.last_done("sync-teams", "organization:1") is None


# --- Workers that die or stop -----------------------------------------------------------------


def lost(job: Job, *, at: int) -> None:
    """Its worker dies after it came so far."""
    job.refresh_from_db()
    Job.objects.claim(job.pk, timezone.now(), "host:7")
    Job.objects.filter(pk=job.pk).update(progress_done=at)
    assert jobs.worker_died("host:7") == 1


def test_what_a_dead_worker_was_at_goes_back_to_the_queue_without_waiting_for_its_silence() -> None:
    job = enqueued()

    lost(job, at=3)

    job.refresh_from_db()
    assert (job.state, job.deaths, job.heartbeat_at) == ("queued", 1, None)
    assert wake_ups() == 2
    assert jobs.worker_died("host:7") == 0, "only what it was at"


def test_a_job_that_gets_further_each_time_is_never_given_up() -> None:
    job = enqueued()
    for at in range(10, 200, 10):
        lost(job, at=at)

    assert delivered(job, work=well).state == "done"


def test_a_job_whose_workers_die_at_the_same_place_is_given_up() -> None:
    job = enqueued()
    lost(job, at=50)
    lost(job, at=50)
    lost(job, at=20)  # no further than before

    job.refresh_from_db()
    assert job.state == "failed"
    assert job.error == "Its worker died or fell silent 3 times at the same place, so it was given up."


def test_a_dead_workers_job_that_was_to_be_cancelled_ends() -> None:
    job = enqueued()
    Job.objects.claim(job.pk, timezone.now(), "host:7")
    jobs.cancel(job, None)

    jobs.worker_died("host:7")

    job.refresh_from_db()
    assert job.state == "cancelled"


@pytest.fixture
def stopping(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it, and this process belongs to a worker that is being stopped."""
    return lambda: monkeypatch.setattr(leash, "is_stopping", lambda: True)


def test_a_worker_that_stops_puts_its_job_back_and_the_next_one_goes_on(
    stopping: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(run: jobs.Run) -> None:
        run.progress(5, 10)
        stopping()
        run.should_stop()
        raise AssertionError("it should have stopped")

    job = delivered(enqueued(), work=work)

    assert (job.state, job.error, job.deaths, job.is_waiting) == ("queued", "", 0, False)
    assert wake_ups() == 2
    monkeypatch.undo()
    assert delivered(job, work=well).state == "done"


def test_a_worker_that_stops_begins_nothing_and_hands_it_on(
    stopping: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = enqueued()
    stopping()
    monkeypatch.setattr(time, "sleep", lambda seconds: None)

    job = delivered(job, work=well)

    assert (job.state, job.attempts, len(works)) == ("queued", 0, 1)
    assert wake_ups() == 2


def test_messages_that_a_killed_worker_took_along_are_sent_again(clock: time_machine.Coordinates) -> None:
    enqueued()
    enqueued("organization:2", run_after=timezone.now() + timedelta(hours=1))
    OrmQ.objects.update(lock=timezone.now() + timedelta(hours=2))  # taken, as the queue sees it

    assert jobs.messages_lost() == 1


def test_a_message_lost_behind_an_everlasting_queue_is_sent_again_in_the_end(
    clock: time_machine.Coordinates,
) -> None:
    job = enqueued()
    OrmQ.objects.update(payload="of another job")

    clock.shift(timedelta(hours=2, minutes=59))
    assert reap_jobs()["woken"] == 0
    clock.shift(timedelta(minutes=2))
    assert reap_jobs()["woken"] == 1
    assert delivered(job, work=well).state == "done"


def test_a_job_is_run_again_as_a_new_one(django_user_model: type[User]) -> None:
    ada = django_user_model.objects.create_user("ada")
    first = delivered(enqueued(), work=raising(jobs.Refused("No.")))

    again = jobs.run_again(first, ada)

    assert (again.kind, again.subject, again.state) == ("sync-seats", "organization:1", "queued")
    assert again != first
    assert jobs.run_again(first, ada) == again, "live already"
    assert [entry.action for entry in AuditEntry.objects.all()] == ["job run again"]


# --- Silence ----------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence of a tenth of a second is already long."""
    monkeypatch.setattr(jobs, "QUIET_SECONDS", 0.1)


def reaped_while_silent(job: Job, seconds: float) -> tuple[str, int]:
    """State and attempt that the work is in when it looks up, after the reaper has been there."""
    seen: list[tuple[str, int]] = []

    def work(run: jobs.Run) -> None:
        Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=3))
        time.sleep(seconds)
        reap_jobs()
        seen.extend(Job.objects.filter(pk=job.pk).values_list("state", "attempts"))

    works.append(work)
    do(job.pk)
    return seen[0]


@pytest.mark.django_db(transaction=True)
def test_work_that_is_silent_for_long_is_not_given_to_another_worker(impatient: None) -> None:
    job = enqueued()

    assert reaped_while_silent(job, 0.5) == ("running", 1)

    job.refresh_from_db()
    assert job.state == "done"


@pytest.mark.django_db(transaction=True)
def test_work_that_hangs_is_given_to_another_worker(impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "HUNG_SECONDS", 0.0)

    assert reaped_while_silent(enqueued(), 0.5) == ("queued", 1)


@pytest.mark.django_db(transaction=True)
def test_work_does_not_wait_for_a_beat_that_waits_for_its_own_lock_on_the_database(impatient: None) -> None:
    """On SQLite there is one writer: the beat waits for the work's transaction to end."""

    def work(run: jobs.Run) -> None:
        with transaction.atomic():
            Job.objects.filter(pk=run.job.pk).update(note="locked")
            time.sleep(0.5)
            started = time.monotonic()
            run.progress(1, 2)
            assert time.monotonic() - started < 15

    assert delivered(enqueued(), work=work).state == "done"


@pytest.mark.django_db(transaction=True)
def test_silent_work_learns_of_a_cancellation_in_any_thread(impatient: None) -> None:
    job = enqueued()
    seen: list[type[BaseException]] = []

    def in_a_thread(run: jobs.Run) -> None:
        try:
            for _ in range(100):
                run.should_stop()
                time.sleep(0.02)
        except jobs.Stop as stop:
            seen.append(type(stop))

    def work(run: jobs.Run) -> None:
        jobs.cancel(job, None)
        thread = threading.Thread(target=in_a_thread, args=[run])
        thread.start()
        thread.join()
        run.should_stop()

    assert delivered(job, work=work).state == "cancelled"
    assert seen == [jobs.Cancelled]


# --- One at a time ----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_button_pressed_ten_times_at_once_makes_one_job() -> None:
    together = threading.Barrier(10)
    made: list[int] = []

    def press() -> None:
        together.wait()
        try:
            made.append(enqueued().pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 10
    assert len(set(made)) == 1
    assert (Job.objects.count(), wake_ups()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_ten_deliveries_at_once_do_the_work_once() -> None:
    job = enqueued()
    together = threading.Barrier(10)
    done: list[int] = []

    def deliver() -> None:
        together.wait()
        try:
            jobs.run(job.pk, lambda run: done.append(1))
        finally:
            connection.close()

    threads = [threading.Thread(target=deliver) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert done == [1]
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("done", 1)


# --- Redis, by choice -------------------------------------------------------------------------


def test_with_a_queue_elsewhere_the_worker_is_woken_once_the_job_is_committed(
    settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.BROKER = "redis"

    with django_capture_on_commit_callbacks(execute=True):
        enqueued()
        assert wake_ups() == 0
    assert wake_ups() == 1
