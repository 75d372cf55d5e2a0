"""Who uses agents and seats over the days a page is asked for, and over those before."""

from __future__ import annotations

from metrics.dashboards.asked import Asked
from metrics.dashboards.wording import percent, several
from metrics.figures import day_sets_of
from metrics.figures.distinct import distinct_on
from metrics.figures.seats_and_use import SeatUse, seat_use_of
from metrics.models import DayUsers
from metrics.periods import Period
from seats.models import Account

ACTIVE, AGENT = DayUsers.Kind.ACTIVE.value, DayUsers.Kind.AGENT.value

# How many did something, and of how many.
Part = tuple[int | None, int | None]


def agent_shares(asked: Asked) -> tuple[Part, Part]:
    """Active people and those of them who used an agent: over the period, and over the one before."""

    def over(period: Period) -> Part:
        sets, days = day_sets_of(asked.scope, period, [ACTIVE, AGENT], in_sum=True), asked.days(period)
        return distinct_on(sets[AGENT], days), distinct_on(sets[ACTIVE], days)

    return over(asked.period), over(asked.before or asked.period.before())


def seat_use(asked: Asked) -> tuple[SeatUse, SeatUse]:
    """Seats and their use over the period, and over the one before."""
    periods = asked.period, asked.before or asked.period.before()
    now, then = seat_use_of(asked.scope, [(period, asked.days(period)) for period in periods])
    return now, then


def why_no_adoption(asked: Asked, use: SeatUse) -> str:
    """Why no share is shown; empty where one is."""
    label_of = asked.scope.label
    if not asked.days():
        return "Weekends are left out, and there is no other day."
    if use.holders is None:
        return f"No seat list tells who of {label_of} held a seat on the last of these days."
    if not use.holders:
        if asked.scope.team is not None or asked.scope.account.kind == Account.Kind.ENTERPRISE:
            return f"Nobody of {label_of} held a seat."
        return f"{label_of} grants no seat itself: who is active in it holds one that was granted elsewhere."
    if use.active_holders is None:
        return "Not every day of the period was taken in."
    return ""


def adoption_in_words(asked: Asked, use: SeatUse) -> str:
    """Which share of those with a seat was active, or why none is told."""
    if use.adoption is None or use.holders is None:
        return why_no_adoption(asked, use)
    held = several(use.holders, "person", "people")
    return (
        f"Of {held} with a seat, {use.active_holders:,} ({percent(use.adoption)}) used Copilot in the period."
    )
