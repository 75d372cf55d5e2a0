"""Adoption: seats against use, ways of use, time to first use, who comes and goes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from metrics.dashboards import adoption
from metrics.dashboards.asked import Asked
from metrics.dashboards.registry import pages
from metrics.figures.coming_and_going import ComingAndGoing
from metrics.figures.first_use import Cohort
from seats.models import Account
from tests.metrics import stored
from tests.metrics.dashboards.asking import LAST, TODAY, Reader, ask, column, day, headline, url_of
from tests.seats.holding import ago, grant, hold

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def acme(db: None) -> Account:
    return stored.organization()


def use(account: Account, back: int, *people: int, **columns: Any) -> None:
    stored.use(account, day(back), {stored.person(number): columns for number in people})


def panel(key: str, asked: Asked) -> Any:
    return pages["adoption"].panels[key].function(asked)


# --- Seats ---


def test_an_organization_s_adoption_leaves_out_people_whose_seat_others_granted() -> None:
    octo = stored.enterprise()
    acme = stored.organization(parent=octo)
    hold(acme, grant(1, "ann"), grant(2, "bob"), at=ago(30))
    hold(stored.organization("other", 502, parent=octo), grant(3, "cyd"), grant(4, "dan"), at=ago(30))
    for back in range(14):
        use(acme, back, 1, 3, 4)

    found = panel("seats", ask(acme))

    assert headline(found, "Adoption") == (Decimal("0.5"), Decimal("0.5"))
    assert headline(found, "Active, with a seat") == (1, 1)
    assert headline(found, "Active, without such a seat") == (2, 2)
    over_time = panel("seats-over-time", ask(acme, days=2))
    assert [column(over_time, name) for name in ("seats", "active", "elsewhere")] == [[2, 2], [1, 1], [2, 2]]


def test_a_shell_organization_has_no_share_and_says_why() -> None:
    octo = stored.enterprise()
    shell = stored.organization(parent=octo)
    hold(octo, grant(1, "ann"), at=ago(30))
    for back in range(7):
        use(shell, back, 1)

    found = panel("seats", ask(shell))

    assert headline(found, "Adoption")[0] is None
    assert found.headlines[0].note == (
        "acme grants no seat itself: who is active in it holds one that was granted elsewhere."
    )
    assert headline(found, "Active, without such a seat")[0] == 1
    assert column(panel("seats-over-time", ask(shell)), "adoption") == [None] * 7


def test_an_enterprise_counts_a_person_once() -> None:
    octo = stored.enterprise()
    for number, login in ((1, "one"), (2, "two")):
        hold(stored.organization(login, 500 + number, parent=octo), grant(1, "ann"), at=ago(30))
    for back in range(7):
        use(octo, back, 1)

    assert headline(panel("seats", ask(octo)), "People with a seat")[0] == 1
    assert headline(panel("seats", ask(octo)), "Adoption")[0] == 1


def test_days_before_the_first_seat_list_are_gaps(acme: Account) -> None:
    hold(acme, grant(1, "ann"), at=ago(3))
    for back in range(4):
        use(acme, back, 1)

    found = panel("seats-over-time", ask(acme, days=4))

    assert column(found, "seats") == [None, 1, 1, 1]
    assert column(found, "active") == [None, 1, 1, 1]
    assert found.note == f"Seats are known from {TODAY - timedelta(days=3)} on."


def test_without_a_seat_list_only_use_is_told(acme: Account) -> None:
    for back in range(7):
        use(acme, back, 1)

    found = panel("seats", ask(acme))

    assert headline(found, "People with a seat") == (None, None)
    assert found.headlines[0].note.startswith("No seat list tells")


def test_panels_of_seats_need_the_permission_to_see_them() -> None:
    guarded = {key for key, each in pages["adoption"].panels.items() if each.permission}
    assert guarded == {"seats", "seats-over-time", "first-use"}


# --- Ways of use ---


def test_people_are_counted_in_each_kind_of_use(acme: Account) -> None:
    stored.use(
        acme,
        LAST,
        {
            stored.person(1): {"used_chat": True, "used_agent": True},
            stored.person(2): {"used_chat": True, "used_cli": True},
            stored.person(3): {"used_copilot_cloud_agent": True},
            stored.person(4): {"used_copilot_app": True, "used_vscode_agent": True},
            stored.person(5): {"used_copilot_code_review_active": True},
            stored.person(6): {"used_copilot_code_review_passive": True},
        },
    )

    found = panel("kinds-over-time", ask(acme, days=1))

    assert {each.name: column(found, each.name)[0] for each in found.columns[1:]} == {
        "active": 6, "chat": 2, "agent": 1, "vscode_agent": 1, "cli": 1, "cloud_agent": 1, "app": 1,
        "code_review_active": 1, "code_review_passive": 1,
    }  # fmt: skip
    whole = panel("kinds", ask(acme, days=1))
    assert (column(whole, "kind")[0], column(whole, "people")[0]) == ("Chat", 2)
    assert column(whole, "share")[0] == Decimal(2) / 6


def test_a_week_counts_its_people_once_and_a_gap_leaves_it_unknown(acme: Account) -> None:
    # Three days of a week, and then a week with a gap.
    for back in (6, 5, 4, 3, 2, 0):
        use(acme, back, 1, back + 2, used_chat=True)

    found = panel("kinds-over-time", ask(acme, by="week"))

    assert column(found, "chat") == [4, None]
    assert panel("kinds", ask(acme, days=4)).is_empty
    assert column(panel("kinds-over-time", ask(acme, days=4)), "chat") == [2, 2, None, 2]


def test_kinds_can_be_compared_with_the_period_before(acme: Account) -> None:
    for back in range(14):
        use(acme, back, 1, *([2] if back > 6 else []), used_chat=True)

    found = panel("kinds", ask(acme, compare=True))

    assert (column(found, "people")[0], column(found, "before")[0]) == (1, 2)


def test_agent_adoption_goes_by_calendar_month(acme: Account) -> None:
    for back in range(50):
        use(acme, back, 1, 2, used_agent=back == 30)

    found = panel("agents", ask(acme, days=28))

    assert column(found, "month") == ["2026-10", "2026-11"]
    assert column(found, "adoption") == [Decimal(1), Decimal(0)]
    assert found.note == "2026-11 is counted up to 2026-11-19."
    assert headline(found, "Agent adoption, over the period") == (Decimal(0), None)


def test_a_month_with_a_gap_has_no_agent_adoption(acme: Account) -> None:
    for back in range(10):
        use(acme, back, 1)

    found = panel("agents", ask(acme, days=7))

    assert found.rows == [], "the month is known from its tenth day on"
    assert headline(found, "Agent adoption, over the period")[0] == 0


# --- From seat to use ---


def test_months_of_assignment_have_a_rate_once_their_days_are_over(
    acme: Account, olga_client: Client
) -> None:
    hold(
        acme, *(grant(number, f"user-{number}", created=60) for number in (1, 2)), grant(3, "new", created=5)
    )
    for back in range(60):
        use(acme, back, 1)

    found = panel("first-use", ask(acme))

    assert column(found, "month") == ["2026-09", "2026-11"]
    assert column(found, "rate") == [Decimal("0.5"), None]
    assert column(found, "unused") == [1, 1]
    assert found.note == "No rate yet for 2026-11: 30 days are not over for everybody."
    [count] = [column(found, "assigned")[0]]
    page = olga_client.get(url_of(found, 0, "assigned"))
    assert page.context["cl"].result_count == count, "the number leads to its rows"


def test_months_without_a_rate_are_named_with_the_reason() -> None:
    def cohort(month: int, followed: int, has_gap: bool = False) -> Cohort:
        return Cohort(LAST.replace(month=month, day=1), assigned=2, followed=followed, has_gap=has_gap)

    said = adoption.censored_in_words
    whole, young = cohort(9, 60), cohort(11, 3)
    assert said([whole]) == ""
    assert said([whole, young]) == "No rate yet for 2026-11: 30 days are not over for everybody."
    assert said([cohort(8, 0, True), young]) == (
        "No rate yet for 2026-11: 30 days are not over for everybody. "
        "No rate for 2026-08: not every day since was taken in."
    )
    assert said([cohort(month, 0, True) for month in (2, 3, 4, 5)]) == (
        "No rate for 4 months from 2026-02 to 2026-05: not every day since was taken in."
    )


# --- Coming and going ---


def test_people_stay_come_and_lapse(acme: Account) -> None:
    for back in range(21):
        use(acme, back, 1)
    use(acme, 21, 2)
    for back in range(7):
        stored.use(acme, day(back), {stored.person(2): {}, stored.person(3): {}})

    found = panel("coming-and-going", ask(acme))

    assert column(found, "group") == ["Stayed", "New", "Back after a break", "Lapsed"]
    assert column(found, "people") == [1, 1, 1, 0]
    assert found.note == f"3 active now, 1 before. Known since {day(21)}."


def test_without_the_period_before_nobody_is_called_new(acme: Account) -> None:
    for back in range(8):
        use(acme, back, 1)

    assert panel("coming-and-going", ask(acme)).is_empty


# --- Every panel ---


def test_nothing_taken_in_is_said_and_not_drawn(acme: Account) -> None:
    for key, each in pages["adoption"].panels.items():
        found = each.function(ask(acme))
        assert found.is_empty, key
        assert found.empty


@pytest.mark.parametrize("key", list(pages["adoption"].panels))
def test_a_panel_asks_as_much_of_a_year_as_of_a_quarter(acme: Account, key: str) -> None:
    def queries(days: int) -> int:
        with CaptureQueriesContext(connection) as asked:
            panel(key, ask(acme, days=days))
        return len(asked)

    use(acme, 0, 1)
    hold(acme, grant(1, "ann"), at=ago(20))
    # Shorter windows are read by days, which is a question less.
    few = queries(93)
    for back in range(1, 5):
        use(acme, back, 1, 2)
    hold(acme, *(grant(number, f"user-{number}", created=number) for number in range(1, 9)))
    assert queries(365) == few


def test_a_team_has_every_panel(acme: Account) -> None:
    hold(acme, grant(1, "ann", created=40), grant(2, "bob", created=40), grant(3, "cyd"), at=ago(30))
    for back in range(14):
        use(acme, back, 1, 3, used_cli=True, used_copilot_app=True)
        team = stored.roster(acme, day(back), {"core": [stored.person(1), stored.person(2)]})["core"]
    asked = ask(acme, team=team)

    assert headline(panel("seats", asked), "Adoption") == (Decimal("0.5"), Decimal("0.5"))
    kinds = dict(
        zip(column(panel("kinds", asked), "kind"), column(panel("kinds", asked), "people"), strict=True)
    )
    assert (kinds["CLI"], kinds["Copilot app"], kinds["Chat"]) == (1, 1, 0)
    assert column(panel("first-use", asked), "assigned") == [2]
    assert column(panel("coming-and-going", asked), "people") == [1, 0, 0, 0]


# --- Words ---


def test_the_page_opens_with_seats_agents_and_people(acme: Account) -> None:
    hold(acme, grant(1, "ann"), grant(2, "bob"), at=ago(40))
    for back in range(14):
        use(acme, back, 1, used_agent=True)
        use(acme, back, 8 if back < 7 else 9)

    assert adoption.words(ask(acme)) == [
        "Of 2 people with a seat, 1 (50 %) used Copilot in the period.",
        "Agent use stayed at 50 % (against the 7 days before).",
        "1 person is new, 0 came back and 1 lapsed (against the 7 days before).",
    ]
    assert adoption.words(ask(acme, user=Reader("metrics.view_scopeday")))[0].startswith("Agent use")


def test_a_period_with_a_gap_says_no_more_than_that(acme: Account) -> None:
    for back in (0, 2, 3):
        use(acme, back, 1)

    assert adoption.words(ask(acme, user=Reader("metrics.view_scopeday"))) == [
        "Not every day of the period was taken in, so its people are not counted."
    ]


def test_coming_and_going_in_words() -> None:
    said = adoption.going_in_words
    assert said(ComingAndGoing(), "since then") == ""
    same = ComingAndGoing(active=3, active_before=3, stayed=3, new=0, returned=0, lapsed=0)
    assert said(same, "since then") == "The same people were active (since then)."
    nobody = ComingAndGoing(active=0, active_before=0, stayed=0, new=0, returned=0, lapsed=0)
    assert said(nobody, "since then") == ""
    moved = ComingAndGoing(active=3, active_before=3, stayed=0, new=2, returned=1, lapsed=1200)
    assert said(moved, "since then") == "2 people are new, 1 came back and 1,200 lapsed (since then)."
