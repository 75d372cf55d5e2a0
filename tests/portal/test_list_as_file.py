"""Every list of the admin can be taken away in full, as it is filtered."""

from __future__ import annotations

import csv
import io
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal.admin import list_as_file
from portal.models import AuditEntry, Job
from tests.reports import begin_the_audit

pytestmark = pytest.mark.django_db

JOBS = "admin:portal_job"


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


def jobs(number: int) -> None:
    Job.objects.bulk_create(
        Job(kind="sync", subject=f"organization:{at}", state="failed" if at % 2 else "done", error="=1+1")
        for at in range(number)
    )


def taken(client: Client, url: str) -> list[dict[str, str]]:
    response: Any = client.get(url)
    assert response.status_code == 200, url
    return list(csv.DictReader(io.StringIO(response.getvalue().decode())))


def links(client: Client, url: str) -> list[str]:
    page = client.get(url).content.decode()
    return [link.replace("&amp;", "&") for link in re.findall(r'href="([^"]+/file/\w+/[^"]*)"', page)]


def test_it_holds_all_rows_of_the_filter_not_those_of_a_page(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_as_file, "AT_ONCE", 30)
    jobs(130)

    offered = links(boss, f"{reverse(f'{JOBS}_changelist')}?state__exact=failed")
    assert [urlsplit(url).path.rsplit("/", 2)[1] for url in offered] == ["csv", "xlsx", "ndjson"]
    assert all(parse_qs(urlsplit(url).query) == {"state__exact": ["failed"]} for url in offered)

    rows = taken(boss, offered[0])
    shown = boss.get(f"{reverse(f'{JOBS}_changelist')}?state__exact=failed").context["cl"]
    assert len(rows) == shown.result_count == 65
    numbers = [int(row["subject"].rpartition(":")[2]) for row in rows if row.get("subject")]
    assert len(set(map(str, rows))) == 65
    assert numbers == sorted(numbers, reverse=True)


def test_no_cell_begins_a_formula_and_none_is_of_the_page_alone(boss: Client) -> None:
    jobs(3)
    text = boss.get(reverse(f"{JOBS}_list_file", args=["csv"])).getvalue().decode()
    assert "<" not in text
    assert ",=1" not in text


def test_what_was_taken_is_noted_with_its_filter_and_rows(boss: Client) -> None:
    jobs(4)
    taken(boss, reverse(f"{JOBS}_list_file", args=["csv"]) + "?state__exact=done")
    entry = AuditEntry.objects.get(action="list exported")
    assert entry.subject == "list:portal.job"
    assert entry.actor_name == "boss"
    assert entry.detail == {"list": "jobs", "asked": {"state__exact": "done"}, "format": "csv", "rows": 2}


def test_only_who_may_see_the_list_takes_it(client: Client) -> None:
    user = User.objects.create_user("reader", is_staff=True)
    client.force_login(user)
    assert client.get(reverse(f"{JOBS}_list_file", args=["csv"])).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_job"))
    assert client.get(reverse(f"{JOBS}_list_file", args=["csv"])).status_code == 200
    assert client.get(reverse(f"{JOBS}_list_file", args=["exe"])).status_code == 404


def test_queries_do_not_grow_with_rows(boss: Client) -> None:
    begin_the_audit()
    url = reverse(f"{JOBS}_list_file", args=["csv"])

    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            taken(boss, url)
        return len(caught)

    jobs(2)
    few = queries()
    jobs(100)
    assert queries() == few


def test_every_list_offers_a_way_to_take_it_all(boss: Client) -> None:
    """By itself, or as the sheet or the report that has more than its list."""
    without = []
    for model, page in admin.site._registry.items():
        request = RequestFactory().get("/")
        request.user = User.objects.get(username="boss")
        if not page.has_view_permission(request):
            continue
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        content = boss.get(url).content.decode()
        if not links(boss, url) and not re.search(r'href="[^"]*export/[^"]*"', content):
            without.append(model._meta.label)
        for link in links(boss, url)[:1]:
            taken(boss, link)
    assert without == []
