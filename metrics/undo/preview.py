"""What undoing a file would do, said before it is done: which rows go, which come back, which figures move.

A small file is undone for real in a transaction that is rolled back. Of a large one the rows are counted that
bear its name; what they become is told once it is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models, transaction

from metrics.formats.kinds import Kind
from metrics.ingest.pipelines import USAGE
from metrics.ingest.usage import Days
from metrics.models import LegacyDay, ReportDay, RepositoryDay, ScopeDay, TeamRoster, UserDay
from metrics.sync import restated
from metrics.undo import seat_lists, ties
from metrics.undo.days import days_of
from metrics.undo.memory import Memory, recall
from metrics.undo.overlap import (
    CannotUndo,
    arrivals,
    check_readable,
    others_of_activity,
    others_of_days,
    others_of_seats,
)
from metrics.undo.undoing import undo
from portal import kept_files
from portal.models import ReportFile
from seats.models import Account, ActivityLine, BillingLine, Revocation, Seat, SeatReview, SeatRoster
from seats.roster import taking_out

# What a page may take on.
ROWS_REHEARSED = 20_000
ROWS_READ_AGAIN = 200_000
# Days whose figures are compared.
DAYS_TOLD = 120
# From so many rows on somebody must write the file's number to undo it.
ROWS_TO_BE_SURE = 500

# Rows that bear a file's name, by what they are called.
ROWS: Mapping[str, type[models.Model]] = {
    "people's days": UserDay,
    "account totals": ScopeDay,
    "team rosters": TeamRoster,
    "repositories' days": RepositoryDay,
    "days of older systems": LegacyDay,
    "bill lines": BillingLine,
    "seats": Seat,
    "seat lists": SeatRoster,
    "activity lines": ActivityLine,
    "covered days": ReportDay,
}


OF_DAYS = (UserDay, ScopeDay, TeamRoster, RepositoryDay, LegacyDay, BillingLine)
OF_SEATS = (Seat, ActivityLine)


@dataclass(slots=True)
class Preview:
    file: ReportFile
    files: Sequence[ReportFile] = ()
    others: Sequence[ReportFile] = ()
    refused: str = ""
    # Rows that bear the file's name; and of a rehearsal all rows, now and then.
    rows: list[tuple[str, int]] = field(default_factory=list)
    totals: list[tuple[str, int, int]] = field(default_factory=list)
    # Files whose rows come back, and how many.
    restored: list[tuple[ReportFile, int]] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)
    is_rehearsed: bool = False
    decisions: int = 0
    days: int = 0
    # What stays though the file told it.
    stays: Sequence[str] = ()

    @property
    def must_be_sure(self) -> bool:
        """Whether it is so big that somebody must write the file's number to undo it."""
        return self.file.rows_read >= ROWS_TO_BE_SURE

    @property
    def word(self) -> str:
        """What must be written then."""
        return f"undo {self.file.pk}"


def preview(file: ReportFile) -> Preview:
    """What would become of it; writes nothing."""
    seen = Preview(file, files=arrivals(file))
    seen.stays = ties.joined_by(seen.files)
    seen.rows = [
        (name, number)
        for name, model in ROWS.items()
        if (number := model._default_manager.filter(file__in=seen.files).count())
    ]
    try:
        told = recall(file) if file.rows_read <= ROWS_REHEARSED or file.kind not in USAGE else Memory()
        days = _days(file, seen.files, told)
        seen.days = len(days)
        seen.others = _others(file, seen.files, days)
        check_readable(file, seen.others)
        if (
            file.rows_read <= ROWS_REHEARSED
            and sum(other.rows_read for other in seen.others) <= ROWS_READ_AGAIN
        ):
            _rehearse(seen, days)
    except (CannotUndo, kept_files.BeingTakenIn) as error:
        seen.refused = str(error)
    return seen


def _days(file: ReportFile, files: Collection[ReportFile], told: Memory) -> Days:
    return days_of(file, files, told) if file.kind in USAGE else set()


