"""Features and chat modes: panels, and sentences that are true or left out."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.dashboards.asked import By
from metrics.dashboards.by_name import NOT_ALL_COVERED, UNTOLD, UNUSED
from metrics.dashboards.features import (
    agent_mode_moved,
    feature_people,
    feature_shares,
    feature_sums,
    feature_use,
    features,
    mode_sums,
    mode_that_led,
    requests_by_mode,
    requests_per_user,
    words,
)
from metrics.dashboards.panel import Form, Panel
from metrics.figures import Scope
from metrics.figures.by_name import told
from metrics.sample.usage import Cell
from seats.models import Account
from tests.metrics import stored
from tests.metrics.dashboards.using import asking, cell, column, day, line, server_only, table

pytestmark = pytest.mark.django_db

AGENT, ASK = "chat_panel_agent_mode", "chat_panel_ask_mode"


@pytest.fixture
def acme() -> Account:
    return stored.organization()


def use(account: Account, number: int, *people: tuple[Cell, ...]) -> None:
    """A day on which each of these people did these things."""
    stored.use(
        account, day(number), {stored.person(key): line(*cells) for key, cells in enumerate(people, start=1)}
    )


def drawn(panel: Panel) -> list[str]:
    assert panel.drawing is not None
    return list(panel.drawing.series)


def test_requests_over_time_have_a_series_per_chat_mode(acme: Account) -> None:
    use(acme, 0, (cell(ASK, requests=2), cell("copilot_cli", requests=9)), (cell(AGENT, requests=5),))
    use(acme, 1, (cell(ASK, requests=1),))

    panel = requests_by_mode(asking(acme, 0, 1))

    assert drawn(panel) == [AGENT, ASK]
    assert [one.label for one in panel.columns] == ["Day", "Agent mode", "Ask mode"]
    assert [list(row) for row in panel.rows] == [["2026-11-02", 5, 2], ["2026-11-03", 0, 1]]


def test_a_day_without_a_report_or_a_breakdown_is_a_gap_and_a_quiet_one_is_nothing(acme: Account) -> None:
    use(acme, 0, (cell(ASK, requests=2),))
    stored.use(acme, day(1), {stored.person(1): server_only(7)})
    stored.use(acme, day(3), {})

    assert column(requests_by_mode(asking(acme, 0, 3)), ASK) == [2, None, None, 0]


def test_a_week_that_lacks_a_day_is_a_gap(acme: Account) -> None:
    for number in (*range(7), *range(7, 13)):
        use(acme, number, (cell(ASK, requests=1),))

    panel = requests_by_mode(asking(acme, 0, 13, by=By.WEEK))

    assert [list(row) for row in panel.rows] == [["2026-11-02", 7], ["2026-11-09", None]]
    assert column(requests_by_mode(asking(acme, 0, 13, by=By.WEEK, weekends=False)), ASK) == [5, 5]


def test_the_least_of_many_names_are_one_series(acme: Account) -> None:
    names = [f"chat_panel_{letter}_mode" for letter in "abcdefghi"]
    use(acme, 0, tuple(cell(name, requests=100 - place) for place, name in enumerate(names)))

    panel = requests_by_mode(asking(acme, 0, 0))

    assert drawn(panel) == [*names[:7], "all_other"]
    assert column(panel, "all_other") == [93 + 92]


def test_modes_in_sum_with_their_share_and_the_period_before(acme: Account) -> None:
    use(acme, 0, (cell(AGENT, requests=1),))
    use(acme, 1, (cell(AGENT, requests=3, generations=2, acceptances=1), cell(ASK, requests=1)))

    panel = mode_sums(asking(acme, 1, 1, compare=True))

    assert table(panel) == [
        {"feature": "Agent mode", "requests": 3, "share": Decimal("0.75"), "generations": 2,
         "acceptances": 1, "before": 1},
        {"feature": "Ask mode", "requests": 1, "share": Decimal("0.25"), "generations": 0,
         "acceptances": 0, "before": 0},
    ]  # fmt: skip


def test_what_was_before_is_unknown_where_a_day_of_it_is(acme: Account) -> None:
    use(acme, 1, (cell(AGENT, requests=3),))

    assert column(mode_sums(asking(acme, 1, 1, compare=True)), "before") == [None]


def test_sums_say_how_many_days_they_lack(acme: Account) -> None:
    use(acme, 0, (cell(AGENT, requests=3),))

    assert mode_sums(asking(acme, 0, 1)).note == (
        "1 of 2 days is missing or has no breakdown: sums are of the rest."
    )
    assert mode_sums(asking(acme, 0, 0)).note == ""


def test_requests_for_each_active_person(acme: Account) -> None:
    use(acme, 0, (cell(ASK, requests=4),), (cell("code_completion", generations=1),))
    use(acme, 1, (cell(ASK, requests=2),))

    daily, weekly = asking(acme, 0, 2), asking(acme, 0, 1, by=By.WEEK)

    assert column(requests_per_user(daily), "requests_per_user") == [2, 2, None]
    # Two people in the week, whoever was active on how many days.
    assert table(requests_per_user(weekly))[0]["requests_per_user"] == 3
    assert table(requests_per_user(weekly))[0]["active"] == 2


def test_use_per_feature_over_time_and_as_shares(acme: Account) -> None:
    use(acme, 0, (cell("code_completion", generations=8), cell("agent_edit", generations=2)))

    absolute, relative = feature_use(asking(acme, 0, 0)), feature_shares(asking(acme, 0, 0))

    assert absolute.rows == relative.rows == [["2026-11-02", 8, 2]]
    assert [panel.drawing and panel.drawing.form for panel in (absolute, relative)] == [
        Form.STACKED,
        Form.SHARES,
    ]


def test_every_feature_in_sum_also_one_without_generations_and_one_of_tomorrow(acme: Account) -> None:
    use(acme, 0, (cell("mind_reading", generations=3), cell("copilot_cli", requests=5), cell(ASK)))

    panel = feature_sums(asking(acme, 0, 0))

    assert column(panel, "feature") == ["mind_reading", "Copilot CLI"]
    assert column(panel, "requests") == [0, 5]
    assert column(panel, "share") == [1, 0]


def test_people_per_feature_are_distinct_over_the_period(acme: Account) -> None:
    use(acme, 0, (cell(ASK, requests=1),), (cell(ASK, requests=1),))
    use(acme, 1, (cell(ASK, requests=1), cell(AGENT, requests=1)), ())

    panel = feature_people(asking(acme, 0, 1))

    assert table(panel) == [
        {"feature": "Ask mode", "people": 2, "share": 1},
        {"feature": "Agent mode", "people": 1, "share": Decimal("0.5")},
    ]


def test_people_are_not_counted_where_a_day_is_missing(acme: Account) -> None:
    use(acme, 0, (cell(ASK, requests=1),))

    panel = feature_people(asking(acme, 0, 1))

    assert panel.is_empty
    assert panel.empty == NOT_ALL_COVERED


def test_a_team_has_its_own_members_figures(acme: Account) -> None:
    ann, bob = stored.person(1), stored.person(2)
    teams = stored.roster(acme, day(0), {"data": [bob]})
    stored.use(acme, day(0), {ann: line(cell(ASK, requests=1)), bob: line(cell(AGENT, requests=5))})
    asked = asking(acme, 0, 0, team=teams["data"])

    assert drawn(requests_by_mode(asked)) == [AGENT]
    assert column(feature_people(asked), "feature") == ["Agent mode"]
    assert column(requests_per_user(asked), "requests_per_user") == [5]


def test_nothing_known_and_nothing_used_are_told_apart(acme: Account) -> None:
    stored.use(acme, day(1), {})

    for function in (requests_by_mode, mode_sums):
        unknown, unused = function(asking(acme, 0, 0)), function(asking(acme, 1, 1))
        assert (unknown.is_empty, unknown.empty) == (True, UNTOLD)
        assert (unused.is_empty, unused.empty) == (True, UNUSED)


def test_panels_ask_as_many_queries_of_a_month_as_of_a_day(acme: Account) -> None:
    def queries(last: int) -> list[int]:
        counts = []
        for panel in features.panels.values():
            with CaptureQueriesContext(connection) as asked:
                panel.function(asking(acme, 0, last))
            counts.append(len(asked))
        return counts

    use(acme, 0, (cell(ASK, requests=1),))
    few = queries(0)
    for number in range(1, 10):
        use(acme, number, (cell(ASK, requests=1), cell(f"feature_{number}", generations=1)))

    assert queries(9) == few
    assert max(few) <= 6


# Words ------------------------------------------------------------------------------------------


def test_it_says_which_mode_led(acme: Account) -> None:
    use(acme, 0, (cell(AGENT, requests=3), cell(ASK, requests=1)))
    asked = asking(acme, 0, 0)

    assert mode_that_led(asked, told(Scope(acme), asked.period, "feature")) == (
        "Agent mode was the most used chat mode: 75 % of 4 chat requests."
    )


def test_it_names_all_that_led(acme: Account) -> None:
    use(acme, 0, (cell(AGENT, requests=2), cell(ASK, requests=2), cell("chat_inline", requests=1)))
    asked = asking(acme, 0, 0)

    assert mode_that_led(asked, told(Scope(acme), asked.period, "feature")) == (
        "Agent mode and Ask mode were the most used chat modes: each 40 % of 5 chat requests."
    )


def test_no_mode_led_where_nobody_asked(acme: Account) -> None:
    use(acme, 0, (cell("code_completion", generations=2),))
    asked = asking(acme, 0, 0)

    assert mode_that_led(asked, told(Scope(acme), asked.period, "feature")) == ""


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ((1, 3), (2, 2), "grew from 25 % to 50 %"),
        ((2, 2), (1, 3), "fell from 50 % to 25 %"),
        ((1, 1), (2, 2), "stayed at 50 %"),
    ],
)
def test_it_says_how_agent_mode_moved(
    acme: Account, before: tuple[int, int], now: tuple[int, int], said: str
) -> None:
    for number, (agent, ask) in ((0, before), (1, now)):
        use(acme, number, (cell(AGENT, requests=agent), cell(ASK, requests=ask)))
    asked = asking(acme, 1, 1)
    told_now = told(Scope(acme), asked.period, "feature")
    told_before = told(Scope(acme), asked.period.before(), "feature")

    assert agent_mode_moved(asked, told_now, told_before) == (
        f"Agent mode's share of chat requests {said} (compared with the day before)."
    )


def test_nothing_moved_from_an_unknown_day(acme: Account) -> None:
    use(acme, 2, (cell(AGENT, requests=1),))
    asked = asking(acme, 2, 2)
    told_now = told(Scope(acme), asked.period, "feature")

    assert agent_mode_moved(asked, told_now, told(Scope(acme), asked.period.before(), "feature")) == ""


def test_it_opens_with_what_is_known(acme: Account) -> None:
    use(
        acme,
        0,
        (cell(AGENT, requests=3),),
        (cell("code_completion", generations=3),),
        (cell(AGENT, requests=1),),
    )

    assert words(asking(acme, 0, 0)) == [
        "Agent mode was the most used chat mode: 100 % of 4 chat requests.",
        "Agent mode reached most people: 2 of 3 who were active (67 %).",
    ]
    assert words(asking(acme, 0, 1)) == [
        "Agent mode was the most used chat mode: 100 % of 4 chat requests.",
        "1 of 2 days is missing or has no breakdown: sums are of the rest.",
    ]


def test_it_is_silent_where_nothing_is_known(acme: Account) -> None:
    assert words(asking(acme, 0, 6)) == []
    stored.use(acme, day(0), {stored.person(1): server_only(5)})
    assert words(asking(acme, 0, 0)) == []
