"""Code generation: panels, and sentences that are true or left out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.dashboards.by_name import UNTOLD, UNUSED
from metrics.dashboards.code_generation import (
    acceptance,
    agent_contribution,
    agents_moved,
    by_feature,
    by_language,
    by_model,
    code_generation,
    completion_sums,
    completions_kept,
    completions_over_time,
    feature_over_time,
    in_short,
    language_over_time,
    lines_and_agents,
    lines_over_time,
    model_over_time,
    suggested_added,
    words,
)
from metrics.figures import Breakdown, Scope
from metrics.figures.by_name import told
from metrics.sample.usage import Cell
from seats.models import Account
from tests.metrics import stored
from tests.metrics.dashboards.using import asking, cell, column, day, line, server_only, table

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Account:
    return stored.organization()


def use(account: Account, number: int, *cells: Cell) -> None:
    stored.use(account, day(number), {stored.person(1): line(*cells)})


def completing(generations: int, acceptances: int, suggested: int = 0, added: int = 0, **more: Any) -> Cell:
    return cell(
        "code_completion",
        generations=generations,
        acceptances=acceptances,
        suggested=suggested,
        added=added,
        **more,
    )


def features_of(account: Account, number: int) -> Breakdown:
    return told(Scope(account), asking(account, number, number).period, "feature")


def test_completions_are_no_chat_and_no_agent(acme: Account) -> None:
    use(
        acme,
        0,
        completing(10, 4),
        cell("chat_panel_ask_mode", generations=7, acceptances=6),
        cell("agent_edit", generations=3),
    )

    panel = completions_over_time(asking(acme, 0, 1))

    assert table(panel) == [
        {"day": "2026-11-02", "suggested": 10, "accepted": 4},
        {"day": "2026-11-03", "suggested": None, "accepted": None},
    ]


def test_acceptance_by_count_and_by_lines(acme: Account) -> None:
    use(acme, 0, completing(10, 4, suggested=50, added=5), cell("chat_inline", suggested=99, added=99))
    stored.use(acme, day(1), {})

    first, quiet = table(acceptance(asking(acme, 0, 1)))

    assert (first["by_count"], first["by_lines"]) == (Decimal("0.4"), Decimal("0.1"))
    assert (quiet["by_count"], quiet["by_lines"]) == (None, None)
    assert (quiet["lines_suggested"], quiet["lines_added"]) == (0, 0)


def test_completions_in_sum_against_before(acme: Account) -> None:
    use(acme, 0, completing(10, 1, suggested=10, added=2))
    use(acme, 1, completing(10, 4, suggested=50, added=5))

    assert table(completion_sums(asking(acme, 1, 1, compare=True))) == [
        {"by": "Count", "suggested": 10, "accepted": 4, "rate": Decimal("0.4"), "before": Decimal("0.1")},
        {"by": "Lines", "suggested": 50, "accepted": 5, "rate": Decimal("0.1"), "before": Decimal("0.2")},
    ]


def test_lines_of_agents_and_of_people(acme: Account) -> None:
    use(
        acme,
        0,
        completing(10, 4, suggested=50, added=5),
        cell("chat_panel_edit_mode", added=3, deleted=2),
        cell("agent_edit", added=40, deleted=10),
    )
    asked = asking(acme, 0, 0)

    assert table(lines_over_time(asked)) == [
        {"day": "2026-11-02", "user_added": 8, "agent_added": 40, "user_deleted": 2, "agent_deleted": 10}
    ]
    assert table(agent_contribution(asked)) == [
        {
            "day": "2026-11-02",
            "agent_contribution": Decimal(50) / Decimal(60),
            "agent_lines": 50,
            "all_lines": 60,
        }
    ]
    assert table(suggested_added(asked)) == [
        {"day": "2026-11-02", "suggested": 50, "user_added": 8, "agent_added": 40}
    ]


def test_a_day_known_from_the_servers_alone_is_a_gap(acme: Account) -> None:
    use(acme, 0, cell("agent_edit", added=1))
    stored.use(acme, day(1), {stored.person(1): server_only(5)})

    assert column(lines_over_time(asking(acme, 0, 1)), "agent_added") == [1, None]
    assert column(agent_contribution(asking(acme, 0, 1)), "agent_contribution") == [1, None]


def test_lines_by_feature_model_and_language(acme: Account) -> None:
    use(
        acme,
        0,
        completing(1, 1, added=4, language="go"),
        cell("agent_edit", model="claude-sonnet-4.6", language="go", added=10, deleted=6),
        cell("chat_inline", model="model-of-tomorrow", language="zig", added=3),
        cell("chat_panel_ask_mode", language="unknown", requests=2),
    )
    asked = asking(acme, 0, 0)

    assert column(by_feature(asked), "feature") == ["Agent edits", "Completions", "Inline chat"]
    # Completions have no model: their lines are not in it.
    assert table(by_model(asked)) == [
        {"model": "Claude Sonnet 4.6", "user_lines": 0, "agent_lines": 16, "agent_contribution": 1,
         "added": 10, "deleted": 6},
        {"model": "model-of-tomorrow", "user_lines": 3, "agent_lines": 0, "agent_contribution": 0,
         "added": 3, "deleted": 0},
    ]  # fmt: skip
    assert table(by_language(asked)) == [
        {"language": "Go", "user_lines": 4, "agent_lines": 16, "agent_contribution": Decimal("0.8"),
         "added": 14, "deleted": 6},
        {"language": "zig", "user_lines": 3, "agent_lines": 0, "agent_contribution": 0,
         "added": 3, "deleted": 0},
    ]  # fmt: skip


def test_lines_added_over_time_by_feature_model_and_language(acme: Account) -> None:
    use(acme, 0, completing(1, 1, added=4), cell("agent_edit", model="auto", language="go", added=10))
    use(acme, 2, completing(1, 1, added=3))
    asked = asking(acme, 0, 2)

    assert [row[1:] for row in feature_over_time(asked).rows] == [[10, 4], [None, None], [0, 3]]
    assert [row[1:] for row in model_over_time(asked).rows] == [[10], [None], [0]]
    assert [row[1:] for row in language_over_time(asked).rows] == [[10, 4], [None, None], [0, 3]]


def test_in_short(acme: Account) -> None:
    use(acme, 0, completing(10, 1), cell("agent_edit", added=1, deleted=1))
    use(acme, 1, completing(10, 4), cell("agent_edit", added=4, deleted=2), cell("chat_inline", added=2))

    headlines = {each.label: each for each in in_short(asking(acme, 1, 1, compare=True)).headlines}

    assert {label: (each.value, each.before) for label, each in headlines.items()} == {
        "Lines changed with Copilot": (8, 2),
        "Agent contribution": (Decimal("0.75"), 1),
        "Completions suggested": (10, 10),
        "Completions accepted": (Decimal("0.4"), Decimal("0.1")),
        "Lines deleted by agents per active user": (2, None),
    }


def test_lines_per_active_user_need_every_day(acme: Account) -> None:
    use(acme, 0, cell("agent_edit", added=4, deleted=2))

    panel = in_short(asking(acme, 0, 1))

    assert [each.value for each in panel.headlines] == [6, 1, 0, None, None]
    assert panel.note.startswith("1 of 2 days is missing")


def test_nothing_known_and_nothing_written_are_told_apart(acme: Account) -> None:
    stored.use(acme, day(1), {})

    for panel in code_generation.panels.values():
        unknown = panel.function(asking(acme, 0, 0))
        assert (unknown.is_empty, unknown.empty) == (True, UNTOLD)
    assert by_language(asking(acme, 1, 1)).empty == UNUSED
    assert column(lines_over_time(asking(acme, 1, 1)), "agent_added") == [0]


def test_panels_ask_as_many_queries_of_ten_days_as_of_one(acme: Account) -> None:
    def queries(last: int) -> list[int]:
        counts = []
        for panel in code_generation.panels.values():
            with CaptureQueriesContext(connection) as asked:
                panel.function(asking(acme, 0, last))
            counts.append(len(asked))
        return counts

    for number in range(10):
        use(acme, number, completing(9, 3), cell("agent_edit", added=number, language=f"language {number}"))

    assert queries(0) == queries(9)
    assert max(queries(9)) <= 6


# Words ------------------------------------------------------------------------------------------


def test_it_says_how_many_lines_and_whose(acme: Account) -> None:
    use(acme, 0, cell("agent_edit", added=30), completing(1, 1, added=10))
    use(acme, 1, completing(1, 0))

    assert lines_and_agents(asking(acme, 0, 0), features_of(acme, 0)) == (
        "40 lines were added or deleted with Copilot, 75 % of them by agents."
    )
    assert lines_and_agents(asking(acme, 1, 1), features_of(acme, 1)) == ""


def test_it_says_how_the_part_of_agents_moved(acme: Account) -> None:
    use(acme, 0, cell("agent_edit", added=30), completing(1, 1, added=10))
    use(acme, 1, cell("agent_edit", added=10), completing(1, 1, added=10))

    assert agents_moved(asking(acme, 1, 1), features_of(acme, 1), features_of(acme, 0)) == (
        "Agent contribution fell from 75 % to 50 % (compared with the day before)."
    )
    assert agents_moved(asking(acme, 2, 2), features_of(acme, 2), features_of(acme, 1)) == ""


def test_it_says_how_many_completions_were_kept(acme: Account) -> None:
    use(acme, 0, completing(200, 50, suggested=100, added=20))
    use(acme, 1, completing(200, 50))
    use(acme, 2, cell("agent_edit", added=1))

    kept = [completions_kept(asking(acme, number, number), features_of(acme, number)) for number in range(3)]

    assert kept == [
        "People accepted 25 % of 200 completions, and 20 % of their lines.",
        "People accepted 25 % of 200 completions.",
        "",
    ]


def test_it_is_silent_where_nothing_is_known(acme: Account) -> None:
    assert words(asking(acme)) == []
    stored.use(acme, day(0), {stored.person(1): server_only(5)})
    assert words(asking(acme, 0, 0)) == []
    use(acme, 1, cell("agent_edit", added=2))
    assert words(asking(acme, 0, 1)) == [
        "2 lines were added or deleted with Copilot, 100 % of them by agents.",
        "1 of 2 days is missing or has no breakdown: sums are of the rest.",
    ]
