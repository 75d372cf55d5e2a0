"""Which other files speak of what a file says, and whether they can still be read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import chain

from django.db.models import Q, QuerySet

from metrics.formats.kinds import Kind
from metrics.formats.reading import records_of
from metrics.formats.records import Broken, Page, Record, scan
from metrics.ingest.mended import in_place
from metrics.ingest.options import Options
from metrics.ingest.pipelines import USAGE
from metrics.ingest.rejects import as_records, options_of
from metrics.ingest.usage import Days
from portal import kept_files
from portal.models import ReportFile
from seats.models import SeatRoster

SEAT_KINDS = (Kind.SEATS.value, Kind.ACTIVITY_REPORT.value)


class CannotUndo(Exception):
    """What must be read again is not there; the text says what, and what to do."""


def arrivals(file: ReportFile) -> list[ReportFile]:
    """Every record of the same content about the same account: it is undone as one."""
    if file.state == ReportFile.State.UNDONE:
        return [file]
    same = ReportFile.objects.filter(sha256=file.sha256, kind=file.kind, subject=file.subject)
    if not file.size:
        # Empty reports are all alike: each says something by what it was asked for.
        same = same.filter(options=file.options)
    return list(same.filter(state__in=STANDING).order_by("pk")) or [file]


STANDING = (ReportFile.State.DONE, ReportFile.State.UNDOING)


def is_readable(file: ReportFile) -> bool:
    """Whether what it said can be read again; an empty report says all by having come."""
    return not file.size or (file.kept_file is not None and file.kept_file.is_file())


def options_said(file: ReportFile) -> Options:
    """What was said of a file when it came, that it is complete included."""
    return replace(options_of(file), complete=file.is_complete)


def records_in(file: ReportFile) -> Iterator[Record | Broken]:
    """All records of a kept file, and behind them the lines of it that were mended by hand."""
    if not file.size:
        return iter(())
    return chain(records_of(Kind(file.kind), kept_files.opener(file.kept_path)), _mended(file))


def pages_in(file: ReportFile) -> Iterator[Record | Broken | Page]:
    """The same of a seat list, whose pages tell how many seats there are, be they empty."""
    if not file.size:
        return iter(())
    mended = file.rejected_lines.exclude(resolved_at=None)
    # It came as it was mended before; what was mended since stands behind it, and makes no list whole.
    before = as_records(file, mended.filter(resolved_at__lt=file.received_at))
    pages = in_place(scan(kept_files.opener(file.kept_path)), {one.number: one for one in before})
    return chain(pages, as_records(file, mended.filter(resolved_at__gte=file.received_at)))


def _mended(file: ReportFile) -> list[Record]:
    return as_records(file, file.rejected_lines.exclude(resolved_at=None))


def others_of_days(file: ReportFile, days: Days) -> list[ReportFile]:
    """The other files that speak of these days by the same report, in the order in which they came."""
    if not days:
        return []
    pipeline = USAGE[Kind(file.kind)]
    kinds = [kind.value for kind, other in USAGE.items() if other is pipeline]
    first, last = min(day for _, day in days), max(day for _, day in days)
    others = ReportFile.objects.filter(kind__in=kinds, first_day__lte=last, last_day__gte=first)
    return _others(file, others)


def others_of_seats(file: ReportFile, rosters: Iterable[SeatRoster]) -> list[ReportFile]:
    """The other seat lists that are these rosters, too."""
    tellings = SeatRoster.told_by.through.objects.filter(seatroster__in=list(rosters)).order_by()
    told = ReportFile.objects.filter(pk__in=tellings.values("reportfile_id"))
    return _others(file, told, of_any_account=True)


def others_of_activity(file: ReportFile, moments: Collection[datetime]) -> list[ReportFile]:
    """The other activity reports that may have lines of these moments."""
    if not moments:
        return []
    later = ReportFile.objects.filter(kind=file.kind, observed_at__gte=min(moments))
    return [other for other in _others(file, later) if _may_have(other, moments)]


def _may_have(file: ReportFile, moments: Collection[datetime]) -> bool:
    """Reports tell one moment, as a rule: one that is kept no longer is asked by that alone."""
    return is_readable(file) or file.observed_at in moments


def _others(
    file: ReportFile, some: QuerySet[ReportFile], *, of_any_account: bool = False
) -> list[ReportFile]:
    own = {one.pk for one in arrivals(file)}
    query = some.filter(state__in=(*STANDING, ReportFile.State.READING))
    if file.subject and not of_any_account:
        # A file about several accounts bears no subject.
        query = query.filter(Q(subject=file.subject) | Q(subject=""))
    met: set[tuple[str, str]] = set()
    others = []
    for other in query.order_by("pk"):
        if other.pk in own:
            continue
        if other.state == ReportFile.State.READING:
            raise CannotUndo(f"{other.name} (file {other.pk}) is being taken in: undo this one after that.")
        if other.state == ReportFile.State.UNDOING:
            raise CannotUndo(f"{other.name} (file {other.pk}) is being undone: finish that first.")
        # The same once more says nothing new.
        said = (other.sha256, repr((other.options, other.is_complete)))
        if said not in met:
            met.add(said)
            others.append(other)
    return others


def check_readable(file: ReportFile, others: Collection[ReportFile]) -> None:
    """Raises CannotUndo where something that is needed is no longer kept."""
    lost = [other for other in others if not is_readable(other)]
    if lost:
        names = ", ".join(f"{other.name} (file {other.pk})" for other in lost[:3])
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        raise CannotUndo(
            f"{names}{more} tell of the same days and are no longer kept: what they said where this file "
            "said otherwise cannot be brought back. Bring those files again, then undo this one."
        )
    if others and not is_readable(file):
        raise CannotUndo(
            "This file is no longer kept, and other files tell of the same days: which of its rows hide "
            "theirs cannot be told. Bring this very file again, then undo it."
        )
