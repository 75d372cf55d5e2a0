"""“I still need it”: what a notice's link says when it is opened, and what pressing its button does.

Opening it changes nothing: mail scanners open links, too. The link alone is the authority, so nobody logs in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from django.db import transaction
from django.utils import timezone

from portal.models import AuditEntry
from seats.models import Notice, Revocation, SeatReview
from seats.policy_sql import today
from seats.reclaim import flag, links

State = SeatReview.State


class Standing(StrEnum):
    """What there is to say to whoever opens the link."""

    OPEN = "open"
    """The question is open: the page has its button."""
    ANSWERED = "answered"
    """They said so themselves, and the seat is kept."""
    KEPT = "kept"
    """Somebody else decided to keep the seat."""
    USED = "used"
    """They use Copilot again, and so keep the seat."""
    GOING = "going"
    """The seat is being taken back at this moment."""
    TAKEN_BACK = "taken_back"
    ENDED = "ended"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    """The link was not made here, or what it was about is gone."""


CLOSED = {
    State.KEPT: Standing.KEPT,
    State.REACTIVATED: Standing.USED,
    State.REVOKED: Standing.TAKEN_BACK,
    State.VERIFIED: Standing.TAKEN_BACK,
    State.ENDED: Standing.ENDED,
}


@dataclass(frozen=True, slots=True)
class Found:
    """`review` is the question as it stands now, which may be a later one than the notice's own."""

    standing: Standing
    notice: Notice | None = None
    answer_until: date | None = None
    review: SeatReview | None = None


def look(token: str) -> Found:
    """What the link says now; changes nothing."""
    named = links.read(token)
    if named is None or named.notice.review is None:
        return Found(Standing.UNKNOWN)
    review = _asked_now(named.notice.review)
    standing = _standing(review)
    if standing == Standing.OPEN and named.has_expired(today()):
        standing = Standing.EXPIRED
    until = review.notice_ends_on or named.expires_on - links.GRACE
    return Found(standing, named.notice, until, review)


def answer(token: str) -> Found:
    """The person still needs the seat: it is kept, as long as its policy says. Safe to repeat."""
    found = look(token)
    review, notice = found.review, found.notice
    if review is None or notice is None or found.standing in (Standing.EXPIRED, Standing.ANSWERED):
        return found
    with transaction.atomic():
        now = timezone.now()
        first = SeatReview.objects.filter(pk=review.pk, answer="").update(
            answer=SeatReview.Answer.NEEDED, answered_at=now
        )
        kept = flag.keep_for_holder(review, "The person answered that they still need the seat.")
        if first or kept:
            Notice.objects.filter(pk=notice.pk, answered_at=None).update(answered_at=now)
            AuditEntry.objects.record(
                "person answered",
                subject=f"review:{review.pk}",
                detail={"answer": "needed", "notice": notice.pk, "kept": bool(kept)},
            )
    return look(token)


def _asked_now(review: SeatReview) -> SeatReview:
    """The seat's open review, where the notice's own is closed: who says that they need the seat means now.

    A review closes by itself when the policy changes, say, and a later one need not send a notice of its own.
    """
    if review.is_open:
        return review
    later = SeatReview.objects.open().filter(seat_id=review.seat_id)
    return later.select_related("seat__account__parent", "seat__user", "seat__policy").first() or review


def _standing(review: SeatReview) -> Standing:
    closed = CLOSED.get(State(review.state))
    if closed == Standing.KEPT and review.answer and review.decided_by_id is None:
        return Standing.ANSWERED
    if closed is not None:
        return closed
    if Revocation.objects.unanswered().filter(seat_id=review.seat_id).exists():
        return Standing.GOING
    return Standing.OPEN
