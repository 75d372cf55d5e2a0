"""The page of one person: what reports and seats tell of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.dashboards import person as page
from metrics.dashboards.asked import Asked, By
from metrics.dashboards.one_person import PANELS
from metrics.dashboards.panel import Linked, Panel, plain
from metrics.figures import Scope
from metrics.periods import Period
from seats.models import Account, Evidence, GitHubUser, Seat
from tests.metrics import stored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

LAST = date(2026, 11, 18)
PERIOD = Period.trailing(LAST, 7)


def back(number: int) -> date:
    return LAST - timedelta(days=number)


def asks(account: Account, somebody: GitHubUser | None, **changes: Any) -> Asked:
    params = {"person": str(somebody.pk)} if somebody else {}
    asked = Asked(Scope(account), PERIOD, date(2026, 11, 20), user=None, params=params)
    return replace(asked, **changes)


def shown(key: str, asked: Asked) -> Panel:
    return page.person.panels[key].function(asked)


def table(panel: Panel) -> list[list[Any]]:
    return [[plain(cell) for cell in row] for row in panel.rows]


def numbers(panel: Panel) -> dict[str, Any]:
    return {headline.label: headline.value for headline in panel.headlines}


def counters(interactions: int, generated: int = 0, accepted: int = 0) -> dict[str, Any]:
    return {
        "user_initiated_interaction_count": interactions,
        "code_generation_activity_count": generated,
        "code_acceptance_activity_count": accepted,
    }


REST = {
    "totals_by_ide": [
        {
            "ide": "vscode",
            **counters(4, 10, 3),
            "last_known_ide_version": {"ide_version": "1.119", "sampled_at": None},
            "last_known_plugin_version": {"plugin": "copilot-chat", "plugin_version": "0.45"},
        }
    ],
    "totals_by_feature": [
        {"feature": "chat_panel_agent_mode", **counters(3)},
        {"feature": "chat_inline", **counters(1)},
        {"feature": "code_completion", **counters(0, 10, 3)},
    ],
    "totals_by_language_feature": [
        {"language": "python", "feature": "code_completion", "code_generation_activity_count": 10}
    ],
    "totals_by_model_feature": [{"model": "gpt-5.4", "feature": "chat_inline", **counters(1)}],
}


@pytest.fixture
def acme() -> Account:
    return stored.organization()


@pytest.fixture
def ann(acme: Account) -> GitHubUser:
    """Ann used it on two of five covered days of seven; somebody else did so every day."""
    ann, ben = stored.person(1, "ann"), stored.person(2, "ben")
    line = {
        **counters(4, 10, 3), "loc_added_sum": 7, "ai_credits_used": Decimal("1.25"), "phase_number": 2,
        "used_chat": True, "used_agent": False, "rest": json.dumps(REST).encode(),
    }  # fmt: skip
    lines = {0: line, 2: {**counters(2, 0, 0), "used_chat": True, "used_agent": True}}
    for number in range(5):
        mine = {ann: lines[number]} if number in lines else {}
        stored.use(acme, back(number), {ben: counters(100, 100, 100), **mine})
    return ann


def test_numbers_are_of_the_persons_lines_on_covered_days(acme: Account, ann: GitHubUser) -> None:
    panel = shown("in-numbers", asks(acme, ann))
    assert numbers(panel) == {
        "Active days": 2,
        "Interactions": 6,
        "Generations": 10,
        "Acceptances": 3,
        "Acceptance rate": Decimal("0.3"),
        "Lines added": 7,
        "Lines deleted": 0,
        "AI credits": Decimal("1.25"),
    }
    assert panel.note == "Of 2 days there is no report: they count nowhere."


def test_numbers_of_before_are_shown_where_all_of_then_is_told(acme: Account, ann: GitHubUser) -> None:
    two = Period(back(1), back(0))
    asked = asks(acme, ann, period=two, before=two.before())
    assert [headline.before for headline in shown("in-numbers", asked).headlines][:2] == [1, 2]
    asked = asks(acme, ann, before=PERIOD.before())
    assert {headline.before for headline in shown("in-numbers", asked).headlines} == {None}


def test_a_day_without_a_line_is_nothing_and_a_day_without_a_report_is_a_gap(
    acme: Account, ann: GitHubUser
) -> None:
    rows = table(shown("by-day", asks(acme, ann)))
    assert [row[1] for row in rows] == [None, None, 0, 0, 2, 0, 4]
    assert [row[-1] for row in rows] == [None, None, 0, 0, 1, 0, 1]
    weekly = table(shown("by-day", asks(acme, ann, period=Period(back(2), back(0)), by=By.WEEK)))
    assert [row[1] for row in weekly] == [6]


def test_ways_of_use_count_days(acme: Account, ann: GitHubUser) -> None:
    assert table(shown("ways", asks(acme, ann))) == [["Chat", 2], ["Agent", 1]]


def test_use_by_name_has_the_most_used_first(acme: Account, ann: GitHubUser) -> None:
    assert table(shown("features", asks(acme, ann))) == [
        ["Completions", 0, 10, 3, Decimal("0.3"), None, None],
        ["Agent mode", 3, 0, 0, None, None, None],
        ["Inline chat", 1, 0, 0, None, None, None],
    ]
    assert table(shown("languages", asks(acme, ann))) == [["Python", 10, None, None, None, None]]
    assert table(shown("models", asks(acme, ann)))[0][:2] == ["GPT-5.4", 1]
    assert table(shown("editors", asks(acme, ann)))[0][:2] == ["VS Code", 4]
    assert table(shown("clients", asks(acme, ann))) == [["VS Code", "1.119", "copilot-chat", "0.45", LAST]]


def test_phases_and_credits_have_gaps_where_no_line_tells_them(acme: Account, ann: GitHubUser) -> None:
    assert [row[1] for row in table(shown("phase", asks(acme, ann)))] == [None] * 6 + [2]
    assert [row[1] for row in table(shown("credits", asks(acme, ann)))] == [None] * 6 + [Decimal("1.25")]


def test_teams_are_of_their_days_and_lead_on(acme: Account, ann: GitHubUser) -> None:
    stored.roster(acme, back(4), {"data": [ann]})
    team = stored.roster(acme, back(0), {"web": [ann]})["web"]
    panel = shown("teams", asks(acme, ann))
    assert table(panel) == [["data", "yes", "no"], ["web", "no", "yes"]]
    cell = panel.rows[1][0]
    assert isinstance(cell, Linked)
    assert cell.url.endswith(f"/usage/overview/?scope={acme.pk}&team={team.pk}")


def test_a_seat_comes_with_its_verdict_and_the_evidence_for_it(
    acme: Account, ann: GitHubUser, olga: Any
) -> None:
    granted = stored.midnight(date(2026, 1, 5))
    Evidence.objects.filter(user=ann).delete()
    Evidence.objects.create(user=ann, source="usage_report", last_on=LAST)
    Evidence.objects.create(user=ann, source="sign_in", last_on=back(3))
    seat = Seat.objects.create(
        account=acme, user=ann, plan_type="business", created_at=granted, first_seen_at=granted,
        last_seen_at=granted,
    )  # fmt: skip
    panel = shown("seat", asks(acme, ann, user=olga))
    [row] = table(panel)
    assert row[:3] == ["acme", "business", "Active"]
    assert str(LAST) in row[3]
    assert row[4:] == [date(2026, 1, 5), LAST, "Usage report", date(2026, 11, 20)]
    assert panel.note == f"Evidence of use, by source: usage report {LAST}, sign-in {back(3)}."
    cell = panel.rows[0][0]
    assert isinstance(cell, Linked)
    assert cell.url.endswith(f"/seats/seat/{seat.pk}/change/")


def test_whoever_may_not_see_seats_is_led_to_none(acme: Account, ann: GitHubUser, noa: Any) -> None:
    granted = stored.midnight(date(2026, 1, 5))
    Seat.objects.create(account=acme, user=ann, first_seen_at=granted, last_seen_at=granted)
    assert shown("seat", asks(acme, ann, user=noa)).rows[0][0] == "acme"
    assert page.person.panels["seat"].permission == "seats.view_seat"


def test_each_account_that_tells_of_the_person_leads_to_its_own_view(acme: Account, ann: GitHubUser) -> None:
    octo = stored.enterprise()
    stored.use(octo, LAST, {ann: counters(4)})
    panel = shown("accounts", asks(acme, ann))
    assert [row[:2] for row in table(panel)] == [["octo", 1], ["acme", 2]]
    cell = panel.rows[0][0]
    assert isinstance(cell, Linked)
    assert cell.url.endswith(f"/usage/person/?person={ann.pk}&scope={octo.pk}")
    assert numbers(shown("in-numbers", asks(octo, ann)))["Active days"] == 1


def test_words_tell_how_often_with_what_and_how_much_was_accepted(acme: Account, ann: GitHubUser) -> None:
    assert page.words(asks(acme, ann)) == [
        f"ann used Copilot on 2 of the 5 days that reports tell of, last on {LAST}.",
        "Most interactions were with Agent mode (75 %).",
        "3 of 10 suggestions were accepted (30 %).",
    ]


def test_words_say_what_is_not_known_instead_of_no_use(acme: Account, ann: GitHubUser) -> None:
    asked = asks(acme, ann, period=Period(back(40), back(30)))
    assert page.words(asked) == ["No report of use was taken in of these days."]
    asked = asks(acme, ann, period=Period(back(1), back(1)))
    assert page.words(asked) == [f"ann did not use Copilot on {back(1)}."]
    asked = asks(acme, ann, period=Period(back(2), back(2)))
    assert page.words(asked) == [f"ann used Copilot on {back(2)}."]
    asked = asks(acme, ann, period=Period(back(4), back(3)))
    assert page.words(asked) == ["ann did not use Copilot on the 2 days that reports tell of."]


@pytest.mark.parametrize("key", PANELS)
@pytest.mark.parametrize("given", ["", "0", "x", "-1", "9" * 30, "²"])
def test_without_a_person_the_page_says_where_people_are(acme: Account, key: str, given: str) -> None:
    panel = shown(key, asks(acme, None, params={"person": given}))
    assert (panel.is_empty, panel.empty) == (True, "Choose somebody from the list of people.")


@pytest.mark.parametrize("key", PANELS)
def test_somebody_of_whom_nothing_is_known_has_empty_panels(acme: Account, key: str) -> None:
    somebody = stored.person(7)
    assert shown(key, asks(acme, somebody)).is_empty
    stored.cover(acme, LAST)
    panel = shown(key, asks(acme, somebody))
    assert not any(headline.value for headline in panel.headlines)


@pytest.mark.parametrize("key", PANELS)
def test_a_panel_asks_as_many_queries_of_many_days_as_of_few(acme: Account, key: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            shown(key, asks(acme, somebody))
        return len(captured)

    granted = stored.midnight(date(2026, 1, 5))
    somebody = stored.person(7)
    stored.use(acme, back(6), {somebody: {"rest": json.dumps(REST).encode()}})
    stored.roster(acme, back(6), {"web": [somebody]})
    Seat.objects.create(account=acme, user=somebody, first_seen_at=granted, last_seen_at=granted)
    few = queries()
    for number in range(6):
        stored.use(acme, back(number), {somebody: {"rest": json.dumps(REST).encode()}})
        stored.roster(acme, back(number), {f"team-{each}": [somebody] for each in range(5)})
    other = stored.organization("other", 777)
    Seat.objects.create(account=other, user=somebody, first_seen_at=granted, last_seen_at=granted)
    assert queries() == few <= 6
