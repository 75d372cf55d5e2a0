"""The trailing windows of many accounts at once, for exports that go through their days in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from pyroaring import BitMap

from metrics.models import DayUsers, ReportDay
from metrics.models.team_day import WHOLE_ACCOUNT
from metrics.periods import DAY, MONTH, WEEK, Period, between, covered_days_by_account
from seats.models import Account


@dataclass(frozen=True, slots=True)
class ActiveUsers:
    """Distinct people active on the day, and in the 7 and 28 days that end with it. None: not all covered."""

    daily: int | None
    weekly: int | None
    monthly: int | None


class Windows:
    """The trailing windows of one account or team, moved forward day by day; holds at most 28 days."""

    def __init__(self, covered: Collection[date]) -> None:
        self._covered = covered
        self._days: deque[tuple[date, BitMap]] = deque()

    def add(self, day: date, users: BitMap) -> None:
        """Tell who was active on a day; days come in order."""
        self._days.append((day, users))
        while self._days[0][0] <= day - timedelta(days=MONTH):
            self._days.popleft()

    def on(self, day: date) -> ActiveUsers:
        """The counts for a day, once all days up to it were added."""
        return ActiveUsers(self._distinct(day, DAY), self._distinct(day, WEEK), self._distinct(day, MONTH))

    def _distinct(self, day: date, length: int) -> int | None:
        window = Period.trailing(day, length)
        if not window.is_within(self._covered):
            return None
        found = [users for at, users in self._days if at in window]
        return len(BitMap.union(*found)) if found else 0


class ActiveByAccount:
    """Active users of many accounts on days asked in order, from one stream of bitmaps."""

    def __init__(self, accounts: Collection[Account], first: date | None, last: date | None) -> None:
        since = first - timedelta(days=MONTH - 1) if first else None
        covered = covered_days_by_account(accounts, ReportDay.Report.USERS)
        self._windows = {account_id: Windows(days) for account_id, days in covered.items()}
        bitmaps = DayUsers.objects.filter(
            between(since, last),
            account__in=list(covered),
            team_key=WHOLE_ACCOUNT,
            kind=DayUsers.Kind.ACTIVE,
        )
        self._bitmaps = bitmaps.order_by("day").iterator(chunk_size=200)
        self._next = next(self._bitmaps, None)

    def on(self, account_id: int, day: date) -> ActiveUsers:
        """The account's counts for a day that is not before the one asked last."""
        while self._next is not None and self._next.day <= day:
            self._windows[self._next.account_id].add(self._next.day, self._next.user_keys)
            self._next = next(self._bitmaps, None)
        return self._windows[account_id].on(day)
