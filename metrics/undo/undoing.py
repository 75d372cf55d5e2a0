"""Undo a file in steps that may each be stopped after: what was done stays done, and going on finishes it.

First its days, some at a time, then what is remembered of its people, then all that is reckoned from both.
A step that finds nothing left does nothing, so that it may run twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Max

from metrics.formats.kinds import Kind
from metrics.ingest.pipelines import USAGE
from metrics.ingest.rebuild import rebuild_dirty_days
from metrics.ingest.usage import Days
from metrics.models import UserDay
from metrics.undo import decisions, seat_lists, ties
from metrics.undo.days import days_of, in_order, make_anew, portions
from metrics.undo.memory import Memory, recall
from metrics.undo.overlap import CannotUndo, arrivals, check_readable, others_of_days
from metrics.undo.people import forget_strangers, settle_credits, settle_people
from portal import kept_files
from portal.models import AuditEntry, RejectedLine, ReportFile
from seats import verdicts
from seats.models import BillingLine

# (account, day)
DayKey = tuple[int, date]
OnKept = Callable[[DayKey | None], None]
# How many steps of how many are done, and what it is at.
OnStep = Callable[[int, int, str], None]
STEPS = 4


@dataclass(slots=True)
class Undone:
    """What became of it."""

    days: int = 0
    seats: int = 0
    files: int = 1


def undo(
    file: ReportFile,
    by: Any = None,
    on_step: OnStep | None = None,
    within: OnStep | None = None,
    on_kept: OnKept | None = None,
    behind: DayKey | None = None,
) -> Undone:
    """Take this content back out, however often it came; raises CannotUndo where that cannot be exact.

    `on_step` is told how far it is and may raise what ends it; `within` the same, inside a transaction;
    `on_kept` after each part that need not be done again, with the last of the days made anew so far: given
    as `behind`, another run goes on there.
    """
    if file.state == ReportFile.State.UNDONE:
        return Undone(files=0)
    if file.state == ReportFile.State.READING:
        raise CannotUndo("It is not wholly taken in: take it in to its end first, then undo it.")
    with kept_files.sole_reader(file.sha256):
        undoing = _Undoing(file, by, on_step or _silently, within or _silently, on_kept or _idly)
        return undoing.run(behind)


def _silently(done: int, total: int, note: str) -> None:
    """Nobody looks."""


def _idly(behind: DayKey | None) -> None:
    """Nobody waits."""


class _Undoing:
    def __init__(self, file: ReportFile, by: Any, on_step: OnStep, within: OnStep, on_kept: OnKept) -> None:
        self.file = file
        self.by = by
        self.on_step = on_step
        self.within = within
        self.on_kept = on_kept
        self.files = arrivals(file)
        self.undone = Undone(files=len(self.files))
        self.telling = partial(decisions.telling, file, by)

    def run(self, behind: DayKey | None) -> Undone:
        self.on_step(0, STEPS, "reading the file")
        told = recall(self.file, self._on_lines)
        self._take_out(told, behind)
        self.on_step(2, STEPS, "what is remembered of people")
        doubt = settle_people(told, self.files, self._on_other, self.telling)
        self.on_step(3, STEPS, "adding up")
        rebuild_dirty_days(self._on_day)
        forget_strangers(told, doubt)
        verdicts.refresh()
        self._conclude()
        return self.undone

    def _on_lines(self, lines: int) -> None:
        self.on_step(0, STEPS, f"reading the file: {lines:,} lines")

    def _on_batch(self, note: str, records: int) -> None:
        self.within(1, STEPS, note)

    def _on_day(self, done: int, days: int) -> None:
        self.on_step(3, STEPS, f"adding up: {done:,} of {days:,} days")
        self.on_kept(None)

    def _on_other(self, number: int, lines: int) -> None:
        self.on_step(2, STEPS, f"reading other files again: {number + 1}, {lines:,} lines")

    def _take_out(self, told: Memory, behind: DayKey | None) -> None:
        if self.file.kind in USAGE:
            self._take_out_days(told, behind)
        elif self.file.kind == Kind.SEATS:
            seat_lists.check_seats(self.file, self.files)
            self._begin()
            with self.telling():
                self.undone.seats = len(seat_lists.take_out_list(self.file, self.files).seats)
        else:
            seat_lists.check_activity(self.file, self.files)
            self._begin()
            with self.telling():
                seat_lists.take_out_activity(self.file, self.files)

    def _take_out_days(self, told: Memory, behind: DayKey | None) -> None:
        days = days_of(self.file, self.files, told)
        check_readable(self.file, others_of_days(self.file, days))
        self._begin()
        self.undone.days = len(days)
        left = {key for key in days if behind is None or in_order(key) > in_order(behind)}
        done = len(days) - len(left)
        for portion in portions(self.file, left):
            note = f"days made anew: {done:,} of {len(days):,}"
            self.on_step(1, STEPS, note)
            with self.telling():
                spent = self._billed(portion)
                make_anew(self.file, portion, partial(self._on_batch, note))
                settle_credits(_credits_of_days(spent))
            self.on_kept(max(portion, key=in_order))
            done += len(portion)

    def _billed(self, days: Days) -> set[int]:
        """The people of whom the files' bills tell on these days, by our keys."""
        lines = BillingLine.objects.filter(
            file__in=self.files, user__isnull=False, day__in={day for _, day in days}
        )
        return set(lines.order_by().values_list("user_id", flat=True).distinct())

    def _begin(self) -> None:
        """From here on it counts for nothing: what is left of it goes, if need be in another run."""
        pks = [one.pk for one in self.files]
        ReportFile.objects.filter(pk__in=pks).update(state=ReportFile.State.UNDOING)
        for one in (self.file, *self.files):
            one.state = ReportFile.State.UNDOING

    @transaction.atomic
    def _conclude(self) -> None:
        pks = [one.pk for one in self.files]
        ReportFile.objects.filter(pk__in=pks).update(state=ReportFile.State.UNDONE)
        self.file.state = ReportFile.State.UNDONE
        RejectedLine.objects.open().filter(file__in=pks).delete()
        ties.take_back(self.files)
        said = {"sha256": self.file.sha256, "kind": self.file.kind, "files": pks}
        AuditEntry.objects.record(
            "file undone",
            subject=f"file:{self.file.pk}",
            actor=self.by,
            detail={**said, "days": self.undone.days, "seats": self.undone.seats},
        )


def _credits_of_days(user_ids: Collection[int]) -> dict[int, date | None]:
    """What people's days tell of the credits of these people."""
    rows = UserDay.objects.filter(user_id__among=set(user_ids), ai_credits_used__gt=0).order_by()
    newest: dict[int, date | None] = dict.fromkeys(user_ids)
    newest.update(rows.values("user_id").annotate(last=Max("day")).values_list("user_id", "last"))
    return newest
