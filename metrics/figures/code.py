"""Code that came of Copilot: completions suggested and accepted, lines added and deleted, by whom started.

https://docs.github.com/copilot/reference/copilot-usage-metrics/copilot-usage-metrics
https://docs.github.com/copilot/reference/copilot-usage-metrics/lines-of-code-metrics
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from metrics.figures.broken_down import Breakdown, Sums
from metrics.figures.by_name import counted, counted_by, is_told, sum_of
from metrics.figures.counted import total
from metrics.figures.rates import acceptance_rate, ratio

COMPLETION = "code_completion"
# What agent and edit mode write into files by themselves; nothing of it is suggested or accepted.
AGENT_EDIT = "agent_edit"

GENERATED = "code_generation_activity_count"
ACCEPTED = "code_acceptance_activity_count"
SUGGESTED_LINES = "loc_suggested_to_add_sum"
ADDED_LINES = "loc_added_sum"
DELETED_LINES = "loc_deleted_sum"


class Completions(NamedTuple):
    """Inline suggestions: how many were shown and accepted, and their lines."""

    suggested: int | None
    accepted: int | None
    lines_suggested: int | None
    lines_added: int | None

    @property
    def rate_by_count(self) -> Decimal | None:
        """Suggestions accepted ÷ shown; None where none was shown."""
        return acceptance_rate(self.accepted, self.suggested)

    @property
    def rate_by_lines(self) -> Decimal | None:
        """Lines added by accepting suggestions ÷ lines that were suggested to be added."""
        return ratio(self.lines_added, self.lines_suggested)


def completions(features: Breakdown, days: Iterable[date]) -> Completions:
    """Of a breakdown with features, over days; None unless all of them are told."""
    wanted = list(days)
    if not is_told(features, wanted):
        return Completions(None, None, None, None)
    sums = features.totals("feature", days=wanted)
    own = [sums[COMPLETION,]] if (COMPLETION,) in sums else []
    return Completions(
        sum_of(own, GENERATED),
        sum_of(own, ACCEPTED),
        sum_of(own, SUGGESTED_LINES),
        sum_of(own, ADDED_LINES),
    )


def completions_by_language(language_features: Breakdown, days: Iterable[date]) -> dict[str, Completions]:
    """The same by language, over those of the days that are told; most suggested first."""
    sums = counted_by(language_features.only(feature=COMPLETION), "language", days=days)
    found = {
        language: Completions(
            each.code_generation_activity_count,
            each.code_acceptance_activity_count,
            each.loc_suggested_to_add_sum,
            each.loc_added_sum,
        )
        for (language,), each in sums.items()
    }
    return dict(sorted(found.items(), key=lambda item: (-(item[1].suggested or 0), item[0])))


class Lines(NamedTuple):
    added: int | None
    deleted: int | None

    @property
    def changed(self) -> int | None:
        """Added and deleted together."""
        return total(self)


class Changed(NamedTuple):
    """Lines changed with Copilot's help: by people's own doing, and by agents on their behalf."""

    by_users: Lines
    by_agents: Lines

    @property
    def all_lines(self) -> int | None:
        return total((self.by_users.changed, self.by_agents.changed))

    @property
    def added(self) -> int | None:
        return total((self.by_users.added, self.by_agents.added))

    @property
    def deleted(self) -> int | None:
        return total((self.by_users.deleted, self.by_agents.deleted))

    @property
    def agent_contribution(self) -> Decimal | None:
        """Lines agents added and deleted ÷ all lines added and deleted; None where no line changed."""
        return ratio(self.by_agents.changed, self.all_lines)


def _lines(sums: Iterable[Sums]) -> Lines:
    several = list(sums)
    return Lines(sum_of(several, ADDED_LINES), sum_of(several, DELETED_LINES))


NOT_TOLD = Changed(Lines(None, None), Lines(None, None))


def changed(features: Breakdown, days: Iterable[date]) -> Changed:
    """Lines over days, of a breakdown with features; None unless all of them are told."""
    wanted = list(days)
    if not is_told(features, wanted):
        return NOT_TOLD
    return _split(features.totals("feature", days=wanted).items())


def changed_by(breakdown: Breakdown, name: str, days: Iterable[date]) -> dict[str, Changed]:
    """The same by language, model or feature, over those of the days that are told; most lines first."""
    together: dict[str, list[tuple[tuple[str, ...], Sums]]] = {}
    for (named, feature), sums in counted_by(breakdown, name, "feature", days=days).items():
        together.setdefault(named, []).append(((feature,), sums))
    found = {named: _split(entries) for named, entries in together.items()}
    return dict(sorted(found.items(), key=lambda item: (-(item[1].all_lines or 0), item[0])))


def _split(entries: Iterable[tuple[tuple[str, ...], Sums]]) -> Changed:
    by_users: list[Sums] = []
    by_agents: list[Sums] = []
    for (feature,), sums in entries:
        (by_agents if feature == AGENT_EDIT else by_users).append(sums)
    return Changed(_lines(by_users), _lines(by_agents))


class Offered(NamedTuple):
    """Lines suggested to be added, those that came of suggestions, and those agents added unasked."""

    suggested: int | None
    added_by_users: int | None
    added_by_agents: int | None


def offered(features: Breakdown, days: Iterable[date]) -> Offered:
    """Over days, of a breakdown with features; None unless all of them are told."""
    wanted = list(days)
    lines = changed(features, wanted)
    return Offered(counted(features, SUGGESTED_LINES, wanted), lines.by_users.added, lines.by_agents.added)


def deleted_by_agents_per_user(lines: Changed, active_users: int | None) -> Decimal | None:
    """Lines agents deleted ÷ distinct people active on the same days."""
    return ratio(lines.by_agents.deleted, active_users)
