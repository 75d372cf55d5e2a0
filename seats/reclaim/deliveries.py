"""One notice on its way: taken up by one worker, sent, and what became of it written down.

A worker that dies while it sends leaves a notice of which nobody knows whether it went out. It is sent again:
a second mail does no harm, a seat taken back without warning does. That it was is in the audit.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from portal.bulk import insert_rows
from portal.mailing import Outbox, Refused, Unreachable
from portal.models import AuditEntry
from seats.models import Notice, SeatReview
from seats.models.notice import new_nonce
from seats.reclaim.notice_words import LINK, Mail

State = Notice.State
# So often a mail server may refuse a mail; then somebody has to look.
MOST_ATTEMPTS = 3
# Sending one mail never takes so long.
LOST_AFTER = timedelta(minutes=15)
LOST = "The worker died while it was being sent: nobody knows whether it went out. It is sent again."
WEEK = timedelta(days=7)
# Not sent, and perhaps never.
WAITING = (State.QUEUED, State.FAILED, State.NO_ADDRESS)
# What is not known before it is sent.
EMPTY = ("recipient", "language", "subject", "body", "error")

# What the next round sends.
SENDABLE = Q(state=State.QUEUED) | Q(state=State.FAILED, attempts__lt=MOST_ATTEMPTS)


def is_sendable(notice: Notice) -> bool:
    if notice.state == State.QUEUED:
        return True
    return notice.state == State.FAILED and notice.attempts < MOST_ATTEMPTS


class New(NamedTuple):
    """A notice to be, by keys."""

    once_key: str
    kind: str
    user_id: int
    review_id: int | None = None
    team_id: int | None = None


def write_down(notices: Iterable[New]) -> None:
    """Make those of these notices that there are not yet."""
    now = timezone.now()
    insert_rows(
        Notice,
        [*New._fields, "state", "attempts", "nonce", "created_at", *EMPTY],
        [(*one, State.QUEUED, 0, new_nonce(), now, *("" for _ in EMPTY)) for one in notices],
        ignore_conflicts=True,  # another round may be at the same
    )


def give_up_lost(now: datetime) -> int:
    """Let what a worker died over be sent again; how many notices."""
    lost = Notice.objects.filter(state=State.SENDING, claimed_at__lt=now - LOST_AFTER)
    keys = sorted(lost.values_list("pk", flat=True))
    found = [
        key
        for key in keys
        if lost.filter(pk=key).update(
            # Not the mail server's doing: it does not count as an attempt.
            state=State.FAILED, error=LOST, attempts=F("attempts") - 1
        )
    ]  # fmt: skip
    if found:
        AuditEntry.objects.record("notices perhaps sent twice", detail={"notices": found})
    return len(found)


def drop_overtaken(now: datetime) -> int:
    """Withdraw what there is no more reason to send: decided reviews, digests of past weeks. How many."""
    waiting = Notice.objects.filter(state__in=WAITING)
    decided = SeatReview.objects.exclude(state=SeatReview.State.FLAGGED)
    reviews = waiting.filter(kind=Notice.Kind.PERSON, review__in=decided)
    digests = waiting.filter(kind=Notice.Kind.MAINTAINERS, created_at__lt=now - WEEK)
    return reviews.update(
        state=State.WITHDRAWN, error="The review was decided before it was sent."
    ) + digests.update(state=State.WITHDRAWN, error="A newer digest says the same.")


def claim(notice: Notice, to: str, mail: Mail, *, while_flagged: SeatReview | None = None) -> bool:
    """Take the notice up to send it; False if somebody else has, or there is no more reason to."""
    now = timezone.now()
    mine = Notice.objects.filter(pk=notice.pk, state=notice.state, attempts=notice.attempts)
    if while_flagged is not None:
        still = SeatReview.objects.filter(pk=while_flagged.pk, state=SeatReview.State.FLAGGED)
        mine = mine.filter(review__in=still)
    claimed = mine.update(
        state=State.SENDING,
        claimed_at=now,
        attempts=notice.attempts + 1,
        recipient=to,
        language=mail.language,
        subject=mail.subject,
        body=mail.body,
        error="",
    )
    if claimed:
        notice.state, notice.claimed_at = State.SENDING, now
        notice.attempts, notice.recipient = notice.attempts + 1, to
    return bool(claimed)


def send(outbox: Outbox, notice: Notice, mail: Mail, link: str = "") -> bool:
    """Send a notice taken up before; False if the mail server refused it. Raises Unreachable.

    Whoever calls it writes down that it was sent, together with what follows from that.
    """
    try:
        outbox.send(notice.recipient, mail.subject, mail.body.replace(LINK, link))
    except Refused as refusal:
        _failed(notice, str(refusal), counts=True)
        return False
    except Unreachable as trouble:
        _failed(notice, str(trouble), counts=False)
        raise
    return True


def sent(notice: Notice, at: datetime) -> None:
    _mine(notice).update(state=State.SENT, sent_at=at, error="")


def _failed(notice: Notice, why: str, *, counts: bool) -> None:
    attempts = notice.attempts if counts else notice.attempts - 1
    _mine(notice).update(state=State.FAILED, error=why, attempts=attempts)


def _mine(notice: Notice) -> QuerySet[Notice]:
    return Notice.objects.filter(pk=notice.pk, claimed_at=notice.claimed_at)


def fail_rest(notices: list[Notice], why: str) -> int:
    """Say of those that were not even tried why they were not; they lose no attempt."""
    waiting = Notice.objects.filter(pk__among={notice.pk for notice in notices}, state=State.QUEUED)
    return waiting.update(state=State.FAILED, error=why)


# --- By hand ----------------------------------------------------------------------------------


def resend(notices: Iterable[Notice], by: Any) -> int:
    """Let the next round send these again, which failed or were withdrawn; how many will be."""
    return _move(notices, (State.FAILED, State.WITHDRAWN), State.QUEUED, "notices to be sent again", by)


def withdraw(notices: Iterable[Notice], by: Any) -> int:
    """Send these no more, of those that are not sent yet; how many were not."""
    return _move(notices, WAITING, State.WITHDRAWN, "notices withdrawn", by)


def _move(notices: Iterable[Notice], since: tuple[str, ...], to: str, action: str, by: Any) -> int:
    keys = sorted(notice.pk for notice in notices)
    with transaction.atomic():
        moved = Notice.objects.select_for_update().filter(pk__among=set(keys), state__in=since)
        found = sorted(moved.values_list("pk", flat=True))
        Notice.objects.filter(pk__among=set(found)).update(state=to, attempts=0, error="")
        if found:
            subject = f"notice:{found[0]}" if len(found) == 1 else ""
            AuditEntry.objects.record(action, subject=subject, actor=by, detail={"notices": found})
    return len(found)
