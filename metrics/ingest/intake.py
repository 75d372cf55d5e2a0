"""Take in a file: what it is, whether we know it, and its rows through the pipeline of its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from metrics.formats import activity_report as activity_csv
from metrics.formats.csv_lines import READ_AS_WINDOWS, WINDOWS
from metrics.formats.errors import BrokenOffError, Unreadable
from metrics.formats.kinds import Kind, identify
from metrics.formats.layout import is_document
from metrics.formats.reading import records_of
from metrics.formats.records import MAX_DEPTH, MAX_RECORD_BYTES, Broken, Record, scan
from metrics.formats.sources import Source, blocks, expand, shown, sources
from metrics.ingest import mended, rejects
from metrics.ingest.options import Counts, FileOutcome, Options, Refused
from metrics.ingest.pipelines import USAGE, check_team, pipeline_of
from metrics.ingest.rebuild import rebuild_dirty_days
from metrics.ingest.seat_files import (
    SeatList,
    apply_joined,
    read_seat_list,
    take_activity_report,
    take_seat_list,
)
from metrics.ingest.usage import Intake
from portal import kept_files
from portal.models import AuditEntry, RejectedLine, ReportFile
from portal.models.report_file import ReportFileQuerySet
from seats import verdicts

NOT_LOOKED_AT = "Not looked at: what comes before it took the time that a preview has. It is taken in, too."

# Records read so far, of the file at hand, and how many of them were rejected.
OnProgress = Callable[[int, int], None]


def take_in(
    path: Path | str,
    *,
    source: str = ReportFile.Source.COMMAND,
    options: Options | None = None,
    progress: OnProgress | None = None,
    by: Any = None,
    settle_after: bool = True,
) -> list[FileOutcome]:
    """Take in one file, folder or archive; an outcome per file, refusals included.

    Never raises for what is in a file. With `settle_after` the touched days are added up and the verdicts
    refreshed at the end; a caller with many files does that once, by `settle`.
    """
    options = options or Options()
    outcomes = [
        outcome
        for file in expand([Path(path)])
        for outcome in _take_in_file(file, source, options, progress, by)
    ]
    if settle_after:
        join_pages(outcomes, options)
        if not options.dry_run:
            settle()
    return outcomes


def join_pages(outcomes: Sequence[FileOutcome], options: Options) -> None:
    """Pages of one seat list that came as files of their own are a complete list together."""
    pages: dict[int, list[FileOutcome]] = {}
    for outcome in outcomes:
        seats = outcome.seat_list
        if outcome.is_refused or seats is None or seats.is_complete or seats.broken or seats.total is None:
            continue
        pages.setdefault(seats.total, []).append(outcome)
    for some in pages.values():
        joined = SeatList.joined(page.seat_list for page in some if page.seat_list is not None)
        lists = [
            (page.report_file, page.seat_list)
            for page in some
            if page.report_file is not None and page.seat_list is not None
        ]
        if len(some) < 2 or not joined.is_complete:
            continue
        try:
            some[-1].ended = apply_joined(options, lists)
        except Refused as refusal:
            # An import refuses the page itself that contradicts those before it; a dry run finds it here.
            some[-1].error = str(refusal)
            continue
        for page in some:
            page.notes = [f"Together, the {len(some)} files are the complete list."]


def settle(on_day: Callable[[int, int], None] | None = None) -> None:
    """Add up the days that were touched and judge every seat anew."""
    rebuild_dirty_days(on_day)
    verdicts.refresh()


def _take_in_file(
    path: Path, source: str, options: Options, progress: OnProgress | None, by: Any
) -> Iterator[FileOutcome]:
    try:
        for unpacked in sources(path, settings.MAX_UNPACKED_MB * 1024 * 1024):
            yield take_in_source(unpacked, source, options, progress, by)
    except (Unreadable, BrokenOffError) as error:
        yield FileOutcome(shown(path), error=_sentence(error))


def _sentence(error: Exception) -> str:
    if isinstance(error, BrokenOffError):
        return "The archive breaks off before its end: get it again."
    return str(error)


def take_in_source(
    source: Source,
    origin: str,
    options: Options,
    progress: OnProgress | None,
    by: Any,
    expected: Sequence[Kind] = (),
) -> FileOutcome:
    """Take in one unpacked file; with `expected` only if it is of one of these kinds."""
    outcome = FileOutcome(shown(source.path), member=source.member, notes=list(source.notes))
    try:
        kind = identify(source)
        outcome.kind = kind.value
        if expected and kind not in expected:
            raise Refused(f"GitHub's file is a {kind} report, and {expected[0]} was asked for.")
        check_team(kind, options)
        if options.rehearsal is not None and options.rehearsal.is_late():
            outcome.looked_at = 0
            outcome.notes.append(NOT_LOOKED_AT)
            return outcome
        if options.dry_run:
            _rehearse(source, kind, origin, options, by, outcome, progress)
            return outcome
        with source.open() as stream:
            sha256, size, kept_path = kept_files.keep(blocks(stream))
        with kept_files.sole_reader(sha256):
            _take_in_kept(source, kind, origin, options, by, (sha256, size, kept_path), outcome, progress)
    except (Unreadable, BrokenOffError, Refused, kept_files.BeingTakenIn) as error:
        outcome.error = _sentence(error)
    return outcome


def _rehearse(
    source: Source,
    kind: Kind,
    origin: str,
    options: Options,
    by: Any,
    outcome: FileOutcome,
    progress: OnProgress | None,
) -> None:
    """What taking it in would say, with nothing written."""
    with source.open() as stream:
        sha256, size = kept_files.digest(blocks(stream))
    known = None if options.retry_rejected else _same(sha256, kind, options).accepted().first()
    stands = known is not None and _still_stands(known)
    if known is not None and stands and options.rehearsal is None:
        _say_again(known, outcome)
        return
    file = new_file(source, kind, origin, options, by, sha256, size)
    _read(source, kind, file, options, outcome, progress)
    # A file before it in the same preview may restate its rows: it is read, and nothing is new in it then.
    nothing_new = outcome.looked_at is None and outcome.counts.rows_unchanged == outcome.counts.rows_read
    if known is not None and stands and nothing_new:
        outcome.notes = list(source.notes)
        _say_again(known, outcome)


def _same(sha256: str, kind: Kind, options: Options) -> ReportFileQuerySet:
    """What is known of the very same file, of which the very same was said."""
    return ReportFile.objects.filter(sha256=sha256, kind=kind.value, options=options.remembered())


def _take_in_kept(
    source: Source,
    kind: Kind,
    origin: str,
    options: Options,
    by: Any,
    kept: tuple[str, int, str],
    outcome: FileOutcome,
    progress: OnProgress | None,
) -> None:
    sha256, size, kept_path = kept
    same = _same(sha256, kind, options)
    if options.retry_rejected and (known := same.accepted().first()):
        rejects.retry_file(known, by, outcome)
        return
    if (known := same.accepted().first()) and _still_stands(known):
        _note_again(known, source, origin, by, outcome)
        return
    file = same.unfinished().first()
    if file is None:
        file = new_file(source, kind, origin, options, by, sha256, size)
        file.kept_path = kept_path
        file.save()
    elif options.complete:
        # What a complete file does not name is gone: that can only be told by reading it whole.
        _start_over(file)
    else:
        outcome.counts = _counts_of(file)
        outcome.rejected = list(file.rejected_lines.values_list("line_number", "reason"))
        if file.records_done:
            outcome.notes.append(f"Went on behind record {file.records_done:,}, where it was interrupted.")
    try:
        _read(source, kind, file, options, outcome, progress)
    except (Unreadable, BrokenOffError, Refused):
        if not file.rows_read:
            _forget(file)
        raise
    finish(file, outcome, by)


def new_file(
    source: Source, kind: Kind, origin: str, options: Options, by: Any, sha256: str, size: int
) -> ReportFile:
    """The record of a file that is about to be read, not yet saved."""
    name = shown(f"{source.path.name}/{source.member}" if source.member else source.path.name)
    return ReportFile(
        source=origin,
        kind=kind.value,
        name=name[-255:],
        sha256=sha256,
        size=size,
        is_complete=options.complete,
        options=options.remembered(),
        received_by=by,
    )


def _read(
    source: Source,
    kind: Kind,
    file: ReportFile,
    options: Options,
    outcome: FileOutcome,
    progress: OnProgress | None,
) -> None:
    """Take in the rows by the pipeline of their kind; the outcome gets counts, rejects and notes."""
    before = mended.Mended(file)
    if kind in USAGE:
        intake = pipeline_of(kind, file, options)
        told = intake.progress.counts

        def tell(position: int) -> None:
            if progress is not None:
                progress(position, told.rows_rejected)

        records: Iterable[Record | Broken] = records_of(kind, source.open, source.plain)
        if before.lines:
            records = mended.in_place(_noting_cuts(records, intake), before.records())
        result = intake.run(records, tell)
        outcome.counts.add(result.counts)
        outcome.rejected += result.rejected
        outcome.removed = result.removed
        file.removed = result.removed
        outcome.report_file = file
        outcome.notes += [*result.notes, *_said_of(result.counts)]
        if intake.ended_behind is not None:
            outcome.looked_at = intake.ended_behind
            outcome.notes.append(_ended_early(source, intake.ended_behind, is_complete=options.complete))
        return
    if kind == Kind.SEATS:
        outcome.seat_list = read_seat_list(mended.in_place(scan(source.open), before.records()))
        taken = take_seat_list(file, options, outcome.seat_list)
    else:
        if activity_csv.how_written(source.open) == WINDOWS:
            outcome.notes.append(READ_AS_WINDOWS)
        lines = mended.in_place(activity_csv.read_lines(source.open), before.activity())
        taken = take_activity_report(file, options, lines, progress and (lambda done: progress(done, 0)))
    outcome.counts = taken.counts
    outcome.rejected = taken.rejected
    outcome.notes += [*taken.notes, *_at_odds(taken.counts)]
    outcome.ended = taken.ended
    outcome.report_file = file


def _noting_cuts(records: Iterable[Record | Broken], intake: Intake) -> Iterator[Record | Broken]:
    """A file that breaks off does so however its last line was mended."""
    for record in records:
        intake.is_cut = intake.is_cut or (isinstance(record, Broken) and record.is_cut)
        yield record


def _ended_early(source: Source, looked_at: int, *, is_complete: bool) -> str:
    told = f"Only the first {looked_at:,}{_of_lines(source)} were looked at, in the time that a preview has."
    if is_complete:
        told += " What a complete file does not name, and so would go, is known only at its end."
    return f"{told} All of it is taken in."


def _of_lines(source: Source) -> str:
    """How many lines there are; of a document, whose lines mean nothing, only what they are called."""
    if is_document(source.open, MAX_RECORD_BYTES, MAX_DEPTH):
        return " records"
    with source.open() as stream:
        return f" of {sum(block.count(10) for block in blocks(stream)):,} lines"


def _said_of(counts: Counts) -> Iterator[str]:
    """What people should know of counts that look as if nothing were wrong."""
    if not counts.rows_read:
        yield "There is no row in it: it says that nobody did anything, or was cut down to nothing."
    yield from _at_odds(counts)


def _at_odds(counts: Counts) -> Iterator[str]:
    if counts.conflicts == 1:
        yield "One line says otherwise than another of the same moment: one of the two stands."
    elif counts.conflicts:
        yield f"{counts.conflicts:,} lines say otherwise than others of the same moment: one of each stands."


def finish(file: ReportFile, outcome: FileOutcome, by: Any) -> None:
    """All that a file says is in: it counts from now on."""
    with transaction.atomic():
        file.state = ReportFile.State.DONE
        file.finished_at = datetime.now(UTC)
        file.save()
        mended.hand_on(file)
        AuditEntry.objects.record(
            "file taken in",
            subject=f"file:{file.pk}",
            actor=by,
            detail={"kind": file.kind, "sha256": file.sha256, **file.row_counts()},
        )
    outcome.report_file = file


def _counts_of(file: ReportFile) -> Counts:
    counted = {name: number for name, number in file.row_counts().items() if name != "rows_read"}
    return Counts(**counted, conflicts=file.conflicts)


def _still_stands(known: ReportFile) -> bool:
    """Whether all a file said is certainly still there: nothing was refused, nothing came after it."""
    if known.kind in (Kind.SEATS.value, Kind.ACTIVITY_REPORT.value) or not known.subject:
        return False
    if known.rows_rejected or known.rows_superseded or known.is_complete:
        return False
    # A later file of the account may have restated its rows.
    return not ReportFile.objects.filter(pk__gt=known.pk, subject=known.subject, rows_changed__gt=0).exists()


def _note_again(known: ReportFile, source: Source, origin: str, by: Any, outcome: FileOutcome) -> None:
    """The very same file again: its rows are there, only that it came again is written."""
    now = datetime.now(UTC)
    again = ReportFile(
        source=origin,
        kind=known.kind,
        subject=known.subject,
        name=shown(source.path.name)[-255:],
        sha256=known.sha256,
        size=known.size,
        observed_at=known.observed_at,
        first_day=known.first_day,
        last_day=known.last_day,
        options=known.options,
        state=ReportFile.State.DONE,
        records_done=known.records_done,
        rows_read=known.rows_read,
        rows_unchanged=known.rows_read,
        kept_path=known.kept_path,
        received_by=by,
        finished_at=now,
    )
    with transaction.atomic():
        again.save()
        mended.hand_on(again)
    outcome.report_file = again
    _say_again(known, outcome)


def _say_again(known: ReportFile, outcome: FileOutcome) -> None:
    outcome.counts = Counts(rows_unchanged=known.rows_read)
    outcome.notes.append(f"The same file was taken in on {known.received_at:%Y-%m-%d %H:%M} UTC already.")


def _start_over(file: ReportFile) -> None:
    RejectedLine.objects.filter(file=file).delete()
    for name in (*ReportFile.ROW_COUNTS, "records_done", "conflicts"):
        setattr(file, name, 0)
    file.save()


def _forget(file: ReportFile) -> None:
    """A refused file leaves nothing behind."""
    kept, others = file.kept_file, ReportFile.objects.filter(kept_path=file.kept_path).exclude(pk=file.pk)
    if kept is not None and not others.exists():
        kept.unlink(missing_ok=True)
    file.delete()
