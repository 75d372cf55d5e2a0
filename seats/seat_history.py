"""Two seats that prove to be one: what was decided and done about one of them goes on with the other."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet
from django.utils import timezone

from seats.models import RemovalTask, Revocation, RevocationBatch, Seat, SeatReview
from seats.reclaim.frozen import kept_frozen

JOINED = "The seat proved to be the same as another one, under whose number it goes on."

State = Revocation.State
# How far a review has come; of two open ones the farther goes on.
COURSE = (
    SeatReview.State.FLAGGED,
    SeatReview.State.NOTIFIED,
    SeatReview.State.FAILED,
    SeatReview.State.APPROVED,
    SeatReview.State.REVOKED,
)


def known_of(seats: Iterable[Seat]) -> set[int]:
    """The keys of those that were ever reviewed, proposed to be taken back, or asked of a team's owner."""
    keys = {seat.pk for seat in seats}
    found: set[int] = proposed(seats)
    for model in (SeatReview, RemovalTask):
        rows = model._default_manager.filter(seat_id__among=keys).order_by()
        found |= set(rows.values_list("seat_id", flat=True))
    return found


def proposed(seats: Iterable[Seat]) -> set[int]:
    """The keys of those that somebody has proposed to take back: their rows stay, whatever comes."""
    rows = Revocation.objects.filter(seat_id__among={seat.pk for seat in seats}).order_by()
    return set(rows.values_list("seat_id", flat=True))


def follow(gone: Seat, stays: Seat) -> None:
    """Move reviews, revocations and tasks of the seat that goes. Within the caller's transaction."""
    batches = RevocationBatch.objects.filter(revocations__seat=gone).distinct()
    with kept_frozen(list(batches), JOINED):
        _reviews(gone, stays)
        _revocations(gone, stays)
    tasks(RemovalTask.objects.filter(seat=gone), seat=stays)


def tasks(moving: QuerySet[RemovalTask], **to: object) -> None:
    """Let these tasks be of another seat or team; one that is open there already is enough."""
    for task in moving.order_by("pk"):
        for name, value in to.items():
            setattr(task, name, value)
        if task.state == RemovalTask.State.OPEN:
            task.open_key = f"{task.seat_id}:{task.team_id}"
            if RemovalTask.objects.filter(open_key=task.open_key).exclude(pk=task.pk).exists():
                task.state, task.open_key = RemovalTask.State.WITHDRAWN, None
                task.closed_at = timezone.now()
        task.save()


def _reviews(gone: Seat, stays: Seat) -> None:
    """One open review per seat: the one that has come farther."""
    both = SeatReview.objects.open().filter(seat__in=[gone, stays])
    # The seat that stays first, where they are as far.
    ordered = sorted(both, key=lambda one: (-_course(one), one.seat_id != stays.pk))
    for closed in ordered[1:]:
        SeatReview.objects.filter(pk=closed.pk).update(
            state=SeatReview.State.ENDED, open_key=None, closed_at=timezone.now(), decision=JOINED
        )
    SeatReview.objects.open().filter(seat=gone).update(open_key=stays.pk)
    SeatReview.objects.filter(seat=gone).update(seat=stays)


def _course(review: SeatReview) -> int:
    return COURSE.index(SeatReview.State(review.state))


def _revocations(gone: Seat, stays: Seat) -> None:
    _let_go_in_the_same_batch(gone, stays)
    live = {one.seat_id: one for one in Revocation.objects.filter(live_key__in=[gone.pk, stays.pk])}
    if len(live) > 1:
        # One of them was never asked of GitHub: an account without a login, a person without an id.
        less = live[gone.pk] if live[gone.pk].state == State.PROPOSED else live[stays.pk]
        dropped = Revocation.objects.filter(pk=less.pk, state=State.PROPOSED)
        dropped.update(state=State.DROPPED, live_key=None, says=JOINED)
    Revocation.objects.filter(seat=gone, live_key=gone.pk).update(live_key=stays.pk)
    Revocation.objects.filter(seat=gone).update(seat=stays)


def _let_go_in_the_same_batch(gone: Seat, stays: Seat) -> None:
    """A batch has each seat once: the row that was left out did nothing, and the other tells of it."""
    theirs = {one.batch_id: one for one in Revocation.objects.filter(seat=gone)}
    for own in Revocation.objects.filter(seat=stays, batch_id__in=list(theirs)):
        other = theirs[own.batch_id]
        (own if own.state == State.LEFT_OUT and other.state != State.LEFT_OUT else other).delete()
