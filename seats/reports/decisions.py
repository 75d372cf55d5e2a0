"""What was decided of inactive seats: the newest review of each, as it stood at the end of a day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from portal.reports.base import Column, Row, columns_named
from seats.models import Revocation, Seat, SeatReview
from seats.policy_sql import midnight, today

State = SeatReview.State


def columns() -> list[Column]:
    return [
        Column("review_state", "Review"),
        *columns_named("opened_on"),
        Column("notified_on", "Told on"),
        *columns_named("notice_ends_on", "answer", "kept_until", "decision", "batch", "decided_by"),
    ]


NONE: Row = (None,) * len(columns())


@dataclass(slots=True)
class _Batch:
    """The newest batch that has a review's seat."""

    number: int
    approved_at: datetime | None
    approved_by: str
    reason: str
    revoked_at: datetime | None


class Decisions:
    """What was known of decisions at the end of a day, asked for some seats at a time: two queries each."""

    def __init__(self, as_of: date) -> None:
        self.as_of = as_of
        self.end = midnight(as_of + timedelta(days=1))
        self.is_past = as_of < today()

    def of(self, seats: Iterable[Seat]) -> Mapping[int, Row]:
        """By the seat's key; NONE is for those that are not there."""
        reviews = SeatReview.objects.filter(
            opened_on__lte=self.as_of, seat__among={seat.pk for seat in seats}
        )
        # The newest of a seat comes last.
        newest = {review.seat_id: review for review in reviews.select_related("decided_by").order_by("pk")}
        batches = dict(self._batches({review.pk for review in newest.values()}))
        return {pk: self._row(review, batches.get(review.pk)) for pk, review in newest.items()}

    def _batches(self, reviews: Collection[int]) -> Iterator[tuple[int, _Batch]]:
        proposed = Revocation.objects.filter(batch__proposed_at__lt=self.end, review__among=reviews)
        proposed = proposed.exclude(state=Revocation.State.LEFT_OUT).order_by("pk")
        for review_id, number, approved_at, approved_by, reason, revoked_at in proposed.values_list(
            "review_id",
            "batch_id",
            "batch__approved_at",
            "batch__approved_by__username",
            "batch__approval_reason",
            "revoked_at",
        ).iterator():
            if review_id is not None:
                yield review_id, _Batch(number, approved_at, approved_by or "", reason, revoked_at)

    def _row(self, review: SeatReview, batch: _Batch | None) -> Row:
        is_closed = self._was(review.closed_at)
        by = review.decided_by.get_username() if review.decided_by and is_closed else ""
        decision = review.decision if is_closed else ""
        if batch is not None and self._was(batch.approved_at):
            by, decision = by or batch.approved_by, decision or batch.reason
        told = review.notified_at if self._was(review.notified_at) else None
        return (
            self._state(review, batch, is_closed=is_closed),
            review.opened_on,
            told.date() if told else None,
            review.notice_ends_on if told else None,
            review.answer if self._was(review.answered_at) else None,
            review.kept_until if is_closed else None,
            decision or None,
            batch.number if batch else None,
            by or None,
        )

    def _was(self, at: datetime | None) -> bool:
        """Whether it had happened by the end of the day."""
        return at is not None and at < self.end

    def _state(self, review: SeatReview, batch: _Batch | None, *, is_closed: bool) -> str:
        """On a past day an open review is as far as what had happened to it by then says."""
        if is_closed or not self.is_past:
            return review.state
        if batch and self._was(batch.revoked_at):
            return State.REVOKED
        if batch and self._was(batch.approved_at):
            return State.APPROVED
        return State.NOTIFIED if self._was(review.notified_at) else State.FLAGGED
