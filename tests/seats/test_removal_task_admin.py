"""Tasks for team owners: whom to ask, a list to hand over, and taking a task back."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from portal.models import AuditEntry
from seats.models import RemovalTask, Seat, Team, TeamMembership
from seats.reclaim import tasks_for_owners
from tests.counting import queries_of
from tests.portal.test_pages_speak import words_of
from tests.seats.holding import NOON, grant, hold, join, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

TASKS = "/seats/removaltask/"
WEB = {"team_id": 9, "team_slug": "web", "team_name": "Web", "team_is_enterprise": False}


@pytest.fixture
def seats(db: None) -> list[Seat]:
    """Ana and Ben hold seats through the team web, which Mia maintains."""
    acme = organization("acme")
    held = hold(acme, grant(1, "ana", 60, **WEB), grant(2, "ben", 60, **WEB), grant(3, "mia", 1))
    web = Team.objects.get(slug="web")
    join(web, held[:2])
    TeamMembership.objects.create(
        team=web, user=held[2].user, role=TeamMembership.Role.MAINTAINER, seen_on=NOON.date()
    )
    return held


@pytest.fixture
def tasks(seats: list[Seat], olga: Any) -> list[RemovalTask]:
    tasks_for_owners.open_tasks(seats[:2], olga, "Not used for 60 days.")
    return list(RemovalTask.objects.order_by("seat"))


def test_a_task_tells_who_leaves_which_team_and_whom_to_ask(
    vic_client: Client, tasks: list[RemovalTask]
) -> None:
    assert "Tasks for team owners" in words_of(vic_client.get("/"))
    listed = words_of(vic_client.get(TASKS))
    page = words_of(vic_client.get(f"{TASKS}{tasks[0].pk}/change/"))

    assert "ana acme web mia 2026-11-20 to do Not used for 60 days." in listed
    assert "Remove ana from the team web at GitHub" in page


def test_the_list_is_handed_over_as_csv(olga_client: Client, tasks: list[RemovalTask]) -> None:
    answer = olga_client.post(
        TASKS, {"action": "export_csv", "_selected_action": [task.pk for task in tasks]}
    )
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))

    assert [(row["team"], row["maintainers"], row["login"]) for row in rows] == [
        ("web", "mia", "ana"),
        ("web", "mia", "ben"),
    ]
    assert AuditEntry.objects.filter(action="team owners' tasks exported").exists()


def test_a_task_is_taken_back_after_a_page_that_asks(olga_client: Client, tasks: list[RemovalTask]) -> None:
    chosen = {"action": "withdraw", "_selected_action": [tasks[0].pk]}

    assert "this 1 task : ana" in words_of(olga_client.post(TASKS, chosen))
    assert RemovalTask.objects.filter(state="open").count() == 2

    page = olga_client.post(TASKS, {**chosen, "confirmed": "yes"}, follow=True)

    assert "1 task is no longer wanted." in words_of(page)
    assert [task.state for task in RemovalTask.objects.order_by("seat")] == ["withdrawn", "open"]


def test_whoever_may_only_look_neither_exports_nor_takes_back(
    vic_client: Client, tasks: list[RemovalTask]
) -> None:
    for action in ("withdraw", "export_csv"):
        assert f'value="{action}"' not in vic_client.get(TASKS).content.decode()
        vic_client.post(TASKS, {"action": action, "_selected_action": [tasks[0].pk], "confirmed": "yes"})

    assert RemovalTask.objects.filter(state="open").count() == 2
    assert not AuditEntry.objects.filter(action="team owners' tasks exported").exists()


def test_without_permission_there_is_no_list(noa: Any, noa_client: Client, tasks: list[RemovalTask]) -> None:
    assert noa_client.get(TASKS).status_code == 403
    noa.user_permissions.set(Permission.objects.filter(codename="view_removaltask"))
    assert noa_client.get(TASKS).status_code == 200


def test_it_asks_as_many_queries_for_many_tasks_as_for_few(
    olga_client: Client, olga: Any, tasks: list[RemovalTask]
) -> None:
    few = queries_of(olga_client, TASKS)
    other = organization("other")
    held = hold(other, *(grant(n, f"user-{n}", 60, **WEB) for n in range(100, 140)))
    tasks_for_owners.open_tasks(held, olga, "Not used.")

    assert queries_of(olga_client, TASKS) == few <= 12