def _others(file: ReportFile, files: Collection[ReportFile], days: Days) -> list[ReportFile]:
    if file.kind in USAGE:
        return others_of_days(file, days)
    if file.kind == Kind.SEATS:
        seat_lists.check_seats(file, files)
        return others_of_seats(file, taking_out.rosters_of(files))
    seat_lists.check_activity(file, files)
    return others_of_activity(file, seat_lists.moments_of_activity(files))


class _RolledBack(Exception):
    """The end of a rehearsal."""


def _rehearse(seen: Preview, days: Days) -> None:
    """Undo it and look, in a transaction that is rolled back."""
    # An account may be called otherwise without the file.
    labels = {account.pk: account.label for account in Account.objects.all()}
    before, rows_before = _figures(seen.file, days, labels), _totals()
    by_file_before = _by_file(seen.file, days)
    decided = set(_decided())
    judged = dict(Seat.objects.order_by().values_list("pk", "verdict"))
    try:
        with transaction.atomic():
            undo(ReportFile.objects.get(pk=seen.file.pk))
            after, rows_after = _figures(seen.file, days, labels), _totals()
            by_file = _by_file(seen.file, days)
            now = dict(Seat.objects.order_by().values_list("pk", "verdict"))
            raise _RolledBack
    except _RolledBack:
        pass
    seen.is_rehearsed = True
    seen.totals = [
        (name, rows_before[name], rows_after[name])
        for name in rows_before
        if rows_before[name] != rows_after[name]
    ]
    own = {one.pk for one in seen.files}
    gained = {
        pk: by_file[pk] - by_file_before[pk]
        for pk in by_file
        if pk not in own and by_file[pk] > by_file_before[pk]
    }
    files = ReportFile.objects.in_bulk(gained)
    seen.restored = [(files[pk], number) for pk, number in sorted(gained.items())]
    seen.figures = [
        {
            "account": account,
            "report": report,
            "day": day,
            "field": name,
            "before": was.get(name),
            "after": then.get(name),
        }
        for (account, report, day), was in before.items()
        for then in (after[account, report, day],)
        for name in {**was, **then}
        if was.get(name) != then.get(name)
    ]
    seen.decisions = sum(1 for pk in decided if judged.get(pk) != now.get(pk))


def _figures(
    file: ReportFile, days: Days, labels: Mapping[int, str]
) -> dict[tuple[str, str, str], Mapping[str, Any]]:
    """The totals of each of these days, and of seats by account and verdict."""
    told: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    accounts = Account.objects.in_bulk({account_id for account_id, _ in days})
    report = USAGE[Kind(file.kind)].report if file.kind in USAGE else None
    for account_id, day in sorted(days, key=lambda one: (one[1], one[0]))[:DAYS_TOLD]:
        if report is not None and restated.knows(report):
            account = accounts[account_id]
            told[labels[account_id], ReportDay.Report(report).label, str(day)] = restated.figures(
                account, report, day
            )
    seats: Counter[tuple[str, str]] = Counter()
    held = Seat.objects.held().order_by().values_list("account_id", "verdict")
    for account_id, verdict in held.iterator():
        seats[labels[account_id], verdict] += 1
    for label in labels.values():
        told[label, "seats held", ""] = {
            verdict: number for (holder, verdict), number in seats.items() if holder == label
        }
    return told


def _totals() -> dict[str, int]:
    return {name: model._default_manager.count() for name, model in ROWS.items()}


def _by_file(file: ReportFile, days: Days) -> Counter[int]:
    """How many rows bear the name of each file: of these days, or of seats and activity."""
    counted: Counter[int] = Counter()
    some: Sequence[type[models.Model]] = OF_DAYS if days else OF_SEATS
    for model in some:
        rows = model._default_manager.exclude(file=None).order_by()
        if days:
            rows = rows.filter(day__in={day for _, day in days})
        for pk, number in rows.values_list("file").annotate(rows=models.Count("pk")):
            counted[pk] += number
    return counted


def _decided() -> list[int]:
    """The seats about which a decision is open."""
    reviews = SeatReview.objects.open().order_by().values_list("seat_id", flat=True)
    return [*reviews, *Revocation.objects.exclude(live_key=None).values_list("seat_id", flat=True)]
