"""Make the days of a file anew from all kept files that speak of them: after a mended parser."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from metrics.formats.kinds import Kind
from metrics.ingest.pipelines import USAGE
from metrics.ingest.rebuild import rebuild_dirty_days
from metrics.undo.days import days_of, write_anew
from metrics.undo.memory import recall
from metrics.undo.overlap import CannotUndo, is_readable, others_of_days
from portal.models import AuditEntry, ReportFile
from seats import verdicts


class CannotRebuild(Exception):
    """A file that these days need is no longer kept; the text names it."""


def rebuild(file: ReportFile, by: Any = None) -> int:
    """Make the days of a usage file anew from all kept files of them; returns how many days."""
    if Kind(file.kind) not in USAGE:
        raise CannotRebuild("Only days of usage are rebuilt; seats follow from the rosters taken in.")
    days = days_of(file, [file], recall(file))
    try:
        with transaction.atomic():
            files = sorted([file, *others_of_days(file, days)], key=lambda one: one.pk)
            for one in files:
                if not is_readable(one):
                    raise CannotRebuild(f"{one.name} (file {one.pk}) is no longer kept.")
            write_anew(USAGE[Kind(file.kind)], files, days)
            AuditEntry.objects.record(
                "days rebuilt", subject=f"file:{file.pk}", actor=by, detail={"days": len(days)}
            )
    except CannotUndo as error:
        raise CannotRebuild(str(error)) from error
    rebuild_dirty_days()
    verdicts.refresh()
    return len(days)
