"""Overview: active users, use, seats, and how they go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.metrics.dashboards.oracle import (
    ADDED,
    ASKED,
    COUNTERS,
    DAY,
    MADE,
    TAKEN,
    Expected,
    Named,
    Question,
    Sums,
    Truth,
    added,
    expects,
    over_time,
    plus,
    share,
)
from tests.metrics.dashboards.oracle_seats import holders

Three = tuple[int | None, int | None, int | None]


def earlier(asked: Question) -> Question:
    """The period before, asked for or not."""
    if asked.before:
        return asked.earlier()
    length = asked.last - asked.first + DAY
    return replace(asked, first=asked.first - length, last=asked.last - length)


def together(truth: Truth, asked: Question, day: date) -> Three:
    """Daily, weekly and monthly: as GitHub's own record says, else counted."""
    found = []
    for often, length in (("daily", 1), ("weekly", 7), ("monthly", 28)):
        own = truth.said(asked, day, f"{often}_active_users")
        found.append(truth.trailing(asked, day, length) if own is None else own)
    return found[0], found[1], found[2]


@expects("overview", "active-now")
def active_now(truth: Truth, asked: Question) -> Expected:
    told = [day for day in asked.days if truth.is_told(asked, day)]
    if not told:
        return Expected(headlines={})
    weeks = -(-len(asked.every_day) // 7)
    now, then = together(truth, asked, told[-1]), together(truth, asked, told[-1] - 7 * weeks * DAY)
    before = earlier(asked)
    return Expected(
        headlines={
            "Daily active users": (now[0], then[0]),
            "Weekly active users": (now[1], then[1]),
            "Monthly active users": (now[2], then[2]),
            "Agent use": (agent_use(truth, asked), agent_use(truth, before)),
        }
    )


def agent_use(truth: Truth, asked: Question) -> Decimal | None:
    return share(truth.distinct(asked, "agent"), truth.distinct(asked))


def counted(truth: Truth, asked: Question, days: Iterable[date]) -> tuple[Sums, bool]:
    """The counters of the days that are told, and whether all are."""
    wanted = list(days)
    told = [sums for day in wanted if (sums := truth.counters(asked, day)) is not None]
    return plus(told), len(told) == len(wanted)


@expects("overview", "use-now")
def use_now(truth: Truth, asked: Question) -> Expected:
    before = earlier(asked)
    now, is_whole = counted(truth, asked, asked.days)
    then, was_whole = counted(truth, before, before.days)
    if not any(truth.is_told(asked, day) for day in asked.days):
        return Expected(headlines={})
    if not (is_whole and was_whole):
        then = dict.fromkeys(COUNTERS)
    return Expected(
        headlines={
            "Interactions": (now[ASKED], then[ASKED]),
            "Acceptance rate": (share(now[TAKEN], now[MADE]), share(then[TAKEN], then[MADE])),
            "Lines added": (now[ADDED], then[ADDED]),
        }
    )


def seat_use(truth: Truth, asked: Question) -> tuple[int | None, int | None]:
    """Who held a seat at the end of the last day, and how many of them were active on any of the days."""
    if not asked.days:
        return None, None
    held = holders(truth, asked, asked.days[-1])
    if held is None:
        return None, None
    if truth.distinct(asked) is None:
        return len(held), None
    return len(held), len(held & truth.union(asked, asked.days))


@expects("overview", "seats-now")
def seats_now(truth: Truth, asked: Question) -> Expected:
    held, active = seat_use(truth, asked)
    was_held, was_active = seat_use(truth, earlier(asked))
    if held is None:
        return Expected(headlines={})
    return Expected(
        headlines={
            "Adoption": (share(active, held), share(was_active, was_held)),
            "People with a seat": (held, was_held),
        }
    )


def daily(truth: Truth, asked: Question, days: list[date]) -> Any:
    """The day's own count, or the average of several days."""
    counts = [together(truth, asked, day)[0] for day in days]
    known = [count for count in counts if count is not None]
    if len(days) == 1:
        return counts[0]
    return Decimal(sum(known)) / len(known) if len(known) == len(counts) else None


@expects("overview", "active-users")
def active_users(truth: Truth, asked: Question) -> Expected:
    def values(days: list[date]) -> Mapping[str, Any]:
        _, weekly, monthly = together(truth, asked, days[-1])
        return {"daily": daily(truth, asked, days), "weekly": weekly, "monthly": monthly}

    return over_time(asked, values)


@expects("overview", "stickiness")
def stickiness(truth: Truth, asked: Question) -> Expected:
    def values(days: list[date]) -> Mapping[str, Any]:
        of_day, (_, weekly, monthly) = daily(truth, asked, days), together(truth, asked, days[-1])
        return {
            name: Decimal(of_day) / window if of_day is not None and window else None
            for name, window in (("of_weekly", weekly), ("of_monthly", monthly))
        }

    return over_time(asked, values)


@expects("overview", "requests-per-user")
def requests_per_user(truth: Truth, asked: Question) -> Expected:
    def values(days: list[date]) -> Mapping[str, Any]:
        sums, is_whole = counted(truth, asked, days)
        people = [active_on(truth, asked, day) for day in days]
        requests = sums[ASKED] if is_whole else None
        person_days = added(people) if is_whole and None not in people else None
        return {
            "requests_per_user": share(requests, person_days),
            "requests": requests,
            "active_days": person_days,
        }

    return over_time(asked, values)


def active_on(truth: Truth, asked: Question, day: date) -> int | None:
    """Of the same source as the day's counters."""
    report = truth.report(asked, day)
    return report.get("daily_active_users") if report is not None else truth.distinct(asked, days=[day])


@expects("overview", "acceptance")
def acceptance(truth: Truth, asked: Question) -> Expected:
    def values(days: list[date]) -> Mapping[str, Any]:
        sums, is_whole = counted(truth, asked, days)
        if not is_whole:
            sums = dict.fromkeys(COUNTERS)
        told = [truth.broken_down(asked, day, "feature") for day in days]
        completions = plus(
            sums
            for entries in told
            for (feature,), sums in (entries or {}).items()
            if feature == "code_completion"
        )
        if None in told:
            completions = dict.fromkeys(COUNTERS)
        return {
            "all": share(sums[TAKEN], sums[MADE]),
            "completions": share(completions[TAKEN], completions[MADE]),
            "generations": sums[MADE],
            "acceptances": sums[TAKEN],
        }

    return over_time(asked, values)


@expects("overview", "weekly-trend")
def weekly_trend(truth: Truth, asked: Question) -> Expected:
    """Seven entries at a time of the days there are; no older system tells of this company."""
    told = [day for day in asked.every_day if truth.is_told(asked, day)]
    rows = []
    for start in range(0, len(told), 7):
        some = told[start : start + 7]
        known = [count for day in some if (count := active_on(truth, asked, day)) is not None]
        sources = {"the account's report" if truth.report(asked, day) else "its people" for day in some}
        average = Decimal(sum(known)) / len(known)
        rows.append(
            {
                "first_day": some[0],
                "last_day": some[-1],
                "days": len(some),
                "active": average.quantize(Decimal("0.01"), ROUND_HALF_UP),
                "engaged": None,
                "source": ", ".join(sorted(sources, reverse=True)),
            }
        )
    return Expected(rows)


@expects("overview", "features")
def features(truth: Truth, asked: Question) -> Expected:
    found = truth.sums_by(asked, "feature", "feature")
    rows = [
        {
            "feature": Named("feature", name),
            "interactions": sums[ASKED],
            "generations": sums[MADE],
            "acceptances": sums[TAKEN],
            "lines_added": sums[ADDED],
        }
        for (name,), sums in sorted(
            found.items(), key=lambda item: (-(item[1][ASKED] or 0), -(item[1][MADE] or 0), item[0])
        )
    ]
    return Expected(rows)
