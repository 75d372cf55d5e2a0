"""Which usage report is taken in by which pipeline."""

from __future__ import annotations

from metrics.formats.kinds import Kind
from metrics.ingest.bills import AiUsageBills, DetailedBills, RequestBills, RequestLogs, SummarizedBills
from metrics.ingest.legacy_days import LegacyDays, LegacyMetricsDays, LegacyUsageDays
from metrics.ingest.options import Options, Refused
from metrics.ingest.rehearsed_user_days import RehearsedUserDays
from metrics.ingest.repository_days import RepositoryDays
from metrics.ingest.scope_days import ScopeDays
from metrics.ingest.team_rosters import TeamRosters
from metrics.ingest.usage import Intake
from metrics.ingest.user_days import UserDays
from portal.models import ReportFile

USAGE: dict[Kind, type[Intake]] = {
    Kind.USERS_1_DAY: UserDays,
    Kind.USERS_28_DAY: UserDays,
    Kind.ORGANIZATION_1_DAY: ScopeDays,
    Kind.ORGANIZATION_28_DAY: ScopeDays,
    Kind.ENTERPRISE_1_DAY: ScopeDays,
    Kind.ENTERPRISE_28_DAY: ScopeDays,
    Kind.USER_TEAMS_1_DAY: TeamRosters,
    Kind.REPOS_1_DAY: RepositoryDays,
    Kind.LEGACY_METRICS: LegacyMetricsDays,
    Kind.LEGACY_USAGE: LegacyUsageDays,
    Kind.BILLING_AI_USAGE: AiUsageBills,
    Kind.BILLING_REQUESTS: RequestBills,
    Kind.BILLING_REQUEST_LOG: RequestLogs,
    Kind.BILLING_SUMMARIZED: SummarizedBills,
    Kind.BILLING_DETAILED: DetailedBills,
}


def pipeline_of(kind: Kind, file: ReportFile, options: Options) -> Intake:
    """What takes in this file, or goes through the motions of it."""
    pipeline = USAGE[kind]
    if options.rehearsal is not None and pipeline is UserDays:
        return RehearsedUserDays(file, options)
    return pipeline(file, options)


def check_team(kind: Kind, options: Options) -> None:
    """Refuses a team named for a file that is never a team's own."""
    if options.team and not issubclass(USAGE.get(kind, Intake), LegacyDays):
        raise Refused(
            "Only files of the two older systems can be of one team: take this one in without a team."
        )
