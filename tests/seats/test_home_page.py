"""The home page: what is counted, for whom, and where each number leads."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from portal.cards import Chart, Figures, Sentence, Table
from portal.models import AuditEntry, ReportFile
from seats.models import Account, InactivityPolicy
from tests.counting import queries_of
from tests.seats.holding import ago, grant, hold, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def acme() -> Account:
    return organization("acme")


def panels(client: Client, query: str = "") -> dict[str, Any]:
    """The panels by title."""
    found = client.get(f"/?{query}").context["panels"]
    return {getattr(panel, "title", "scope"): panel for panel in found}


def numbers(panel: Any) -> dict[str, str]:
    assert isinstance(panel, Figures)
    return {figure.label: figure.value for figure in panel.figures}


def table(panel: Any) -> list[list[str]]:
    assert isinstance(panel, Table | Chart)
    return [[cell.text for cell in row] for row in panel.rows]


def test_a_fresh_portal_invites_to_upload(olga_client: Client) -> None:
    page = olga_client.get("/").content.decode()

    assert "two ways to begin" in page
    assert "Connect GitHub" in page
    assert "Upload your first file" in page
    assert 'href="/upload/"' in page


def test_whoever_may_not_upload_is_not_invited_to(vic_client: Client, noa_client: Client) -> None:
    assert "Upload your first file" not in vic_client.get("/").content.decode()
    assert "Upload your first file" not in noa_client.get("/").content.decode()


def test_whoever_may_see_nothing_is_told_so(noa_client: Client, acme: Account) -> None:
    hold(acme, grant(1, "ana", used=1))
    ReportFile.objects.create(source="upload", kind="seats", name="seats.json", sha256="0" * 64, size=1)

    page = noa_client.get("/").content.decode()

    assert "There is nothing here that you may see yet." in page
    assert "two ways to begin" not in page


def test_it_counts_seats_and_money(olga_client: Client, acme: Account) -> None:
    hold(
        acme,
        grant(1, "ana", used=2, plan_type="enterprise"),
        grant(2, "ben", used=60),
        grant(3, "cleo", created=50),
        grant(4, "dan", created=3, plan_type="unknown"),
    )

    found = panels(olga_client)

    assert numbers(found["Seats"]) == {
        "Seats held": "4",
        "Active": "1",
        "Inactive": "2",
        "Estimated monthly cost": "77.00 USD",
        "Cost of inactive seats": "38.00 USD",
    }
    assert "1 of them without a known price" in found["Seats"].figures[3].note
    assert table(found["Seats by plan"]) == [
        ["Business", "2", "50%"],
        ["Enterprise", "1", "25%"],
        ["Unknown", "1", "25%"],
    ]
    assert table(found["Seats by verdict"]) == [
        ["Active", "1"],
        ["In grace", "1"],
        ["Idle", "1"],
        ["Never used", "1"],
    ]


def test_it_says_what_the_policy_says(olga_client: Client, acme: Account) -> None:
    hold(acme, grant(1, "ana", used=60), grant(2, "ben", used=2))

    said = panels(olga_client)["What the policy says"]

    assert isinstance(said, Sentence)
    assert said.text == (
        "Seats are inactive after 30 days without use; 14 days of grace after a seat is granted. "
        "1 seat is inactive today."
    )


def test_it_says_the_policy_of_the_account_looked_at(olga_client: Client, acme: Account) -> None:
    hold(acme, grant(1, "ana", used=60))
    InactivityPolicy.objects.create(account=acme, idle_days=90)

    assert "after 90 days" in panels(olga_client, f"account={acme.pk}")["What the policy says"].text
    assert "1 nearer policy decides" in panels(olga_client)["What the policy says"].text


def test_it_says_nothing_of_policies_that_do_not_hold_today(olga_client: Client, acme: Account) -> None:
    hold(acme, grant(1, "ana", used=60))
    InactivityPolicy.objects.create(idle_days=90, starts_on="2026-11-21")
    InactivityPolicy.objects.create(idle_days=80, starts_on="2026-11-01", ends_on="2026-11-19")
    InactivityPolicy.objects.create(account=acme, idle_days=70, starts_on="2026-11-21")

    text = panels(olga_client, f"account={acme.pk}")["What the policy says"].text
    assert "after 30 days" in text
    assert "nearer" not in text


@pytest.mark.parametrize("scope", ["", "acme"])
def test_every_number_leads_to_as_many_seats(olga_client: Client, acme: Account, scope: str) -> None:
    hold(acme, grant(1, "ana", used=2), grant(2, "ben", used=60), grant(3, "cleo", created=50))
    hold(organization("zeta"), grant(4, "dan", used=99, plan_type="enterprise"))
    found = panels(olga_client, f"account={acme.pk}" if scope else "")

    counted = found["Seats of acme" if scope else "Seats"].figures[:3]
    links = [(figure.url, figure.value) for figure in counted]
    for title in ("Seats by plan", "Seats by verdict"):
        links += [(row[1].url, row[1].text) for row in found[title].rows]

    assert len(links) > 5
    for url, value in links:
        assert olga_client.get(url).context["cl"].result_count == int(value), url


def test_one_account_can_be_looked_at_alone(olga_client: Client, acme: Account) -> None:
    hold(acme, grant(1, "ana", used=2))
    hold(organization("zeta"), grant(2, "ben", used=2), grant(3, "cleo", used=2))

    assert numbers(panels(olga_client)["Seats"])["Seats held"] == "3"
    assert numbers(panels(olga_client, f"account={acme.pk}")["Seats of acme"])["Seats held"] == "1"


@pytest.mark.parametrize("asked", ["nobody", "-1", "99999999999999999999999", "0"])
def test_an_account_that_is_not_there_means_all(olga_client: Client, acme: Account, asked: str) -> None:
    hold(acme, grant(1, "ana", used=2))

    assert "Seats" in panels(olga_client, f"account={asked}")


def test_accounts_are_listed_with_what_they_cost(olga_client: Client) -> None:
    octo = Account.objects.create(kind="enterprise", login="octo")
    hold(organization("acme", parent=octo), grant(1, "ana", used=2), grant(2, "ben", used=60))

    assert table(panels(olga_client)["Organizations and enterprises"]) == [
        ["octo (enterprise)", "2", "1", "1", "38.00 USD", "19.00 USD"],
        ["acme (organization)", "2", "1", "1", "38.00 USD", "19.00 USD"],
    ]


def test_it_says_as_of_when_and_from_which_file(olga_client: Client, acme: Account) -> None:
    hold(acme, grant(1, "ana", used=2))
    hold(organization("zeta"), grant(2, "ben", used=2), at=ago(5))

    note = panels(olga_client)["Seats"].note

    assert note.startswith("As of 2026-11-20 12:00 UTC.")
    assert "2026-11-15" in note


def test_it_shows_only_what_its_reader_may_see(noa: Any, noa_client: Client, acme: Account) -> None:
    hold(acme, grant(1, "ana", used=2))
    hold(organization("zeta"), grant(2, "ben", used=2))

    noa.user_permissions.set(Permission.objects.filter(codename="view_account"))
    assert set(panels(noa_client)) == {"scope", "Organizations and enterprises"}
    noa.user_permissions.set(Permission.objects.filter(codename="view_seat"))
    assert set(panels(noa_client)) == {"Seats", "What the policy says", "Seats by plan", "Seats by verdict"}


def test_each_chart_has_its_numbers_as_a_table(olga_client: Client, acme: Account) -> None:
    hold(acme, grant(1, "ana", used=2))

    page = olga_client.get("/").content.decode()

    assert len(re.findall(r"<canvas", page)) == len(re.findall("The numbers as a table", page)) == 1
    assert 'role="img"' in page


def test_it_asks_as_many_queries_for_sixty_seats_as_for_five(olga_client: Client, acme: Account) -> None:
    hold(acme, *(grant(number, f"user-{number}", used=number) for number in range(1, 6)))
    hold(organization("zeta"), grant(100, "zoe", used=1))
    few = queries_of(olga_client, "/")
    hold(acme, *(grant(number, f"user-{number}", used=number) for number in range(1, 61)))

    assert queries_of(olga_client, "/") == few


def test_the_sidebar_offers_only_pages_that_open(vic_client: Client, noa_client: Client) -> None:
    page = vic_client.get("/").content.decode()
    sidebar = page[page.index('id="nav-sidebar-apps"') :]
    links = set(re.findall(r'href="(/(?:seats|portal|metrics|upload|auth)[^"]*)"', sidebar))

    assert {"/seats/seat/", "/seats/inactivitypolicy/", "/portal/reportfile/"} <= links
    assert not any(link.startswith(("/auth/", "/upload/")) for link in links)
    assert {link: vic_client.get(link).status_code for link in links} == dict.fromkeys(links, 200)
    assert 'href="/seats/seat/"' not in noa_client.get("/").content.decode()


def test_each_table_is_a_file_of_what_the_page_shows(olga_client: Client, acme: Account) -> None:
    hold(acme, grant(1, "mona"), grant(2, "=hubot", used=60), at=ago(1))
    zeta = organization("zeta")
    hold(zeta, grant(3, "zoe"), at=ago(1))
    page = olga_client.get(f"/?account={zeta.pk}")
    tables = [panel for panel in page.context["panels"] if isinstance(panel, Table | Chart) and panel.rows]
    assert len(tables) >= 2
    urls = re.findall(r'href="(/home/[^"]+/csv/[^"]*)"', page.content.decode())
    assert len(urls) == len(tables)
    for url, panel in zip(urls, tables, strict=True):
        answer: Any = olga_client.get(url)
        rows = list(csv.reader(io.StringIO(answer.getvalue().decode())))
        shown = [[cell.replace(",", "").replace("–", "") for cell in row] for row in table(panel)]
        assert rows[1:] == shown, panel.title
        assert len(rows[0]) == len(panel.headers)
    entry = AuditEntry.objects.filter(action="list exported").first()
    assert entry is not None
    assert entry.subject.startswith("home:")


def test_a_table_of_the_home_page_is_only_for_whoever_sees_it(
    noa_client: Client, client: Client, acme: Account
) -> None:
    hold(acme, grant(1, "mona"), at=ago(1))
    assert noa_client.get("/home/seats-by-plan/csv/").status_code == 404
    assert client.get("/home/seats-by-plan/csv/").status_code == 302
