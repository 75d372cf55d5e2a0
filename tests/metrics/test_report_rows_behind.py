"""A row on a report's page leads to what it is made of, and that adds up to it."""

from __future__ import annotations

import csv
import io
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.reports import registry
from portal.reports.base import Report
from tests.metrics import stored
from tests.metrics.test_report_custom import DAYS, Company, company

pytestmark = pytest.mark.django_db

PERIOD = f"from={DAYS[0]}&to={DAYS[-1]}"


@pytest.fixture
def acme() -> Company:
    return company()


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


def links(client: Client, name: str, asked: str = "") -> list[str]:
    page = client.get(f"/reports/{name}/?{asked}").content.decode()
    rows = re.findall(r"<tr>(<td.*?)</tr>", page, re.DOTALL)
    found = [re.search(r'href="([^"]+)"', row) for row in rows]
    return [link[1].replace("&amp;", "&") if link else "" for link in found]


def listed(client: Client, url: str) -> list[dict[str, str]]:
    parts = urlsplit(url)
    return _table(client.get(f"{parts.path}file/csv/?{parts.query}"))


def report(client: Client, name: str, asked: str = "") -> list[dict[str, str]]:
    return _table(client.get(f"/reports/{name}/download/?{asked}"))


def _table(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode())))


def pairs(client: Client, name: str, asked: str = "") -> list[tuple[dict[str, str], list[dict[str, str]]]]:
    rows = report(client, name, asked)
    urls = links(client, name, asked)
    assert len(rows) == len(urls) > 0
    return [(row, listed(client, url)) for row, url in zip(rows, urls, strict=True)]


def test_a_person_s_row_is_the_sum_of_their_lines(boss: Client, acme: Company) -> None:
    for row, lines in pairs(boss, "user-metrics", PERIOD):
        assert {line["user"] for line in lines} == {row["user_login"]}
        assert len(lines) == int(row["active_days"])
        generations = sum(int(line["generations"]) for line in lines)
        assert generations == int(row["code_generation_activity_count"])


def test_a_team_s_row_is_the_sum_of_its_days(boss: Client, acme: Company) -> None:
    for row, days in pairs(boss, "team-metrics", PERIOD):
        own = [day for day in days if day["team"] == row["slug"]]
        assert sum(int(day["active_users"]) for day in own) == int(row["user_days"])


def test_a_day_s_row_is_that_day(boss: Client, acme: Company) -> None:
    for row, days in pairs(boss, "daily-metrics", PERIOD):
        assert {day["day"] for day in days} == {row["day"]}
        assert int(row["daily_active_users"]) in {int(day["daily_active_users"]) for day in days}


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("custom", ""),
        ("custom", "granularity=day"),
        ("custom", "grouping=team"),
        ("feature-metrics", ""),
        ("feature-metrics", "team=data"),
        ("language-metrics", "by=day"),
        ("weekly-trend", ""),
        ("ai-credits", ""),
    ],
)
def test_every_row_leads_to_rows(boss: Client, acme: Company, name: str, asked: str) -> None:
    for row, behind in pairs(boss, name, asked):
        assert behind, row


def test_every_report_says_what_is_behind_its_rows() -> None:
    without = {
        report.name for report in registry.all_reports() if type(report).rows_behind is Report.rows_behind
    }
    assert without == set()


def test_a_reader_is_led_only_to_lists_they_may_see(client: Client, acme: Company) -> None:
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_userday"))
    client.force_login(reader)
    assert all(links(client, "user-metrics"))
    reader.user_permissions.set([Permission.objects.get(codename="view_teamday")])
    client.force_login(User.objects.get(pk=reader.pk))
    assert all(links(client, "team-metrics"))
    assert client.get("/reports/user-metrics/").status_code == 403


def test_queries_do_not_grow_with_rows(boss: Client, acme: Company) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            boss.get("/reports/user-metrics/")
        return len(caught)

    before = queries()
    more = [stored.person(number) for number in range(20, 40)]
    stored.use(acme.account, DAYS[0], {user: {"user_initiated_interaction_count": 1} for user in more})
    assert queries() == before
