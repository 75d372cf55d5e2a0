"""Which usage report is taken in by which pipeline."""

from __future__ import annotations

from metrics.formats.kinds import Kind
from metrics.ingest.scope_days import ScopeDays
from metrics.ingest.team_rosters import TeamRosters
from metrics.ingest.usage import Intake
from metrics.ingest.user_days import UserDays

USAGE: dict[Kind, type[Intake]] = {
    Kind.USERS_1_DAY: UserDays,
    Kind.USERS_28_DAY: UserDays,
    Kind.ORGANIZATION_1_DAY: ScopeDays,
    Kind.ORGANIZATION_28_DAY: ScopeDays,
    Kind.ENTERPRISE_1_DAY: ScopeDays,
    Kind.ENTERPRISE_28_DAY: ScopeDays,
    Kind.USER_TEAMS_1_DAY: TeamRosters,
}
