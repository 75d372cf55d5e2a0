"""Requests in chat: how many, in which mode, and how many for each active person.

https://docs.github.com/copilot/reference/copilot-usage-metrics/copilot-usage-metrics
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal

from metrics.figures.broken_down import Breakdown
from metrics.figures.by_name import is_told, sum_of_counts
from metrics.figures.rates import ratio

# A request is an explicit prompt; opening the panel or switching modes is none.
REQUESTS = "user_initiated_interaction_count"
INLINE = "chat_inline"
PANEL = "chat_panel_"


def is_chat_mode(feature: str) -> bool:
    """Inline chat, or a mode of the chat panel, one of tomorrow's too."""
    return feature == INLINE or feature.startswith(PANEL)


def chat_modes(features: Breakdown) -> Breakdown:
    """Of a breakdown with features: the modes of chat alone."""
    return features.only(feature=[name for (name,) in features.totals("feature") if is_chat_mode(name)])


def chat_requests(features: Breakdown, days: Iterable[date]) -> int | None:
    """Requests in any mode of chat over days; None unless all of them are told."""
    return _requests(features, days, is_chat_mode)


def _requests(features: Breakdown, days: Iterable[date], wanted: Callable[[str], bool]) -> int | None:
    asked = list(days)
    if not is_told(features, asked):
        return None
    counts = features.counts(REQUESTS, "feature", days=asked)
    return sum_of_counts(count for (name,), count in counts.items() if wanted(name))


def requests_per_active_user(requests: int | None, active_users: int | None) -> Decimal | None:
    """Chat requests ÷ distinct people active on the same days, whether they chatted or not."""
    return ratio(requests, active_users)


def share_of_requests(features: Breakdown, mode: str, days: Iterable[date]) -> Decimal | None:
    """Requests in one mode ÷ those in any mode of chat; None unless all days are told and there were some."""
    wanted = list(days)
    return ratio(_requests(features, wanted, lambda name: name == mode), chat_requests(features, wanted))
