"""Which days of an account are covered, by which report, and which of them are still being added up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from metrics.figures.rates import ratio
from metrics.models import DirtyDay, ReportDay
from metrics.periods import Period, is_provisional
from seats.models import Account

REPORTS = (
    ReportDay.Report.USERS,
    ReportDay.Report.SCOPE,
    ReportDay.Report.USER_TEAMS,
    ReportDay.Report.REPOSITORIES,
)


@dataclass(frozen=True, slots=True)
class Coverage:
    """`told` has for each report its covered days, and whether a complete file told each of them.

    `known` are the reports of which any day was ever taken in, `updating` the days whose totals are being
    added up again. `expects_all`: complete reports of people are fetched, or ever came, so that one which
    need not name everybody is less than is due.
    """

    told: Mapping[str, Mapping[date, bool]]
    known: frozenset[str]
    updating: frozenset[date]
    expects_all: bool = False

    def covered(self, report: str, days: Sequence[date]) -> int:
        """How many of these days the report tells."""
        return sum(day in self.told[report] for day in days)

    def share(self, report: str, days: Sequence[date]) -> Decimal | None:
        """Which share of these days it tells; None for a report that was never taken in."""
        return ratio(self.covered(report, days), len(days)) if report in self.known else None

    def missing(self, report: str, days: Sequence[date]) -> list[date]:
        return [day for day in days if day not in self.told[report]]

    def lacking(self, days: Sequence[date]) -> int | None:
        """How many reports of these days are missing, of those that ever came; None where none ever did."""
        if not self.known:
            return None
        return sum(len(self.missing(report, days)) for report in sorted(self.known))

    def partial(self, report: str, days: Sequence[date]) -> int:
        """How many of these days are told by files that need not name everybody."""
        return sum(not self.told[report].get(day, True) for day in days)

    def being_added_up(self, days: Sequence[date]) -> int:
        return sum(day in self.updating for day in days)


def provisional(days: Sequence[date], today: date) -> int:
    """How many of these days GitHub may still restate."""
    return sum(is_provisional(day, today) for day in days)


def coverage(account: Account, period: Period) -> Coverage:
    """The account's own reports; three queries."""
    within = {"account": account, "day__range": (period.first, period.last)}
    told: dict[str, dict[date, bool]] = {report.value: {} for report in REPORTS}
    rows = ReportDay.objects.filter(**within).order_by("day").values_list("report", "day", "is_complete")
    for report, day, is_complete in rows:
        told.setdefault(report, {})[day] = is_complete
    ever = ReportDay.objects.filter(account=account).order_by()
    known = set(ever.values_list("report", "is_complete").distinct())
    is_fetched = account.connection_id or (account.parent and account.parent.connection_id)
    dirty = DirtyDay.objects.filter(**within).values_list("day", flat=True)
    return Coverage(
        told,
        frozenset(report for report, _ in known),
        frozenset(dirty),
        expects_all=bool(is_fetched) or (ReportDay.Report.USERS, True) in known,
    )
