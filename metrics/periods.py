"""What "28 days" means, and which days can be spoken of at all.

Days are GitHub's UTC days. A day is covered when a report of it was taken in; a day without a report is
unknown, not a day without use.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Max, Min, Q

from metrics.models import ReportDay
from seats.models import Account

# GitHub's own windows: weekly is 7 days and monthly 28, both ending with the day itself.
# https://docs.github.com/copilot/reference/copilot-usage-metrics/copilot-usage-metrics
DAY = 1
WEEK = 7
MONTH = 28

# GitHub restates a day for up to three UTC days after it.
SETTLES_AFTER = 3


@dataclass(frozen=True, slots=True)
class Period:
    """From `first` to `last`, both included."""

    first: date
    last: date

    @classmethod
    def trailing(cls, last: date, days: int) -> Period:
        """The `days` days that end with `last`."""
        return cls(last - timedelta(days=days - 1), last)

    def __len__(self) -> int:
        return max((self.last - self.first).days + 1, 0)

    def __iter__(self) -> Iterator[date]:
        return map(date.fromordinal, range(self.first.toordinal(), self.last.toordinal() + 1))

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def before(self) -> Period:
        """The period of the same length that ends the day before this one begins."""
        return Period.trailing(self.first - timedelta(days=1), len(self))

    def common(self, other: Period) -> Period | None:
        """The days that both have; None: there are none."""
        shared = Period(max(self.first, other.first), min(self.last, other.last))
        return shared if shared else None

    def is_within(self, days: Collection[date]) -> bool:
        """Whether every day of the period is among these."""
        return all(day in days for day in self)


def in_pieces(period: Period, days: int = MONTH) -> Iterator[Period]:
    """The period cut, from its first day on, into such as are short enough to be held whole."""
    for first in list(period)[::days]:
        yield Period(first, min(first + timedelta(days=days - 1), period.last))


def between(first: date | None, last: date | None) -> Q:
    """A condition on `day`, both ends included; None leaves that end open."""
    condition = Q()
    if first is not None:
        condition &= Q(day__gte=first)
    if last is not None:
        condition &= Q(day__lte=last)
    return condition


def on(days: Collection[date]) -> Q:
    """A condition on `day`: one of these. A stretch of them is told by its ends, which takes less time."""
    if not days or len(Period(min(days), max(days))) != len(set(days)):
        return Q(day__in=list(days))
    return Q(day__range=(min(days), max(days)))


def is_provisional(day: date, today: date) -> bool:
    """Whether GitHub may still restate the day."""
    return day >= today - timedelta(days=SETTLES_AFTER)


def covered_days(account: Account, report: str, period: Period | None = None) -> set[date]:
    """The days of which this report of the account was taken in."""
    return covered_days_by_account([account], report, period)[account.pk]


def covered_days_by_account(
    accounts: Collection[Account], report: str, period: Period | None = None
) -> Mapping[int, set[date]]:
    """The same for several accounts in one query, by the account's key; accounts without any are there."""
    rows = ReportDay.objects.filter(account__in=[account.pk for account in accounts], report=report)
    if period is not None:
        rows = rows.filter(day__range=(period.first, period.last))
    covered: dict[int, set[date]] = {account.pk: set() for account in accounts}
    for account_id, day in rows.values_list("account_id", "day"):
        covered[account_id].add(day)
    return covered


def stored(accounts: Collection[Account], *reports: str) -> Period | None:
    """From the first day to the last day of which any of these reports was taken in; None: nothing was."""
    rows = ReportDay.objects.filter(account__in=[account.pk for account in accounts], report__in=reports)
    ends = rows.aggregate(first=Min("day"), last=Max("day"))
    if ends["first"] is None:
        return None
    return Period(ends["first"], ends["last"])


def newest_covered_days(
    accounts: Collection[Account],
    reports: Collection[str],
    *,
    since: date | None = None,
    until: date | None = None,
) -> Mapping[int, date]:
    """By account key: the newest day on which all of these reports are there; absent: there is none."""
    rows = ReportDay.objects.filter(
        between(since, until), account__in=[account.pk for account in accounts], report__in=reports
    )
    seen: dict[tuple[int, date], int] = defaultdict(int)
    for account_id, day in rows.values_list("account_id", "day"):
        seen[account_id, day] += 1
    newest: dict[int, date] = {}
    for (account_id, day), count in seen.items():
        if count == len(reports) and (account_id not in newest or day > newest[account_id]):
            newest[account_id] = day
    return newest
