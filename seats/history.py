"""A seat's history: only the moments at which what rosters say of it changed."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

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
    is_told: bool = False,
    says_more: bool = False,
) -> HistoryChange:
    """What must change for `history` (sorted, only moments of change) to also know `row`.

    `endings` are the sorted moments of the account's rosters whose silence ends a seat: each of them tells
    of every seat, so what held before `row` is said again at the first of them after it. Any other roster
    tells of the seats it lists alone: its rows always stand. A history begins with the first roster that
    shows the seat. `is_told`: another such roster of this very moment is known, and where `history` holds no
    row of it, it said what was said before; of what both say see `standing`. `says_more`: the same roster
    once more, of which more can be read now.
    """
    index = bisect_left([known.observed_at for known in history], row.observed_at)
    if index < len(history) and history[index].observed_at == row.observed_at:
        return _settle_tie(history, index, row, endings, says_more=says_more)
    change = HistoryChange()
    before = history[index - 1] if index else None
    after = history[index] if index < len(history) else None
    is_ending = row.observed_at in endings
    if is_told and before is not None and before.is_present:
        if not row.is_present:
            return change
        row.state = _of_both(before.state, row.state, stands=row.state if says_more else None)
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
                seat_id=row.seat_id,
                observed_at=resumes_at,
                is_present=was_present,
                state=before.state if before is not None and was_present else {},
            )
        )
    elif after is not None and after.pk and _same(after, row) and after.observed_at in endings:
        change.dropped.append(after.pk)
    return change


def _settle_tie(
    history: Sequence[SeatObservation],
    index: int,
    row: SeatObservation,
    endings: Sequence[datetime],
    *,
    says_more: bool,
) -> HistoryChange:
    """Two rosters of one moment: one that shows the seat tells more than one that does not."""
    change = HistoryChange()
    here = history[index]
    before = history[index - 1] if index else None
    after = history[index + 1] if index + 1 < len(history) else None
    was = SeatObservation(
        seat_id=here.seat_id, observed_at=here.observed_at, is_present=here.is_present, state=here.state
    )
    if row.is_present:
        stands = row.state if says_more else None
        here.state = _of_both(here.state, row.state, stands=stands) if here.is_present else row.state
        here.is_present = True
    if row.observed_at in endings and before is not None and _same(before, here):
        change.dropped.append(here.pk)
    elif not _same(was, here):
        change.replaced.append(here)
    if _same(was, here):
        return change
    resumes_at = _first_after(endings, row.observed_at)
    if resumes_at is not None and (after is None or resumes_at < after.observed_at):
        was.observed_at = resumes_at
        change.new.append(was)
    elif after is not None and _same(after, here) and after.observed_at in endings:
        change.dropped.append(after.pk)
    return change


def standing(state: Mapping[str, Any]) -> tuple[str, str]:
    """Which of two states of one moment stands: the greater.

    That is the one that tells of later use, since neither may hide a sign of life; of two that tell of the
    same use it is the same one in whatever order they come. The later sign-in is kept whoever tells of it.
    """
    said = {name: value for name, value in state.items() if name != "last_authenticated_at"}
    return state.get("last_activity_at") or "", json.dumps(said, sort_keys=True)


def _of_both(
    one: Mapping[str, Any], other: Mapping[str, Any], *, stands: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    signed_in = [at for at in (one.get("last_authenticated_at"), other.get("last_authenticated_at")) if at]
    stands = stands or max((one, other), key=standing)
    return {**stands, "last_authenticated_at": max(signed_in, default=None)}


def _first_after(moments: Sequence[datetime], at: datetime) -> datetime | None:
    index = bisect_right(moments, at)
    return moments[index] if index < len(moments) else None


def _same(one: SeatObservation, other: SeatObservation) -> bool:
    return one.is_present == other.is_present and one.state == other.state
