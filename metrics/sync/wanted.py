"""Which days of a report are to be asked for: pure, from what is known of it.

GitHub restates a day for three days after it. A day is settled from the fourth day on, and what was seen of
it before that must be seen once more; what was seen after that stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from metrics.periods import MONTH, Period, is_provisional
from metrics.sync.reports import DailyReport

# Behind so many settled days in a row without a report one day a week is asked for, until there is one again:
# the policy may have been off for a while, or nobody have had a seat.
GIVE_UP_AFTER = 30
PROBED_WEEKDAY = 2  # Wednesday: somebody is at work
_WEEK = 7
# A refusal (a scope, a policy) is worth another try after a while.
REFUSED_FOR = timedelta(days=7)


def had_settled(day: date, at: datetime) -> bool:
    """Whether the day was one that GitHub restates no more, at this moment."""
    return not is_provisional(day, at.astimezone(UTC).date())


@dataclass(slots=True)
class Known:
    """What is known of one report of one account, by day."""

    # As of when.
    covered: dict[date, datetime] = field(default_factory=dict)
    # When GitHub said that there is none.
    absent: dict[date, datetime] = field(default_factory=dict)
    # When GitHub refused to tell.
    refused: dict[date, datetime] = field(default_factory=dict)

    def stands(self, day: date) -> bool:
        """Whether the day was seen after it had settled."""
        at = self.covered.get(day)
        return at is not None and had_settled(day, at)

    def is_absent(self, day: date, now: datetime) -> bool:
        """Whether there is no report of a settled day, or none that we are given."""
        at, refused_at = self.absent.get(day), self.refused.get(day)
        if at is not None and had_settled(day, at):
            return True
        return refused_at is not None and now - refused_at < REFUSED_FOR


def wanted_days(known: Known, period: Period, now: datetime, *, gives_up: bool = True) -> Iterator[date]:
    """The days of the period that are missing or unsettled, newest first.

    Asks `known` while it goes, so that answers which come in meanwhile count. With `gives_up` it passes over
    most days behind GIVE_UP_AFTER settled ones in a row without a report; those of a week that turns out to
    have one follow it.
    """
    today = now.astimezone(UTC).date()
    in_a_row = 0
    passed_over: list[date] = []
    day = min(period.last, today - timedelta(days=1))
    while day >= period.first:
        if is_provisional(day, today):
            yield day
        elif known.stands(day):
            in_a_row = 0
        elif known.is_absent(day, now):
            in_a_row += 1
        elif gives_up and in_a_row >= GIVE_UP_AFTER and not _is_promising(known, day):
            passed_over.append(day)
        else:
            yield day
            # It may have been asked for in between.
            if known.is_absent(day, now):
                in_a_row += 1
                passed_over.clear()
            elif day in known.covered:
                in_a_row = 0
                yield from passed_over
                passed_over.clear()
            elif in_a_row < GIVE_UP_AFTER:
                in_a_row = 0
        day -= timedelta(days=1)


def _is_promising(known: Known, day: date) -> bool:
    """Whether the day is one that tells of its week, or its week is known to have a report."""
    behind = (day.weekday() - PROBED_WEEKDAY) % _WEEK
    return not behind or any(day - timedelta(days=number) in known.covered for number in range(1, behind + 1))


def newest_days(now: datetime) -> Period:
    """The 28 days that end yesterday, by GitHub's calendar."""
    return Period.trailing(now.astimezone(UTC).date() - timedelta(days=1), MONTH)


def reach(
    daily: DailyReport,
    account_kind: str,
    now: datetime,
    *,
    since: date | None = None,
    until: date | None = None,
) -> Period:
    """The days of a report that may be asked for: all that GitHub keeps, or from `since` to `until`."""
    today = now.astimezone(UTC).date()
    first = since if since is not None else daily.history_begins(account_kind, today)
    return Period(first, until if until is not None else today - timedelta(days=1))
