"""`teams-low-adoption`: teams of which few use Copilot."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from seats.models import Account, GitHubUser, Seat
from tests.metrics import stored
from tests.reports import begin_the_audit, rows_of

pytestmark = pytest.mark.django_db

DAY = date(2026, 10, 1)
NEXT = DAY + timedelta(days=1)


def adoption(*options: str) -> dict[str, tuple[str, str, str]]:
    return {
        row["slug"]: (row["members"], row["active_users"], row["adoption"])
        for row in rows_of("teams-low-adoption", *options)
    }


def seat(account: Account, user: GitHubUser, created: date, ended: date | None = None) -> Seat:
    return Seat.objects.create(
        account=account,
        user=user,
        created_at=stored.midnight(created),
        first_seen_at=stored.midnight(created),
        last_seen_at=stored.midnight(created),
        ended_at=stored.midnight(ended) if ended else None,
    )


def test_columns_are_those_of_the_contract() -> None:
    acme = stored.organization(parent=stored.enterprise())
    people = [stored.person(number) for number in range(1, 4)]
    teams = stored.roster(acme, DAY, {"web": people})
    stored.use(acme, DAY, {people[0]: {}})
    [row] = rows_of("teams-low-adoption")
    assert list(row.items())[:6] == [
        ("team_id", str(teams["web"].github_id)),
        ("slug", "web"),
        ("members", "3"),
        ("seats", ""),
        ("active_users", "1"),
        ("adoption", "0.3333"),
    ]


def test_teams_below_the_threshold_are_listed_lowest_first() -> None:
    acme = stored.organization()
    people = [stored.person(number) for number in range(1, 11)]
    stored.roster(acme, DAY, {"half": people[4:6], "some": people[3:], "none": people[6:], "all": people[:2]})
    stored.use(acme, DAY, {user: {} for user in people[:5]})
    assert list(adoption().items()) == [("none", ("4", "0", "0.0000")), ("some", ("7", "2", "0.2857"))]
    assert set(adoption("--below", "0.51")) == {"none", "some", "half"}
    assert adoption("--below", "0") == {}
    assert set(adoption("--team", "some")) == {"some"}


def test_the_newest_day_with_both_reports_counts() -> None:
    acme = stored.organization()
    ana, ben = stored.person(1), stored.person(2)
    for day, active in ((DAY, [ana]), (NEXT, [])):
        stored.roster(acme, day, {"web": [ana, ben]})
        stored.use(acme, day, {user: {} for user in active})
    stored.use(acme, NEXT + timedelta(days=1), {ana: {}, ben: {}})
    [row] = rows_of("teams-low-adoption")
    assert (row["day"], row["active_users"]) == (str(NEXT), "0")
    [row] = rows_of("teams-low-adoption", "--to", str(DAY), "--below", "0.6")
    assert (row["day"], row["active_users"]) == (str(DAY), "1")


def test_seats_are_the_members_who_held_one_that_day() -> None:
    octo = stored.enterprise()
    acme = stored.organization(parent=octo)
    people = [stored.person(number) for number in range(1, 6)]
    stored.roster(acme, DAY, {"web": people})
    stored.use(acme, DAY, {})
    seat(acme, people[0], DAY)
    seat(octo, people[0], DAY)
    seat(octo, people[1], DAY)
    seat(acme, people[2], NEXT)
    seat(acme, people[3], DAY - timedelta(days=5), ended=DAY)
    seat(stored.organization("lone", 77), people[4], DAY)
    [row] = rows_of("teams-low-adoption", "--organization", "acme")
    assert row["seats"] == "2"


def test_queries_do_not_grow_with_people_or_teams() -> None:
    begin_the_audit()
    acme = stored.organization()

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            rows_of("teams-low-adoption")
        return len(captured)

    people = [stored.person(number) for number in range(1, 60)]
    stored.roster(acme, DAY, {"one": people[:1]})
    stored.use(acme, DAY, {})
    few = queries()
    stored.roster(acme, NEXT, {f"team-{n}": people[n::5] for n in range(5)})
    stored.use(acme, NEXT, {})
    for user in people:
        seat(acme, user, DAY)
    assert queries() == few
