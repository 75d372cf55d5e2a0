"""Take seat lists and activity reports back out; what others say of the same moments comes in again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from django.db import transaction

from metrics.formats import activity_report as activity_csv
from metrics.formats.activity_report import ActivityReportRecord
from metrics.formats.records import Broken
from metrics.ingest.rejects import activity_lines, as_records
from metrics.ingest.scope import Scopes
from metrics.ingest.seat_files import SeatList, apply_joined
from metrics.undo.memory import seats_in
from metrics.undo.overlap import (
    check_readable,
    is_readable,
    options_said,
    others_of_activity,
    others_of_seats,
)
from portal import kept_files
from portal.models import ReportFile
from seats import activity_report, roster
from seats.activity_report import ReportedActivity
from seats.roster import ReportedGrant, Roster, taking_out
from seats.roster.taking_out import TakenOut


def check_seats(file: ReportFile, files: Collection[ReportFile]) -> None:
    """Raises CannotUndo where another list of the very moment cannot be read again."""
    check_readable(file, others_of_seats(file, taking_out.rosters_of(files)))


@transaction.atomic
def take_out_list(file: ReportFile, files: Collection[ReportFile]) -> TakenOut:
    """Take these records of one list out."""
    rosters = taking_out.rosters_of(files)
    others = others_of_seats(file, rosters)
    joined = {(one.observed_at, tuple(pages)) for one in rosters for pages in one.joined_files}
    taken = taking_out.take_out(files, _grants_in)
    for other in others:
        _take_in_again(other)
    gone = {one.pk for one in files}
    for observed_at, pages in sorted(joined):
        _join_again(observed_at, [pk for pk in pages if pk not in gone])
    return taken


def _grants_in(file: ReportFile) -> list[ReportedGrant] | None:
    return seats_in(file).grants if file.size and is_readable(file) else None


def _take_in_again(file: ReportFile) -> None:
    """Apply a kept list as it was applied; its record keeps saying what became of it when it came."""
    seats, options = seats_in(file), options_said(file)
    if file.observed_at is not None:
        roster.apply(
            Roster(
                scope=Scopes(options).named(),
                observed_at=file.observed_at,
                grants=seats.grants,
                is_complete=seats.is_complete,
                is_confirmed=options.complete,
                file=file,
            )
        )


def _join_again(observed_at: datetime, pages: Sequence[int]) -> None:
    """Apply pages together that are a complete list, each of which is in again by itself."""
    known = ReportFile.objects.in_bulk(pages)
    lists = [(known[pk], seats_in(known[pk])) for pk in pages if pk in known]
    joined = SeatList.joined(page for _, page in lists)
    if len(lists) > 1 and joined.is_complete:
        options = options_said(lists[-1][0])
        at = options.taken_at or joined.newest_moment(datetime.now(UTC)) or observed_at
        apply_joined(replace(options, taken_at=at), lists)


def moments_of_activity(files: Collection[ReportFile]) -> set[datetime]:
    """The moments that these activity reports tell of: one each, as a rule."""
    moments = {one.observed_at for one in files if one.observed_at}
    kept = [one for one in files if one.size and is_readable(one)]
    return moments.union(line.report_time for one in kept for line in _lines(one))


def check_activity(file: ReportFile, files: Collection[ReportFile]) -> None:
    """Raises CannotUndo where another report of the very moment cannot be read again."""
    check_readable(file, others_of_activity(file, moments_of_activity(files)))


@transaction.atomic
def take_out_activity(file: ReportFile, files: Collection[ReportFile]) -> int:
    """Take these records of one activity report out. Of how many accounts."""
    accounts, moments = activity_report.take_out(files, moments_of_activity(files))
    for other in others_of_activity(file, moments):
        lines = [line for line in _lines(other) if line.report_time in moments]
        account = Scopes(options_said(other)).named()
        if account is not None and lines:
            activity_report.apply(account, lines, other)
    for account in accounts:
        activity_report.settle(account)
    return len(accounts)


def _lines(file: ReportFile) -> Iterable[ReportedActivity]:
    """The lines of a kept report; one that does not say when it was made was made when it came in."""
    rows: list[tuple[int, ActivityReportRecord]] = []
    stream = kept_files.opener(file.kept_path)
    rows += [line for line in activity_csv.read_lines(stream) if not isinstance(line, Broken)]
    mended = as_records(file, file.rejected_lines.exclude(resolved_at=None))
    if mended:
        rows += [line for line in activity_lines(file, mended) if not isinstance(line, Broken)]
    taken_at = options_said(file).taken_at or _newest(row for _, row in rows) or file.received_at
    for number, row in rows:
        yield ReportedActivity(
            number=number,
            login=row.login,
            report_time=row.report_time or taken_at,
            last_authenticated_at=row.last_authenticated_at,
            last_activity_at=row.last_activity_at,
            last_surface_used=row.last_surface_used,
        )


def _newest(rows: Iterable[ActivityReportRecord]) -> datetime | None:
    times = [at for row in rows for at in (row.last_activity_at, row.last_authenticated_at) if at is not None]
    return max(times, default=None)
