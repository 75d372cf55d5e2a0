"""Undo a file in steps that may each be stopped after: what was done stays done, and going on finishes it.

First its days, some at a time, then what is remembered of its people, then all that is reckoned from both.
A step that finds nothing left does nothing, so that it may run twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Max

from metrics.formats.kinds import Kind
from metrics.ingest.pipelines import USAGE
from metrics.ingest.rebuild import rebuild_dirty_days
from metrics.models import UserDay
from metrics.undo import seat_lists
from metrics.undo.days import days_of, make_anew, portions
from metrics.undo.memory import Memory, recall
from metrics.undo.overlap import CannotUndo, arrivals, check_readable, others_of_days
from metrics.undo.people import forget_strangers, settle_credits, settle_people
from portal import kept_files
from portal.models import AuditEntry, RejectedLine, ReportFile
from seats import verdicts
from seats.models import BillingLine, Evidence, GitHubUser, Revocation, Seat, SeatReview

# How many steps of how many are done, and what it is at.
OnStep = Callable[[int, int, str], None]
STEPS = 4

SAYS = "A file that told of the person's use was undone: what it alone had told counts no longer."

# By our key of a person: what each source tells.
Signs = Mapping[int, set[tuple[str, date]]]


@dataclass(slots=True)
class Undone:
    """What became of it."""

    days: int = 0
    seats: int = 0
    files: int = 1
    # The people whose memory it touched, by our keys.
    people: set[int] = field(default_factory=set)


def undo(file: ReportFile, by: Any = None, on_step: OnStep | None = None) -> Undone:
    """Take this content back out, however often it came; raises CannotUndo where that cannot be exact."""
    if file.state == ReportFile.State.UNDONE:
        return Undone(files=0)
    if file.state == ReportFile.State.READING:
        raise CannotUndo("It is not wholly taken in: take it in to its end first, then undo it.")
    with kept_files.sole_reader(file.sha256):
        return _Undoing(file, by, on_step or _silently).run()


def _silently(done: int, total: int, note: str) -> None:
    """Nobody looks."""


class _Undoing:
    def __init__(self, file: ReportFile, by: Any, on_step: OnStep) -> None:
        self.file = file
        self.by = by
        self.on_step = on_step
        self.files = arrivals(file)
        self.undone = Undone(files=len(self.files))

    def run(self) -> Undone:
        self.on_step(0, STEPS, "reading the file")
        told = recall(self.file)
        before = _signs(_keys_of(told))
        self._take_out(told)
        self.on_step(2, STEPS, "what is remembered of people")
        self.undone.people |= settle_people(told, self.files, self._on_other)
        self.on_step(3, STEPS, "adding up")
        rebuild_dirty_days()
        forget_strangers(told)
        verdicts.refresh()
        self._conclude(before)
        return self.undone

    def _on_other(self, number: int) -> None:
        self.on_step(2, STEPS, f"reading other files again: {number + 1}")

    def _take_out(self, told: Memory) -> None:
        if self.file.kind in USAGE:
            self._take_out_days(told)
        elif self.file.kind == Kind.SEATS:
            seat_lists.check_seats(self.file, self.files)
            self._begin()
            taken = seat_lists.take_out_list(self.file, self.files)
            self.undone.seats = len(taken.seats)
            self.undone.people |= taken.people
        else:
            seat_lists.check_activity(self.file, self.files)
            self._begin()
            seat_lists.take_out_activity(self.file, self.files)

    def _take_out_days(self, told: Memory) -> None:
        days = days_of(self.file, self.files, told)
        check_readable(self.file, others_of_days(self.file, days))
        self._begin()
        self.undone.days = len(days)
        billed = BillingLine.objects.filter(file__in=self.files, user__isnull=False).order_by()
        spent = set(billed.values_list("user_id", flat=True).distinct())
        done = 0
        for portion in portions(self.file, days):
            self.on_step(1, STEPS, f"{done:,} of {len(days):,} days made anew")
            make_anew(self.file, portion)
            done += len(portion)
        settle_credits(_credits_of_days(spent))

    def _begin(self) -> None:
        """From here on it counts for nothing: what is left of it goes, if need be in another run."""
        pks = [one.pk for one in self.files]
        ReportFile.objects.filter(pk__in=pks).update(state=ReportFile.State.UNDOING)
        for one in (self.file, *self.files):
            one.state = ReportFile.State.UNDOING

    @transaction.atomic
    def _conclude(self, before: Signs) -> None:
        pks = [one.pk for one in self.files]
        ReportFile.objects.filter(pk__in=pks).update(state=ReportFile.State.UNDONE)
        self.file.state = ReportFile.State.UNDONE
        RejectedLine.objects.open().filter(file__in=pks).delete()
        said = {"sha256": self.file.sha256, "kind": self.file.kind, "files": pks}
        AuditEntry.objects.record(
            "file undone",
            subject=f"file:{self.file.pk}",
            actor=self.by,
            detail={**said, "days": self.undone.days, "seats": self.undone.seats},
        )
        self._tell_decisions(before)

    def _tell_decisions(self, before: Signs) -> None:
        """Say on the timeline of each seat with an open decision that its grounds have changed."""
        after = _signs(self.undone.people)
        moved = {pk for pk in self.undone.people if before.get(pk, set()) != after.get(pk, set())}
        seats = Seat.objects.filter(user_id__among=moved).order_by().values("pk")
        reviews = SeatReview.objects.open().filter(seat__in=seats).order_by()
        proposed = Revocation.objects.exclude(live_key=None).filter(seat__in=seats).order_by()
        for pk in sorted(
            {*reviews.values_list("seat_id", flat=True), *proposed.values_list("seat_id", flat=True)}
        ):
            AuditEntry.objects.record(
                "evidence undone",
                subject=f"seat:{pk}",
                actor=self.by,
                detail={"says": SAYS, "file": self.file.pk},
            )


def _keys_of(told: Memory) -> set[int]:
    people = GitHubUser.objects.filter(github_id__among={github_id for github_id, _ in told.logins})
    return set(people.order_by().values_list("pk", flat=True))


def _signs(user_ids: Collection[int]) -> Signs:
    """What is known of these people being alive."""
    signs: dict[int, set[tuple[str, date]]] = {}
    rows = Evidence.objects.filter(user_id__among=set(user_ids)).order_by()
    for user_id, source, last_on in rows.values_list("user_id", "source", "last_on"):
        signs.setdefault(user_id, set()).add((source, last_on))
    return signs


def _credits_of_days(user_ids: Collection[int]) -> dict[int, date | None]:
    """What people's days tell of the credits of these people."""
    rows = UserDay.objects.filter(user_id__among=set(user_ids), ai_credits_used__gt=0).order_by()
    newest: dict[int, date | None] = dict.fromkeys(user_ids)
    newest.update(rows.values("user_id").annotate(last=Max("day")).values_list("user_id", "last"))
    return newest
