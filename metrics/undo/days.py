"""Make the days of one report anew from all files that speak of them but those that go."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date

from django.db import transaction
from django.db.models import Count, Q

from metrics.formats.kinds import Kind
from metrics.ingest.options import Refused
from metrics.ingest.pipelines import USAGE
from metrics.ingest.rebuild_teams import outdate_teams
from metrics.ingest.rebuild_weeks import outdate_weeks
from metrics.ingest.team_rosters import TeamRosters, show_memberships
from metrics.ingest.usage import Days, Intake
from metrics.ingest.user_days import UserDays
from metrics.models import DirtyDay, ReportDay, TeamRoster, UserDay
from metrics.undo.memory import Memory, OnRecords
from metrics.undo.overlap import CannotUndo, check_readable, options_said, others_of_days, records_in
from portal.models import ReportFile
from seats.accounts import lock

# People's days that one transaction writes anew: whoever waits for it waits for seconds.
ROWS_AT_ONCE = 200_000
# Each portion reads the other files of its days from their beginning: of very many rows there are no more
# portions than this, lest the time grow with the square of the rows.
PORTIONS = 5


def days_of(file: ReportFile, files: Collection[ReportFile], told: Memory) -> Days:
    """The (account, day) of its report that a file may have changed."""
    days = set(told.days)
    for one in files:
        days |= set(one.report_days.values_list("account_id", "day"))
        days |= set(one.closed_days.values_list("account_id", "day"))
        days |= USAGE[Kind(file.kind)].days_written(one)
    return days


def in_order(key: tuple[int, date]) -> tuple[date, int]:
    """How days of accounts are sorted: by day."""
    return key[1], key[0]


def portions(file: ReportFile, days: Days) -> Iterator[Days]:
    """The days in portions that can each be made anew in one go, the oldest first."""
    sizes: dict[tuple[int, date], int] = {}
    if USAGE[Kind(file.kind)] is UserDays and days:
        accounts = {account_id for account_id, _ in days}
        rows = UserDay.objects.filter(account_id__in=accounts, day__in={day for _, day in days}).order_by()
        counted = rows.values_list("account_id", "day").annotate(rows=Count("pk"))
        sizes = {(account_id, day): number for account_id, day, number in counted}
    at_once = max(ROWS_AT_ONCE, sum(sizes.values()) // PORTIONS)
    portion: Days = set()
    size = 0
    for key in sorted(days, key=in_order):
        portion.add(key)
        size += sizes.get(key, 1)
        if size >= at_once:
            yield portion
            portion, size = set(), 0
    if portion:
        yield portion


@transaction.atomic
def make_anew(file: ReportFile, days: Days, on_batch: OnRecords | None = None) -> None:
    """Empty these days of the file's report, and fill them from the other files, in the order they came."""
    # No import slips in between looking which files there are and reading them.
    lock(Q(pk__in={account_id for account_id, _ in days}))
    others = others_of_days(file, days)
    check_readable(file, others)
    write_anew(USAGE[Kind(file.kind)], others, days, on_batch)


def write_anew(
    pipeline: type[Intake],
    files: Collection[ReportFile],
    days: Days,
    on_batch: OnRecords | None = None,
) -> None:
    """The same for files that are known. Within the caller's transaction."""
    teams = _teams_of(pipeline, days)
    for account_id, day in sorted(days):
        pipeline.empty(account_id, day)
        if pipeline.report is not None:
            ReportDay.objects.filter(account_id=account_id, day=day, report=pipeline.report).delete()
    if pipeline.adds_up:
        DirtyDay.objects.bulk_create(
            (DirtyDay(account_id=account_id, day=day) for account_id, day in sorted(days)),
            ignore_conflicts=True,
        )
    outdate_teams(days)
    outdate_weeks(days)
    for one in files:
        try:
            pipeline(one, options_said(one), is_retry=True, only=days).run(records_in(one), on_batch)
        except Refused as error:
            raise CannotUndo(f"{one.name} (file {one.pk}) is refused by now: {error}") from error
    if pipeline is TeamRosters:
        show_memberships(teams | _teams_of(pipeline, days))


def _teams_of(pipeline: type[Intake], days: Days) -> set[int]:
    """The teams with a roster on one of these days."""
    if pipeline is not TeamRosters or not days:
        return set()
    rosters = TeamRoster.objects.filter(
        team__account_id__in={account_id for account_id, _ in days}, day__in={day for _, day in days}
    ).order_by()
    return set(rosters.values_list("team_id", flat=True).distinct())
