"""From evidence to verdict. Pure: no database, no clock.

A verdict counts whole UTC days. The first line that holds decides:

- `pending`: a cancellation date is set.
- `active`: the newest evidence of use is at most N days old.
- `exempt`: an exemption is in force.
- `in_grace`: granted at most `grace_days` ago, or at most N days ago with no evidence.
- `idle`: the newest evidence is more than N days old.
- With no evidence at all: `never_used` if granted more than N and less than 90 days ago (GitHub would
  still remember a use); `idle` if granted 90 days ago or more and N is at most 90 (nothing for 90 days,
  if ever); otherwise `unknown` until watched for N days, then `idle`.

GitHub's null `last_activity_at` means "never, or not for 90 days", see
https://docs.github.com/copilot/concepts/copilot-usage-metrics, hence the 90.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

# After this many days without activity GitHub forgets when the last one was.
GITHUB_REMEMBERS_DAYS = 90

# Newest first; on the same day the earlier source in this list is named.
SOURCES = ("seat", "usage_report", "ai_credits", "sign_in", "activity_report")
SOURCE_WORDS = {
    "seat": "the seat list",
    "usage_report": "a usage report",
    "ai_credits": "AI credits",
    "sign_in": "a sign-in",
    "activity_report": "an activity report",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What a policy asks, without where it came from."""

    idle_days: int = 30
    grace_days: int = 14
    sign_in_counts: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that count as use under this rule, in order of preference."""
        return tuple(source for source in SOURCES if source != "sign_in" or self.sign_in_counts)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a seat and its holder on the day of the verdict."""

    created_on: date | None = None
    pending_cancellation_date: date | None = None
    is_exempt: bool = False
    exemption: str = ""  # which one, in words, where it is known
    evidence: Mapping[str, date] = field(default_factory=dict)
    watched_since: date | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    verdict: str
    reason: str
    last_evidence_on: date | None
    last_evidence_source: str
    days_idle: int | None

    @property
    def is_inactive(self) -> bool:
        return self.verdict in ("idle", "never_used")


def newest(evidence: Mapping[str, date], rule: Rule, as_of: date) -> tuple[date | None, str]:
    """The newest day that counts under the rule, up to `as_of`, and the source to name for it."""
    best: date | None = None
    best_source = ""
    for source in rule.sources:
        day = evidence.get(source)
        if day is not None and day <= as_of and (best is None or day > best):
            best, best_source = day, source
    return best, best_source


def evaluate(facts: Facts, rule: Rule, as_of: date) -> Judgement:
    """The verdict on a seat as of the end of a UTC day, with its reason in words."""
    used_on, source = newest(facts.evidence, rule, as_of)
    days_idle = (as_of - used_on).days if used_on else None
    verdict, reason = _decide(facts, rule, as_of, used_on, source)
    return Judgement(verdict, reason, used_on, source, days_idle)


def _decide(facts: Facts, rule: Rule, as_of: date, used_on: date | None, source: str) -> tuple[str, str]:
    limit = rule.idle_days
    granted_ago = (as_of - facts.created_on).days if facts.created_on else None
    if facts.pending_cancellation_date:
        return "pending", f"Cancelled; access ends on {facts.pending_cancellation_date}."
    if used_on and (as_of - used_on).days <= limit:
        return "active", f"Used on {used_on}, by {SOURCE_WORDS[source]}."
    if facts.is_exempt:
        return "exempt", f"Exempt: {facts.exemption}" if facts.exemption else "An exemption is in force."
    if granted_ago is not None and granted_ago <= rule.grace_days:
        return "in_grace", f"Granted on {facts.created_on}, within {rule.grace_days} days of grace."
    if granted_ago is not None and granted_ago <= limit and used_on is None:
        return "in_grace", f"Granted on {facts.created_on}, {limit} days are not over yet."
    if used_on:
        idle = (as_of - used_on).days
        return "idle", f"Last used on {used_on}, {idle} days ago, by {SOURCE_WORDS[source]}."
    return _without_evidence(facts, limit, as_of, granted_ago)


def _without_evidence(facts: Facts, limit: int, as_of: date, granted_ago: int | None) -> tuple[str, str]:
    if granted_ago is not None and limit <= GITHUB_REMEMBERS_DAYS:
        if granted_ago < GITHUB_REMEMBERS_DAYS:
            return "never_used", f"No use seen since it was granted on {facts.created_on}."
        return "idle", f"Nothing for {GITHUB_REMEMBERS_DAYS} days, if ever; granted on {facts.created_on}."
    if facts.watched_since and facts.watched_since <= as_of - timedelta(days=limit):
        return "idle", f"No use seen since we began to watch on {facts.watched_since}."
    if facts.created_on is None:
        return "unknown", "No use seen, and no seat list has told when it was granted."
    return (
        "unknown",
        f"GitHub forgets after {GITHUB_REMEMBERS_DAYS} days; we have not watched for {limit} yet.",
    )
