"""Which older days are still to be fetched, in which order, and when that will have been done: pure.

Everything follows from what is known of each report. There is no queue to lose: after a restart the same
days are left.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from metrics.sync.reports import DailyReport
from metrics.sync.wanted import Known, newest_days, reach, wanted_days

# Requests of the hour that backfills leave to what is more urgent; of a small allowance a fifth.
KEEP_BACK = 1_000
KEEP_BACK_SHARE = 5


@dataclass(frozen=True, slots=True)
class Source:
    """An account, and what is known of its reports."""

    account: int
    account_kind: str
    known: Mapping[DailyReport, Known]


class DayLeft(NamedTuple):
    """A day of an account, and how many of its reports are to be asked for: a request each."""

    day: date
    account: int
    requests: int


def days_left(sources: Sequence[Source], now: datetime) -> Iterator[DayLeft]:
    """The days before the newest 28 that are missing or were not settled, newest first across accounts."""
    by_account = [_days_of(source, number, now) for number, source in enumerate(sources)]
    for _, _, left in heapq.merge(*by_account):
        yield left


def _days_of(source: Source, number: int, now: datetime) -> Iterator[tuple[int, int, DayLeft]]:
    newest = newest_days(now)
    by_report = [
        # From the newest day on, since what is older may follow from it.
        (
            -day.toordinal()
            for day in wanted_days(known, reach(daily, source.account_kind, now), now)
            if day < newest.first
        )
        for daily, known in source.known.items()
    ]
    for ordinal, reports in groupby(heapq.merge(*by_report)):
        yield ordinal, number, DayLeft(date.fromordinal(-ordinal), source.account, len(list(reports)))


def keep_back(limit: int) -> int:
    """How many requests of an hour's allowance backfills do not touch."""
    return min(KEEP_BACK, limit // KEEP_BACK_SHARE)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is left, and when it will have been done at this rate."""

    days: int
    requests: int
    per_hour: int
    ends_at: datetime | None

    @classmethod
    def of(
        cls, days: int, requests: int, now: datetime, *, limit: int, speed: float | None = None
    ) -> Outlook:
        """`limit`: the hour's allowance; `speed`: requests an hour as of late, where there is a measure."""
        allowed = limit - keep_back(limit)
        per_hour = allowed if speed is None else min(allowed, max(int(speed), 1))
        if not requests:
            return cls(days, 0, per_hour, now)
        if per_hour <= 0:
            return cls(days, requests, 0, None)
        return cls(days, requests, per_hour, now + timedelta(hours=requests / per_hour))
