"""Completions and lines of code."""

from __future__ import annotations

from decimal import Decimal

from metrics.figures import Breakdown, Sums
from metrics.figures.code import (
    Completions,
    Lines,
    changed,
    changed_by,
    completions,
    completions_by_language,
    deleted_by_agents_per_user,
    offered,
)
from tests.metrics.dashboards.using import day

FEATURES = Breakdown(
    ("feature",),
    {
        # Requests, generations, acceptances, lines suggested (to add, to delete), added, deleted.
        day(0): {
            ("code_completion",): Sums(0, 40, 10, 90, 0, 18, 0),
            ("chat_panel_edit_mode",): Sums(5, 8, 4, 60, 0, 20, 2),
            ("agent_edit",): Sums(0, 12, 0, 0, 0, 50, 10),
        },
        day(1): {("code_completion",): Sums(0, 10, 5, 10, 0, 2, 0)},
        day(2): {},
    },
)
LANGUAGES = Breakdown(
    ("language", "feature"),
    {
        day(0): {
            ("go", "code_completion"): Sums(None, 10, 4, 30, 0, 9, 0),
            ("python", "code_completion"): Sums(None, 30, 6, 60, 0, 9, 0),
            ("python", "agent_edit"): Sums(None, 12, 0, 0, 0, 50, 10),
            ("yaml", "chat_inline"): Sums(None, 1, 0, 0, 0, 0, 0),
        }
    },
)


def test_completions_are_one_feature_alone() -> None:
    found = completions(FEATURES, [day(0), day(1)])

    assert found == Completions(50, 15, 100, 20)
    assert found.rate_by_count == Decimal("0.3")
    assert found.rate_by_lines == Decimal("0.2")


def test_no_rate_where_nothing_was_suggested_and_no_sum_where_a_day_is_missing() -> None:
    quiet, missing = completions(FEATURES, [day(2)]), completions(FEATURES, [day(2), day(3)])

    assert quiet == Completions(0, 0, 0, 0)
    assert quiet.rate_by_count is quiet.rate_by_lines is None
    assert missing == Completions(None, None, None, None)
    assert missing.rate_by_count is missing.rate_by_lines is None


def test_completions_by_language_come_with_the_most_first() -> None:
    found = completions_by_language(LANGUAGES, [day(0), day(1)])

    assert found == {"python": Completions(30, 6, 60, 9), "go": Completions(10, 4, 30, 9)}
    assert list(found) == ["python", "go"]


def test_agents_have_the_lines_of_agent_edit_and_people_all_others() -> None:
    found = changed(FEATURES, [day(0), day(1)])

    assert found.by_users == Lines(40, 2)
    assert found.by_agents == Lines(50, 10)
    assert found.all_lines == 102
    assert (found.added, found.deleted) == (90, 12)
    assert found.agent_contribution == Decimal(60) / Decimal(102)


def test_no_contribution_where_no_line_changed() -> None:
    assert changed(FEATURES, [day(2)]).agent_contribution is None
    assert changed(FEATURES, [day(2)]).all_lines == 0
    assert changed(FEATURES, [day(0), day(3)]).all_lines is None
    assert changed(FEATURES, []).all_lines is None


def test_lines_that_nobody_says_are_unknown() -> None:
    old = Breakdown(("feature",), {day(0): {("code_completion",): Sums(0, 40, 10)}})

    found = changed(old, [day(0)])

    assert found.by_users == Lines(None, None)
    assert found.by_users.changed is None
    assert found.by_agents.changed == 0


def test_lines_by_name() -> None:
    found = changed_by(LANGUAGES, "language", [day(0)])

    assert list(found) == ["python", "go", "yaml"]
    assert found["python"].by_agents == Lines(50, 10)
    assert found["python"].by_users == Lines(9, 0)
    assert found["go"].agent_contribution == 0


def test_what_was_suggested_against_what_was_added() -> None:
    assert offered(FEATURES, [day(0), day(1)]) == (160, 40, 50)
    assert offered(FEATURES, [day(3)]) == (None, None, None)


def test_lines_agents_deleted_for_each_active_person() -> None:
    found = changed(FEATURES, [day(0)])

    assert deleted_by_agents_per_user(found, 4) == Decimal("2.5")
    assert deleted_by_agents_per_user(found, None) is None
