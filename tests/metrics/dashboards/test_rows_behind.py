"""From any panel to the rows it is made of: they are there, add up to it, and name whom it counts."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from metrics.dashboards import every  # noqa: F401 - registers the pages
from metrics.dashboards.registry import pages
from metrics.dashboards.rows_behind import BEHIND, behind
from seats.models import GitHubUser, Team
from tests.metrics import stored
from tests.metrics.test_report_custom import DAYS, Company, company

pytestmark = pytest.mark.django_db

PANELS = [(slug, key) for slug, page in pages.items() for key in page.panels]
ROWS = re.compile(r"<summary>Rows</summary>.*?</details>", re.DOTALL)


@pytest.fixture
def acme() -> Company:
    return company()


@pytest.fixture
def boss(client: Client) -> Client:
    # Somebody whom lines tell of, for the page of whoever logs in.
    client.force_login(User.objects.create_superuser(stored.person(1).login))
    return client


def ways(client: Client, acme: Company, slug: str, key: str, **asked: Any) -> dict[str, str]:
    """By words, the addresses that a panel leads to."""
    query = {
        "scope": acme.account.pk,
        "first": DAYS[0],
        "last": DAYS[-1],
        "period": "",
        "person": GitHubUser.objects.order_by("pk")[0].pk,
        **asked,
    }
    answer = client.get(f"/usage/{slug}/{key}/", query, headers={"X-Dashboard-Piece": "1"})
    assert answer.status_code == 200, (slug, key)
    found = ROWS.search(answer.content.decode())
    links = re.findall(r'href="([^"]+)">([^<]+)<', found[0]) if found else []
    return {words: url.replace("&amp;", "&") for url, words in links}


def rows_of(client: Client, url: str) -> list[dict[str, str]]:
    """All rows of a list, as it is taken away."""
    parts = urlsplit(url)
    answer: Any = client.get(f"{parts.path}file/csv/?{parts.query}")
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode())))


def taken_away(client: Client, url: str) -> list[dict[str, str]]:
    """All rows of a report's page."""
    parts = urlsplit(url)
    answer: Any = client.get(f"{parts.path}download/?{parts.query}")
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode())))


def panel(client: Client, acme: Company, slug: str, key: str) -> list[dict[str, str]]:
    """The panel's own table."""
    query = {"scope": acme.account.pk, "first": DAYS[0], "last": DAYS[-1]}
    answer: Any = client.get(f"/usage/{slug}/{key}.csv", query)
    assert answer.status_code == 200, (slug, key)
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode())))


def rows_of_report(client: Client, acme: Company) -> list[dict[str, str]]:
    query = {"figures": "code_generation_activity_count", "scope": f"organization:{acme.account.login}"}
    answer: Any = client.get("/reports/custom/download/", query)
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode())))


def test_every_page_says_what_is_behind_it() -> None:
    assert {slug for slug, key in PANELS if not behind(slug, key)} == set()
    told = {f"{slug} {key}" for slug, key in PANELS} | set(pages)
    assert set(BEHIND) <= told


def test_every_panel_leads_to_lists_that_are_there(boss: Client, acme: Company) -> None:
    lists: dict[str, str] = {}
    for slug, key in PANELS:
        found = ways(boss, acme, slug, key)
        assert set(found) == {rows.words.lower() for rows in behind(slug, key)}, (slug, key)
        lists |= dict.fromkeys(found.values(), f"{slug} {key}")
    for url, where in lists.items():
        answer = boss.get(url)
        # The admin leads astray, to the whole list, whoever asks for a filter that it does not know.
        assert answer.status_code == 200, (where, url)


def test_days_add_up_to_the_figure(boss: Client, acme: Company) -> None:
    days = rows_of(boss, ways(boss, acme, "code-generation", "in-short")["days"])
    assert {date.fromisoformat(day["day"]) for day in days} == {day for day, _ in acme.lines}
    generations = sum(int(day["generations"] or 0) for day in days)
    assert generations == sum(cell.generations for cells, _, _ in acme.lines.values() for cell in cells)
    [shown] = rows_of_report(boss, acme)
    assert int(shown["code_generation_activity_count"]) == generations


