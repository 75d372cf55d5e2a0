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
    history: Sequence[SeatObservation], row: SeatObservation, log: Sequence[datetime], *, wins: bool
) -> HistoryChange:
    """What must change for `history` (sorted, only moments of change) to also know `row`.

    `log` are the sorted moments of all rosters of the account: a state that held before and after `row`
    is said again at the first roster after it. `wins` decides between two rosters of the same moment.
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
    if before is not None and _same(before, row):
        return change
    change.new.append(row)
    next_moment = next(iter(log[bisect_right(log, row.observed_at) :]), None)
    resumes = before is not None and next_moment is not None
    if resumes and before and next_moment and (after is None or next_moment < after.observed_at):
        change.new.append(
            SeatObservation(
                seat=row.seat, observed_at=next_moment, is_present=before.is_present, state=before.state
            )
        )
    elif after is not None and _same(after, row) and after.pk:
        change.dropped.append(after.pk)
    return change


def _same(one: SeatObservation, other: SeatObservation) -> bool:
    return one.is_present == other.is_present and one.state == other.state
