"""A seat's history: only the moments at which what rosters say of it changed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from seats.models import SeatObservation


@dataclass(slots=True)
class HistoryChange:
    new: list[SeatObservation] = field(default_factory=list)
    replaced: list[SeatObservation] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)


def insert_observation(
    history: Sequence[SeatObservation],
    row: SeatObservation,
    endings: Sequence[datetime],
    *,
    wins: bool,
) -> HistoryChange:
    """What must change for `history` (sorted, only moments of change) to also know `row`.

    `endings` are the sorted moments of the account's rosters whose silence ends a seat: each of them tells
    of every seat, so what held before `row` is said again at the first of them after it. Any other roster
    tells of the seats it lists alone: its rows always stand. A history begins with the first roster that
    shows the seat. `wins` decides between two rosters of the same moment.
    """
    change = HistoryChange()
    index = bisect_left([known.observed_at for known in history], row.observed_at)
    here = history[index] if index < len(history) and history[index].observed_at == row.observed_at else None
    if here is not None:
        if wins and not _same(here, row):
            here.is_present, here.state = row.is_present, row.state
            change.replaced.append(here)
        return change
    before = history[index - 1] if index else None
    after = history[index] if index < len(history) else None
    is_ending = row.observed_at in endings
    if not row.is_present and before is None:
        return change
    if is_ending and before is not None and _same(before, row):
        return change
    change.new.append(row)
    resumes_at = _first_after(endings, row.observed_at)
    was_same = before is not None and _same(before, row)
    if not was_same and resumes_at is not None and (after is None or resumes_at < after.observed_at):
        was_present = before is not None and before.is_present
        change.new.append(
            SeatObservation(
                seat=row.seat,
                observed_at=resumes_at,
                is_present=was_present,
                state=before.state if before is not None and was_present else {},
            )
        )
    elif after is not None and after.pk and _same(after, row) and after.observed_at in endings:
        change.dropped.append(after.pk)
    return change


def _first_after(moments: Sequence[datetime], at: datetime) -> datetime | None:
    index = bisect_right(moments, at)
    return moments[index] if index < len(moments) else None


def _same(one: SeatObservation, other: SeatObservation) -> bool:
    return one.is_present == other.is_present and one.state == other.state
