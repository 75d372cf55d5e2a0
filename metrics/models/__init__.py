from metrics.models.report_day import DirtyDay, ReportDay
from metrics.models.scope_day import ScopeDay
from metrics.models.team_day import DayUsers, TeamDay
from metrics.models.team_roster import TeamRoster
from metrics.models.user_day import UserDay

__all__ = ["DayUsers", "DirtyDay", "ReportDay", "ScopeDay", "TeamDay", "TeamRoster", "UserDay"]
