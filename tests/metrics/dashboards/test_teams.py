"""The page Teams: its table, its rankings, teams side by side, and what it says in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.dashboards import teams as page
from metrics.dashboards.asked import Asked, By
from metrics.dashboards.panel import Linked, Panel, plain
from metrics.figures import Scope
from metrics.figures.team_comparison import all_teams
from metrics.periods import Period
from seats.models import Account, GitHubUser, Team
from tests.metrics import stored

pytestmark = pytest.mark.django_db

FIRST = date(2026, 10, 1)
DAYS = 4


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def asks(account: Account, **changes: Any) -> Asked:
    period = Period(FIRST, day(DAYS - 1))
    return replace(Asked(Scope(account), period, date(2026, 11, 20), user=None), **changes)


def column(panel: Panel, name: str) -> list[Any]:
    place = [each.name for each in panel.columns].index(name)
    return [plain(row[place]) for row in panel.rows]


@pytest.fixture
def acme() -> Account:
    return stored.organization()


@pytest.fixture
def people() -> list[GitHubUser]:
    return [stored.person(number) for number in range(1, 11)]


@pytest.fixture
def made(acme: Account, people: list[GitHubUser]) -> dict[str, Team]:
    """Four days: all of web use it, half of data, and one person who is in no team."""
    for number in range(DAYS):
        stored.use(acme, day(number), {user: {"user_initiated_interaction_count": 2} for user in people[:5]})
        stored.use(acme, day(number), {people[9]: {"user_initiated_interaction_count": 1}})
        teams = stored.roster(acme, day(number), {"web": people[:3], "data": people[3:7]})
    return teams


def test_every_team_is_a_row_and_what_belongs_to_none_is_the_last(
    acme: Account, made: dict[str, Team]
) -> None:
    panel = page.every_team(asks(acme))
    assert column(panel, "team") == ["data", "web", "(unattributed)"]
    assert column(panel, "members") == [4, 3, None]
    assert column(panel, "active_users") == [2, 3, 1]
    assert column(panel, "adoption") == [Decimal("0.5"), Decimal(1), None]
    assert column(panel, "interactions") == [16, 24, 4]
    assert column(panel, "interactions_per_active_user") == [8, 8, 4]
    assert panel.note == f"Members as of {day(DAYS - 1)}."


def test_a_team_leads_to_the_other_pages_of_itself(acme: Account, made: dict[str, Team]) -> None:
    asked = asks(acme, params={"period": "7", "teams": "4"})
    cell = page.every_team(asked).rows[0][0]
    assert isinstance(cell, Linked)
    assert cell.url.endswith(f"/usage/overview/?period=7&scope={acme.pk}&team={made['data'].pk}")


def test_compared_with_the_days_before_the_table_has_the_adoption_of_then(
    acme: Account, made: dict[str, Team]
) -> None:
    asked = asks(acme, period=Period(day(2), day(3)), before=Period(day(0), day(1)))
    assert column(page.every_team(asked), "adoption_before") == [Decimal("0.5"), Decimal(1), None]
    asked = asks(acme, before=Period(FIRST - timedelta(days=4), FIRST - timedelta(days=1)))
    assert column(page.every_team(asked), "adoption_before") == [None, None, None]


def test_the_sum_shows_each_part_and_they_make_everybody(acme: Account, made: dict[str, Team]) -> None:
    panel = page.sum_of_teams(asks(acme))
    assert [list(row) for row in panel.rows] == [
        ["All teams added up", 5, 20, 40],
        ["Counted in several teams", 0, 0, 0],
        ["In teams, each once", 5, 20, 40],
        ["(unattributed)", 1, 4, 4],
        ["Everybody", 6, 24, 44],
    ]


def test_missing_days_and_missing_teams_are_said(acme: Account, people: list[GitHubUser]) -> None:
    stored.use(acme, day(0), {people[0]: {}})
    stored.use(acme, day(1), {people[0]: {}})
    stored.roster(acme, day(0), {"web": people[:2], "data": people[:2]})
    panel = page.every_team(asks(acme))
    assert panel.note == (
        "Of 2 days of these 4 there is no report of use; they count nowhere. "
        "Of 1 day there is no report of teams: everybody is unattributed then. "
        f"Members as of {day(0)}. "
        "People in several teams count in each; “How teams add up” says how many."
    )


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("", ["data", "new", "web"]),
        ("adoption", ["data", "web", "new"]),
        ("-adoption", ["web", "data", "new"]),
        ("-members", ["data", "web", "new"]),
        ("-interactions", ["web", "data", "new"]),
        ("slug", ["data", "new", "web"]),
        ("--members", ["data", "new", "web"]),
    ],
)
def test_the_table_is_sorted_as_the_address_says(
    acme: Account, made: dict[str, Team], people: list[GitHubUser], order: str, names: list[str]
) -> None:
    # Of a team that the newest day no longer shows neither members nor adoption are known.
    stored.use(acme, day(-1), {people[0]: {}})
    stored.roster(acme, day(-1), {"new": people[8:9]})
    asked = asks(acme, period=Period(day(-1), day(DAYS - 1)), params={"order": order})
    assert column(page.every_team(asked), "team") == [*names, "(unattributed)"]


def test_a_long_table_has_pages(
    acme: Account, people: list[GitHubUser], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "PAGE", 5)
    stored.use(acme, FIRST, {people[0]: {}})
    stored.roster(acme, FIRST, {f"team-{number:02}": people[:1] for number in range(12)})
    pages = [page.every_team(asks(acme, params={"at": at})) for at in ("1", "2", "3")]
    # And each with what belongs to no team.
    assert [len(panel.rows) for panel in pages] == [6, 6, 3]
    assert column(pages[1], "team")[0] == "team-05"
    assert pages[2].note.startswith("Teams 11 to 12 of 12.")
    assert [[label for label, _ in panel.links if "page" in label] for panel in pages] == [
        ["Next page"],
        ["Previous page", "Next page"],
        ["Previous page"],
    ]
    assert page.every_team(asks(acme, params={"at": "9"})).rows == pages[2].rows
    assert len(page.choose(asks(acme, params={"at": "3"})).rows) == 2


def test_rankings_are_of_known_adoption_lowest_or_highest_first(acme: Account, made: dict[str, Team]) -> None:
    asked = asks(acme)
    assert column(page.lowest_adoption(asked), "team") == ["data", "web"]
    assert column(page.highest_adoption(asked), "team") == ["web", "data"]
    assert column(page.lowest_adoption(asked), "active_members") == [2, 3]


def test_a_ranking_has_ten_teams_and_says_of_how_many(acme: Account, people: list[GitHubUser]) -> None:
    stored.use(acme, FIRST, {people[0]: {}})
    stored.roster(acme, FIRST, {f"team-{number:02}": people[number : number + 2] for number in range(8)})
    stored.roster(acme, day(1), {})
    asked = asks(acme, period=Period(FIRST, FIRST))
    assert len(page.lowest_adoption(asked).rows) == 8
    stored.roster(acme, day(1), {f"team-{number:02}": people[:2] for number in range(12)})
    stored.use(acme, day(1), {people[0]: {}})
    panel = page.lowest_adoption(asks(acme))
    assert len(panel.rows) == 10
    assert panel.note == "10 of 12 teams."


# --- Side by side -----------------------------------------------------------------------------


def test_without_a_choice_the_largest_teams_are_compared(acme: Account, made: dict[str, Team]) -> None:
    panel = page.active_users(asks(acme))
    assert [each.name for each in panel.columns] == ["day", "data", "web"]
    assert [list(row)[1:] for row in panel.rows] == [[2, 3]] * DAYS
    assert [list(row)[1:] for row in page.adoption_over_time(asks(acme)).rows] == [[Decimal("0.5"), 1]] * DAYS
    assert [list(row)[1:] for row in page.interactions(asks(acme)).rows] == [[2, 2]] * DAYS
    assert page.acceptance(asks(acme)).is_empty


def test_chosen_teams_are_compared_in_their_order_and_by_week(acme: Account, made: dict[str, Team]) -> None:
    web, data = made["web"].pk, made["data"].pk
    asked = asks(acme, params={"teams": f"{web},{data}"}, by=By.MONTH)
    panel = page.active_users(asked)
    assert [each.name for each in panel.columns] == ["month", "web", "data"]
    assert [list(row) for row in panel.rows] == [["2026-10", 3, 2]]


def test_a_day_without_the_team_is_a_gap(acme: Account, made: dict[str, Team], people: list[Any]) -> None:
    stored.use(acme, day(DAYS), {people[0]: {}})
    stored.roster(acme, day(DAYS), {"web": people[:3]})
    asked = asks(acme, period=Period(day(DAYS - 1), day(DAYS + 1)), params={"teams": str(made["data"].pk)})
    assert column(page.active_users(asked), "data") == [2, None, None]


@pytest.mark.parametrize("teams", ["", "0", "x", "1;2", ",,", "99999999999999999999", "-1", "²"])
def test_what_is_no_choice_compares_the_largest(acme: Account, made: dict[str, Team], teams: str) -> None:
    asked = asks(acme, params={"teams": teams})
    assert [each.name for each in page.active_users(asked).columns] == ["day", "data", "web"]


def test_teams_of_another_account_are_not_compared(acme: Account, made: dict[str, Team]) -> None:
    other = stored.organization("other", 777)
    stored.roster(other, FIRST, {"secret": []})
    secret = Team.objects.get(slug="secret")
    asked = asks(acme, params={"teams": f"{secret.pk},{made['web'].pk}"})
    assert [each.name for each in page.active_users(asked).columns] == ["day", "web"]


def test_at_most_six_teams_are_compared(acme: Account, people: list[GitHubUser]) -> None:
    stored.use(acme, FIRST, {people[0]: {}})
    teams = stored.roster(acme, FIRST, {f"team-{number}": people for number in range(8)})
    keys = [team.pk for team in teams.values()]
    asked = asks(acme, params={"teams": ",".join(map(str, keys))})
    assert len(page.active_users(asked).columns) == 1 + 6
    choice = column(page.choose(asked), "choice")
    assert (choice.count("take out"), choice.count("full")) == (6, 2)


def test_a_choice_adds_a_team_to_the_address_or_takes_it_out(acme: Account, made: dict[str, Team]) -> None:
    web, data = made["web"].pk, made["data"].pk
    by_name = {row[0]: row[-1] for row in page.choose(asks(acme, params={"teams": str(web)})).rows}
    added, taken_out = by_name["data"], by_name["web"]
    assert isinstance(added, Linked)
    assert isinstance(taken_out, Linked)
    assert added.url.endswith(f"/usage/teams/?teams={web}%2C{data}")
    assert taken_out.url.endswith("/usage/teams/?")


# --- In words, and without anything -------------------------------------------------------------


def test_words_name_the_ends_of_adoption_and_who_is_in_no_team(acme: Account, made: dict[str, Team]) -> None:
    assert page.words(asks(acme)) == [
        (
            "Team data has the lowest adoption, 50 % (2 of 4 members); "
            "team web has the highest adoption, 100 % (3 of 3 members)."
        ),
        "1 of 6 active people (17 %) was in no team on the days of their activity.",
    ]


def test_words_tell_of_people_who_count_in_several_teams(acme: Account, people: list[GitHubUser]) -> None:
    stored.use(acme, FIRST, {people[0]: {}, people[1]: {}})
    stored.roster(acme, FIRST, {"web": people[:2], "data": people[:1]})
    assert page.words(asks(acme)) == [
        "Everybody active (2 people) was in a team.",
        (
            "Teams added up count 3 people, 1 more than there are in them: people in several teams, or who "
            "changed teams, count in each."
        ),
    ]


def test_words_name_up_to_three_teams_that_share_an_end(acme: Account, people: list[GitHubUser]) -> None:
    stored.use(acme, FIRST, {people[0]: {}})
    some = {"a": people[1:3], "b": people[1:3], "c": people[1:3]}
    stored.roster(acme, FIRST, {**some, "web": people[:1]})
    assert page.ends_of_adoption(all_teams(acme, [FIRST])) == (
        "Teams a, b and c have the lowest adoption, 0 %; "
        "team web has the highest adoption, 100 % (1 of 1 member)."
    )
    stored.use(acme, day(1), {people[0]: {}})
    stored.roster(acme, day(1), {**some, "d": people[1:3], "web": people[:1]})
    assert page.ends_of_adoption(all_teams(acme, [day(1)])).startswith(
        "4 teams have the lowest adoption, 0 %;"
    )


def test_words_say_nothing_of_one_team_or_of_teams_that_are_alike(
    acme: Account, people: list[GitHubUser]
) -> None:
    stored.use(acme, FIRST, {people[0]: {}})
    stored.roster(acme, FIRST, {"web": people[:1]})
    assert page.ends_of_adoption(all_teams(acme, [FIRST])) == ""
    stored.use(acme, day(1), {people[0]: {}, people[1]: {}})
    stored.roster(acme, day(1), {"web": people[:1], "data": people[1:2]})
    assert page.ends_of_adoption(all_teams(acme, [day(1)])) == ""


def test_words_say_that_teams_are_not_known_instead_of_calling_everybody_teamless(
    acme: Account, people: list[GitHubUser]
) -> None:
    stored.use(acme, FIRST, {people[0]: {}})
    assert page.words(asks(acme)) == [
        "No report of teams was taken in of these days: whose team anybody is in is not known."
    ]


def test_words_of_an_enterprise_say_where_the_teams_of_its_organizations_are(
    people: list[GitHubUser],
) -> None:
    octo = stored.enterprise()
    stored.use(octo, FIRST, {people[0]: {}})
    stored.roster(octo, FIRST, {"guild": people[:1]})
    stored.organization("without-teams", 502, parent=octo)
    everybody = "Everybody active (1 person) was in a team."
    assert page.words(asks(octo)) == [everybody]

    stored.roster(stored.organization("apps", 503, parent=octo), FIRST, {"web": people[:1]})

    assert page.words(asks(octo)) == [
        everybody,
        (
            "These are the teams of octo itself; choose one of its organizations as the scope to see "
            "those of it."
        ),
    ]


@pytest.mark.parametrize("key", page.teams.panels)
def test_nothing_taken_in_is_an_empty_panel(acme: Account, key: str) -> None:
    assert page.teams.panels[key].function(asks(acme)).is_empty
    assert page.words(asks(acme)) == []


@pytest.mark.parametrize("key", page.teams.panels)
def test_a_panel_asks_as_many_queries_of_twenty_teams_as_of_two(
    acme: Account, people: list[GitHubUser], key: str
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            page.teams.panels[key].function(asks(acme))
        return len(asked)

    stored.use(acme, FIRST, {people[0]: {}})
    stored.roster(acme, FIRST, {"web": people[:1], "data": people})
    few = queries()
    stored.use(acme, day(1), {people[0]: {}})
    stored.roster(acme, day(1), {f"team-{number}": people for number in range(20)})
    assert queries() == few <= 8
