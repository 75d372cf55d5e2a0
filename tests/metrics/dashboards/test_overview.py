"""The overview: what each panel counts, and which sentences the page opens with."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics import breakdowns
from metrics.dashboards import overview
from metrics.dashboards.asked import Asked
from metrics.dashboards.registry import pages
from metrics.periods import Period
from seats.models import Account
from tests.metrics import stored
from tests.metrics.dashboards.asking import LAST, Reader, ask, column, day, headline, url_of
from tests.seats.holding import ago, grant, hold

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

SAID = "user_initiated_interaction_count"
MADE, TAKEN = "code_generation_activity_count", "code_acceptance_activity_count"


@pytest.fixture
def acme(db: None) -> Account:
    return stored.organization()


def use(account: Account, back: int, *people: int, **columns: Any) -> None:
    stored.use(account, day(back), {stored.person(number): columns for number in people})


def features(**feature_counts: dict[str, int]) -> bytes:
    entries = [{"feature": name, **counts} for name, counts in feature_counts.items()]
    return json.dumps({"totals_by_feature": entries}).encode()


def panel(key: str, asked: Asked) -> Any:
    return pages["overview"].panels[key].function(asked)


# --- Headlines ---


def test_active_users_are_those_of_the_newest_day_against_the_same_weekday_before(acme: Account) -> None:
    for back in range(28 + 14):
        use(acme, back, 1, *([2] if back < 7 else []))

    found = panel("active-now", ask(acme, days=7))

    assert headline(found, "Daily active users") == (2, 1)
    assert headline(found, "Weekly active users") == (2, 1)
    assert headline(found, "Monthly active users") == (2, 1)


def test_a_period_of_a_month_is_compared_with_a_day_whole_weeks_earlier() -> None:
    asked = ask(Account(login="acme"), days=30)
    assert overview.weeks_before(LAST, asked.period) == day(35)
    assert overview.weeks_before(LAST, ask(Account(login="acme"), days=28).period) == day(28)


def test_the_newest_day_told_stands_for_the_period(acme: Account) -> None:
    use(acme, 3, 1, 2)

    found = panel("active-now", ask(acme))

    assert headline(found, "Daily active users") == (2, None)
    assert headline(found, "Weekly active users") == (None, None), "not all of the seven days were taken in"
    assert str(day(3)) in found.headlines[0].note


def test_agent_use_is_a_share_of_the_people_of_the_period(acme: Account) -> None:
    for back in range(14):
        use(acme, back, 1, 2, used_agent=back == 3)
        use(acme, back, 3, 4)

    assert headline(panel("active-now", ask(acme)), "Agent use") == (Decimal("0.5"), Decimal(0))


def test_sums_are_compared_only_where_every_day_is_there(acme: Account) -> None:
    for back in range(14):
        use(acme, back, 1, **{SAID: 10 if back < 7 else 5, MADE: 4, TAKEN: 1, "loc_added_sum": 3})

    found = panel("use-now", ask(acme))

    assert headline(found, "Interactions") == (70, 35)
    assert headline(found, "Acceptance rate") == (Decimal("0.25"), Decimal("0.25"))
    assert headline(found, "Lines added") == (21, 21)
    use(acme, 14, 1, **{SAID: 5})
    partly = panel("use-now", ask(acme, days=8))
    assert headline(partly, "Interactions") == (75, None)
    assert partly.headlines[0].note == "over 8 of 8 days"


def test_nothing_is_no_number(acme: Account) -> None:
    for key, each in pages["overview"].panels.items():
        found = each.function(ask(acme))
        assert found.is_empty, key
        assert found.empty


def test_adoption_needs_seats_and_the_permission_to_see_them(acme: Account) -> None:
    assert pages["overview"].panels["seats-now"].permission == "seats.view_seat"
    hold(acme, grant(1, "ann"), grant(2, "bob"), at=ago(20))
    for back in range(14):
        use(acme, back, 1, 9)

    found = panel("seats-now", ask(acme))

    assert headline(found, "Adoption") == (Decimal("0.5"), Decimal("0.5"))
    assert headline(found, "People with a seat") == (2, 2)


def test_an_organization_without_seats_of_its_own_says_why_it_has_no_adoption(acme: Account) -> None:
    octo = stored.enterprise()
    shell = stored.organization("shell", 777, parent=octo)
    hold(octo, grant(1, "ann"), at=ago(20))
    for back in range(14):
        use(shell, back, 1)

    found = panel("seats-now", ask(shell))

    assert headline(found, "Adoption") == (None, None)
    assert "granted elsewhere" in found.headlines[0].note


# --- Over time ---


def test_daily_weekly_and_monthly_users_stand_side_by_side(acme: Account) -> None:
    for back in range(28):
        use(acme, back, 1, 2 + back)

    found = panel("active-users", ask(acme, days=8))

    assert column(found, "daily") == [2] * 8
    assert column(found, "weekly") == [8] * 8
    assert column(found, "monthly") == [None] * 7 + [29]
    assert found.weekend == frozenset({2, 3}), "14 and 15 November"
    assert found.provisional == frozenset({5, 6, 7})
    assert str(day(7)) in url_of(found, 0, "daily")


def test_a_missing_day_is_a_gap(acme: Account) -> None:
    for back in (0, 2, 3):
        use(acme, back, 1)

    assert column(panel("active-users", ask(acme, days=4)), "daily") == [1, 1, None, 1]
    assert column(panel("requests-per-user", ask(acme, days=4)), "requests") == [0, 0, None, 0]


def test_a_week_has_the_average_of_its_days(acme: Account) -> None:
    for back in range(4):
        use(acme, back, *range(1, 2 + back))

    found = panel("active-users", ask(acme, days=4, by="week"))

    assert column(found, "week") == ["2026-11-16"]
    assert column(found, "daily") == [Decimal("2.5")]


def test_stickiness_is_the_daily_share_of_weekly_and_monthly_users(acme: Account) -> None:
    for back in range(28):
        use(acme, back, 1 + back % 4)

    found = panel("stickiness", ask(acme, days=1))

    assert column(found, "of_weekly") == column(found, "of_monthly") == [Decimal("0.25")]


def test_requests_are_divided_by_the_people_who_were_active(acme: Account) -> None:
    use(acme, 1, 1, 2, **{SAID: 3})
    use(acme, 0, 1, **{SAID: 6})

    assert column(panel("requests-per-user", ask(acme, days=2)), "requests_per_user") == [3, 6]
    assert column(panel("requests-per-user", ask(acme, days=2, by="month")), "requests_per_user") == [4]


def test_acceptance_is_told_of_everything_and_of_completions(acme: Account) -> None:
    rest = features(code_completion={MADE: 4, TAKEN: 2}, agent_edit={MADE: 4, TAKEN: 0})
    use(acme, 1, 1, **{MADE: 8, TAKEN: 2, "rest": rest})
    use(acme, 0, 1)

    found = panel("acceptance", ask(acme, days=2))

    assert column(found, "all") == [Decimal("0.25"), None], "nothing was generated on the second day"
    assert column(found, "generations") == [8, 0]


def test_the_weekly_trend_is_the_guide_s(acme: Account) -> None:
    for back in range(9):
        use(acme, back, 1, 2)

    found = panel("weekly-trend", ask(acme, days=9))

    assert column(found, "days") == [7, 2]
    assert column(found, "active") == [Decimal("2.00")] * 2
    assert column(found, "source") == ["its people"] * 2


def test_features_are_ranked_by_what_was_asked(acme: Account) -> None:
    entries = [
        {"feature": "code_completion", MADE: 9},
        {"feature": "chat_panel_ask_mode", SAID: 5, MADE: 2},
        {"feature": "hologram", SAID: 5, MADE: 3},
    ]
    stored.totals(
        acme,
        LAST,
        blob=breakdowns.pack(json.dumps({"totals_by_feature": entries}).encode()),
        daily_active_users=1,
    )

    found = panel("features", ask(acme))

    assert column(found, "feature") == ["hologram", "Ask mode", "Completions"]
    assert column(found, "interactions") == [5, 5, None], "completions are not asked for"


# --- Controls ---


def test_a_team_has_every_panel(acme: Account) -> None:
    people = {stored.person(number): {SAID: 2} for number in (1, 2, 3)}
    for back in range(8):
        stored.use(acme, day(back), people)
        team = stored.roster(acme, day(back), {"core": [stored.person(1), stored.person(2)]})["core"]

    found = panel("active-users", ask(acme, team=team))

    assert column(found, "daily") == [2] * 7
    assert column(panel("requests-per-user", ask(acme, team=team)), "requests_per_user") == [2] * 7
    assert "metrics/teamday" in url_of(panel("requests-per-user", ask(acme, team=team)), 0, "requests")


def test_weekends_can_be_left_out(acme: Account) -> None:
    for back in range(8):
        use(acme, back, 1)

    assert len(panel("active-users", ask(acme, days=7, weekends=False)).rows) == 5
    assert headline(panel("use-now", ask(acme, days=7, weekends=False)), "Interactions") == (0, None)


def test_a_weekend_without_weekends_is_no_day_at_all(acme: Account) -> None:
    use(acme, 4, 1)
    hold(acme, grant(1, "ann"), at=ago(20))
    saturday = Period(day(5), day(4))
    asked = replace(ask(acme, weekends=False), period=saturday)

    assert asked.days() == []
    assert all(panel(key, asked).is_empty for key in pages["overview"].panels if key != "weekly-trend")
    assert panel("seats-now", asked).empty == "Weekends are left out, and there is no other day."


@pytest.mark.parametrize("key", list(pages["overview"].panels))
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
    hold(acme, *(grant(number, f"user-{number}") for number in range(1, 9)))
    assert queries(365) == few


# --- Words ---


def test_the_page_opens_with_people_agents_and_seats(acme: Account) -> None:
    hold(acme, grant(1, "ann"), grant(2, "bob"), at=ago(40))
    for back in range(28 + 7):
        use(acme, back, 1, used_agent=back < 7)
        use(acme, back, *([9] if back < 7 else [9, 10]))

    assert overview.words(ask(acme)) == [
        "3 people were active in the 28 days up to 2026-11-19, as many as in those up to 2026-11-12.",
        "Agent use grew from 0 % to 50 % (against the 7 days before).",
        "Of 2 people with a seat, 1 (50 %) used Copilot in the period.",
    ]


def test_without_the_permission_nothing_is_said_of_seats(acme: Account) -> None:
    hold(acme, grant(1, "ann"), at=ago(40))
    for back in range(28):
        use(acme, back, 1)

    assert overview.words(ask(acme, user=Reader("metrics.view_scopeday"))) == [
        "1 person was active in the 28 days up to 2026-11-19.",
        "Agent use stayed at 0 % (against the 7 days before).",
    ]


def test_where_nothing_is_known_one_sentence_says_so(acme: Account) -> None:
    assert overview.words(ask(acme)) == ["No usage report of acme tells of these days."]


def test_months_are_compared_in_words() -> None:
    said = overview.monthly_in_words
    assert said(LAST, 12, day(28), 10) == (
        "12 people were active in the 28 days up to 2026-11-19, 2 more than in those up to 2026-10-22."
    )
    assert said(LAST, 8, day(28), 10).endswith("2 fewer than in those up to 2026-10-22.")
    assert said(LAST, 10, day(28), 10).endswith("as many as in those up to 2026-10-22.")
    assert said(LAST, 1, day(28), None) == "1 person was active in the 28 days up to 2026-11-19."
    assert said(LAST, None, day(28), 10) == ""


def test_adoption_in_words_says_why_there_is_none(acme: Account) -> None:
    use(acme, 0, 1)

    said = overview.words(ask(acme))

    assert said == ["No seat list tells who of acme held a seat on the last of these days."]
