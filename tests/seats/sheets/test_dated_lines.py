"""What a line without a first day speaks of: what holds today, whatever is planned besides."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import time_machine

from seats.models import Assignment, Department, Exemption, GitHubUser
from seats.sheets.formats import CSV
from tests.seats.sheets.test_there_and_back import taken_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

SAME = {"new": 0, "changed": 0, "same": 1}
NEW = {"new": 1, "changed": 0, "same": 0}
TWICE = "Row 2 speaks of the same already. Keep one of the two."


@pytest.fixture
def company(db: None) -> None:
    for name in ("App", "Eng", "Ops"):
        Department.objects.create(name=name)
    GitHubUser.objects.create(github_id=1, login="noonan")


def places(content: str) -> dict[str, Any]:
    return taken_in("assignment", content.encode(), CSV())


def kept() -> list[tuple[str, str, str]]:
    rows = Assignment.objects.order_by("starts_on")
    return [(str(one.department), str(one.starts_on), str(one.ends_on or "")) for one in rows]


def said(outcome: dict[str, Any]) -> list[tuple[int, str]]:
    return [(one["number"], " ".join(one["says"])) for one in outcome["wrong"]]


@pytest.fixture
def planned(company: None) -> None:
    """Somebody in Eng who goes to App next year."""
    places("person,department\nnoonan,Eng\n")
    places("person,department,starts_on\nnoonan,App,2027-01-01\n")
    assert kept() == [("Eng", "2000-01-01", "2026-12-31"), ("App", "2027-01-01", "")]


@pytest.mark.usefixtures("planned")
class TestAMoveThatIsPlanned:
    @pytest.mark.parametrize(
        "line", ["person,department\nnoonan,Eng", "person,department,ends_on\nnoonan,Eng,"]
    )
    def test_does_not_keep_out_where_the_person_is_today(self, line: str) -> None:
        was = kept()
        assert places(f"{line}\n")["totals"] == SAME
        assert kept() == was

    @pytest.mark.parametrize(
        "line", ["person,department\nnoonan,Ops", "person,department,ends_on\nnoonan,Ops,"]
    )
    def test_stays_when_the_person_moves_today(self, line: str) -> None:
        assert places(f"{line}\n")["totals"] == NEW
        assert kept() == [
            ("Eng", "2000-01-01", "2026-11-19"),
            ("Ops", "2026-11-20", "2026-12-31"),
            ("App", "2027-01-01", ""),
        ]
        assert places(f"{line}\n")["totals"] == SAME

    def test_is_not_overrun_by_a_line_of_its_own_days(self) -> None:
        outcome = places("person,department,starts_on,ends_on\nnoonan,Ops,2026-06-01,2027-02-01\n")
        assert "It overlaps with what holds from" in said(outcome)[0][1]

    def test_and_a_last_day_that_the_same_sheet_tells_are_not_cut_short(self) -> None:
        both = "noonan,Eng,2000-01-01,2026-12-31\nnoonan,Ops,,\n"
        outcome = places(f"person,department,starts_on,ends_on\n{both}")
        assert [number for number, _ in said(outcome)] == [3]
        assert len(kept()) == 2


def test_a_place_with_a_last_day_ahead_is_where_the_person_is(company: None) -> None:
    places("person,department,starts_on,ends_on\nnoonan,Eng,2026-01-01,2027-06-30\n")
    assert places("person,department\nnoonan,Eng\n")["totals"] == SAME
    assert places("person,department\nnoonan,App\n")["totals"] == NEW
    assert kept() == [("Eng", "2026-01-01", "2026-11-19"), ("App", "2026-11-20", "")]


def test_after_a_last_day_that_has_passed_a_place_begins_today(company: None) -> None:
    places("person,department,starts_on,ends_on\nnoonan,Eng,2026-01-01,2026-06-30\n")
    assert places("person,department\nnoonan,Eng\n")["totals"] == NEW
    assert kept() == [("Eng", "2026-01-01", "2026-06-30"), ("Eng", "2026-11-20", "")]


@pytest.mark.parametrize(
    "lines",
    [
        "fresh1,App,\nfresh1,Eng,2000-01-01\n",
        "fresh1,Eng,2000-01-01\nfresh1,App,\n",
        "fresh1,App,\nfresh1,Eng,\n",
        "fresh1,App,\nfresh1,App,\n",
        "noonan,App,\nnoonan,Eng,2026-11-20\n",
        "noonan,App,\nnoonan,Ops,\n",
        "noonan,Eng,\nnoonan,Ops,\n",
    ],
)
def test_two_lines_about_one_day_of_a_person_are_refused(company: None, lines: str) -> None:
    places("person,department\nnoonan,Eng\n")
    was = kept()
    assert said(places(f"person,department,starts_on\n{lines}")) == [(3, TWICE)]
    assert kept() == was


def test_an_address_that_grows_in_small_letters_is_told_by_row_and_column(company: None) -> None:
    outcome = places(f"person,department\nann,App\n{'İ' * 150}@x.io,App\n")
    [wrong] = outcome["wrong"]
    assert (wrong["number"], wrong["column"]) == (3, "person")
    assert "too long in small letters" in wrong["says"][0]


# --- Exemptions -----------------------------------------------------------------------------------


def exempt(content: str) -> dict[str, Any]:
    return taken_in("exemption", content.encode(), CSV())


@pytest.mark.parametrize(
    "line", ["login_pattern,reason\ntw-*,twin", "login_pattern,reason,starts_on\ntw-*,twin,"]
)
def test_an_exemption_without_a_first_day_is_the_one_in_force(line: str, clock: Any) -> None:
    assert exempt(f"{line}\n")["totals"] == NEW
    with time_machine.travel("2026-11-25T09:00:00Z", tick=False):
        assert exempt(f"{line}\n")["totals"] == SAME
        changed = exempt(f"{line.replace(',twin', ',why not')}\n")
        assert changed["totals"] == {"new": 0, "changed": 1, "same": 0}
    assert Exemption.objects.get().starts_on == date(2026, 11, 20)
    assert Exemption.objects.get().reason == "why not"


def test_an_exemption_that_is_over_or_planned_is_not_the_one_in_force() -> None:
    exempt("login_pattern,reason,starts_on,until\ntw-*,twin,2026-01-01,2026-03-01\ntw-*,twin,2027-01-01,\n")
    assert exempt("login_pattern,reason\ntw-*,twin\n")["totals"] == NEW
    assert Exemption.objects.count() == 3


def test_of_several_exemptions_in_force_each_line_finds_its_own() -> None:
    exempt("login_pattern,reason,starts_on\ntw-*,one,2026-01-01\ntw-*,two,2026-02-01\n")
    again = exempt("login_pattern,reason\ntw-*,two\ntw-*,one\n")
    assert again["totals"] == {"new": 0, "changed": 0, "same": 2}


def test_an_exemption_in_force_is_not_added_again_by_a_second_line() -> None:
    exempt("login_pattern,reason,starts_on\ntw-*,twin,2026-01-01\n")
    outcome = exempt("login_pattern,reason\ntw-*,twin\ntw-*,twin\n")
    assert said(outcome) == [(3, TWICE)]
    assert Exemption.objects.count() == 1
