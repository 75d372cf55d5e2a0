"""Pages of panels: what their addresses mean, who may see them, what they say when nothing is there."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from metrics.dashboards.asked import Asked
from metrics.dashboards.panel import Column, Kind, Panel
from metrics.dashboards.registry import Page
from seats.models import Account, Team
from tests.counting import queries_of
from tests.metrics.dashboards.toy import NEWEST, covered, toy_page

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

PIECE = {"X-Dashboard-Piece": "1"}


@pytest.fixture
def toy() -> Iterator[Page]:
    with toy_page() as page:
        yield page


@pytest.fixture
def acme() -> Account:
    account = Account.objects.create(kind="organization", login="acme")
    covered(account)
    return account


def piece(client: Client, path: str) -> str:
    """What our script gets."""
    answer = client.get(path, headers=PIECE)
    assert answer.status_code == 200, answer.status_code
    return str(answer.content.decode())


def drawn(client: Client, path: str) -> dict[str, Any]:
    found = re.search(r'<script[^>]+type="application/json">(.+?)</script>', piece(client, path))
    assert found, "nothing is drawn"
    return dict(json.loads(found[1]))


def days(client: Client, query: str = "") -> tuple[str, str, int]:
    """First and last bucket, and how many there are."""
    labels = drawn(client, f"/usage/toy/days/?{query}")["labels"]
    return labels[0], labels[-1], len(labels)


def said(client: Client, query: str) -> list[str]:
    return list(client.get(f"/usage/toy/?{query}", follow=True).context["said"])


# --- Which days -------------------------------------------------------------------------------


def test_the_usual_days_are_28_up_to_the_newest_covered_one(
    olga_client: Client, toy: Page, acme: Account
) -> None:
    assert days(olga_client) == ("2026-10-23", "2026-11-19", 28)


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ("period=7", "2026-11-13", "2026-11-19"),
        ("period=90", "2026-08-22", "2026-11-19"),
        ("period=month", "2026-11-01", "2026-11-19"),
        ("period=last-month", "2026-10-01", "2026-10-31"),
        ("period=quarter", "2026-10-01", "2026-11-19"),
        ("period=last-quarter", "2026-07-01", "2026-09-30"),
        ("from=2026-11-02&to=2026-11-04", "2026-11-02", "2026-11-04"),
        ("from=2026-11-02", "2026-11-02", "2026-11-19"),
        ("to=2026-11-04", "2026-10-08", "2026-11-04"),
    ],
)
def test_other_days_are_asked_for_by_a_name_or_one_by_one(
    olga_client: Client, toy: Page, acme: Account, query: str, first: str, last: str
) -> None:
    assert days(olga_client, query)[:2] == (first, last)
    assert said(olga_client, query) == []


def test_without_a_report_the_days_end_yesterday(olga_client: Client, toy: Page) -> None:
    Account.objects.create(kind="organization", login="acme")

    assert days(olga_client, "period=7")[1] == "2026-11-19"


def test_a_year_is_shown_by_week_unless_asked_otherwise(
    olga_client: Client, toy: Page, acme: Account
) -> None:
    assert days(olga_client, "period=365")[2] == 53
    assert days(olga_client, "period=365&by=day")[2] == 365
    assert days(olga_client, "period=365&by=month")[2] == 13


def test_weekends_are_left_out_when_asked(olga_client: Client, toy: Page, acme: Account) -> None:
    assert days(olga_client, "weekends=0")[2] == 20


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("period=soon", "“soon” is nothing that “period” can be; the usual is shown."),
        ("by=hour", "“hour” is nothing that “by” can be; the usual is shown."),
        ("weekends=maybe", "“maybe” is nothing that “weekends” can be; the usual is shown."),
        ("compare=yes", "“yes” is nothing that “compare” can be; the usual is shown."),
        ("from=yesterday", "“yesterday” is no day such as 2026-10-31."),
        ("from=20261101", "“20261101” is no day such as 2026-10-31."),
        ("from=2026-02-30", "“2026-02-30” is no day such as 2026-10-31."),
        ("from=2026-11-05&to=2026-11-01", "2026-11-05 lies after 2026-11-01: they were exchanged."),
        ("from=2026-11-05&to=2027-01-01", "2027-01-01 lies ahead; days are shown up to today."),
        ("from=2027-01-01", "2027-01-01 lies after 2026-11-19: they were exchanged."),
        ("from=0001-01-01&to=0001-01-02", "Nothing can be known from 0001-01-01 to 0001-01-02;"),
        ("from=2022-01-01", "At most three years are shown at once: the last ones of these."),
        ("from=1999-01-01", "There was no Copilot on 1999-01-01; days are shown from 2021-01-01 on."),
        ("scope=99999", "There is no such organization or enterprise to show; this is acme."),
        ("scope=x'--", "There is no such organization or enterprise to show; this is acme."),
        ("scope=9999999999999999999999", "There is no such organization"),
        ("team=5", "There is no such team of acme to show; this is all of it."),
    ],
)
def test_what_cannot_be_read_falls_back_to_the_usual_and_is_said(
    olga_client: Client, toy: Page, acme: Account, query: str, says: str
) -> None:
    assert says in " ".join(said(olga_client, query))
    assert piece(olga_client, f"/usage/toy/days/?{query}")


def test_what_is_usual_is_left_out_of_the_address(olga_client: Client, toy: Page, acme: Account) -> None:
    answer = olga_client.get("/usage/toy/?period=28&by=day&team=&from=&weekends=1&utm_source=mail")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/usage/toy/"

    kept = f"scope={acme.pk}&from=2026-11-02&to=2026-11-04&compare=1&weekends=0&by=week"
    assert olga_client.get(f"/usage/toy/?{kept}").status_code == 200


# --- Whose ------------------------------------------------------------------------------------


def test_an_account_and_one_of_its_teams_can_be_chosen(olga_client: Client, toy: Page, acme: Account) -> None:
    other = Account.objects.create(kind="organization", login="other")
    team = Team.objects.create(account=acme, github_id=1, slug="data")
    Team.objects.create(account=other, github_id=2, slug="runtime")

    page = olga_client.get(f"/usage/toy/?scope={acme.pk}&team={team.pk}")

    assert page.context["window"].scope == "data of acme"
    by_name = {choice.name: choice for choice in page.context["controls"].choices}
    assert [label for _, label in by_name["scope"].options] == ["acme (organization)", "other (organization)"]
    assert [label for _, label in by_name["team"].options] == ["Everybody", "data"]
    assert said(olga_client, f"scope={other.pk}&team={team.pk}") == [
        "There is no such team of other to show; this is all of it."
    ]


def test_without_any_account_the_page_tells_how_to_begin(olga_client: Client, toy: Page) -> None:
    page = olga_client.get("/usage/toy/").content.decode()

    assert "No organization or enterprise yet" in page
    assert 'href="/upload/"' in page
    assert olga_client.get("/usage/toy/days/").status_code == 404
    assert olga_client.get("/usage/toy/in-words/").status_code == 200


# --- Who may ----------------------------------------------------------------------------------


def test_whoever_is_not_logged_in_comes_to_the_login(client: Client, toy: Page, acme: Account) -> None:
    for path in ("/usage/toy/", "/usage/toy/days/", "/usage/toy/days.csv", "/usage/toy/in-words/"):
        answer = client.get(path)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/login/")


def test_whoever_may_not_see_a_page_sees_none_of_it(noa_client: Client, toy: Page, acme: Account) -> None:
    for path in ("/usage/toy/", "/usage/toy/days/", "/usage/toy/days.csv", "/usage/toy/in-words/"):
        assert noa_client.get(path).status_code == 403


def test_a_panel_that_is_not_permitted_is_left_out(
    noa: Any, noa_client: Client, toy: Page, acme: Account
) -> None:
    noa.user_permissions.add(Permission.objects.get(codename="view_scopeday"))

    shown = [one["panel"].key for one in noa_client.get("/usage/toy/").context["panels"]]

    assert shown == ["days", "cells", "nothing", "broken"]
    assert noa_client.get("/usage/toy/guarded/").status_code == 403
    assert noa_client.get("/usage/toy/guarded.csv").status_code == 403


def test_whoever_may_not_see_team_days_gets_no_team(
    noa: Any, noa_client: Client, toy: Page, acme: Account
) -> None:
    noa.user_permissions.add(Permission.objects.get(codename="view_scopeday"))
    team = Team.objects.create(account=acme, github_id=1, slug="data")

    page = noa_client.get(f"/usage/toy/?team={team.pk}")

    assert page.context["window"].scope == "acme"
    assert "data" not in page.context["said"][0]


def test_what_does_not_exist_is_not_found(olga_client: Client, toy: Page, acme: Account) -> None:
    for path in ("/usage/no-such-page/", "/usage/toy/no-such-panel/", "/usage/toy/no-such-panel.csv"):
        assert olga_client.get(path).status_code == 404


# --- Panels -----------------------------------------------------------------------------------


def test_the_sentences_come_with_the_page(olga_client: Client, toy: Page, acme: Account) -> None:
    words = piece(olga_client, "/usage/toy/in-words/?period=7")

    assert "acme was asked for 7 days. That is all." in words


def test_a_day_of_which_nothing_is_known_is_a_gap(olga_client: Client, toy: Page, acme: Account) -> None:
    number, share = drawn(olga_client, "/usage/toy/days/?period=7")["series"]

    assert number["values"] == [None, 14000, 15000, 16000, 17000, 18000, 19000]
    assert (number["kind"], share["kind"]) == ("count", "rate")


def test_weekends_and_provisional_days_are_marked(olga_client: Client, toy: Page, acme: Account) -> None:
    chart = drawn(olga_client, "/usage/toy/days/?period=7")

    assert chart["weekend"] == [1, 2]
    assert chart["provisional"] == [4, 5, 6]
    table = piece(olga_client, "/usage/toy/days/?period=7")
    assert '2026-11-14 <span class="dash-mark">weekend</span>' in table
    assert f'{NEWEST} <span class="dash-mark">provisional</span>' in table


def test_the_table_says_the_same_as_the_drawing(olga_client: Client, toy: Page, acme: Account) -> None:
    html = piece(olga_client, "/usage/toy/days/?period=7")

    assert "<td>–</td><td>12.5 %</td>" in html
    assert "<td>14,000</td><td>12.5 %</td>" in html
    assert "Number: from 14,000 to 19,000, last 19,000." in html


def test_cells_are_escaped_linked_and_coloured(olga_client: Client, toy: Page, acme: Account) -> None:
    html = piece(olga_client, "/usage/toy/cells/")

    assert '<a class="portal-link" href="/seats/seat/?a=1&amp;b=2">12</a>' in html
    assert "&lt;b&gt;" in html
    assert 'class="dash-heat dash-heat-6"' in html
    assert '<td class="dash-heat dash-heat-0">–</td>' in html
    assert '<td class="dash-heat dash-heat-1">1</td>' in html


def test_a_headline_tells_how_it_changed(olga_client: Client, toy: Page, acme: Account) -> None:
    html = piece(olga_client, "/usage/toy/cells/")

    assert "+23.4\u00a0%, before: 1,000" in html
    assert "+11.4 points, before: 20.0\u00a0%" in html


def test_an_empty_panel_says_why(olga_client: Client, toy: Page, acme: Account) -> None:
    html = piece(olga_client, "/usage/toy/nothing/")

    assert "Nothing &lt;here&gt;." in html
    assert "CSV" not in html


def test_without_javascript_a_panel_is_a_page_of_its_own(
    olga_client: Client, toy: Page, acme: Account
) -> None:
    page = olga_client.get("/usage/toy/days/?period=7").content.decode()

    assert "<html" in page
    assert 'href="/usage/toy/?period=7"' in page
    assert "14,000" in page
    assert "<html" not in piece(olga_client, "/usage/toy/days/?period=7")


def test_a_panel_that_fails_takes_nothing_else_with_it(olga_client: Client, toy: Page, acme: Account) -> None:
    olga_client.raise_request_exception = False

    assert olga_client.get("/usage/toy/").status_code == 200
    assert olga_client.get("/usage/toy/broken/", headers=PIECE).status_code == 500


def test_the_download_has_the_rows_of_the_table_and_no_formula(
    olga_client: Client, toy: Page, acme: Account
) -> None:
    answer = olga_client.get("/usage/toy/cells.csv")
    rows = list(csv.reader(io.StringIO(answer.getvalue().decode())))

    assert rows == [["name", "a", "b"], ["'=1+1", "12", ""], ["<b>", "0", "1"]]
    name = 'filename="toy-cells-acme-2026-10-23-2026-11-19.csv"'
    assert name in answer.headers["Content-Disposition"]


def test_a_column_named_by_a_report_is_no_formula_either(
    olga_client: Client, toy: Page, acme: Account
) -> None:
    @toy.panel("named", "Named", definition="Named.")
    def named(asked: Asked) -> Panel:
        return Panel(
            columns=[Column("day", "Day", Kind.DAY), Column("=1+1", "=1+1")], rows=[["2026-11-01", 1]]
        )

    assert olga_client.get("/usage/toy/named.csv").getvalue().decode() == "day,'=1+1\n2026-11-01,1\n"


def test_numbers_are_exact_in_the_download(olga_client: Client, toy: Page, acme: Account) -> None:
    answer = olga_client.get("/usage/toy/days.csv?period=7")

    assert answer.getvalue().decode().splitlines()[:3] == [
        "day,number,share",
        "2026-11-13,,0.125",
        "2026-11-14,14000,0.125",
    ]


# --- What it costs ----------------------------------------------------------------------------


def test_the_number_of_accounts_and_teams_changes_no_number_of_queries(
    olga_client: Client, toy: Page, acme: Account
) -> None:
    Account.objects.create(kind="organization", login="other")
    Team.objects.create(account=acme, github_id=1, slug="data")
    paths = ("/usage/toy/", "/usage/toy/days/", "/usage/toy/days.csv", "/usage/toy/in-words/")
    few = [queries_of(olga_client, path) for path in paths]

    for number in range(20):
        account = Account.objects.create(kind="organization", login=f"org-{number}")
        Team.objects.create(account=account, github_id=number, slug=f"team-{number}")
        Team.objects.create(account=acme, github_id=100 + number, slug=f"team-{number}")
        covered(account)

    assert [queries_of(olga_client, path) for path in paths] == few
    assert few[0] <= 14


def test_many_teams_are_capped_and_the_chosen_one_is_among_them(
    olga_client: Client, toy: Page, acme: Account
) -> None:
    Team.objects.bulk_create(
        Team(account=acme, github_id=number, slug=f"team-{number:03}") for number in range(510)
    )
    last = Team.objects.get(slug="team-509")

    page = olga_client.get(f"/usage/toy/?team={last.pk}")

    team = next(choice for choice in page.context["controls"].choices if choice.name == "team")
    assert len(team.options) == 502
    assert team.options[-1] == (str(last.pk), "team-509")
    assert team.note == "The first 500 teams."


# --- Pages of another kind --------------------------------------------------------------------


def test_a_page_that_is_about_no_account_names_none(noa_client: Client, acme: Account) -> None:
    with toy_page(permission="", without=frozenset({"scope", "team"})):
        page = noa_client.get(f"/usage/toy/?scope={acme.pk}", follow=True)
        csv_name = noa_client.get("/usage/toy/days.csv").headers["Content-Disposition"]

        assert page.context["window"].scope == "Toy page"
        assert "acme" not in page.content.decode()
        assert "acme" not in piece(noa_client, "/usage/toy/days/")
        assert "toy-days-toy-page-2026-10-23-2026-11-19.csv" in csv_name


def test_a_sentence_may_stand_in_place_of_all_panels(olga_client: Client, toy: Page, acme: Account) -> None:
    said_instead = "Nobody is asked about."
    toy.instead_of_panels(lambda asked: said_instead if "who" not in asked.params else "")

    page = olga_client.get("/usage/toy/")

    assert said_instead in page.content.decode()
    assert page.context["panels"] == []
    assert page.context["words_url"] == ""


def test_a_page_may_have_fields_of_its_own(olga_client: Client, acme: Account) -> None:
    with toy_page(fields=(("login", "Login begins with"),), params=frozenset({"order"})):
        page = olga_client.get("/usage/toy/?login=an&order=days&other=1", follow=True)

        assert page.redirect_chain == [("/usage/toy/?login=an&order=days", 302)]
        controls = page.context["controls"]
        assert [(field.name, field.value) for field in controls.fields] == [("login", "an")]
        assert controls.carried == [("order", "days")]
        assert "login=an&amp;order=days" in page.content.decode()


def test_the_permission_of_a_page_is_enough_to_choose_an_account(
    noa: Any, noa_client: Client, acme: Account
) -> None:
    other = Account.objects.create(kind="organization", login="other")
    noa.user_permissions.add(Permission.objects.get(codename="view_seat"))

    with toy_page(permission="seats.view_seat"):
        assert noa_client.get(f"/usage/toy/?scope={other.pk}").context["window"].scope == "other"
    with toy_page(permission=""):
        page = noa_client.get(f"/usage/toy/?scope={other.pk}")
        assert page.context["said"] == ("There is no such organization or enterprise to show; this is acme.",)


# --- Compared ---------------------------------------------------------------------------------


def test_lines_over_time_are_drawn_beside_those_of_the_period_before(
    olga_client: Client, toy: Page, acme: Account
) -> None:
    chart = drawn(olga_client, "/usage/toy/days/?period=7&compare=1")

    assert [(series["label"], series["dashed"]) for series in chart["series"]] == [
        ("Number", False),
        ("Share", False),
        ("Number, before", True),
        ("Share, before", True),
    ]
    assert chart["series"][2]["values"] == [6000, 7000, 8000, 9000, 10000, 11000, 12000]
    page = piece(olga_client, "/usage/toy/days/?period=7&compare=1")
    assert "Before: 2026-11-06 to 2026-11-12, day beside day." in page
    csv_file = olga_client.get("/usage/toy/days.csv?period=7&compare=1").getvalue().decode()
    assert csv_file.splitlines()[:3] == [
        "day,number,share,number_before,share_before",
        "2026-11-13,,0.125,6000,0.125",
        "2026-11-14,14000,0.125,7000,0.125",
    ]


def test_what_is_no_drawing_over_time_stays_as_it_is_when_compared(
    olga_client: Client, toy: Page, acme: Account
) -> None:
    assert "before" not in piece(olga_client, "/usage/toy/nothing/?compare=1")
    compared = piece(olga_client, "/usage/toy/cells/?compare=1")
    assert compared.replace("compare=1&amp;", "") == piece(olga_client, "/usage/toy/cells/")
