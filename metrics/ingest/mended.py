"""A file that comes again is read as it was mended: no line that is in is rejected once more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db.models import Count, F

from metrics.formats.activity_report import ActivityReportRecord
from metrics.formats.records import Broken, Page, Record
from metrics.ingest import rejects
from portal.models import RejectedLine, ReportFile
from portal.models.report_file import ReportFileQuerySet


def same_as(file: ReportFile) -> ReportFileQuerySet:
    """The records of the very same file, of which the very same was said, without this one."""
    same = ReportFile.objects.filter(sha256=file.sha256, kind=file.kind, options=file.options)
    return same.exclude(pk=file.pk)


class Mended:
    """The lines of a file that were mended when it came before, in the place of those that it has."""

    def __init__(self, file: ReportFile) -> None:
        """`file`: its record, not yet read."""
        self._file = file
        self.lines = _lines(file)

    def records(self) -> dict[int, Record]:
        """By their numbers, for what is taken in record by record, and for seats."""
        return {record.number: record for record in self._rows()}

    def activity(self) -> dict[int, tuple[int, ActivityReportRecord] | Broken]:
        """The same, for lines of an activity report."""
        rows = self._rows()
        if not rows:
            return {}
        return {line[0]: line for line in rejects.activity_lines(self._like(), rows)}

    def _rows(self) -> list[Record]:
        return rejects.as_records(self._like(), self.lines) if self.lines else []

    def _like(self) -> ReportFile:
        """The record whose kept file tells what stands above all lines: a dry run keeps none of its own."""
        return self._file if self._file.kept_path else self.lines[-1].file


def _lines(file: ReportFile) -> list[RejectedLine]:
    """Of a line that was mended several times as it was the last time."""
    found = RejectedLine.objects.exclude(resolved_at=None).filter(file__in=same_as(file).accepted())
    by_number = {line.line_number: line for line in found.select_related("file").order_by("file")}
    return [by_number[number] for number in sorted(by_number)]


def in_place(items: Iterable[Any], mended: Mapping[int, Any]) -> Iterator[Any]:
    """The items of a file, each with its number first, and the mended ones where the broken ones stand.

    Their number stays the same: an import that was interrupted finds its place again.
    """
    for item in items:
        yield item if isinstance(item, Page) else mended.get(item[0], item)


def hand_on(file: ReportFile) -> None:
    """Let the lines of a file that has come again be listed once, under this, its newest record.

    Those that are rejected are no longer so under its older records, which then count them as superseded.
    Those that were mended stand as mended under this one, too.
    """
    older = same_as(file)
    waiting = RejectedLine.objects.open().filter(file__in=older)
    for pk, count in waiting.order_by().values_list("file").annotate(Count("pk")):
        ReportFile.objects.filter(pk=pk, rows_rejected__gte=count).update(
            rows_rejected=F("rows_rejected") - count, rows_superseded=F("rows_superseded") + count
        )
    waiting.delete()
    RejectedLine.objects.bulk_create(
        (
            RejectedLine(
                file=file,
                line_number=line.line_number,
                reason=line.reason,
                line=line.line,
                created_at=line.created_at,
                resolved_at=line.resolved_at,
            )
            for line in _lines(file)
        ),
        batch_size=200,
        # What could not be taken in this time is rejected anew.
        ignore_conflicts=True,
    )
