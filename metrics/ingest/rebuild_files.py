"""Make days anew from the kept files: to undo a file, or after a mended parser.

The files are read newest first: what a newer one says, or a complete one closes, no older one changes. So
the rows come out as if the files had been taken in for the first time, in whatever order they came.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import chain
from typing import Any

from django.db import transaction

from metrics.formats.kinds import Kind
from metrics.formats.reading import records_of
from metrics.ingest.options import Refused
from metrics.ingest.pipelines import USAGE
from metrics.ingest.rebuild import rebuild_dirty_days
from metrics.ingest.rejects import as_records, options_of
from metrics.ingest.usage import Days
from metrics.models import DirtyDay, ReportDay
from portal import kept_files
from portal.models import AuditEntry, ReportFile
from seats import verdicts
from seats.models import Account


class CannotRebuild(Exception):
    """A file that these days need is no longer kept; the text names it."""


def undo(file: ReportFile, by: Any = None) -> int:
    """Take a usage file back out: its days become what the other files say; returns how many days.

    Raises CannotRebuild where another file of those days is no longer kept, and for files that tell of
    seats: our memory of a seat only moves forward.
    """
    if Kind(file.kind) not in USAGE:
        raise CannotRebuild("Seat lists and activity reports cannot be undone: take in a newer one instead.")
    days = _days_of(file)
    others = _files_of(file, days)
    with transaction.atomic():
        # The same file may have come more than once.
        same = ReportFile.objects.filter(sha256=file.sha256, kind=file.kind, subject=file.subject)
        same.update(state=ReportFile.State.UNDONE)
        _make_anew(file, others, days)
        AuditEntry.objects.record(
            "file undone", subject=f"file:{file.pk}", actor=by, detail={"days": len(days)}
        )
    _settle()
    return len(days)


def rebuild(file: ReportFile, by: Any = None) -> int:
    """Make the days of a usage file anew from all kept files of them; returns how many days."""
    if Kind(file.kind) not in USAGE:
        raise CannotRebuild("Only days of usage are rebuilt; seats follow from the rosters taken in.")
    days = _days_of(file)
    others = _files_of(file, days)
    with transaction.atomic():
        _make_anew(file, [file, *others], days)
        AuditEntry.objects.record(
            "days rebuilt", subject=f"file:{file.pk}", actor=by, detail={"days": len(days)}
        )
    _settle()
    return len(days)


def _settle() -> None:
    rebuild_dirty_days()
    verdicts.refresh()


def _days_of(file: ReportFile) -> Days:
    """The (account, day) a file may have written: what it covers, and where its rows stand."""
    days: Days = set(ReportDay.objects.filter(file=file).values_list("account_id", "day"))
    pipeline = USAGE[Kind(file.kind)]
    days |= pipeline.days_written(file)
    if pipeline.report and file.first_day and file.last_day and (account := _account_of(file)):
        # A membership that another file confirmed bears that file's name: ask for all its days.
        span = ReportDay.objects.filter(account=account, day__range=(file.first_day, file.last_day))
        days |= set(span.values_list("account_id", "day"))
    return days


def _account_of(file: ReportFile) -> Account | None:
    _, _, pk = file.subject.partition(":")
    return Account.objects.filter(pk=pk).first() if pk.isdecimal() else None


def _files_of(file: ReportFile, days: Days) -> list[ReportFile]:
    """The other files that speak of these days by the same report, each still kept."""
    pipeline = USAGE[Kind(file.kind)]
    kinds = [kind.value for kind, other in USAGE.items() if other is pipeline]
    if not days:
        return []
    first, last = min(day for _, day in days), max(day for _, day in days)
    files = (
        ReportFile.objects.accepted()
        .filter(kind__in=kinds, first_day__lte=last, last_day__gte=first)
        .exclude(sha256=file.sha256)
        .exclude(rows_read=0)
    )
    for other in files:
        if other.kept_file is None or not other.kept_file.is_file():
            raise CannotRebuild(
                f"{other.name} (file {other.pk}) tells of these days, too, and is no longer kept."
            )
    return list(files)


def _make_anew(file: ReportFile, files: Collection[ReportFile], days: Days) -> None:
    """Empty the days of one report and fill them from these files, newest first."""
    pipeline = USAGE[Kind(file.kind)]
    for account_id, day in sorted(days):
        pipeline.empty(account_id, day)
        if pipeline.report is not None:
            ReportDay.objects.filter(account_id=account_id, day=day, report=pipeline.report).delete()
    if pipeline.adds_up:
        DirtyDay.objects.bulk_create(
            (DirtyDay(account_id=account_id, day=day) for account_id, day in sorted(days)),
            ignore_conflicts=True,
        )
    newest_first = sorted(
        files, key=lambda one: (one.observed_at or one.received_at, one.sha256), reverse=True
    )
    for one in newest_first:
        if one.kept_file is None or not one.kept_file.is_file():
            raise CannotRebuild(f"{one.name} (file {one.pk}) is no longer kept.")
        options = replace(options_of(one), complete=one.is_complete)
        try:
            # Lines mended by hand are not in the file.
            mended = as_records(one, one.rejected_lines.exclude(resolved_at=None))
            kept = records_of(Kind(one.kind), kept_files.opener(one.kept_path))
            pipeline(one, options, is_retry=True, only=days).run(chain(kept, mended))
        except Refused as error:
            raise CannotRebuild(f"{one.name} (file {one.pk}) is refused by now: {error}") from error
