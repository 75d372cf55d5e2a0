"""Put inactive seats on somebody's desk, and take them off it when they come back to life."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

from django.db import transaction
from django.utils import timezone

from portal.models import AuditEntry
from seats.models import Account, Seat, SeatReview
from seats.models.seat import Verdict
from seats.standing import SeatStanding, standing
from seats.verdicts import today


def flag(seats: Iterable[Seat], by: Any, reason: str) -> int:
    """Open a review of each seat that has none; returns how many were opened."""
    opened = 0
    for seat in seats:
        opened += _open(seat, seat.verdict, reason, today(), by)
    if opened:
        AuditEntry.objects.record("seats flagged", actor=by, detail={"seats": opened, "reason": reason})
    return opened


def review(
    as_of: date | None = None, account: Account | None = None, *, dry_run: bool = False
) -> Counter[str]:
    """Open a review of every inactive seat and close those of seats that are inactive no more.

    Returns the number of seats by verdict, zeros included, and under `opened` and `closed` what became of
    the reviews. A dry run counts and changes nothing.
    """
    day = as_of or today()
    counts: Counter[str] = Counter(dict.fromkeys([*Verdict.values, "opened", "closed"], 0))
    reviewed = {review.seat_id: review for review in SeatReview.objects.open().select_related("seat")}
    with transaction.atomic():
        for stood in standing(day, account):
            counts[stood.judgement.verdict] += 1
            known = reviewed.pop(stood.seat.pk, None)
            if stood.judgement.is_inactive and known is None:
                counts["opened"] += 1 if dry_run else _open_for(stood, day)
            elif known is not None and not stood.judgement.is_inactive and known.opened_by_id is None:
                counts["closed"] += 1
                if not dry_run:
                    _close(known, SeatReview.State.REACTIVATED)
        for known in reviewed.values():
            if known.seat.ended_at is not None and _concerns(known, account):
                counts["closed"] += 1
                if not dry_run:
                    _close(known, SeatReview.State.ENDED)
        if not dry_run and (counts["opened"] or counts["closed"]):
            AuditEntry.objects.record(
                "seats reviewed",
                subject=account.subject if account else "",
                detail={"as_of": day.isoformat(), "opened": counts["opened"], "closed": counts["closed"]},
            )
    return counts


def keep(review: SeatReview, by: Any) -> bool:
    """Somebody decided that the seat stays; False if the review was closed already."""
    kept = SeatReview.objects.open().filter(pk=review.pk)
    if not kept.update(state=SeatReview.State.KEPT, open_key=None, closed_at=timezone.now()):
        return False
    AuditEntry.objects.record("seat kept", subject=f"seat:{review.seat_id}", actor=by)
    return True


def _open_for(stood: SeatStanding, day: date) -> int:
    return _open(stood.seat, stood.judgement.verdict, stood.judgement.reason, day, None)


def _open(seat: Seat, verdict: str, reason: str, day: date, by: Any) -> int:
    _, made = SeatReview.objects.get_or_create(
        open_key=seat.pk,
        defaults={"seat": seat, "verdict": verdict, "reason": reason, "opened_on": day, "opened_by": by},
    )
    return int(made)


def _close(review: SeatReview, state: SeatReview.State) -> None:
    review.state, review.open_key, review.closed_at = state, None, timezone.now()
    review.save(update_fields=["state", "open_key", "closed_at"])


def _concerns(review: SeatReview, account: Account | None) -> bool:
    if account is None:
        return True
    return account.pk == review.seat.account_id or review.seat.account.parent_id == account.pk
