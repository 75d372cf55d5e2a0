"""Try rejected lines again: mended by hand, or because what was wrong with the world no longer is."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from django.db.models import ManyToOneRel
from django.utils import timezone

from metrics.formats import activity_report as activity_csv
from metrics.formats.csv_lines import MAX_LINE_BYTES
from metrics.formats.kinds import Kind
from metrics.formats.reading import header_of
from metrics.formats.records import Broken, Record, scan
from metrics.ingest.options import Counts, FileOutcome, Options, Refused
from metrics.ingest.pipelines import USAGE
from metrics.ingest.rebuild import rebuild_dirty_days
from metrics.ingest.seat_files import SeatList, read_seat_list, take_activity_report, take_seat_list
from portal import kept_files
from portal.models import AuditEntry, RejectedLine, ReportFile
from seats import evidence, verdicts
from seats.models import SeatRoster
from seats.roster import ReportedGrant


def retry(lines: Iterable[RejectedLine], by: Any = None) -> list[FileOutcome]:
    """Take in these rejected lines as they now stand; an outcome per file they came from."""
    by_file: dict[ReportFile, list[RejectedLine]] = {}
    for line in lines:
        if line.resolved_at is None:
            by_file.setdefault(line.file, []).append(line)
    outcomes = []
    for file, some in by_file.items():
        outcome = FileOutcome(file.name)
        _retry(file, sorted(some, key=lambda line: line.line_number), by, outcome)
        outcomes.append(outcome)
    rebuild_dirty_days()
    verdicts.refresh()
    return outcomes


def retry_file(file: ReportFile, by: Any, outcome: FileOutcome) -> None:
    """Take in all open rejected lines of a file."""
    _retry(file, list(file.rejected_lines.open()), by, outcome)
    outcome.notes.append(f"Tried the {outcome.counts.rows_read} lines again that had been rejected.")


def _retry(file: ReportFile, lines: Sequence[RejectedLine], by: Any, outcome: FileOutcome) -> None:
    kind = Kind(file.kind)
    outcome.kind, outcome.report_file = file.kind, file
    options = options_of(file)
    rows = as_records(file, lines)
    try:
        if kind in USAGE:
            progress = USAGE[kind](file, options, is_retry=True).run(rows)
            counts, rejected = progress.counts, progress.rejected
        else:
            counts, rejected = _retry_seat_file(kind, file, options, rows)
    except Refused as error:
        outcome.error = str(error)
        return
    outcome.counts, outcome.rejected = counts, rejected
    _resolve(file, lines, counts, dict(rejected))
    AuditEntry.objects.record(
        "rejected lines retried", subject=f"file:{file.pk}", actor=by, detail=counts.as_dict()
    )


def as_records(file: ReportFile, lines: Iterable[RejectedLine]) -> list[Record]:
    """Rejected lines as they now stand, under the header they stood under."""
    header = _header(file)
    return [Record(line.line_number, line.line.encode(), header) for line in lines]


def _header(file: ReportFile) -> Mapping[str, Any]:
    """What the object around the file's records said of them all; empty for plain lines."""
    if not file.kept_path or file.kind == Kind.ACTIVITY_REPORT:
        return {}
    return header_of(Kind(file.kind), kept_files.opener(file.kept_path))


def options_of(file: ReportFile) -> Options:
    """What was said of a file when it came."""
    return Options.recalled(file.options)


def _retry_seat_file(
    kind: Kind, file: ReportFile, options: Options, rows: Sequence[Record]
) -> tuple[Counts, list[tuple[int, str]]]:
    """Seats and activity lines, as a small file of their own of the same moment."""
    part = ReportFile(
        source=file.source, kind=file.kind, name=file.name, sha256=file.sha256, size=0,
        received_at=file.received_at, options=file.options,
    )  # fmt: skip
    part.save()
    try:
        moment = Options(options.organization, options.enterprise, options.taken_at or file.observed_at)
        if kind == Kind.SEATS:
            mended = read_seat_list(rows)
            beside = _beside(file, mended)
            taken = take_seat_list(part, moment, SeatList([*mended.grants, *beside], mended.broken, {None}))
            taken.counts.leave_out(len(beside))
        else:
            taken = take_activity_report(part, moment, activity_lines(file, rows))
    finally:
        _hand_over(part, file)
    return taken.counts, taken.rejected


def _beside(file: ReportFile, mended: SeatList) -> list[ReportedGrant]:
    """What else the kept list says of the people of mended lines: a seat is what all its grants come to."""
    if not file.kept_path:
        return []
    people = {grant.assignee_id for grant in mended.grants}
    before = as_records(file, file.rejected_lines.exclude(resolved_at=None))
    kept = read_seat_list(chain(scan(kept_files.opener(file.kept_path)), before))
    return [grant for grant in kept.grants if grant.assignee_id in people]


TODAYS_HEADER = b"report_time,login,last_authenticated_at,last_activity_at,last_surface_used"


def activity_lines(
    file: ReportFile, rows: Sequence[Record]
) -> Iterator[tuple[int, activity_csv.ActivityReportRecord] | Broken]:
    """The lines under the header of the file they came from, by their numbers in it."""
    header = TODAYS_HEADER
    if file.kept_path:
        with kept_files.opener(file.kept_path)() as kept:
            header = kept.read(MAX_LINE_BYTES).lstrip().split(b"\n", 1)[0].strip()
    text = b"\n".join([header, *(row.raw.replace(b"\n", b" ") for row in rows)])
    for line in activity_csv.read_lines(lambda: io.BytesIO(text)):
        if isinstance(line, Broken):
            yield line._replace(number=rows[line.number - 2].number)
        else:
            number, record = line
            yield rows[number - 2].number, record


_TELLINGS = SeatRoster.told_by.through


def _hand_over(part: ReportFile, file: ReportFile) -> None:
    """What came in with the retry belongs to the file it was rejected from."""
    for roster in SeatRoster.objects.filter(told_by=part):
        roster.note_tellers([file])
    # Most tables name their file without a way back from it.
    for relation in ReportFile._meta.get_fields(include_hidden=True):
        if not isinstance(relation, ManyToOneRel) or relation.related_model in (RejectedLine, _TELLINGS):
            continue
        rows = relation.related_model._base_manager.filter(**{relation.field.name: part})
        rows.update(**{relation.field.name: file})
    part.delete()


def _resolve(file: ReportFile, lines: Sequence[RejectedLine], counts: Counts, still: dict[int, str]) -> None:
    """Mark what is in now, say anew why the rest is not, and correct the file's counts."""
    now = timezone.now()
    solved = []
    for line in lines:
        if line.line_number in still:
            line.reason = still[line.line_number]
        else:
            line.resolved_at = now
            solved.append(line.pk)
    for pks in evidence.chunks(solved):
        RejectedLine.objects.filter(pk__in=pks).update(resolved_at=now)
    told_anew = [line for line in lines if line.line_number in still]
    RejectedLine.objects.bulk_update(told_anew, ["reason"], batch_size=200)
    for name in ("rows_new", "rows_changed", "rows_unchanged", "rows_superseded"):
        setattr(file, name, getattr(file, name) + getattr(counts, name))
    file.rows_rejected -= counts.rows_read - counts.rows_rejected
    file.save()
