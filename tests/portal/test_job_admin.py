"""Jobs and django-q2's own tables in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from django_q.models import Schedule

from portal import jobs
from portal.models import Job
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
