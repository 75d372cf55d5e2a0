"""Models: panels, and sentences that are true or left out."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.dashboards.by_name import UNTOLD
from metrics.dashboards.models_page import (
    by_language,
    by_mode,
    first_seen,
    model_that_led,
    models,
    new_models,
    not_named,
    people,
    shares,
    shares_over_time,
    without_model,
    words,
)
from metrics.figures import Breakdown, Scope
from metrics.figures.by_name import told
from metrics.sample.usage import Cell
from seats.models import Account
from tests.metrics import stored
from tests.metrics.dashboards.using import asking, cell, day, known_before, line, server_only, table

pytestmark = pytest.mark.django_db

AGENT = "chat_panel_agent_mode"


@pytest.fixture
def acme() -> Account:
    return stored.organization()


def use(account: Account, number: int, *people: tuple[Cell, ...]) -> None:
    stored.use(
        account, day(number), {stored.person(key): line(*cells) for key, cells in enumerate(people, start=1)}
    )


def asks(model: str, requests: int = 1, feature: str = AGENT) -> Cell:
    return cell(feature, model=model, requests=requests, generations=requests * 2)


def named(account: Account, number: int) -> Breakdown:
    return told(Scope(account), asking(account, number, number).period, "model_feature")


def test_models_over_time_with_a_quiet_day_and_a_gap(acme: Account) -> None:
    use(acme, 0, (asks("GPT-5.4", 3), asks("unknown", 1)))
    use(acme, 1, (cell("code_completion", generations=5),))
    stored.use(acme, day(2), {stored.person(1): server_only(5)})

    panel = shares_over_time(asking(acme, 0, 3))

    assert [each.label for each in panel.columns[1:]] == ["GPT-5.4", "Unknown"]
    assert [row[1:] for row in panel.rows] == [[3, 1], [0, 0], [None, None], [None, None]]


def test_models_in_sum(acme: Account) -> None:
    use(acme, 0, (asks("auto", 2),))
    use(acme, 1, (asks("auto", 1), asks("model-of-tomorrow", 3), cell("agent_edit", model="others", added=5)))

    assert table(shares(asking(acme, 1, 1, compare=True))) == [
        {"model": "model-of-tomorrow", "requests": 3, "share": Decimal("0.75"), "generations": 6,
         "acceptances": 0, "lines_added": 0, "lines_deleted": 0, "before": 0},
        {"model": "Auto", "requests": 1, "share": Decimal("0.25"), "generations": 2,
         "acceptances": 0, "lines_added": 0, "lines_deleted": 0, "before": 2},
        {"model": "Others", "requests": 0, "share": 0, "generations": 0,
         "acceptances": 0, "lines_added": 5, "lines_deleted": 0, "before": 0},
    ]  # fmt: skip


def test_people_per_model(acme: Account) -> None:
    use(
        acme,
        0,
        (asks("gpt-5.4"),),
        (asks("gpt-5.4"), asks("auto")),
        (cell("code_completion", generations=1),),
    )

    assert table(people(asking(acme, 0, 0))) == [
        {"model": "GPT-5.4", "people": 2, "share": Decimal(2) / Decimal(3)},
        {"model": "Auto", "people": 1, "share": Decimal(1) / Decimal(3)},
    ]


def test_requests_without_a_model_s_name(acme: Account) -> None:
    use(acme, 0, (asks("gpt-5.4", 6), asks("auto", 3), asks("UNKNOWN", 1)))

    assert table(without_model(asking(acme, 0, 0))) == [
        {"model": "Auto", "requests": 3, "share": Decimal("0.3")},
        {"model": "Unknown", "requests": 1, "share": Decimal("0.1")},
        {"model": "Others", "requests": 0, "share": 0},
    ]


def test_model_by_chat_mode_is_of_chat_alone(acme: Account) -> None:
    use(
        acme,
        0,
        (asks("gpt-5.4", 4), asks("auto", 1, "chat_inline"), asks("auto", 9, "copilot_cli")),
    )

    assert table(by_mode(asking(acme, 0, 0))) == [
        {"model": "GPT-5.4", AGENT: 4, "chat_inline": None},
        {"model": "Auto", AGENT: None, "chat_inline": 1},
    ]


def test_model_by_language(acme: Account) -> None:
    use(acme, 0, (cell(AGENT, model="gpt-5.4", language="go", generations=4), asks("auto", 1)))

    assert table(by_language(asking(acme, 0, 0))) == [
        {"model": "GPT-5.4", "go": 4, "python": None},
        {"model": "Auto", "go": None, "python": 2},
    ]


def test_new_models(acme: Account) -> None:
    known_before(acme, 1)
    use(acme, 0, (asks("gpt-5.4"),))
    use(acme, 1, (asks("gpt-5.4"), asks("gpt-6")), (asks("gpt-6"),))

    assert table(first_seen(asking(acme, 1, 1))) == [{"model": "GPT-6", "first_day": day(1), "people": 2}]


def test_nothing_known_is_no_rows(acme: Account) -> None:
    stored.use(acme, day(0), {stored.person(1): server_only(5)})

    for key, panel in models.panels.items():
        assert panel.function(asking(acme, 0, 0)).is_empty, key
        assert panel.function(asking(acme, 3, 4, compare=True)).is_empty, key
    assert shares(asking(acme, 0, 0)).empty == UNTOLD


def test_panels_ask_as_many_queries_of_ten_days_as_of_one(acme: Account) -> None:
    def queries(last: int) -> list[int]:
        counts = []
        for panel in models.panels.values():
            with CaptureQueriesContext(connection) as asked:
                panel.function(asking(acme, 0, last))
            counts.append(len(asked))
        return counts

    known_before(acme, 0)
    for number in range(10):
        use(acme, number, (asks("gpt-5.4"), asks(f"model {number}")))

    assert queries(0) == queries(9)
    assert max(queries(9)) <= 6


# Words ------------------------------------------------------------------------------------------


def test_it_says_which_model_led(acme: Account) -> None:
    use(acme, 0, (asks("gpt-5.4", 3), asks("auto", 1)))
    use(acme, 1, (cell("code_completion", generations=4),))
    use(acme, 2, (asks("gpt-5.4", 1), asks("auto", 3)))
    use(acme, 3, (asks("auto", 3),))
    said = [model_that_led(asking(acme, number, number), named(acme, number)) for number in range(5)]

    assert said == [
        "GPT-5.4 was the most used named model: 75 % of 4 requests.",
        "",
        "GPT-5.4 was the most used named model: 25 % of 4 requests.",
        "",
        "",
    ]


def test_it_names_new_models(acme: Account) -> None:
    known_before(acme, 1)
    use(acme, 0, (asks("gpt-5.4"),))
    use(acme, 1, (asks("gpt-6"), asks("auto")))

    assert new_models(asking(acme, 1, 1)) == "New in this period: GPT-6."
    assert new_models(asking(acme, 0, 1)) == ""


def test_it_says_how_many_requests_name_no_model(acme: Account) -> None:
    use(acme, 0, (asks("gpt-5.4", 2), asks("auto", 1), asks("unknown", 1)))
    use(acme, 1, (asks("gpt-5.4", 2),))

    assert not_named(asking(acme, 0, 0), named(acme, 0)) == (
        "50 % of requests name no model but Auto and Unknown."
    )
    assert not_named(asking(acme, 1, 1), named(acme, 1)) == ""
    assert not_named(asking(acme, 2, 2), named(acme, 2)) == ""


def test_it_is_silent_where_nothing_is_known(acme: Account) -> None:
    assert words(asking(acme)) == []
    stored.use(acme, day(0), {stored.person(1): server_only(5)})
    assert words(asking(acme, 0, 0)) == []
