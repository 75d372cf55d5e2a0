"""What a roster means for each seat's history and end, depending on whether it is the newest of all."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

from django.db.models import OuterRef, Subquery

from portal.bulk import insert_rows, update_rows
from portal.models import ReportFile
from seats.history import insert_observation, standing
from seats.models import Account, Seat, SeatObservation, SeatRoster
from seats.roster.reported import Roster
from seats.roster.seat_rows import SeatRow

State = Mapping[str, Any]


class Said(NamedTuple):
    """What a roster says of a seat: there, in this state, or not there."""

    row: SeatRow
    is_present: bool
    state: State


class Timeline(Protocol):
    def load(self, rows: Collection[SeatRow]) -> None:
        """Read what the history of these seats must tell for the questions below."""

    def wins(self, row: SeatRow, state: State) -> bool:
        """Whether this roster, which says `state` of it, decides what the seat's row says."""

    def current_state(self, row: SeatRow) -> State | None:
        """What the newest roster that showed the seat said of it; None if none ever did."""

    def ended_at(self, row: SeatRow) -> datetime | None:
        """The first roster after the last sighting of the seat whose silence ends it."""

    def write(self, said: Sequence[Said]) -> None:
        """Make the histories, which hold only the moments of change, know this roster."""


class Newest:
    """For a roster newer than all others of its accounts: each seat's last observation tells enough."""

    def __init__(self, roster: Roster) -> None:
        self._at = roster.observed_at
        self._ends = roster.is_whole
        self._last: dict[int, tuple[bool, State]] = {}
        self._present: dict[int, State] = {}

    def load(self, rows: Collection[SeatRow]) -> None:
        for pk, is_present, state in _last_observations({row.pk for row in rows}):
            self._last[pk] = is_present, state
        gone = {pk for pk, (is_present, _) in self._last.items() if not is_present}
        self._present = {pk: state for pk, _, state in _last_observations(gone, is_present=True)}

    def wins(self, row: SeatRow, state: State) -> bool:
        return True

    def current_state(self, row: SeatRow) -> State | None:
        is_present, state = self._last.get(row.pk, (False, None))
        return state if is_present else self._present.get(row.pk)

    def ended_at(self, row: SeatRow) -> datetime | None:
        if row.last_seen_at >= self._at:
            return None
        return row.ended_at or (self._at if self._ends else None)

    def write(self, said: Sequence[Said]) -> None:
        insert_rows(
            SeatObservation,
            ["seat_id", "observed_at", "is_present", "state"],
            [
                (row.pk, self._at, is_present, state)
                for row, is_present, state in said
                if self._is_new(row, is_present, state)
            ],
        )

    def _is_new(self, row: SeatRow, is_present: bool, state: State) -> bool:
        before = self._last.get(row.pk)
        if before is None:
            return is_present
        # A roster that tells of the seats it lists alone always stands.
        return not self._ends or before != (is_present, state)


def _last_observations(seat_ids: Collection[int], **only: bool) -> Iterable[tuple[int, bool, State]]:
    newest = SeatObservation.objects.filter(seat=OuterRef("pk"), **only).order_by("-observed_at")
    seats = Seat.objects.filter(pk__among=seat_ids).order_by()
    told = seats.annotate(
        was_present=Subquery(newest.values("is_present")[:1]), was_state=Subquery(newest.values("state")[:1])
    )
    rows = told.values_list("pk", "was_present", "was_state")
    return ((pk, is_present, state) for pk, is_present, state in rows if is_present is not None)


class AnyMoment:
    """For a roster with others after it, or of the same moment: whole histories are read and mended.

    It is made before the roster is logged; with `is_logged` for one that is there and becomes one that ends.
    """

    def __init__(self, roster: Roster, accounts: Iterable[Account], *, is_logged: bool = False) -> None:
        self._at = roster.observed_at
        self._file = roster.file
        self._endings = SeatRoster.objects.endings(accounts)
        # By account: whether others told of every seat at this very moment.
        self._is_told = {pk: self._at in moments and not is_logged for pk, moments in self._endings.items()}
        if roster.is_whole:
            for moments in self._endings.values():
                if self._at not in moments:
                    insort(moments, self._at)
        self._histories: dict[int, list[SeatObservation]] = defaultdict(list)
        self._hashes: dict[int | None, str] = {None: ""}
        self._says_more: set[int] = set()

    def load(self, rows: Collection[SeatRow]) -> None:
        observed = SeatObservation.objects.filter(seat_id__among={row.pk for row in rows})
        for known in observed.order_by("observed_at"):
            self._histories[known.seat_id].append(known)
        tied = {row.file_id for row in rows if row.observed_at == self._at and row.file_id}
        self._hashes.update(ReportFile.objects.filter(pk__in=tied).values_list("pk", "sha256"))

    def wins(self, row: SeatRow, state: State) -> bool:
        """The newer roster wins; of two of one moment what they say decides, else their files' sha256."""
        if row.observed_at is None or self._at > row.observed_at:
            return True
        if self._at < row.observed_at:
            return False
        known = self.current_state(row)
        own, its = self._file.sha256 if self._file else "", self._hashes.get(row.file_id, "")
        if known is None:
            return True
        if own and own == its and standing(state) != standing(known):
            # The same list again, of which a line was mended: a person's grants are all there only now.
            self._says_more.add(row.pk)
            return True
        return (standing(state), own) > (standing(known), its)

    def current_state(self, row: SeatRow) -> State | None:
        present = [known.state for known in self._histories[row.pk] if known.is_present]
        return present[-1] if present else None

    def ended_at(self, row: SeatRow) -> datetime | None:
        endings = self._endings[row.account_id]
        index = bisect_right(endings, row.last_seen_at)
        return endings[index] if index < len(endings) else None

    def write(self, said: Sequence[Said]) -> None:
        new: list[SeatObservation] = []
        replaced: list[SeatObservation] = []
        dropped: list[int] = []
        for row, is_present, state in said:
            change = insert_observation(
                self._histories[row.pk],
                SeatObservation(
                    seat_id=row.pk, observed_at=self._at, is_present=is_present, state=dict(state)
                ),
                self._endings[row.account_id],
                is_told=self._is_told[row.account_id],
                says_more=row.pk in self._says_more,
            )
            new += change.new
            replaced += change.replaced
            dropped += change.dropped
        SeatObservation.objects.filter(pk__among=dropped).delete()
        SeatObservation.objects.bulk_create(new, batch_size=500)
        update_rows(replaced, ["is_present", "state"])

    def forget_repeated(self, seat_ids: Iterable[int]) -> None:
        """Drop what these seats' histories say again at the roster's moment, now that it is one that ends."""
        doomed = []
        for seat_id in seat_ids:
            for before, here in pairwise(self._histories[seat_id]):
                is_same = (before.is_present, before.state) == (here.is_present, here.state)
                if here.observed_at == self._at and is_same and here.pk:
                    doomed.append(here.pk)
        SeatObservation.objects.filter(pk__among=doomed).delete()
