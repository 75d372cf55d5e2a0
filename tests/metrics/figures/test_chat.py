"""Requests in chat."""

from __future__ import annotations

from decimal import Decimal

from metrics.figures import Breakdown, Sums
from metrics.figures.chat import (
    chat_modes,
    chat_requests,
    is_chat_mode,
    requests_per_active_user,
    share_of_requests,
)
from tests.metrics.dashboards.using import day

FEATURES = Breakdown(
    ("feature",),
    {
        day(0): {
            ("chat_panel_agent_mode",): Sums(6),
            ("chat_panel_mode_of_tomorrow",): Sums(1),
            ("chat_inline",): Sums(3),
            ("copilot_cli",): Sums(50),
            ("code_completion",): Sums(0, 9),
        },
        day(1): {("code_completion",): Sums(0, 9)},
    },
)


def test_modes_are_those_of_the_panel_and_inline_chat() -> None:
    assert is_chat_mode("chat_inline")
    assert is_chat_mode("chat_panel_mode_of_tomorrow")
    assert not is_chat_mode("copilot_cli")
    assert sorted(chat_modes(FEATURES).days[day(0)]) == [
        ("chat_inline",),
        ("chat_panel_agent_mode",),
        ("chat_panel_mode_of_tomorrow",),
    ]


def test_requests_of_all_modes_together() -> None:
    assert chat_requests(FEATURES, [day(0)]) == 10
    assert chat_requests(FEATURES, [day(0), day(1)]) == 10
    assert chat_requests(FEATURES, [day(1)]) == 0
    assert chat_requests(FEATURES, [day(2)]) is None


def test_a_mode_s_share_is_of_chat_alone() -> None:
    assert share_of_requests(FEATURES, "chat_panel_agent_mode", [day(0)]) == Decimal("0.6")
    assert share_of_requests(FEATURES, "chat_panel_plan_mode", [day(0)]) == 0
    assert share_of_requests(FEATURES, "chat_panel_agent_mode", [day(1)]) is None
    assert share_of_requests(FEATURES, "chat_panel_agent_mode", [day(0), day(2)]) is None


def test_requests_per_active_user() -> None:
    assert requests_per_active_user(10, 4) == Decimal("2.5")
    assert requests_per_active_user(0, 4) == 0
    assert requests_per_active_user(10, None) is requests_per_active_user(None, 4) is None
    assert requests_per_active_user(0, 0) is None