def test_lines_of_people_name_those_who_are_counted(boss: Client, acme: Company) -> None:
    lines = rows_of(boss, ways(boss, acme, "overview", "active-users")["lines of people"])
    of_day: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        of_day[line["day"]].add(line["user"])
    shown = {row["day"]: row["daily"] for row in panel(boss, acme, "overview", "active-users")}
    assert {day: int(count) for day, count in shown.items() if count} == {
        day: len(people) for day, people in of_day.items()
    }
    assert len(lines) == len(acme.lines)


def test_days_of_teams_are_those_of_the_table(boss: Client, acme: Company) -> None:
    days = rows_of(boss, ways(boss, acme, "teams", "all")["days of teams"])
    told: dict[str, int] = defaultdict(int)
    for day in days:
        told[day["team"]] += int(day["active_users"])
    by_hand: dict[str, int] = defaultdict(int)
    for _, user in acme.lines:
        for slug in [slug for slug, team in acme.teams.items() if user in team] or ["(unattributed)"]:
            by_hand[slug] += 1
    assert {name: count for name, count in told.items() if count} == by_hand


@pytest.mark.parametrize("slug", ["overview", "adoption"])
def test_with_a_team_chosen_the_lines_are_those_of_its_members_on_each_day(
    boss: Client, acme: Company, slug: str
) -> None:
    name, members = next((name, members) for name, members in acme.teams.items() if members)
    team = Team.objects.get(slug=name)
    some = next(key for key in pages[slug].panels if "lines of people" in ways(boss, acme, slug, key))
    url = ways(boss, acme, slug, some, team=team.pk)["lines of people"]
    assert boss.get(url).status_code == 200
    lines = taken_away(boss, url)
    own = {key: cells for key, cells in acme.lines.items() if key[1] in members}
    assert len(lines) == len(own)
    assert {line["user_login"] for line in lines} <= {user.login for user in members}
    told = sum(int(line["code_generation_activity_count"]) for line in lines)
    assert told == sum(cell.generations for cells, _, _ in own.values() for cell in cells)
    days = rows_of(boss, ways(boss, acme, slug, some, team=team.pk)["days"])
    assert told == sum(int(day["generations"] or 0) for day in days)


def test_a_person_leads_to_their_own_lines(boss: Client, acme: Company) -> None:
    user = GitHubUser.objects.order_by("pk")[1]
    some = next(iter(pages["person"].panels))
    lines = rows_of(boss, ways(boss, acme, "person", some, person=user.pk)["lines of this person"])
    assert len(lines) == sum(1 for _, who in acme.lines if who == user)
    assert {line["user"] for line in lines} == {user.login}


def test_a_row_tells_its_file_and_who_brought_it(boss: Client, acme: Company) -> None:
    url = ways(boss, acme, "overview", "active-users")["lines of people"]
    page = boss.get(url).content.decode()
    row = re.search(r'href="(/metrics/userday/\d+/change/[^"]*)"', page)
    assert row is not None
    assert "Where it comes from" in boss.get(row[1]).content.decode()


def test_only_lists_that_the_reader_may_see_are_offered(client: Client, acme: Company) -> None:
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_scopeday"))
    client.force_login(reader)
    assert set(ways(client, acme, "overview", "active-users")) == {"days"}


def test_every_figure_of_the_home_page_leads_to_its_rows(boss: Client, acme: Company) -> None:
    page = boss.get("/").content.decode()
    assert '<span class="portal-figure-value' not in page
    figures = re.findall(
        r'<a class="portal-figure-value[^"]*" href="([^"]+)" aria-label="([^"]+): ([^"]+)"', page
    )
    told = {label: (url.replace("&amp;", "&"), value) for url, label, value in figures}
    for label in ("Daily active users", "Weekly active users", "Monthly active users"):
        url, value = told[label]
        if value != "–":
            assert len({line["user"] for line in rows_of(boss, url)}) == int(value), label
    assert told["Daily active users"][1] != "–"
    assert all(boss.get(url).status_code == 200 for url, _ in told.values())
