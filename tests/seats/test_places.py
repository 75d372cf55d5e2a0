"""Who belongs where on a day, and people who were named before anybody knew them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from seats import assignments, tasks
from seats.models import Account, Assignment, CostCentre, Department, GitHubUser, Seat, TeamOwner
from tests.seats.holding import grant, hold, organization
from tests.seats.sheets.pages import bring, exported

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def acme() -> Account:
    return organization("acme")


@pytest.fixture
def web() -> Department:
    return Department.objects.create(name="Web")


@pytest.fixture
def ops() -> Department:
    return Department.objects.create(name="Ops")


def test_a_past_day_is_told_by_the_place_of_that_day(acme: Account, web: Department, ops: Department) -> None:
    ann, bob = (seat.user for seat in hold(acme, grant(1, "ann"), grant(2, "bob")))
    Seat.objects.update(first_seen_at="2026-01-01T00:00Z")
    Assignment.objects.create(user=ann, person="ann", department=web, ends_on="2026-05-31")
    Assignment.objects.create(user=ann, person="ann", department=ops, starts_on="2026-06-01")

    told = assignments.people_by_department
    assert told(acme, date(2026, 5, 31)) == {web.pk: {ann.pk}, None: {bob.pk}}
    assert told(acme, date(2026, 6, 1)) == {ops.pk: {ann.pk}, None: {bob.pk}}

    centre = CostCentre.objects.create(code="1")
    acme.cost_centre = centre
    assert assignments.people_by_cost_centre(acme, date(2026, 6, 1)) == {centre.pk: {ann.pk, bob.pk}}
    with CaptureQueriesContext(connection) as asked:
        places = assignments.Places(date(2026, 1, 1), date(2026, 12, 31))
    assert len(asked) == 1
    assert [stay.department_id for stay in places.stays(ann.pk)] == [web.pk, ops.pk]


def test_people_named_before_they_are_known_are_joined_when_they_appear(
    olga_client: Client, acme: Account, web: Department
) -> None:
    bring(olga_client, "assignment", "person,department\nann,Web\nMia@example.com,Web\n")
    team = acme.teams.create(github_id=1, slug="web")
    TeamOwner.objects.create(team=team, person="ANN")
    assert Assignment.objects.unjoined().count() == 2

    [seat] = hold(acme, grant(1, "Ann"))
    assert Assignment.objects.get(user=seat.user).department == web
    assert TeamOwner.objects.get().user == seat.user

    mia = GitHubUser.objects.create(github_id=2, login="mia", email="mia@example.com")
    tasks.refresh_verdicts()
    assert Assignment.objects.get(user=mia).person_key == f"user:{mia.pk}"
    assert [row["person"] for row in exported(olga_client, "assignment")] == ["Ann", "Mia@example.com"]


def test_whoever_is_known_by_login_only_hands_their_place_on(acme: Account, web: Department) -> None:
    known = GitHubUser.objects.create(login="ann", provisional_key="ann")
    Assignment.objects.create(user=known, person="ann", department=web)
    holder = GitHubUser.objects.create(github_id=1, login="ann")
    assignments.hand_over(known, holder.pk)
    known.delete()
    assert Assignment.objects.get().user == holder


def test_a_line_without_a_day_moves_a_person_today_and_keeps_the_past(
    olga_client: Client, web: Department, ops: Department
) -> None:
    bring(olga_client, "assignment", "person,department,manager\nann,Web,mia\n")
    bring(olga_client, "assignment", "person,department\nann,Ops\n")
    told = Assignment.objects.order_by("starts_on").values_list("department__name", "manager", "ends_on")
    assert list(told) == [("Web", "mia", date(2026, 11, 19)), ("Ops", "mia", None)]


def test_places_of_one_person_never_overlap(
    olga_client: Client, olga: Any, web: Department, ops: Department
) -> None:
    Assignment.objects.create(person="ann", department=web, starts_on="2026-01-01")
    sheet = "person,department,starts_on,ends_on\nann,Ops,2025-06-01,2026-02-01\n"
    assert "It overlaps with what holds" in bring(olga_client, "assignment", sheet).content.decode()
    form = {"person": "ANN", "department": ops.pk, "starts_on": "2026-03-01", "manager": ""}
    assert "It overlaps with Web" in olga_client.post("/seats/assignment/add/", form).content.decode()
    for wrong in ({"starts_on": "2026-01-01", "ends_on": "2026-01-02"}, {"starts_on": "2026-05-01"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Assignment.objects.create(person="ANN", department=ops, **wrong)
    assert Assignment.objects.count() == 1


def test_departments_and_cost_centres_show_on_seats_people_and_teams(
    olga_client: Client, acme: Account, web: Department
) -> None:
    ann, _bob = (seat.user for seat in hold(acme, grant(1, "ann"), grant(2, "bob")))
    assert "department, cost centre" not in olga_client.get("/seats/seat/").content.decode().lower()
    Assignment.objects.create(user=ann, person="ann", department=web, manager="mia@example.com")
    team = acme.teams.create(github_id=1, slug="front")
    TeamOwner.objects.create(team=team, user=ann, person="ann", note="Budget")

    page = olga_client.get(f"/seats/seat/?department={web.pk}").content.decode()
    assert ("ann" in page, "bob" in page, "Web" in page) == (True, False, True)
    person = olga_client.get(f"/seats/githubuser/{ann.pk}/change/").content.decode()
    assert all(words in person for words in ("Web", "mia@example.com", "Budget"))
    assert "ann" in olga_client.get(f"/seats/team/{team.pk}/change/").content.decode()
    for path in ("department", "costcentre", "assignment", "teamowner", "account"):
        assert olga_client.get(f"/seats/{path}/").status_code == 200


def test_what_is_kept_of_an_account_is_edited_on_its_page_and_nothing_else(
    olga_client: Client, vic_client: Client, acme: Account
) -> None:
    url = f"/seats/account/{acme.pk}/change/"
    assert vic_client.get(url).status_code == 200
    assert vic_client.post(url, {"owner": "Mia"}).status_code == 403
    olga_client.post(url, {"owner": "Mia", "owner_contact": "", "cost_centre": "", "login": "other"})
    acme.refresh_from_db()
    assert (acme.owner, acme.login) == ("Mia", "acme")
