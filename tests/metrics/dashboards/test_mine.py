"""My usage: their own for whoever logs in, and nobody else's, whatever the address says."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from metrics.dashboards import mine as page
from metrics.dashboards.asked import Asked
from metrics.dashboards.mine import person_of, subject_of
from metrics.dashboards.one_person import PANELS
from metrics.figures import Scope
from metrics.periods import Period
from seats.models import Account, GitHubUser, Seat
from tests.metrics import stored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

LAST = date(2026, 11, 18)
# Whatever is told of anybody else has one of these in it.
SECRET_LOGIN, SECRET_NUMBER, SECRET_TEAM, SECRET_ACCOUNT = "zelda", 987_654, "skunkworks", "hidden-labs"
SECRETS = (SECRET_LOGIN, str(SECRET_NUMBER), f"{SECRET_NUMBER:,}", SECRET_TEAM, SECRET_ACCOUNT)


def did(interactions: int) -> dict[str, Any]:
    return {"user_initiated_interaction_count": interactions}


def asks(account: Account, user: Any, **params: str) -> Asked:
    return Asked(Scope(account), Period.trailing(LAST, 28), date(2026, 11, 20), user=user, params=params)


@pytest.fixture
def acme() -> Account:
    return stored.organization()


@pytest.fixture
def own(acme: Account) -> GitHubUser:
    """Noa's person on GitHub, who is in one organization, beside another one with secrets of its own."""
    person, zelda = stored.person(1, "noa"), stored.person(2, SECRET_LOGIN)
    stored.use(acme, LAST, {person: did(41), zelda: did(SECRET_NUMBER)})
    stored.roster(acme, LAST, {"web": [person], SECRET_TEAM: [zelda]})
    hidden = stored.organization(SECRET_ACCOUNT, 777)
    # The larger one: what a page shows that names no account.
    others = {stored.person(number): did(SECRET_NUMBER) for number in range(3, 9)}
    for back in range(3):
        stored.use(hidden, LAST - timedelta(days=back), {zelda: did(SECRET_NUMBER), **others})
    granted = stored.midnight(date(2026, 1, 5))
    Seat.objects.create(account=hidden, user=zelda, first_seen_at=granted, last_seen_at=granted)
    Seat.objects.create(account=acme, user=person, first_seen_at=granted, last_seen_at=granted)
    return person


# --- Who somebody is --------------------------------------------------------------------------


def known(login: str, github_id: int | None = None, **more: str) -> GitHubUser:
    provisional = login.lower() if github_id is None else None
    return GitHubUser.objects.create(login=login, github_id=github_id, provisional_key=provisional, **more)


def test_the_user_name_is_the_login_in_any_case(noa: Any) -> None:
    person = known("NoA", 1)
    known("noa2", 2)
    assert person_of(noa) == person
    noa.username = "NOA2"
    assert person_of(noa).login == "noa2"


def test_a_person_with_an_id_goes_before_one_known_by_login_alone(noa: Any) -> None:
    known("noa")
    person = known("noa", 5)
    assert person_of(noa) == person


def test_two_people_with_the_login_are_nobody(noa: Any) -> None:
    known("noa", 1)
    known("noa", 2)
    assert person_of(noa) is None


def test_the_contact_address_tells_who_it_is_in_any_case(noa: Any) -> None:
    person = known("n0a", 1, contact_email="Noa@Example.com")
    assert person_of(noa) == person


def test_the_address_that_github_tells_counts_where_none_is_kept_by_hand(noa: Any) -> None:
    person = known("n0a", 1, email="noa@example.com")
    assert person_of(noa) == person
    GitHubUser.objects.filter(pk=person.pk).update(contact_email="someone@example.com")
    assert person_of(noa) is None


def test_an_address_of_several_people_is_nobodys(noa: Any) -> None:
    known("one", 1, contact_email="noa@example.com")
    known("two", 2, email="noa@example.com")
    assert person_of(noa) is None


def test_no_address_is_nobodys_address(noa: Any) -> None:
    known("one", 1)
    noa.email = ""
    assert person_of(noa) is None
    noa.email = "  "
    assert person_of(noa) is None


