"""Jobs and django-q2's own tables in the admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from django_q.models import Schedule

from portal import jobs
from portal.models import Job, WorkerHeartbeat
from tests.counting import queries_of

pytestmark = pytest.mark.django_db

JOBS = "/portal/job/"


@pytest.fixture
def job(db: None) -> Job:
    return jobs.enqueue("take-in-upload", "upload:abc", "nowhere.at_all", {})


def test_a_running_job_shows_its_progress(olga_client: Client, job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(
        state="running", attempts=1, heartbeat_at=timezone.now(), progress_done=42, progress_total=100
    )

    page = olga_client.get(JOBS).content.decode()

    assert "Take in upload" in page
    assert 'value="42"' in page


def test_a_failed_job_says_why(olga_client: Client, job: Job) -> None:
    job.finish(Job.State.FAILED, error="This file is of another organization.")

    assert "This file is of another organization." in olga_client.get(JOBS).content.decode()
    assert olga_client.get(f"{JOBS}{job.pk}/change/").status_code == 200


def test_whoever_may_change_jobs_cancels_them(noa: Any, noa_client: Client, job: Job) -> None:
    noa.user_permissions.set(Permission.objects.filter(codename__in=["view_job", "change_job"]))

    noa_client.post(JOBS, {"action": "cancel_jobs", "_selected_action": [job.pk]})

    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED


def test_whoever_may_only_look_cannot_cancel(vic_client: Client, job: Job) -> None:
    assert "cancel_jobs" not in vic_client.get(JOBS).content.decode()

    vic_client.post(JOBS, {"action": "cancel_jobs", "_selected_action": [job.pk]})

    job.refresh_from_db()
    assert job.state == Job.State.QUEUED


def test_jobs_are_not_edited(olga_client: Client, noa_client: Client, job: Job) -> None:
    assert noa_client.get(JOBS).status_code == 403
    assert olga_client.get(f"{JOBS}add/").status_code == 403
    assert olga_client.post(f"{JOBS}{job.pk}/change/", {"state": "done"}).status_code == 403
    assert olga_client.post(f"{JOBS}{job.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_list_asks_as_often_for_many_jobs_as_for_few(olga_client: Client, job: Job) -> None:
    few = queries_of(olga_client, JOBS)
    for number in range(30):
        jobs.enqueue("take-in-upload", f"upload:{number}", "nowhere.at_all", {})

    assert queries_of(olga_client, JOBS) == few <= 8


# --- Live -------------------------------------------------------------------------------------


def begun(job: Job, **values: Any) -> None:
    now = timezone.now()
    values = {"state": "running", "attempts": 1, "heartbeat_at": now, "started_at": now, **values}
    Job.objects.filter(pk=job.pk).update(**values)


def asked_for(client: Client, *jobs: Job) -> dict[str, Any]:
    query = "&".join(f"id={job.pk}" for job in jobs)
    told: dict[str, Any] = client.get(f"{JOBS}progress/?{query}").json()["jobs"]
    return told


def test_the_pages_of_live_jobs_ask_how_far_they_are_by_a_script_of_their_own(
    olga_client: Client, job: Job
) -> None:
    for path in (JOBS, f"{JOBS}{job.pk}/change/"):
        page = olga_client.get(path).content.decode()
        assert f'data-job="{job.pk}"' in page
        assert 'data-job-url="/portal/job/progress/"' in page
        assert "portal/jobs.js" in page


def test_they_are_told_bar_state_and_words(vic_client: Client, job: Job) -> None:
    begun(job, progress_done=42, progress_total=100, note="page 42 of 100 <b>")

    told = asked_for(vic_client, job)[str(job.pk)]

    assert told["is_live"] is True
    assert 'value="42"' in told["progress"]
    assert "running" in told["state"]
    assert told["says"] == "page 42 of 100 &lt;b&gt;"


def test_a_job_that_waits_says_until_when_and_why(olga_client: Client, job: Job) -> None:
    until = timezone.now() + timedelta(hours=1)
    Job.objects.filter(pk=job.pk).update(run_after=until, error="GitHub asks to wait.")

    assert asked_for(olga_client, job)[str(job.pk)]["says"] == (
        f"Waits until {until:%Y-%m-%d %H:%M} UTC. GitHub asks to wait."
    )
    assert "waiting" in olga_client.get(JOBS).content.decode()


def test_a_job_that_is_over_is_told_so(olga_client: Client, job: Job) -> None:
    job.finish(Job.State.DONE)

    assert asked_for(olga_client, job)[str(job.pk)]["is_live"] is False


def test_how_far_a_job_is_is_told_to_whoever_may_see_jobs(noa_client: Client, job: Job) -> None:
    assert noa_client.get(f"{JOBS}progress/?id={job.pk}").status_code == 403


@pytest.mark.parametrize("query", ["", "id=", "id=abc", "id=-1", "id=99999999", "id=²", f"id={10**30}"])
def test_a_question_without_sense_is_answered_with_nothing(olga_client: Client, query: str) -> None:
    assert olga_client.get(f"{JOBS}progress/?{query}").json() == {"jobs": {}}


def test_many_jobs_are_asked_for_at_once(olga_client: Client, job: Job) -> None:
    few = queries_of(olga_client, f"{JOBS}progress/?id={job.pk}")
    others = [jobs.enqueue("take-in-upload", f"upload:{n}", "nowhere.at_all", {}) for n in range(20)]
    query = "&".join(f"id={other.pk}" for other in others)

    assert queries_of(olga_client, f"{JOBS}progress/?{query}") == few


# --- What came of it --------------------------------------------------------------------------


def test_what_came_of_it_is_a_table_in_words(olga_client: Client, job: Job) -> None:
    tally = {
        "requests": 1203,
        "rows_seen": 20_000,
        "ended": [f"octocat-{n}" for n in range(25)],
        "restated": [{"day": "2026-11-18", "rows_changed": 12}],
        "notes": [],
        "rate_limit_remaining": None,
    }
    job.finish(Job.State.DONE, tally=tally)

    page = olga_client.get(f"{JOBS}{job.pk}/change/").content.decode()

    assert '<tr><th scope="row">Rows seen</th><td><div>20,000</div></td></tr>' in page
    assert "<div>octocat-19</div><div>and 5 more</div>" in page
    assert "<div>day 2026-11-18, rows changed 12</div>" in page
    assert "Notes" not in page
    assert "rows_seen" not in page


def test_a_tally_of_anything_is_shown_without_falling_over(olga_client: Client, job: Job) -> None:
    odd = {"a": [[1, [2]], {}], "b": {"c": {"d": [None, True]}}, "<script>": "<script>", "e": 1.5, "f": False}
    job.finish(Job.State.DONE, tally=odd)

    page = olga_client.get(f"{JOBS}{job.pk}/change/").content.decode()

    assert "&lt;script&gt;" in page
    assert "<script></th>" not in page


# --- Steering ---------------------------------------------------------------------------------


def test_a_live_job_is_cancelled_from_its_page(olga_client: Client, job: Job) -> None:
    assert f"{JOBS}{job.pk}/cancel/" in olga_client.get(f"{JOBS}{job.pk}/change/").content.decode()

    page = olga_client.post(f"{JOBS}{job.pk}/cancel/", follow=True).content.decode()

    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    assert "It is cancelled." in page
    assert "Run again" in page


@pytest.mark.parametrize(
    ("kind", "state", "done", "button"),
    [
        ("sync-seats", "failed", 0, "Run again"),
        ("sync-seats", "cancelled", 120, "Resume"),
        ("sync-seats", "done", 200, "Run again"),
        ("undo file", "done", 1, None),
        ("undo file", "failed", 1, "Resume"),
    ],
)
def test_a_job_that_is_over_can_be_run_again_where_that_makes_sense(
    olga_client: Client, kind: str, state: str, done: int, button: str | None
) -> None:
    job = jobs.enqueue(kind, "organization:1", "nowhere.at_all", {})
    Job.objects.filter(pk=job.pk).update(progress_done=done, state=state, live_key=None)

    page = olga_client.get(f"{JOBS}{job.pk}/change/").content.decode()
    olga_client.post(f"{JOBS}{job.pk}/again/")

    assert (f"{JOBS}{job.pk}/again/" in page) == (button is not None)
    assert button is None or button in page
    assert Job.objects.live().count() == (0 if button is None else 1)


def test_selected_jobs_are_run_again(olga_client: Client) -> None:
    made = [jobs.enqueue("sync-seats", f"organization:{n}", "nowhere.at_all", {}) for n in range(3)]
    for job in made[:2]:
        job.finish(Job.State.FAILED, error="No.")

    page = olga_client.post(
        JOBS, {"action": "run_jobs_again", "_selected_action": [job.pk for job in made]}, follow=True
    ).content.decode()

    assert "2 in the queue once more." in page
    assert Job.objects.live().count() == 3


@pytest.mark.parametrize("what", ["cancel", "again"])
def test_whoever_may_only_look_steers_nothing(vic_client: Client, job: Job, what: str) -> None:
    assert f"/{what}/" not in vic_client.get(f"{JOBS}{job.pk}/change/").content.decode()
    assert vic_client.post(f"{JOBS}{job.pk}/{what}/").status_code == 403
    assert vic_client.get(f"{JOBS}{job.pk}/{what}/").status_code == 405

    job.refresh_from_db()
    assert job.state == Job.State.QUEUED


def test_workers_are_listed_with_what_they_do(vic_client: Client) -> None:
    WorkerHeartbeat.objects.create(host="portal-1", pid=7, seen_at=timezone.now(), workers=2, busy=1)
    WorkerHeartbeat.objects.create(host="portal-2", pid=8, seen_at=timezone.now() - timedelta(hours=1))

    page = vic_client.get("/portal/workerheartbeat/").content.decode()

    assert "at work" in page
    assert "gone" in page
    assert "1 of 2" in page


# --- The queue's own tables -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["schedule", "success", "failure", "ormq"])
def test_the_queues_own_tables_are_read_only_even_for_superusers(
    olga_client: Client, vic: Any, vic_client: Client, name: str
) -> None:
    vic.user_permissions.add(*Permission.objects.filter(content_type__app_label="django_q"))

    assert olga_client.get(f"/django_q/{name}/").status_code == 200
    assert olga_client.get(f"/django_q/{name}/add/").status_code == 403
    assert vic_client.get(f"/django_q/{name}/").status_code == 403


def test_no_schedule_is_written_by_hand(olga_client: Client) -> None:
    schedule = Schedule.objects.create(name="Reap silent jobs", func="portal.tasks.reap_jobs")

    response = olga_client.post(
        f"/django_q/schedule/{schedule.pk}/change/", {"func": "os.system", "args": "'true'"}
    )

    assert response.status_code == 403
    schedule.refresh_from_db()
    assert schedule.func == "portal.tasks.reap_jobs"
