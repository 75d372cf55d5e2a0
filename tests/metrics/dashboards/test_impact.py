"""Impact: what each panel counts, and which sentences the page opens with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics import breakdowns
from metrics.dashboards import impact
from metrics.dashboards.asked import Asked
from metrics.dashboards.panel import Form
from metrics.dashboards.registry import pages
from metrics.figures.phases import AWAY, UNTOLD, Lives
from metrics.models import ReportDay
from seats.models import Account
from tests.metrics import stored
from tests.metrics.dashboards.asking import Reader, ask, column, day
from tests.seats.holding import ago, grant, hold

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def acme(db: None) -> Account:
    return stored.organization()


def cover(account: Account, days: Iterable[int]) -> None:
    """Days that were taken in, and on which nobody did anything."""
    ReportDay.objects.bulk_create(
        ReportDay(
            account=account,
            report=ReportDay.Report.USERS,
            day=day(number),
            file=stored.report_file(),
            observed_at=stored.midnight(day(number)),
        )
        for number in days
    )


def use(account: Account, back: int, *people: int, **phases: int | None) -> None:
    """People active on a day; by keyword with the phase told of them (`p1=2`: person 1 is in phase 2)."""
    told: dict[Any, Any] = {stored.person(number): {} for number in people}
    told |= {stored.person(int(name[1:])): {"phase_number": phase} for name, phase in phases.items()}
    stored.use(account, day(back), told)


def report(account: Account, back: int, *phases: dict[str, Any]) -> None:
    blob = breakdowns.pack(json.dumps({"totals_by_ai_adoption_phase": phases}).encode())
    stored.totals(account, day(back), daily_active_users=1, blob=blob)


def panel(key: str, asked: Asked) -> Any:
    return pages["impact"].panels[key].function(asked)


# --- Phases ------------------------------------------------------------------------------------


def test_phases_are_shown_as_parts_of_everybody_of_28_days(acme: Account) -> None:
    cover(acme, range(40))
    use(acme, 5, 9, p1=1, p2=0, p3=4)
    use(acme, 0, p1=3)

    found = panel("phases", ask(acme, days=2))

    assert found.drawing.form == Form.SHARES
    assert [each.label for each in found.columns[1:]] == [
        "No cohort (passive)",
        "Phase 1: code first",
        "Phase 3: several agents",
        "Phase 4",
        "Phase not told",
        "All",
    ]
    assert [row[1:] for row in found.rows] == [[1, 1, 0, 1, 1, 4], [1, 0, 1, 1, 1, 4]]
    assert "people" not in found.drawing.series


def test_a_week_is_as_of_its_last_day_and_an_untold_one_is_a_gap(acme: Account) -> None:
    cover(acme, range(30))
    use(acme, 6, p1=1)
    use(acme, 0, p1=2, p2=2)
    # Four weeks and two days are covered: phases are known from two days before the newest one on.
    found = panel("phases", ask(acme, days=10, by="week"))
    assert [row[1:] for row in found.rows] == [[None, None], [2, 2]]
    daily = panel("phases", ask(acme, days=4))
    assert column(daily, "people") == [None, 1, 1, 2]


def test_where_only_the_account_is_told_its_own_numbers_are_shown(acme: Account) -> None:
    report(
        acme, 0, {"phase_number": 0, "users_in_phase_28d": 3}, {"phase_number": 2, "users_in_phase_28d": 1}
    )
    found = panel("engaged", ask(acme, days=1))
    assert found.rows[0][1:] == [1, 3, 0, Decimal(1) / Decimal(4)]


def test_the_end_of_the_period_is_its_newest_covered_day(acme: Account) -> None:
    cover(acme, range(3, 60))
    use(acme, 33, p1=1, p2=1)
    use(acme, 3, p1=2)

    found = panel("phases-now", ask(acme, days=14))

    assert found.note == f"As of {day(3)}, and before as of {day(14)}."
    assert column(found, "phase") == ["Phase 1: code first", "Phase 2: one agent"]
    assert column(found, "people") == [0, 1]
    assert column(found, "share") == [0, 1]
    assert column(found, "before") == [2, 0]
    assert column(found, "share_before") == [1, 0]


def test_what_was_before_is_unknown_where_it_was_not_covered(acme: Account) -> None:
    cover(acme, range(30))
    use(acme, 3, p1=2)
    found = panel("phases-now", ask(acme, days=14))
    assert found.rows == [["Phase 2: one agent", 1, Decimal(1), None, None]]


def test_engaged_are_shares_of_those_whose_phase_is_told(acme: Account) -> None:
    cover(acme, range(28))
    use(acme, 0, 8, 9, p1=0, p2=1, p3=2, p4=3)
    found = panel("engaged", ask(acme, days=1))
    assert found.rows[0][1:] == [3, 1, 2, Decimal(3) / Decimal(4)]


def test_the_flow_leads_from_rows_to_columns(acme: Account) -> None:
    cover(acme, range(70))
    use(acme, 35, p1=1, p2=1, p3=0)
    use(acme, 2, 5, p1=1, p2=3)

    found = panel("flow", ask(acme, days=28))

    assert found.drawing.form == Form.HEAT
    assert [each.name for each in found.columns] == ["before", "phase_1", "phase_3", "untold", "away"]
    assert found.rows == [
        ["No cohort (passive)", 0, 0, 0, 1],
        ["Phase 1: code first", 1, 1, 0, 0],
        ["Not active", 0, 0, 1, 0],
    ]
    assert panel("flow", ask(acme, days=60)).empty == impact.UNKNOWN


def test_phases_are_in_order_with_those_in_none_at_the_end() -> None:
    assert impact.phase_order([AWAY, 17, UNTOLD, 2, 0, 4]) == [0, 2, 4, 17, UNTOLD, AWAY]
    assert impact.phase_label(17) == "Phase 17"


# --- Activity ----------------------------------------------------------------------------------


def test_averages_of_a_phase_are_githubs_weighed_by_its_people(acme: Account) -> None:
    report(
        acme,
        1,
        {"phase_number": 4, "total_engaged_users": 3, "avg_loc_added": 4, "total_pull_requests_merged": 2},
    )
    report(acme, 0, {"phase_number": 4, "total_engaged_users": 1, "avg_loc_added": 8})
    found = panel("activity", ask(acme, days=2))
    assert [each.name for each in found.columns] == ["phase", "person_days", "avg_loc_added", "merged"]
    assert found.rows == [["Phase 4", 4, Decimal(5), 2]]


def test_teams_have_no_averages(acme: Account) -> None:
    team = stored.roster(acme, day(0), {"red": [stored.person(1)]})["red"]
    assert "not by team" in panel("activity", ask(acme, team=team)).empty


# --- Who comes, stays and goes -----------------------------------------------------------------


def test_everybody_is_in_one_group_and_shares_are_of_all(acme: Account) -> None:
    cover(acme, range(20))
    use(acme, 15, 1)
    use(acme, 8, 2, 3)
    use(acme, 2, 1, 2)
    hold(acme, *(grant(number, f"user-{number}") for number in (1, 2, 3, 4)), at=ago(1))

    found = panel("lives", ask(acme, days=7))

    assert dict(zip(column(found, "group"), column(found, "people"), strict=True)) == {
        "Retained": 1,
        "Reactivated": 1,
        "New": 0,
        "Lapsed": 1,
        "Reclaimed": 0,
        "Still idle": 1,
        "Not yet": 0,
    }
    shares = [value for value in column(found, "share") if isinstance(value, Decimal)]
    assert sum(shares) == 1
    assert found.note == f"This period: {day(6)} to {day(0)}; before: {day(13)} to {day(7)}."


def test_what_is_not_known_of_seats_and_of_the_past_is_said(acme: Account) -> None:
    cover(acme, range(14))
    use(acme, 2, 1)
    found = panel("lives", ask(acme, days=7))
    assert column(found, "people") == [0, 0, 1, 0, None, None, None]
    assert "some of the new may have used it earlier" in found.note
    assert "No seat of this account is known" in found.note


def test_seats_are_told_to_whoever_may_see_them(acme: Account) -> None:
    cover(acme, range(30))
    use(acme, 10, 1, 2)
    use(acme, 2, 1)
    hold(acme, grant(3, "user-3"), at=ago(1))
    reader = Reader("metrics.view_scopeday")
    found = panel("lives", ask(acme, days=7, user=reader))
    assert column(found, "people") == [1, 0, 0, 1, None, None, None]
    assert "told to whoever may see seats" in found.note
    idle = "1 person holds a seat and used it in neither period."
    assert idle in impact.words(ask(acme, days=7))
    assert idle not in impact.words(ask(acme, days=7, user=reader))


def test_days_after_the_newest_covered_one_are_not_waited_for(acme: Account) -> None:
    cover(acme, range(2, 30))
    use(acme, 20, 1)
    use(acme, 4, 1)
    found = panel("lives", ask(acme, days=7))
    assert found.note.startswith(f"This period: {day(6)} to {day(2)}; before: {day(11)} to {day(7)}.")


def test_a_team_ends_with_the_newest_day_that_tells_its_members(acme: Account) -> None:
    for number in range(2, 30):
        red = stored.roster(acme, day(number), {"red": [stored.person(1)]})["red"]
        use(acme, number)
    cover(acme, range(2))
    use(acme, 4, 9, p1=2)
    found = panel("lives", ask(acme, days=7, team=red))
    assert column(found, "people")[:4] == [0, 0, 1, 0]
    assert found.note.startswith(f"This period: {day(6)} to {day(2)};")
    assert panel("phases-now", ask(acme, days=7, team=red)).rows[0][:2] == ["Phase 2: one agent", 1]


def test_a_missing_day_leaves_nobody_in_a_group(acme: Account) -> None:
    cover(acme, [*range(5), *range(6, 30)])
    use(acme, 2, 1)
    assert panel("lives", ask(acme, days=7)).empty.startswith("It is told only where every day")


# --- Every panel -------------------------------------------------------------------------------


@pytest.mark.parametrize("key", list(pages["impact"].panels))
def test_without_anything_told_a_panel_says_so(acme: Account, key: str) -> None:
    found = panel(key, ask(acme))
    assert found.is_empty
    assert found.empty


@pytest.mark.parametrize("key", list(pages["impact"].panels))
def test_a_longer_period_takes_no_more_queries(acme: Account, key: str) -> None:
    cover(acme, range(100))
    for back in range(0, 100, 20):
        use(acme, back, p1=1, p2=0)
    hold(acme, grant(1, "user-1"), at=ago(1))

    def queries(days: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            panel(key, ask(acme, days=days))
        return len(captured)

    assert queries(2) == queries(28) <= 14


# --- Words -------------------------------------------------------------------------------------


def test_words_tell_how_the_share_of_the_engaged_moved() -> None:
    said = impact.engaged_share
    assert said({0: 3, 1: 1, UNTOLD: 50}, {0: 1, 2: 1}, "May to June") == (
        "The share of people in phase 1 or above grew from 25 % to 50 % (May to June)."
    )
    assert said(None, {0: 1, 4: 1}, "") == "50 % of the people active in 28 days are in phase 1 or above."
    assert said({0: 3}, None, "") == ""
    assert said({0: 3}, {UNTOLD: 3}, "") == ""


def of(**groups: int | None) -> Lives:
    names = dict.fromkeys(Lives._fields, 0)
    return Lives(**(names | groups))  # type: ignore[arg-type]


def test_words_tell_who_did_it_again_and_who_came() -> None:
    said = impact.comings_and_goings
    assert said(of(retained=3, lapsed=1, reactivated=2, new=1, used_before=4), 28) == (
        "Of 4 people who used Copilot in the 28 days before, 75 % did so again; "
        "2 came back and 1 used it for the first time we know."
    )
    assert said(of(retained=1, used_before=1), 1) == (
        "Of 1 person who used Copilot in the 1 day before, 100 % did so again."
    )
    assert said(of(reactivated=2), 7) == "2 came back."
    assert said(of(), 7) == ""
    assert said(None, 7) == ""


def test_words_tell_of_idle_seats() -> None:
    said = impact.idle_seats
    assert said(of(still_idle=1)) == "1 person holds a seat and used it in neither period."
    assert said(of(still_idle=37)) == "37 people hold a seat and used it in neither period."
    assert said(of(still_idle=0)) == ""
    assert said(of(still_idle=None)) == ""


def test_words_speak_of_the_period_and_the_one_before(acme: Account) -> None:
    cover(acme, range(60))
    use(acme, 8, p1=0, p2=1)
    use(acme, 2, p1=1)
    assert impact.words(ask(acme, days=7)) == [
        f"The share of people in phase 1 or above grew from 50 % to 100 % ({day(7)} to {day(0)}).",
        "Of 2 people who used Copilot in the 7 days before, 50 % did so again.",
    ]


def test_words_say_when_nothing_is_known(acme: Account) -> None:
    assert impact.words(ask(acme)) == [impact.NOTHING]
    cover(acme, range(3))
    assert impact.words(ask(acme)) == [impact.NOTHING]
