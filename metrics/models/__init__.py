from metrics.models.asked_day import AskedDay
from metrics.models.legacy_day import LegacyDay
from metrics.models.period_part import PeriodPart
from metrics.models.report_day import DirtyDay, ReportDay
from metrics.models.repository_day import RepositoryDay
from metrics.models.restatement import Restatement
from metrics.models.scope_day import ScopeDay
from metrics.models.seat_sets import SeatSets
from metrics.models.team_day import DayUsers, TeamDay
from metrics.models.team_period import TeamPeriod
from metrics.models.team_roster import TeamRoster
from metrics.models.user_day import UserDay
from metrics.models.user_window import UserWindow, WindowEnd
from metrics.models.week import DirtyWeek, WeekTotals, WeekUsers

__all__ = [
    "AskedDay",
    "DayUsers",
    "DirtyDay",
    "DirtyWeek",
    "LegacyDay",
    "PeriodPart",
    "ReportDay",
    "RepositoryDay",
    "Restatement",
    "ScopeDay",
    "SeatSets",
    "TeamDay",
    "TeamPeriod",
    "TeamRoster",
    "UserDay",
    "UserWindow",
    "WeekTotals",
    "WeekUsers",
    "WindowEnd",
]
