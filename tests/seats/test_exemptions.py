"""Whom exemptions leave alone: by person, team, login and first sight; here, everywhere, for how long."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from seats import verdicts
from seats.exemptions import Exempt
from seats.models import Account, Exemption, GitHubUser, Seat, Team
from tests.seats.holding import NOON, grant, hold, join, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

TODAY = NOON.date()


@pytest.fixture
def octo() -> Account:
    return Account.objects.create(kind="enterprise", login="octo")


@pytest.fixture
def acme(octo: Account) -> Account:
    return organization("acme", parent=octo)


@pytest.fixture
def zeta() -> Account:
    return organization("zeta")


def exempt(**fields: Any) -> Exemption:
    return Exemption.objects.create(**{"reason": "A pilot.", "starts_on": TODAY, **fields})


def covered(as_of: date = TODAY) -> set[str]:
    """The seats an exemption covers, as `account/login`: in Python; and today in SQL the same."""
    exempted = Exempt(as_of)
    seats = Seat.objects.held().select_related("user", "account")
    found = {f"{seat.account}/{seat.user.login}" for seat in seats if exempted.covers(seat)}
    if as_of == TODAY:
        verdicts.refresh()
        told = seats.filter(verdict="exempt")
        assert {f"{seat.account}/{seat.user.login}" for seat in told} == found
    return found


def test_a_person_is_exempt_everywhere_unless_an_account_is_named(acme: Account, zeta: Account) -> None:
    [seat] = hold(acme, grant(1, "ana", used=50))
    hold(zeta, grant(1, "ana", used=50), grant(2, "ben", used=50))

    one = exempt(user=seat.user)
    assert covered() == {"acme/ana", "zeta/ana"}

    Exemption.objects.filter(pk=one.pk).update(account=zeta)
    assert covered() == {"zeta/ana"}


def test_the_account_may_be_the_enterprise_of_the_organization_that_granted_the_seat(
    octo: Account, acme: Account, zeta: Account
) -> None:
    hold(acme, grant(1, "svc-a", used=50))
    hold(zeta, grant(2, "svc-b", used=50))

    exempt(login_pattern="svc-*", account=octo)

    assert covered() == {"acme/svc-a"}


def test_a_team_stands_for_its_members_and_for_the_seats_it_granted(acme: Account, zeta: Account) -> None:
    team = Team.objects.create(account=acme, github_id=7, slug="web")
    member, _ = hold(acme, grant(1, "ana", used=50), grant(2, "ben", used=50, team_id=7))
    hold(zeta, grant(1, "ana", used=50), grant(2, "ben", used=50))
    join(team, [member])

    exempt(team=team)

    # The member is meant as a person; the seat that was granted, as that seat.
    assert covered() == {"acme/ana", "acme/ben", "zeta/ana"}


@pytest.mark.parametrize(
    ("pattern", "logins"),
    [
        ("svc-*", {"svc-deploy", "SVC-Test"}),
        ("*-bot", {"ci-bot"}),
        ("*c*", {"svc-deploy", "SVC-Test", "ci-bot"}),
        ("ANA", {"ana"}),
        ("a.a", set()),
        ("svc", set()),
    ],
)
def test_a_pattern_fits_the_whole_login_in_any_case_and_only_its_stars_are_special(
    acme: Account, pattern: str, logins: set[str]
) -> None:
    names = ["ana", "svc-deploy", "SVC-Test", "ci-bot"]
    hold(acme, *(grant(number, name, used=50) for number, name in enumerate(names, 1)))

    exempt(login_pattern=pattern)

    assert covered() == {f"acme/{login}" for login in logins}


@pytest.mark.parametrize(("days", "logins"), [(39, set()), (40, {"new"}), (300, {"new", "old"})])
def test_a_newcomer_is_somebody_of_whom_no_seat_was_seen_before(
    acme: Account, days: int, logins: set[str]
) -> None:
    hold(acme, grant(1, "new", used=35, created=40), grant(2, "old", used=50, created=300))

    exempt(newcomer_days=days)

    assert covered() == {f"acme/{login}" for login in logins}


def test_nobody_is_new_again_with_another_seat_even_if_the_first_one_is_gone(
    acme: Account, zeta: Account
) -> None:
    hold(
        zeta,
        grant(1, "ana", used=50, created=300),
        grant(2, "ben", used=50, created=300),
        at=NOON - timedelta(1),
    )
    hold(zeta, grant(2, "ben", used=50, created=300))
    hold(acme, grant(1, "ana", created=20))

    exempt(newcomer_days=30)

    assert covered() == set()


def test_a_person_first_seen_by_us_without_a_date_of_a_grant_is_new_since_then(acme: Account) -> None:
    [seat] = hold(acme, grant(1, "ana", used=50))
    Seat.objects.filter(pk=seat.pk).update(created_at=None)

    exempt(newcomer_days=0)

    assert covered() == {"acme/ana"}


@pytest.mark.parametrize(
    ("starts", "ends", "holds"),
    [(0, None, True), (0, 0, True), (-5, -1, False), (1, None, False), (-5, 5, True)],
)
def test_it_holds_from_its_first_to_its_last_day(
    acme: Account, starts: int, ends: int | None, holds: bool
) -> None:
    [seat] = hold(acme, grant(1, "ana", used=50))
    until = None if ends is None else TODAY + timedelta(days=ends)

    exempt(user=seat.user, starts_on=TODAY + timedelta(days=starts), until=until)

    assert bool(covered()) == holds


def test_a_past_day_knows_the_exemptions_of_then(acme: Account) -> None:
    hold(acme, grant(1, "svc-a", used=50))

    exempt(login_pattern="svc-*", starts_on=TODAY - timedelta(days=9), until=TODAY - timedelta(days=5))

    assert covered() == set()
    assert covered(TODAY - timedelta(days=7)) == {"acme/svc-a"}
    [stood] = verdicts.standing(TODAY - timedelta(days=7))
    assert stood.judgement.reason == "Exempt: logins svc-*, until 2026-11-15: A pilot."


def test_of_several_the_one_of_the_person_is_named_and_of_these_the_longest(acme: Account) -> None:
    [seat] = hold(acme, grant(1, "ana", used=50))
    exempt(login_pattern="ana")
    exempt(user=seat.user, until=TODAY)
    longest = exempt(user=seat.user, until=TODAY + timedelta(days=9))

    assert Exempt(TODAY).covers(seat) == longest
    assert len(list(Exempt(TODAY).covering(seat))) == 3


def test_the_page_of_a_seat_names_whatever_covers_it(
    olga_client: Client, octo: Account, acme: Account
) -> None:
    team = Team.objects.create(account=acme, github_id=7, slug="web")
    ana, ben = hold(acme, grant(1, "ana", used=50), grant(2, "ben", used=50))
    join(team, [ana])
    exempt(team=team, reason="A pilot of the web team.")
    exempt(login_pattern="b*", reason="Another pilot.")
    exempt(user=ana.user, account=octo, reason="On leave in spring.", starts_on="2027-03-01")
    verdicts.refresh()

    page = olga_client.get(f"/seats/seat/{ana.pk}/change/").content.decode()

    assert "Exempt: team web: A pilot of the web team." in page
    assert "On leave in spring." in page
    assert "Another pilot." not in page
    assert "Another pilot." in olga_client.get(f"/seats/seat/{ben.pk}/change/").content.decode()


@pytest.mark.parametrize("target", ["user", "team", "login_pattern", "newcomer_days"])
def test_one_seat_asked_alone_is_told_the_same(acme: Account, target: str) -> None:
    team = Team.objects.create(account=acme, github_id=7, slug="web")
    seats = hold(acme, grant(1, "ana", used=50), grant(2, "ben", used=50, team_id=7))
    join(team, seats[:1])
    values = {"user": seats[0].user, "team": team, "login_pattern": "b*", "newcomer_days": 300}
    exempt(**{target: values[target]})

    for seat in Seat.objects.select_related("user", "account"):
        assert Exempt(TODAY, only=seat).covers(seat) == Exempt(TODAY).covers(seat)


def test_no_query_is_asked_for_a_seat(acme: Account) -> None:
    team = Team.objects.create(account=acme, github_id=7, slug="web")
    hold(acme, *(grant(number, f"user-{number}", used=50) for number in range(1, 30)))
    for fields in ({"team": team}, {"login_pattern": "user-1*"}, {"newcomer_days": 9}):
        exempt(**fields)
    exempted = Exempt(TODAY)
    seats = list(Seat.objects.select_related("user", "account"))

    with CaptureQueriesContext(connection) as asked:
        assert sum(exempted.covers(seat) is not None for seat in seats) == 11

    assert len(asked) == 0


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"login_pattern": "svc-*", "newcomer_days": 5},
        {"login_pattern": "svc-*", "reason": ""},
        {"login_pattern": "svc-*", "until": TODAY - timedelta(days=1)},
    ],
    ids=["nobody", "two targets", "no reason", "over before it starts"],
)
def test_the_database_refuses_what_makes_no_sense(fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        exempt(**fields)


def test_a_person_and_a_team_at_once_are_refused(acme: Account) -> None:
    person = GitHubUser.objects.create(github_id=1, login="ana")
    team = Team.objects.create(account=acme, github_id=7, slug="web")
    with pytest.raises(IntegrityError), transaction.atomic():
        exempt(user=person, team=team)
