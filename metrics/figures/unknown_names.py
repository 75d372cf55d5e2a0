"""How much of what was counted GitHub gives no name: `unknown`, `others`, or none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from metrics.figures.broken_down import Breakdown, Dimension, Sums, breakdowns_of
from metrics.figures.rates import ratio
from metrics.figures.scope import Scope
from metrics.periods import Period

NAMELESS = frozenset({"unknown", "others", "other", "none", ""})
# A chat in a mode that is not known.
UNKNOWN_MODE = "chat_panel_unknown_mode"

# By what is named: the breakdown that tells it, and the counters that it has.
ASKED = "user_initiated_interaction_count"
MADE = "code_generation_activity_count"
ADDED = "loc_added_sum"
TOLD_BY: dict[str, tuple[Dimension, tuple[str, ...]]] = {
    "ide": ("ide", (ASKED, MADE, ADDED)),
    "feature": ("feature", (ASKED, MADE, ADDED)),
    "language": ("language_feature", (MADE, ADDED)),
    "model": ("model_feature", (ASKED, MADE, ADDED)),
}


class UnknownShare(NamedTuple):
    """Of a counter broken down by a dimension: all of it, and what has no name. None: nobody said it."""

    dimension: str
    counter: str
    nameless: int | None
    whole: int | None

    @property
    def share(self) -> Decimal | None:
        return ratio(self.nameless, self.whole)


def unknown_shares(scope: Scope, period: Period, days: Sequence[date]) -> list[UnknownShare]:
    """For editors, features, languages and models, over those of the days that are told.

    Each is a share of what the breakdown tells: what no breakdown tells is not in it.
    """
    found: list[UnknownShare] = []
    told = breakdowns_of(scope, period, [dimension for dimension, _ in TOLD_BY.values()], in_sum=True)
    for name, (dimension, counters) in TOLD_BY.items():
        whole, nameless = _sums(told[dimension], name, days)
        for counter in counters:
            all_of_it = getattr(whole, counter)
            some = getattr(nameless, counter)
            found.append(
                UnknownShare(name, counter, 0 if some is None and all_of_it is not None else some, all_of_it)
            )
    return found


def _sums(told: Breakdown, name: str, days: Sequence[date]) -> tuple[Sums, Sums]:
    named = told.totals(name, days=days)
    nameless = [sums for (each,), sums in named.items() if is_nameless(each)]
    return Sums.of(named.values()), Sums.of(nameless)


def is_nameless(name: str) -> bool:
    """Whether a folded name says nothing."""
    return name.strip() in NAMELESS or name == UNKNOWN_MODE
