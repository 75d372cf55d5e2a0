"""People as they really live: who used Copilot when, and by which way. Nothing here knows the product."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Any


class Way(StrEnum):
    """How somebody shows life."""

    IDE = "ide"  # in seat lists as the last activity, and in usage reports
    CLI = "cli"  # without telemetry of an IDE: in usage reports alone
    CREDITS = "credits"  # spends AI credits: a line with nothing else
    SIGN_IN = "sign_in"  # in seat lists as the last sign-in
    PASSIVE = "passive"  # Copilot reviewed their pull request unasked: a line with nothing else


USE = frozenset({Way.IDE, Way.CLI, Way.CREDITS})

# How likely each way is on a day, by what sort of a person it is.
HABITS: dict[str, dict[Way, float]] = {
    "developer": {Way.IDE: 0.6, Way.SIGN_IN: 0.1},
    "terminal": {Way.CLI: 0.4},
    "weekly": {Way.IDE: 0.12},
    "seldom": {Way.IDE: 0.03},
    "seldom terminal": {Way.CLI: 0.03},
    "spender": {Way.CREDITS: 0.1},
    "visitor": {Way.SIGN_IN: 0.1},
    "reviewed": {Way.PASSIVE: 0.3},
    "daily": {Way.IDE: 1.0},
    "ghost": {},
}
# Most companies have many who do not use it: without them nothing would ever be taken back.
SORTS = [*HABITS, "ghost", "ghost", "ghost", "ghost", "seldom", "visitor", "reviewed"]


@dataclass(frozen=True)
class Use:
    at: datetime
    way: Way


@dataclass(eq=False)
class Life:
    """Somebody, by the number that never changes."""

    person: Any  # as the fake GitHub knows them: the login may change
    sort: str
    pauses: list[tuple[date, date]] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)

    @property
    def id(self) -> int:
        return int(self.person["id"])

    @property
    def login(self) -> str:
        return str(self.person["login"])

    def is_pausing(self, day: date) -> bool:
        return any(first <= day <= last for first, last in self.pauses)

    def ways_today(self, day: date, dice: Random) -> list[Way]:
        """By which ways they show life today, by themselves."""
        if self.is_pausing(day):
            return []
        return [way for way, chance in HABITS[self.sort].items() if dice.random() < chance]

    def last(self, *ways: Way) -> datetime | None:
        return max((use.at for use in self.uses if use.way in ways), default=None)


def born(person: Any, dice: Random, today: date) -> Life:
    """A life with a past: pauses long enough to be flagged for, one of them often now."""
    life = Life(person, dice.choice(SORTS))
    if dice.random() < 0.6:
        # Somebody whose work has changed.
        first = today + timedelta(days=dice.randrange(-140, 40))
        life.pauses.append((first, first + timedelta(days=dice.randrange(60, 300))))
    for _ in range(dice.randrange(3)):
        first = today + timedelta(days=dice.randrange(-120, 60))
        life.pauses.append((first, first + timedelta(days=dice.randrange(5, 150))))
    return life


def usage_line(life: Life, day: date, ways: set[Way], scope: dict[str, str]) -> dict[str, Any]:
    """A line of the per-user report, as GitHub writes it; ids of accounts are text there."""
    used = bool(ways & {Way.IDE, Way.CLI})
    line: dict[str, Any] = {
        "day": day.isoformat(),
        "user_id": life.id,
        "user_login": life.login,
        **scope,
        "user_initiated_interaction_count": 3 if used else 0,
        "code_generation_activity_count": 5 if Way.IDE in ways else 0,
        "code_acceptance_activity_count": 2 if Way.IDE in ways else 0,
        "loc_suggested_to_add_sum": 10 if Way.IDE in ways else 0,
        "loc_suggested_to_delete_sum": 0,
        "loc_added_sum": 4 if Way.IDE in ways else 0,
        "loc_deleted_sum": 0,
        "used_agent": False,
        "used_chat": Way.IDE in ways,
    }
    if Way.CLI in ways:
        line["used_cli"] = True
    if Way.CREDITS in ways:
        line["ai_credits_used"] = 12.5
    if Way.PASSIVE in ways:
        line["used_copilot_code_review_passive"] = True
    return line
