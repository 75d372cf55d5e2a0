"""Seats as rosters write them: rows without an object of the model for each."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter

from django.db.models import QuerySet

from portal.bulk import insert_rows, update_values
from seats.models import Seat
from seats.models.seat import Verdict
from seats.roster.holding import Holding

# (our key of the account, our key of the person)
Key = tuple[int, int]


@dataclass(slots=True)
class SeatRow:
    """A seat's row without what verdicts keep on it; `pk` is 0 until it has one."""

    pk: int
    account_id: int
    user_id: int
    first_seen_at: datetime
    last_seen_at: datetime
    observed_at: datetime | None = None
    file_id: int | None = None
    ended_at: datetime | None = None
    plan_type: str = ""
    created_at: datetime | None = None
    last_activity_at: datetime | None = None
    last_activity_editor: str = ""
    last_authenticated_at: datetime | None = None
    pending_cancellation_date: date | None = None
    granted_by: str = ""
    assigning_team_id: int | None = None

    @property
    def key(self) -> Key:
        return self.account_id, self.user_id

    def take(self, holding: Holding, observed_at: datetime, file_id: int | None) -> None:
        """Say what this roster says, which is the newest that shows the seat."""
        self.plan_type = holding.plan_type
        self.created_at = holding.created_at
        self.last_activity_editor = holding.last_activity_editor
        self.pending_cancellation_date = holding.pending_cancellation_date
        self.granted_by = holding.granted_by
        self.assigning_team_id = holding.assigning_team_pk
        self.observed_at = observed_at
        self.file_id = file_id

    def remember(self, holding: Holding, at: datetime) -> None:
        """Memory only moves forward: GitHub's null erases no time we saw."""
        self.first_seen_at = min(self.first_seen_at, at)
        self.last_seen_at = max(self.last_seen_at, at)
        self.last_activity_at = _later(self.last_activity_at, holding.last_activity_at)
        self.last_authenticated_at = _later(self.last_authenticated_at, holding.last_authenticated_at)


COLUMNS = tuple(SeatRow.__dataclass_fields__)
WRITTEN = COLUMNS[3:]
# What the same seat in a newer list moves; few indexes know of these.
SEEN = COLUMNS[3:7]
# Where a row has no verdict yet.
UNJUDGED = {"verdict": Verdict.UNKNOWN.value, "last_used_source": ""}


_values = attrgetter(*COLUMNS)
_key = attrgetter("account_id", "user_id")


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return max(one, other)


def rows_of(seats: QuerySet[Seat]) -> dict[Key, SeatRow]:
    rows = (SeatRow(*values) for values in seats.order_by().values_list(*COLUMNS))
    return {row.key: row for row in rows}


def rows_of_people(account_ids: Collection[int], user_ids: Collection[int]) -> dict[Key, SeatRow]:
    """The seats of these people in these accounts."""
    return rows_of(Seat.objects.filter(account_id__in=account_ids, user_id__among=set(user_ids)))


def insert(rows: Collection[SeatRow]) -> None:
    """Write new rows, and give each its key."""
    if not rows:
        return
    unjudged = tuple(UNJUDGED.values())
    in_order = sorted(rows, key=_key)
    insert_rows(Seat, (*COLUMNS[1:], *UNJUDGED), [(*_values(row)[1:], *unjudged) for row in in_order])
    known = Seat.objects.filter(
        account_id__in={row.account_id for row in rows}, user_id__among={row.user_id for row in rows}
    )
    told = known.order_by().values_list("account_id", "user_id", "pk")
    pks = {(account_id, user_id): pk for account_id, user_id, pk in told}
    for row in rows:
        row.pk = pks[_key(row)]


class Changes:
    """Which of these rows changed since they were read: only those are written."""

    def __init__(self, rows: Iterable[SeatRow]) -> None:
        self._rows = list(rows)
        self._before = [_values(row) for row in self._rows]

    def write(self) -> None:
        seen_again, changed = [], []
        for row, before in zip(self._rows, self._before, strict=True):
            after = _values(row)
            if after == before:
                continue
            if after[7:] == before[7:]:
                seen_again.append((*after[3:7], row.pk))
            else:
                changed.append((*after[3:], row.pk))
        update_values(Seat, SEEN, seen_again)
        update_values(Seat, WRITTEN, changed)
