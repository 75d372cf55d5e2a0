"""Editors and versions: panels, and sentences that are true or left out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.dashboards.editors import (
    behind,
    editors,
    outdated_part,
    outdated_people,
    people,
    people_over_time,
    up_to_date,
    use,
    use_over_time,
    versions,
    without_lines,
    words,
)
from metrics.dashboards.panel import Linked
from metrics.figures.clients import Lag, seen_clients
from metrics.sample.usage import Cell
from seats.models import Account
from tests.metrics import stored
from tests.metrics.dashboards.using import Client, asking, cell, column, day, line, server_only, table

pytestmark = pytest.mark.django_db

NEW: Client = ("1.110.0", "copilot-chat", "0.36.2")
BEHIND: Client = ("1.109.1", "copilot-chat", "0.36.0")
OLD: Client = ("1.99.3", "copilot-chat", "0.27.0")
UNKNOWN: Client = ("nightly", "copilot-chat", "")


@pytest.fixture
def acme() -> Account:
    return stored.organization()


def work(ide: str = "vscode", generations: int = 1, **more: Any) -> Cell:
    return cell("code_completion", ide=ide, generations=generations, **more)


def with_clients(account: Account, number: int, *clients: Client | None) -> None:
    """A day on which each of these people worked in VS Code, with a client or without its version."""
    stored.use(
        account,
        day(number),
        {
            stored.person(key): line(work(), clients={"vscode": client} if client else {})
            for key, client in enumerate(clients, start=1)
        },
    )


def test_editors_over_time_by_people_and_by_use(acme: Account) -> None:
    stored.use(
        acme,
        day(0),
        {
            stored.person(1): line(work(generations=5), work("zed", 2)),
            stored.person(2): line(work(generations=4)),
        },
    )
    stored.use(acme, day(1), {stored.person(1): server_only(5)})
    asked = asking(acme, 0, 2)

    # Who has no breakdown is active and in no editor, as far as people are told; use is not told at all.
    assert [row[1:] for row in people_over_time(asked).rows] == [[2, 1], [0, 0], [None, None]]
    assert [row[1:] for row in use_over_time(asked).rows] == [[9, 2], [None, None], [None, None]]
    assert [each.label for each in use_over_time(asked).columns] == ["Day", "VS Code", "Zed"]


def test_editors_in_sum(acme: Account) -> None:
    stored.use(
        acme,
        day(0),
        {
            stored.person(1): line(work(generations=3, added=7), work("Typewriter")),
            stored.person(2): line(cell("chat_inline", requests=2)),
        },
    )
    asked = asking(acme, 0, 0)

    assert table(people(asked)) == [
        {"ide": "VS Code", "people": 2, "share": 1},
        {"ide": "typewriter", "people": 1, "share": Decimal("0.5")},
    ]
    assert column(use(asked), "generations") == [3, 1]
    assert column(use(asked), "requests") == [2, 0]
    assert column(use(asked), "lines_added") == [7, 0]


def test_versions_are_of_each_person_s_newest_client(acme: Account) -> None:
    with_clients(acme, 0, OLD, OLD)
    with_clients(acme, 1, NEW, None)

    panel = versions(asking(acme, 0, 1))

    assert [(row["ide_version"], row["people"], row["state"]) for row in table(panel)] == [
        ("1.110.0", 1, "newest"),
        ("1.99.3", 1, "outdated"),
    ]
    assert column(panel, "editor_behind") == ["newest", "11 minor releases"]
    assert column(panel, "tells_lines") == [True, False]


def test_versions_are_numbers_not_words(acme: Account) -> None:
    with_clients(acme, 0, ("1.99.0", "copilot-chat", "0.9.0"), ("1.100.0", "copilot-chat", "0.10.0"))

    assert column(versions(asking(acme, 0, 0)), "ide_version") == ["1.100.0", "1.99.0"]
    assert column(versions(asking(acme, 0, 0)), "state") == ["newest", "behind"]


def test_how_up_to_date_the_people_of_an_editor_are(acme: Account) -> None:
    with_clients(acme, 0, NEW, BEHIND, OLD, UNKNOWN, None)

    assert table(up_to_date(asking(acme, 0, 0))) == [
        {
            "ide": "VS Code",
            "people": 5,
            "newest": 1,
            "behind": 1,
            "outdated": 1,
            "unknown": 2,
            "outdated_share": Decimal(1) / Decimal(3),
            "too_old_for_lines": 1,
        }
    ]


def test_a_missing_day_is_said_and_no_reason_to_show_nothing(acme: Account) -> None:
    with_clients(acme, 0, NEW)

    panel = up_to_date(asking(acme, 0, 1))

    assert column(panel, "people") == [1]
    assert panel.note == "1 of 2 days has no report of its people: what changed then is not known."


def test_people_on_outdated_clients_are_linked(acme: Account) -> None:
    with_clients(acme, 0, NEW, OLD)

    panel = outdated_people(asking(acme, 0, 0))

    assert column(panel, "login") == ["user-2"]
    assert column(panel, "plugin_behind") == ["9 minor releases"]
    assert isinstance(panel.rows[0][0], Linked)
    assert f"person={stored.person(2).pk}" in panel.rows[0][0].url
    assert editors.panels["outdated-people"].permission == "metrics.view_userday"


def test_nobody_is_outdated_where_no_version_is_known(acme: Account) -> None:
    with_clients(acme, 0, None)

    assert outdated_people(asking(acme, 0, 0)).is_empty
    assert versions(asking(acme, 0, 0)).is_empty
    assert column(up_to_date(asking(acme, 0, 0)), "unknown") == [1]
    assert column(up_to_date(asking(acme, 0, 0)), "outdated_share") == [None]


def test_how_far_behind_in_words() -> None:
    assert [behind(each) for each in (None, Lag(0), Lag(1), Lag(4), Lag(0, is_older_major=True))] == [
        "",
        "newest",
        "1 minor release",
        "4 minor releases",
        "an older major version",
    ]


def test_nothing_known_is_no_rows(acme: Account) -> None:
    for key, panel in editors.panels.items():
        assert panel.function(asking(acme, 3, 4, compare=True)).is_empty, key


def test_panels_ask_as_many_queries_of_ten_days_as_of_one(acme: Account) -> None:
    def queries(last: int) -> list[int]:
        counts = []
        for panel in editors.panels.values():
            with CaptureQueriesContext(connection) as asked:
                panel.function(asking(acme, 0, last))
            counts.append(len(asked))
        return counts

    for number in range(10):
        with_clients(acme, number, NEW, OLD, *[BEHIND] * number)

    assert queries(0) == queries(9)
    assert max(queries(9)) <= 6


# Words ------------------------------------------------------------------------------------------


def test_it_says_how_many_are_on_outdated_clients(acme: Account) -> None:
    with_clients(acme, 0, NEW, OLD, None)
    with_clients(acme, 1, NEW, BEHIND)
    with_clients(acme, 2, None)
    with_clients(acme, 3, NEW, OLD, OLD, OLD)
    said = [
        outdated_part(seen_clients(asked.scope, asked.period))
        for asked in (asking(acme, number, number) for number in range(5))
    ]

    assert said == [
        "1 of 2 people with a known client has an outdated one (50 %).",
        "Nobody of 2 people with a known client has an outdated one.",
        "",
        "3 of 4 people with a known client have an outdated one (75 %).",
        "",
    ]


def test_it_says_whose_lines_are_missing(acme: Account) -> None:
    with_clients(acme, 0, NEW, OLD)
    with_clients(acme, 1, NEW)
    said = [
        without_lines(seen_clients(asked.scope, asked.period))
        for asked in (asking(acme, 0, 0), asking(acme, 1, 1))
    ]

    assert said == ["1 person has a client too old for GitHub to count all lines of code with it.", ""]


def test_it_opens_with_what_is_known(acme: Account) -> None:
    with_clients(acme, 0, NEW, None)
    stored.use(acme, day(1), {stored.person(1): line(work("unknown"))})

    assert words(asking(acme, 1, 1)) == []
    assert words(asking(acme, 0, 0)) == [
        "VS Code has most people: 2 of 2 who were active (100 %).",
        "Nobody of 1 person with a known client has an outdated one.",
    ]
    assert words(asking(acme, 5, 6)) == []
