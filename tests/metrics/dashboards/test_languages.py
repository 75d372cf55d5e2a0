"""Languages: panels, and sentences that are true or left out."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.dashboards.by_name import NO_HISTORY, UNTOLD
from metrics.dashboards.languages import (
    acceptance,
    acceptance_differs,
    by_editor,
    by_model,
    first_seen,
    language_that_led,
    languages,
    new_languages,
    people,
    per_day,
    shares,
    words,
)
from metrics.dashboards.panel import Form
from metrics.figures import Breakdown, Scope
from metrics.figures.by_name import told
from metrics.models import ScopeDay
from metrics.sample.usage import Cell
from seats.models import Account
from tests.metrics import stored
from tests.metrics.dashboards.using import (
    asking,
    cell,
    column,
    day,
    known_before,
    line,
    server_only,
    table,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Account:
    return stored.organization()


def use(account: Account, number: int, *people: tuple[Cell, ...]) -> None:
    stored.use(
        account, day(number), {stored.person(key): line(*cells) for key, cells in enumerate(people, start=1)}
    )


def completing(language: str, generations: int = 1, acceptances: int = 0, ide: str = "vscode") -> Cell:
    return cell(
        "code_completion",
        language=language,
        ide=ide,
        generations=generations,
        acceptances=acceptances,
        suggested=generations * 2,
        added=acceptances,
    )


def named(account: Account, number: int) -> Breakdown:
    return told(Scope(account), asking(account, number, number).period, "language_feature")


def test_shares_are_of_all_features_and_any_spelling(acme: Account) -> None:
    use(
        acme,
        0,
        (completing("Python", 4, 1), cell("agent_edit", language="python", generations=2, added=9)),
        (completing("go", 2),),
    )

    panel = shares(asking(acme, 0, 0))

    assert table(panel) == [
        {"language": "Python", "generations": 6, "share": Decimal("0.75"), "acceptances": 1,
         "lines_suggested": 8, "lines_added": 10, "lines_deleted": 0},
        {"language": "Go", "generations": 2, "share": Decimal("0.25"), "acceptances": 0,
         "lines_suggested": 4, "lines_added": 0, "lines_deleted": 0},
    ]  # fmt: skip


def test_over_time_with_gaps(acme: Account) -> None:
    use(acme, 0, (completing("python", 4), completing("klingon", 1)))
    use(acme, 2, (completing("klingon", 3),))

    panel = per_day(asking(acme, 0, 2))

    assert panel.drawing is not None
    assert panel.drawing.form == Form.SHARES
    assert panel.rows == [["2026-11-02", 1, 4], ["2026-11-03", None, None], ["2026-11-04", 3, 0]]
    assert [each.label for each in panel.columns[1:]] == ["klingon", "Python"]


def test_people_of_a_language(acme: Account) -> None:
    use(acme, 0, (completing("python"),), (completing("python"), completing("go")))
    use(acme, 1, (completing("go"),), ())

    assert table(people(asking(acme, 0, 1))) == [
        {"language": "Go", "people": 2, "share": 1},
        {"language": "Python", "people": 2, "share": 1},
    ]


def test_acceptance_is_of_completions(acme: Account) -> None:
    use(
        acme,
        0,
        (
            completing("python", 10, 5),
            completing("go", 20, 5),
            cell("chat_inline", language="go", generations=80),
            cell("chat_inline", language="zig", generations=80),
        ),
    )

    panel = acceptance(asking(acme, 0, 0))

    assert column(panel, "language") == ["Go", "Python"]
    assert column(panel, "by_count") == [Decimal("0.25"), Decimal("0.5")]
    assert column(panel, "by_lines") == [Decimal("0.125"), Decimal("0.25")]


def test_model_by_language_has_no_completions_and_empty_cells(acme: Account) -> None:
    use(
        acme,
        0,
        (
            completing("python", 10),
            cell("chat_inline", language="python", model="gpt-5.4", generations=3),
            cell("agent_edit", language="go", model="auto", generations=2),
        ),
    )

    panel = by_model(asking(acme, 0, 0))

    assert panel.drawing is not None
    assert panel.drawing.form == Form.HEAT
    assert table(panel) == [
        {"language": "Python", "gpt-5.4": 3, "auto": None},
        {"language": "Go", "gpt-5.4": None, "auto": 2},
    ]


def test_many_models_are_cut_to_one_more_column(acme: Account) -> None:
    cells = tuple(cell("chat_inline", model=f"m{number:02}", generations=50 - number) for number in range(15))
    use(acme, 0, cells)

    panel = by_model(asking(acme, 0, 0))

    assert len(panel.columns) == 1 + 12 + 1
    assert column(panel, "all_other") == [38 + 37 + 36]


def test_language_by_editor_counts_days_of_people(acme: Account) -> None:
    use(acme, 0, (completing("python"), completing("go", ide="xcode")), (completing("python"),))
    use(acme, 1, (completing("python"),))

    panel = by_editor(asking(acme, 0, 1))

    # Both of the first person's languages were used on a day on which both editors were.
    assert table(panel) == [
        {"language": "Python", "vscode": 3, "xcode": 1},
        {"language": "Go", "vscode": 1, "xcode": 1},
    ]


def test_language_by_editor_is_empty_of_the_account_s_own_report(acme: Account) -> None:
    use(acme, 0, (completing("python"),))
    ScopeDay.objects.filter(source="users").update(source="report")

    assert by_editor(asking(acme, 0, 0)).is_empty


def test_new_languages_need_earlier_days(acme: Account) -> None:
    known_before(acme, 1)
    use(acme, 0, (completing("python"),))
    use(acme, 1, (completing("python"), completing("zig")))

    assert table(first_seen(asking(acme, 1, 1))) == [{"language": "zig", "first_day": day(1), "people": 1}]
    assert first_seen(asking(acme, 0, 1)).empty == NO_HISTORY


def test_nothing_known_is_no_rows(acme: Account) -> None:
    stored.use(acme, day(0), {stored.person(1): server_only(5)})

    for key, panel in languages.panels.items():
        assert panel.function(asking(acme, 0, 0)).is_empty, key
        assert panel.function(asking(acme, 3, 4, compare=True)).is_empty, key
    assert shares(asking(acme, 0, 0)).empty == UNTOLD


def test_panels_ask_as_many_queries_of_ten_days_as_of_one(acme: Account) -> None:
    def queries(last: int) -> list[int]:
        counts = []
        for panel in languages.panels.values():
            with CaptureQueriesContext(connection) as asked:
                panel.function(asking(acme, 0, last))
            counts.append(len(asked))
        return counts

    known_before(acme, 0)
    for number in range(10):
        use(acme, number, (completing("python"), cell("chat_inline", language=f"l{number}", generations=1)))

    assert queries(0) == queries(9)
    assert max(queries(9)) <= 6


# Words ------------------------------------------------------------------------------------------


def test_it_says_which_language_led(acme: Account) -> None:
    use(acme, 0, (completing("python", 3), completing("go", 1), cell("chat_inline", language="unknown")))

    assert language_that_led(asking(acme, 0, 0), named(acme, 0)) == (
        "Python was the most used language: 75 % of 4 generations."
    )
    assert language_that_led(asking(acme, 1, 1), named(acme, 1)) == ""


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ((), ""),
        (("unknown", "others"), ""),
        (("zig",), "New in this period: zig."),
        (("go", "rust", "swift", "zig"), "New in this period: Go, Rust, Swift and zig."),
        (
            ("c", "go", "rust", "swift", "zig"),
            "New in this period: C, Go, Rust and 2 others.",
        ),
    ],
)
def test_it_names_new_languages(acme: Account, new: tuple[str, ...], said: str) -> None:
    known_before(acme, 1)
    use(acme, 0, (completing("python"),))
    use(acme, 1, (completing("python"), *map(completing, new)))

    assert new_languages(asking(acme, 1, 1)) == said
    assert new_languages(asking(acme, 0, 1)) == ""


def test_it_says_where_completions_are_accepted_most_and_least(acme: Account) -> None:
    use(
        acme,
        0,
        (completing("go", 100, 41), completing("sql", 200, 20), completing("rust", 99, 99)),
    )
    use(acme, 1, (completing("go", 100, 41), completing("sql", 100, 41)))

    assert acceptance_differs(asking(acme, 0, 0), named(acme, 0)) == (
        "Completions were accepted most in Go (41 %) and least in SQL (10 %)."
    )
    # Equal rates, and only one language with enough completions, are no difference.
    assert acceptance_differs(asking(acme, 1, 1), named(acme, 1)) == ""
    assert acceptance_differs(asking(acme, 2, 2), named(acme, 2)) == ""


def test_it_is_silent_where_nothing_is_known(acme: Account) -> None:
    assert words(asking(acme)) == []
    stored.use(acme, day(0), {stored.person(1): server_only(5)})
    assert words(asking(acme, 0, 0)) == []
