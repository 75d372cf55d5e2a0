"""GitHub's own totals of an account's day against those of its people added up.

They need not be equal: GitHub counts what no line of a person tells, both are restated for three days, and
a file that was taken in need not name everybody.
https://docs.github.com/copilot/reference/copilot-usage-metrics/reconciling-usage-metrics
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from metrics.figures.counted import total
from metrics.figures.told import covered
from metrics.models import ReportDay, ScopeDay
from metrics.models.counters import COUNTERS
from metrics.periods import Period
from seats.models import Account

ACTIVE = "daily_active_users"
COMPARED = (ACTIVE, *COUNTERS)

Numbers = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A day, or several added up, as GitHub totals it and as its people do; numbers as in COMPARED."""

    reported: Numbers
    computed: Numbers

    def as_reported(self, name: str) -> int | None:
        return self.reported[COMPARED.index(name)]

    def as_computed(self, name: str) -> int | None:
        return self.computed[COMPARED.index(name)]

    def difference(self, name: str) -> int | None:
        """How much more its people add up to; None where one of them does not say."""
        reported, computed = self.as_reported(name), self.as_computed(name)
        return None if reported is None or computed is None else computed - reported

    @property
    def differs(self) -> bool:
        return any(self.difference(name) for name in COMPARED)

    @classmethod
    def of(cls, days: Iterable[Reconciled]) -> Reconciled:
        """Several days together; active users add up to person-days. A number that a day lacks is left out
        of both sides."""
        pairs = [
            [
                (reported, computed)
                for reported, computed in column
                if reported is not None and computed is not None
            ]
            for column in zip(*(zip(day.reported, day.computed, strict=True) for day in days), strict=True)
        ]
        if not pairs:
            return cls((None,) * len(COMPARED), (None,) * len(COMPARED))
        return cls(
            tuple(total(reported for reported, _ in column) for column in pairs),
            tuple(total(computed for _, computed in column) for column in pairs),
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """As of when the two reports of a day are, and whether its people's is complete."""

    reported_at: datetime | None = None
    computed_at: datetime | None = None
    is_complete: bool = False


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The days that both tell, in order."""

    days: Mapping[date, Reconciled]
    standing: Mapping[date, Standing]


def reconciliation(account: Account, period: Period) -> Reconciliation:
    """Every day of which both the account's own report and its people's were taken in; three queries."""
    within = {"account": account, "day__range": (period.first, period.last)}
    told: dict[date, dict[str, Numbers]] = {}
    rows = ScopeDay.objects.filter(**within).order_by("day").values_list("day", "source", *COMPARED)
    for day, source, *numbers in rows:
        told.setdefault(day, {})[source] = tuple(numbers)
    # A covered day on which nobody did anything has no computed row.
    covered_days = set(covered(account, period, ReportDay.Report.USERS))
    nobody: Numbers = (0,) * len(COMPARED)
    days: dict[date, Reconciled] = {}
    for day, sources in told.items():
        reported = sources.get(ScopeDay.Source.REPORT)
        computed = sources.get(ScopeDay.Source.USERS, nobody if day in covered_days else None)
        if reported is not None and computed is not None:
            days[day] = Reconciled(reported, computed)
    return Reconciliation(days, _standing(account, period))


def _standing(account: Account, period: Period) -> dict[date, Standing]:
    rows = ReportDay.objects.filter(
        account=account,
        day__range=(period.first, period.last),
        report__in=[ReportDay.Report.SCOPE, ReportDay.Report.USERS],
    )
    found: dict[date, Standing] = {}
    for day, report, observed_at, is_complete in rows.order_by("report").values_list(
        "day", "report", "observed_at", "is_complete"
    ):
        # "scope" sorts before "users".
        if report == ReportDay.Report.SCOPE:
            found[day] = Standing(reported_at=observed_at)
        else:
            known = found.get(day, Standing())
            found[day] = Standing(known.reported_at, observed_at, is_complete)
    return found
