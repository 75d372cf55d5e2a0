"""The daily reports that are fetched, and from when on GitHub has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType

from metrics.formats.kinds import Kind
from metrics.models import ReportDay
from seats.models import Account

# https://docs.github.com/en/rest/copilot/copilot-usage-metrics: "Reports are available starting from" these
# days, "and historical data is available for up to 1 year".
ENTERPRISE_HISTORY_BEGINS = date(2025, 10, 10)
ORGANIZATION_HISTORY_BEGINS = date(2025, 12, 12)
LONGEST_HISTORY = timedelta(days=365)
# Not documented: the first days for which these two have been seen to exist.
USER_TEAMS_HISTORY_BEGINS = date(2026, 5, 14)
REPOSITORIES_HISTORY_BEGINS = date(2026, 7, 17)

HISTORY_BEGINS: Mapping[str, date] = MappingProxyType(
    {
        Account.Kind.ENTERPRISE.value: ENTERPRISE_HISTORY_BEGINS,
        Account.Kind.ORGANIZATION.value: ORGANIZATION_HISTORY_BEGINS,
    }
)


@dataclass(frozen=True, slots=True)
class DailyReport:
    """A report of which there is one a day; some come for the newest 28 days at once, too."""

    report: ReportDay.Report
    _name: str
    kinds: tuple[Kind, ...]
    begins: date = date.min
    has_28_days: bool = False

    def name(self, account_kind: str) -> str:
        """As it stands in the path of the API."""
        return self._name.format(kind=account_kind)

    def name_of_28_days(self, account_kind: str) -> str:
        """The same report over the newest 28 days."""
        return self.name(account_kind).replace("1-day", "28-day")

    def kinds_of(self, account_kind: str) -> tuple[Kind, ...]:
        """What its file may prove to be, the likeliest first."""
        own = Kind(self.name(account_kind))
        return (own, *(kind for kind in self.kinds if kind != own))

    def history_begins(self, account_kind: str, today: date) -> date:
        """The first day that GitHub may have a report of."""
        return max(HISTORY_BEGINS[account_kind], self.begins, today - LONGEST_HISTORY)


SCOPE = DailyReport(
    ReportDay.Report.SCOPE,
    "{kind}-1-day",
    (Kind.ORGANIZATION_1_DAY, Kind.ENTERPRISE_1_DAY, Kind.ORGANIZATION_28_DAY, Kind.ENTERPRISE_28_DAY),
    has_28_days=True,
)
USERS = DailyReport(
    ReportDay.Report.USERS, "users-1-day", (Kind.USERS_1_DAY, Kind.USERS_28_DAY), has_28_days=True
)
USER_TEAMS = DailyReport(
    ReportDay.Report.USER_TEAMS, "user-teams-1-day", (Kind.USER_TEAMS_1_DAY,), USER_TEAMS_HISTORY_BEGINS
)
REPOSITORIES = DailyReport(
    ReportDay.Report.REPOSITORIES, "repos-1-day", (Kind.REPOS_1_DAY,), REPOSITORIES_HISTORY_BEGINS
)

# In the order in which they are asked for.
DAILY: tuple[DailyReport, ...] = (SCOPE, USERS, USER_TEAMS, REPOSITORIES)


def names(reports: Iterable[DailyReport] = DAILY) -> list[str]:
    """As ReportDay and AskedDay name them."""
    return [daily.report.value for daily in reports]
