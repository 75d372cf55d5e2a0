"""Names and mail addresses that seat lists tell of people."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from seats.models import Account, GitHubUser
from seats.roster import Applied, ReportedGrant, Roster, apply
from tests.seats.holding import NOON, grant, organization

pytestmark = pytest.mark.django_db


def listed(account: Account, *grants: ReportedGrant, at: datetime = NOON) -> Applied:
    return apply(Roster(account, at, grants, is_complete=True, is_confirmed=True))


def ann(name: str = "", email: str = "", **fields: object) -> ReportedGrant:
    return grant(1, "ann", assignee_name=name, assignee_email=email, **fields)


def known() -> tuple[str, str]:
    person = GitHubUser.objects.get(login="ann")
    return person.name, person.email


def later(hours: int) -> datetime:
    return NOON + timedelta(hours=hours)


def test_a_list_tells_who_somebody_is() -> None:
    listed(organization(), ann("Ann Lee", "ann@example.com"))
    assert known() == ("Ann Lee", "ann@example.com")


def test_the_newest_list_that_told_it_has_the_last_word() -> None:
    acme, globex = organization(), organization("globex")
    listed(acme, ann("Ann Lee", "ann@example.com"))
    listed(globex, ann("Ann Old", "old@example.com"), at=later(-5))
    assert known() == ("Ann Lee", "ann@example.com")
    listed(globex, ann("Ann Ray", "ray@example.com"), at=later(5))
    assert known() == ("Ann Ray", "ray@example.com")


def test_a_list_that_tells_nothing_erases_nothing() -> None:
    acme = organization()
    listed(acme, ann("Ann Lee", "ann@example.com"))
    listed(acme, ann("", "ann@new.example.com"), at=later(1))
    listed(acme, ann(), at=later(2))
    assert known() == ("Ann Lee", "ann@new.example.com")


def test_what_is_kept_by_hand_is_left_alone() -> None:
    listed(organization(), ann("Ann", "ann@example.com"))
    GitHubUser.objects.update(contact_email="home@example.com", language="de")
    listed(Account.objects.get(), ann("Ann", "other@example.com"), at=later(1))
    person = GitHubUser.objects.get()
    assert (person.address, person.language, person.email) == ("home@example.com", "de", "other@example.com")


def test_only_a_new_name_makes_a_list_another_one() -> None:
    acme = organization()
    listed(acme, ann("Ann", "ann@example.com"))
    assert listed(acme, ann("Ann", "ann@example.com"), at=later(1)).is_repeat
    assert not listed(acme, ann("Anna", "ann@example.com"), at=later(2)).is_repeat
    assert known()[0] == "Anna"


def test_a_name_told_again_by_a_repeated_list_wins_over_one_told_in_between() -> None:
    acme, globex = organization(), organization("globex")
    listed(acme, ann("Ann Lee"))
    assert listed(acme, ann("Ann Lee"), at=later(9)).is_repeat
    listed(globex, ann("Ann Old"), at=later(5))
    assert known()[0] == "Ann Lee"


def test_the_name_of_somebody_who_is_listed_no_more_stays() -> None:
    acme = organization()
    listed(acme, ann("Ann Lee"), grant(2, "bob"))
    listed(acme, ann("Ann Lee"), grant(2, "bob"), at=later(9))
    listed(acme, grant(2, "bob"), at=later(10))
    listed(organization("globex"), ann("Ann Old"), at=later(5))
    assert known()[0] == "Ann Lee"


def test_an_address_too_long_for_one_is_none() -> None:
    listed(organization(), ann("N" * 400, "a" * 300 + "@example.com"))
    assert known() == ("N" * 255, "")


def test_names_cost_the_same_queries_for_any_number_of_people() -> None:
    asked = []
    for size in (10, 100):
        account = organization(f"acme-{size}")
        people = [grant(size * 1000 + n, f"u-{size}-{n}", assignee_name=f"Name {n}") for n in range(size)]
        with CaptureQueriesContext(connection) as counted:
            listed(account, *people)
        asked.append(len(counted))
    assert asked[0] == asked[1]
