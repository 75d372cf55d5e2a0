"""What pages say of themselves: where one is, what an empty list is for, what a job waits for."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from portal import jobs
from portal.models import AuditEntry, Connection, Job, SyncSchedule, WorkerHeartbeat
from portal.sync_schedules import install_for
from seats.models import Account

pytestmark = pytest.mark.django_db


@pytest.fixture
def octo() -> Account:
    connection = Connection.objects.create(name="Octo", secret_env="OCTO_TOKEN")
    install_for(connection)
    return Account.objects.create(kind="organization", login="octo", connection=connection)


def words_of(page: Any) -> str:
    """The words on a page, apart by single blanks."""
    text = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", page.content.decode(), flags=re.DOTALL)
    return " ".join(text.split())


def head_of(page: Any) -> str:
    found = re.search(r"<h1.*?</h1>", page.content.decode(), flags=re.DOTALL)
    assert found is not None
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split()).replace(" chevron_right ", " > ")


# --- Where one is -----------------------------------------------------------------------------


def test_a_head_names_the_list_as_the_sidebar_does_and_the_row_as_it_is_written(
    olga_client: Client, octo: Account
) -> None:
    page = olga_client.get(f"/seats/account/{octo.pk}/change/")

    assert head_of(page) == "Organizations &amp; enterprises > octo"
    assert "<title> octo | Organizations &amp; enterprises | " in " ".join(page.content.decode().split())


def test_a_job_is_headed_by_what_it_does_for_whom(olga_client: Client, octo: Account) -> None:
    job = jobs.enqueue("backfill-day", f"{octo.subject} 2026-04-07", "nowhere.at_all", {})

    assert (
        head_of(olga_client.get(f"/portal/job/{job.pk}/change/")) == "Jobs > Backfill day: octo, 2026-04-07"
    )


def test_a_form_for_something_new_says_so(olga_client: Client) -> None:
    assert head_of(olga_client.get("/portal/connection/add/")) == "Connections > Add connection"


# --- Nothing there ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/seats/seat/", "/seats/team/", "/seats/account/", "/metrics/scopeday/"])
def test_an_empty_list_offers_the_ways_in_which_data_comes(olga_client: Client, path: str) -> None:
    page = olga_client.get(path).content.decode()

    assert "Nothing here yet" in page
    assert 'href="/portal/connection/add/">Connect GitHub</a>' in page
    assert 'href="/upload/">Upload a file</a>' in page


def test_whoever_may_not_bring_data_is_offered_nothing(vic_client: Client) -> None:
    page = vic_client.get("/seats/seat/").content.decode()

    assert "Nothing here yet" in page
    assert "Connect GitHub" not in page
    assert "Upload a file" not in page


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/portal/connection/", "No connection to GitHub yet"),
        ("/portal/syncschedule/", "Each connection to GitHub brings its own."),
        ("/portal/job/", "No jobs yet"),
        ("/portal/workerheartbeat/", "start manage.py run_worker"),
        ("/portal/rejectedline/", "No rejected lines"),
        ("/seats/seatreview/", "A review opens when the policy finds a seat inactive"),
        ("/metrics/legacyday/", "GitHub has closed both older APIs."),
    ],
)
def test_an_empty_list_says_what_it_is_for(olga_client: Client, path: str, says: str) -> None:
    assert says in words_of(olga_client.get(path))


def test_a_search_without_a_match_leads_back_to_all(olga_client: Client, octo: Account) -> None:
    page = words_of(olga_client.get("/seats/account/?q=nobody"))

    assert "Nothing matches" in page
    assert "Nothing here yet" not in page


# --- Jobs -------------------------------------------------------------------------------------


def test_a_job_that_no_worker_will_take_says_so(olga_client: Client, octo: Account) -> None:
    job = jobs.enqueue("sync-seats", octo.subject, "nowhere.at_all", {})
    warning = "No background worker is running"
    assert warning in words_of(olga_client.get(f"/portal/job/{job.pk}/change/"))

    seen = WorkerHeartbeat.objects.create(host="here", pid=7, seen_at=timezone.now())
    assert warning not in words_of(olga_client.get(f"/portal/job/{job.pk}/change/"))

    WorkerHeartbeat.objects.filter(pk=seen.pk).update(seen_at=timezone.now() - timedelta(minutes=5))
    assert warning in words_of(olga_client.get(f"/portal/job/{job.pk}/change/"))


@pytest.mark.parametrize(
    ("asked", "shown"), [("sync", "Sync seats"), ("backfill", "Backfill day"), ("other", "Take in upload")]
)
def test_a_backfill_does_not_hide_the_other_jobs(olga_client: Client, asked: str, shown: str) -> None:
    for kind in ("sync-seats", "backfill-day", "take-in-upload"):
        Job.objects.create(kind=kind, state="done", task="nowhere.at_all")

    listed = re.findall(
        r'field-kind_in_words.*?<a[^>]*>([^<]+)</a>',
        olga_client.get(f"/portal/job/?job={asked}").content.decode(),
        flags=re.DOTALL,
    )  # fmt: skip

    assert [name.strip() for name in listed] == [shown]


# --- Sync now on a connection's page ----------------------------------------------------------


def test_a_connection_is_synced_as_its_schedules_say(olga_client: Client, octo: Account) -> None:
    SyncSchedule.objects.filter(kind="usage").update(is_on=False)

    page = olga_client.post(f"/portal/connection/{octo.connection_id}/sync/", follow=True)

    kinds = set(Job.objects.live().values_list("kind", flat=True))
    assert kinds == {"sync-accounts", "sync-seats", "sync-members", "sync-teams", "sync-billing"}
    assert "GitHub is being asked: 5 jobs are queued or running. See the jobs" in words_of(page)
    assert AuditEntry.objects.filter(action="connection sync started").count() == 1


def test_a_connection_that_is_switched_off_is_not_synced(olga_client: Client, octo: Account) -> None:
    Connection.objects.update(is_active=False)
    url = f"/portal/connection/{octo.connection_id}/"
    assert "Sync now" not in words_of(olga_client.get(f"{url}change/"))

    page = olga_client.post(f"{url}sync/", follow=True)

    assert "Octo is switched off: nothing is asked of GitHub." in words_of(page)
    assert not Job.objects.exists()


def test_a_connection_for_nobody_says_what_to_do(olga_client: Client) -> None:
    connection = Connection.objects.create(name="New", secret_env="NEW_TOKEN")

    page = words_of(olga_client.get(f"/portal/connection/{connection.pk}/change/"))

    assert "It is for no organization or enterprise yet, so nothing is fetched: name one below" in page
    assert "Sync now" not in page


def test_whoever_may_only_look_starts_no_sync(noa: Any, noa_client: Client, octo: Account) -> None:
    noa.user_permissions.set(Permission.objects.filter(codename="view_connection"))
    url = f"/portal/connection/{octo.connection_id}/"

    assert "Sync now" not in words_of(noa_client.get(f"{url}change/"))
    assert noa_client.post(f"{url}sync/").status_code == 403
    assert not Job.objects.exists()