# --- What somebody sees -----------------------------------------------------------------------


def test_somebody_sees_their_own_use(acme: Account, own: GitHubUser, noa: Any) -> None:
    asked = asks(acme, noa)
    [row] = page.mine.panels["by-day"].function(asked).rows[-1:]
    assert row[1] == 41
    assert page.words(asked) == [f"You used Copilot on {LAST}."]
    [seat] = page.mine.panels["seat"].function(asked).rows
    # Names lead nowhere that somebody may not go.
    assert seat[0] == "acme"
    assert page.mine.panels["teams"].function(asked).rows == [["web", "yes", "yes"]]


def test_it_is_told_by_the_account_that_knows_most_of_them(acme: Account, own: GitHubUser, noa: Any) -> None:
    hidden = Account.objects.get(login=SECRET_ACCOUNT)
    assert subject_of(asks(hidden, noa)).account == acme
    octo = stored.enterprise()
    stored.use(octo, LAST, {own: did(41)})
    assert subject_of(asks(hidden, noa)).account == octo
    stored.use(acme, LAST - timedelta(days=1), {own: did(1)})
    assert subject_of(asks(hidden, noa)).account == acme


@pytest.mark.parametrize("key", PANELS)
def test_who_is_nobody_on_github_is_told_how_to_become_somebody(acme: Account, noa: Any, key: str) -> None:
    panel = page.mine.panels[key].function(asks(acme, noa))
    assert panel.is_empty
    assert "give your user the name of your GitHub login" in panel.empty
    assert page.words(asks(acme, noa)) == [page.NOBODY]


def addresses(**params: Any) -> list[str]:
    query = "&".join(f"{name}={value}" for name, value in params.items())
    panels = [f"/usage/mine/{key}/" for key in PANELS] + [f"/usage/mine/{key}.csv" for key in PANELS]
    return [f"{address}?{query}" for address in ("/usage/mine/", "/usage/mine/in-words/", *panels)]


def text_of(client: Client, address: str) -> str:
    response = client.get(address, follow=True)
    assert response.status_code == 200, address
    body = b"".join(response) if response.streaming else response.content
    return body.decode() + str(response.headers)


def test_no_address_shows_anybody_else(own: GitHubUser, noa_client: Client) -> None:
    zelda = GitHubUser.objects.get(login=SECRET_LOGIN)
    hidden = Account.objects.get(login=SECRET_ACCOUNT)
    team = stored.roster(hidden, LAST, {SECRET_TEAM: [zelda]})[SECRET_TEAM]
    tried: list[dict[str, Any]] = [
        {},
        {"person": zelda.pk, "scope": hidden.pk, "team": team.pk, "compare": 1},
        {"person": SECRET_LOGIN, "login": SECRET_LOGIN, "user": zelda.pk, "teams": team.pk},
    ]
    for params in tried:
        for address in addresses(**params):
            text = text_of(noa_client, address)
            # The address itself may stand on the page: what it asks for must not.
            for given in params.values():
                text = text.replace(f"={given}", "=")
            found = [secret for secret in SECRETS if secret in text]
            assert not found, (address, found)


def test_who_is_nobody_on_github_sees_nobody(own: GitHubUser, noa_client: Client) -> None:
    GitHubUser.objects.filter(pk=own.pk).update(login="somebody", login_key="somebody")
    for address in addresses(person=own.pk):
        text = text_of(noa_client, address)
        found = [secret for secret in (*SECRETS, "somebody") if secret in text]
        assert not found, (address, found)
    assert "give your user the name" in text_of(noa_client, "/usage/mine/by-day/")


def test_whoever_is_not_logged_in_is_asked_to(own: GitHubUser) -> None:
    for address in addresses():
        response = Client().get(address)
        assert response.status_code == 302
        assert "login" in response["Location"]


def test_other_pages_stay_closed(own: GitHubUser, noa_client: Client) -> None:
    for address in (f"/usage/person/?person={own.pk}", "/usage/people/", "/usage/teams/", "/usage/overview/"):
        assert noa_client.get(address).status_code in (403, 404)
