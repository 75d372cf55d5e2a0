"""What becomes of a seat in a batch, and of its review: each step a change of what is still as expected."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any

from django.db import transaction
from django.utils import timezone

from portal.models import AuditEntry
from seats.models import Revocation, RevocationBatch, SeatCall, SeatReview
from seats.reclaim import flag
from seats.reclaim.refusals import Brake, Refusal
from seats.reclaim.shown import Shown

State = Revocation.State
ReviewState = SeatReview.State

# A review that is closed so keeps its seat, and why.
_CLOSED = {
    ReviewState.KEPT: Brake.KEPT,
    ReviewState.REACTIVATED: Brake.ACTIVE_AGAIN,
    ReviewState.ENDED: Brake.SEAT_ENDED,
    ReviewState.VERIFIED: Brake.PENDING_ALREADY,
    ReviewState.REVOKED: Brake.PENDING_ALREADY,
}


class Lost(Exception):
    """Seats were decided otherwise while they were being checked: nothing was written."""


# --- Before the call --------------------------------------------------------------------------


def refusal_of(review: SeatReview | None) -> Refusal | None:
    """Whether somebody has decided the review otherwise since the batch was approved."""
    if review is None:
        return None
    if review.answer == SeatReview.Answer.NEEDED:
        return Refusal.of(Brake.ANSWERED_NEEDED)
    brake = _CLOSED.get(ReviewState(review.state))
    return Refusal.of(brake) if brake else None


def bind(call: SeatCall, revocations: Collection[Revocation]) -> dict[str, Any]:
    """Make this call the one that asks for these seats; raises Lost where any is not to be asked any more.

    Within the transaction that commits the intent.
    """
    keys = {one.pk for one in revocations}
    batch = RevocationBatch.objects.select_for_update().get(pk=min(one.batch_id for one in revocations))
    proposed = Revocation.objects.filter(pk__in=keys, batch=batch, state=State.PROPOSED)
    rows = list(proposed.select_for_update().order_by("pk"))
    reviews = (
        SeatReview.objects.select_for_update()
        .order_by("pk")
        .in_bulk([one.review_id for one in rows if one.review_id])
    )
    asked = [one for one in rows if refusal_of(reviews.get(one.review_id or 0)) is None]
    if batch.state != RevocationBatch.State.EXECUTING or len(asked) < len(keys):
        raise Lost
    Revocation.objects.filter(pk__in=keys, state=State.PROPOSED).update(state=State.INTENDED, call=call)
    return {"batch": batch.pk, "revocations": sorted(keys)}


# --- What came of it --------------------------------------------------------------------------


def asked_by(call: SeatCall) -> list[Revocation]:
    """The seats of which nobody knows yet what this call did."""
    rows = Revocation.objects.filter(call=call, state=State.INTENDED)
    return list(rows.select_related("seat__user", "seat__account", "review", "batch").order_by("pk"))


def took_back(call: SeatCall, ends_on: date | None) -> dict[str, Any]:
    """GitHub says that it cancelled every seat of the call."""
    return write(call, {one.seat_id: Shown("ends", ends_on) for one in asked_by(call)}, ends_on)


def write(call: SeatCall, shown: Mapping[int, Shown], cycle_ends_on: date | None) -> dict[str, Any]:
    """What GitHub shows of the call's seats; returns which are `revoked` and which are `active` still.

    `cycle_ends_on`: when a seat that is gone ceases to cost.
    """
    rows = [one for one in asked_by(call) if one.seat_id in shown]
    by_end: dict[date | None, list[int]] = defaultdict(list)
    for one in rows:
        if shown[one.seat_id].is_cancelled:
            by_end[shown[one.seat_id].ends_on or cycle_ends_on].append(one.pk)
    now = timezone.now()
    for ends_on, keys in by_end.items():
        intended(call, keys).update(state=State.REVOKED, revoked_at=now, pending_cancellation_date=ends_on)
    revoked = {key for keys in by_end.values() for key in keys}
    _move_reviews((one for one in rows if one.pk in revoked), ReviewState.REVOKED)
    active = [one for one in rows if one.pk not in revoked]
    _ask_again(call, active)
    outcome = {"revoked": sorted(revoked), "active": sorted(one.pk for one in active)}
    return {
        "revocations": {name: keys for name, keys in outcome.items() if keys},
        "ends_on": {day.isoformat() if day else "": keys for day, keys in by_end.items()},
    }


def learn_end(rows: Collection[Revocation], ends_on: date) -> None:
    """GitHub has told on which day these seats of one call end."""
    taken = Revocation.objects.filter(pk__in=[one.pk for one in rows], state=State.REVOKED)
    with transaction.atomic():
        otherwise = taken.exclude(pending_cancellation_date=ends_on).select_for_update()
        keys = sorted(otherwise.values_list("pk", flat=True))
        if keys:
            Revocation.objects.filter(pk__in=keys).update(pending_cancellation_date=ends_on)
            detail = {"ends_on": {ends_on.isoformat(): keys}}
            subject = f"call:{next(iter(rows)).call_id}"
            AuditEntry.objects.record("end of seats told", subject=subject, detail=detail)


def intended(call: SeatCall, keys: Iterable[int]) -> Any:
    return Revocation.objects.filter(pk__in=list(keys), call=call, state=State.INTENDED)


def _ask_again(call: SeatCall, rows: Iterable[Revocation]) -> None:
    """Seats that go on are to do again; not so in a batch that nobody wants any more."""
    over = (
        RevocationBatch.State.WITHDRAWN,
        RevocationBatch.State.EXPIRED,
        RevocationBatch.State.DONE,
    )
    rows = list(rows)
    wanted = [one.pk for one in rows if one.batch.state not in over]
    dropped = [one.pk for one in rows if one.batch.state in over]
    intended(call, wanted).update(state=State.PROPOSED)
    intended(call, dropped).update(state=State.DROPPED, live_key=None)


# --- Not to be asked --------------------------------------------------------------------------


def refuse(revocation: Revocation, refusal: Refusal) -> None:
    """A brake keeps this seat; its review is where it was before it was approved."""
    with transaction.atomic():
        kept = Revocation.objects.filter(pk=revocation.pk, state=State.PROPOSED).update(
            state=State.REFUSED, live_key=None, brake=refusal.brake, says=f"{refusal.says}"
        )
        if not kept:
            return
        if refusal.brake == Brake.ACTIVE_AGAIN:
            _close(revocation, ReviewState.REACTIVATED)
        else:
            put_back_on_desk([revocation])
        if refusal.brake == Brake.ANSWERED_NEEDED and revocation.review is not None:
            # They answered while GitHub was being asked, when nobody knew whether it could be kept.
            flag.keep([revocation.review], None, "The person answered that they still need it.")


def fail(revocation: Revocation, says: str) -> None:
    """GitHub refuses to take this very seat back."""
    with transaction.atomic():
        failed = Revocation.objects.filter(pk=revocation.pk, state=State.PROPOSED).update(
            state=State.FAILED, live_key=None, brake=Brake.GITHUB_REFUSES, says=says
        )
        if failed:
            _move_reviews([revocation], ReviewState.FAILED)


# --- Reviews ----------------------------------------------------------------------------------


def put_back_on_desk(rows: Iterable[Revocation]) -> None:
    """Reviews that were approved are as they were before: told or flagged."""
    keys = {one.review_id for one in rows if one.review_id}
    approved = SeatReview.objects.filter(pk__among=keys, state=ReviewState.APPROVED)
    approved.exclude(notified_at=None).update(state=ReviewState.NOTIFIED)
    approved.filter(notified_at=None).update(state=ReviewState.FLAGGED)


def _move_reviews(rows: Iterable[Revocation], state: SeatReview.State) -> None:
    keys = {one.review_id for one in rows if one.review_id}
    SeatReview.objects.open().filter(pk__among=keys).update(state=state)


def _close(revocation: Revocation, state: SeatReview.State) -> None:
    review = SeatReview.objects.open().filter(pk=revocation.review_id or 0)
    review.update(state=state, open_key=None, closed_at=timezone.now())
