"""Adoption: seats against use, kinds of use, time to first use, and who comes and goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tests.metrics.dashboards.oracle import DAY, Expected, Question, Truth, expects, over_time, share
from tests.metrics.dashboards.oracle_overview import agent_use, earlier
from tests.metrics.dashboards.oracle_seats import granted_on, holders, payer_of
from tests.metrics.oracle import midnight

KINDS = {
    "chat": "Chat",
    "agent": "Agent",
    "vscode_agent": "VS Code agents",
    "cli": "CLI",
    "cloud_agent": "Cloud agent",
    "app": "Copilot app",
    "code_review_active": "Code review, asked for",
    "code_review_passive": "Code review, unasked",
}
SeatUse = tuple[int | None, int | None, int | None]


def seat_use(truth: Truth, asked: Question, days: list[date]) -> SeatUse:
    """Holders at the end of the last day, the active ones of them, and everybody active."""
    if not days:
        return None, None, None
    held, active = holders(truth, asked, days[-1]), truth.distinct(asked, days=days)
    both = None
    if held is not None and active is not None:
        both = len(held & truth.union(asked, days))
    return None if held is None else len(held), both, active


def elsewhere(use: SeatUse) -> int | None:
    return None if use[1] is None or use[2] is None else use[2] - use[1]


@expects("adoption", "seats")
def seats(truth: Truth, asked: Question) -> Expected:
    before = earlier(asked)
    now, then = seat_use(truth, asked, asked.days), seat_use(truth, before, before.days)
    if now[0] is None and now[2] is None:
        return Expected(headlines={})
    return Expected(
        headlines={
            "Adoption": (share(now[1], now[0]), share(then[1], then[0])),
            "People with a seat": (now[0], then[0]),
            "Active, with a seat": (now[1], then[1]),
            "Active, without such a seat": (elsewhere(now), elsewhere(then)),
        }
    )


@expects("adoption", "seats-over-time")
def seats_over_time(truth: Truth, asked: Question) -> Expected:
    def values(days: list[date]) -> Mapping[str, Any]:
        use = seat_use(truth, asked, days)
        return {
            "seats": use[0],
            "active": use[1],
            "adoption": share(use[1], use[0]),
            "elsewhere": elsewhere(use),
        }

    return over_time(asked, values)


@expects("adoption", "kinds-over-time")
def kinds_over_time(truth: Truth, asked: Question) -> Expected:
    return over_time(
        asked, lambda days: {kind: truth.distinct(asked, kind, days) for kind in ("active", *KINDS)}
    )


@expects("adoption", "kinds")
def kinds(truth: Truth, asked: Question) -> Expected:
    active = truth.distinct(asked)
    if active is None or not asked.days:
        return Expected([])
    people = {kind: truth.distinct(asked, kind) or 0 for kind in KINDS}
    rows = []
    for kind in sorted(KINDS, key=lambda kind: -people[kind]):
        row: dict[str, Any] = {
            "kind": KINDS[kind],
            "people": people[kind],
            "share": share(people[kind], active),
        }
        if asked.before:
            row["before"] = truth.distinct(asked.earlier(), kind)
        rows.append(row)
    return Expected(rows)


@expects("adoption", "agents")
def agents(truth: Truth, asked: Question) -> Expected:
    """By calendar month, from its first day on, weekends always."""
    months: dict[str, list[date]] = {}
    day = asked.first.replace(day=1)
    while day <= asked.last:
        months.setdefault(str(day)[:7], []).append(day)
        day += DAY
    rows = []
    for month, days in months.items():
        active, agent = truth.distinct(asked, days=days), truth.distinct(asked, "agent", days)
        rows.append({"month": month, "adoption": share(agent, active), "agent": agent, "active": active})
    headlines = {}
    if truth.distinct(asked) is not None:
        headlines["Agent adoption, over the period"] = (
            agent_use(truth, asked),
            agent_use(truth, earlier(asked)),
        )
    known = any(row["active"] is not None for row in rows)
    return Expected(rows if known else [], headlines=headlines)


@dataclass
class Cohort:
    """The people who were granted a seat in a month, each with what is known of their first use."""

    assigned: int = 0
    # Days from grant to first use.
    after: Counter[int] = field(default_factory=Counter)
    undated: int = 0
    unused: int = 0
    unknown: int = 0
    followed: list[int] = field(default_factory=list)

    def within(self, days: int) -> int | None:
        if any(followed < days for followed in self.followed):
            return None
        return sum(count for after, count in self.after.items() if after <= days)

    @property
    def half_after(self) -> int | None:
        for days in sorted(self.after):
            if sum(count for after, count in self.after.items() if after <= days) * 2 >= self.assigned:
                return days if self.within(days) is not None else None
        return None


@expects("adoption", "first-use")
def first_use(truth: Truth, asked: Question) -> Expected:
    first = asked.last.replace(day=1)
    for _ in range(11):
        first = (first - DAY).replace(day=1)
    whole = replace(asked, team=None, weekends=True)
    evidence = truth.oracle._evidence(asked.today, midnight(asked.today) + timedelta(days=1))
    cohorts: dict[str, Cohort] = {}
    people = granted_on(truth, payer_of(truth, asked))
    if asked.team is not None:
        rosters = truth.oracle.teams[asked.account]
        newest = max(day for day in rosters if day <= asked.last and asked.team in rosters[day])
        members = truth.members(asked.account, asked.team, newest)
        people = {user_id: day for user_id, day in people.items() if user_id in members}
    for user_id, granted in people.items():
        if not first <= granted <= asked.last:
            continue
        cohort = cohorts.setdefault(str(granted)[:7], Cohort())
        cohort.assigned += 1
        days = [granted + DAY * number for number in range((asked.last - granted).days + 1)]
        gap = next((number for number, day in enumerate(days) if not truth.is_covered(whole, day)), None)
        used = next((number for number, day in enumerate(days) if user_id in truth.users(whole, day)), None)
        # Nobody can tell more of somebody than up to the first day that was not taken in.
        if used is not None and (gap is None or used < gap):
            cohort.after[used] += 1
            continue
        cohort.followed.append((gap if gap is not None else len(days)) - 1)
        seen = [day for source, day in evidence.get(user_id, {}).items() if source != "sign_in"]
        if used is not None or any(day >= granted for day in seen):
            cohort.undated += 1
        elif gap is None:
            cohort.unused += 1
        else:
            cohort.unknown += 1
    rows = []
    for month, cohort in sorted(cohorts.items()):
        within_30 = cohort.within(30)
        rows.append(
            {
                "month": month,
                "assigned": cohort.assigned,
                "rate": None if within_30 is None else Decimal(within_30) / cohort.assigned,
                "within_7": cohort.within(7),
                "within_30": within_30,
                "used": sum(cohort.after.values()) + cohort.undated,
                "unused": cohort.unused,
                "unknown": cohort.unknown,
                "half_after": cohort.half_after,
            }
        )
    return Expected(rows)


@expects("adoption", "coming-and-going")
def coming_and_going(truth: Truth, asked: Question) -> Expected:
    before = earlier(asked)
    active, was_active = truth.distinct(asked), truth.distinct(before)
    if not asked.days or active is None or was_active is None:
        return Expected([])
    now, then = truth.union(asked, asked.days), truth.union(before, before.days)
    history = [day for day in truth.oracle.people[asked.account] if day < asked.days[0]]
    known = truth.union(asked, history)
    groups = (
        ("Stayed", now & then, was_active),
        ("New", now - then - known, active),
        ("Back after a break", (now - then) & known, active),
        ("Lapsed", then - now, was_active),
    )
    return Expected(
        [
            {"group": group, "people": len(people), "share": share(len(people), whole)}
            for group, people, whole in groups
        ]
    )
