"""Put inactive seats on somebody's desk, and take them off it when that is settled.

A review closes by itself when the person comes back to life, the seat ends, is cancelled by somebody else
or is exempt from now on. Two things are never closed here: a seat that was taken back, which `verify`
follows up, and one of which GitHub was asked and has not answered yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from portal.bulk import insert_rows, update_values
from portal.models import AuditEntry
from seats.models import Account, InactivityPolicy, Revocation, Seat, SeatReview
from seats.models.review import SeatReviewQuerySet
from seats.models.seat import Verdict
from seats.policy import Judgement
from seats.standing import SeatStanding, standing
from seats.verdicts import today

State = SeatReview.State
# Decided by somebody or by the facts: a seat that was taken back is followed up by `verify` alone.
CLOSABLE = (State.FLAGGED, State.NOTIFIED, State.APPROVED, State.FAILED)
# How long a seat is kept of which no policy says so.
KEEP_DAYS: int = InactivityPolicy._meta.get_field("keep_days").default
# Rows that are locked and written at a time.
CHUNK = 1_000
COLUMNS = ("seat_id", "open_key", "state", "verdict", "reason", "opened_on", "opened_by", "created_at")
# Columns without a default of the database: nothing has happened to a new review yet.
EMPTY = ("answer", "decision")


def flag(seats: Iterable[Seat], by: Any, reason: str) -> int:
    """Open a review of each seat that has none; returns how many were opened."""
    with transaction.atomic():
        opened = _open([(seat.pk, seat.verdict, reason) for seat in seats], today(), by)
        if opened:
            AuditEntry.objects.record("seats flagged", actor=by, detail={"seats": opened, "reason": reason})
    return opened


def review(
    as_of: date | None = None, account: Account | None = None, *, dry_run: bool = False
) -> Counter[str]:
    """Open a review of every inactive seat and close those that the facts have settled.

    Returns the number of seats by verdict, zeros included, and under `opened` and `closed` what became of
    the reviews. A dry run counts and changes nothing. Each account is one transaction.
    """
    day = as_of or today()
    counts: Counter[str] = Counter(dict.fromkeys([*Verdict.values, "opened", "closed"], 0))
    for _, stood in groupby(standing(day, account), key=lambda one: one.account.pk):
        counts.update(_review_account(list(stood), day, dry_run=dry_run))
    counts["closed"] += _end(account, dry_run=dry_run)
    return counts


def keep(
    reviews: Iterable[SeatReview] | QuerySet[SeatReview], by: Any, reason: str, until: date | None = None
) -> int:
    """Somebody decided that these seats stay; returns how many reviews were open and closed by it.

    Without `until` each seat is kept as long as its policy says. `by` None: the person who holds it.
    """
    if isinstance(reviews, QuerySet):
        keys = sorted(reviews.order_by().values_list("pk", flat=True))
    else:
        keys = sorted(row.pk for row in reviews)
    with transaction.atomic():
        kept = [key for some in _chunks(keys) for key in _keep(some, by, reason, until)]
        if kept:
            detail = {"reason": reason, "until": until.isoformat() if until else None}
            _decided("seats kept", kept, by, detail)
    return len(kept)


def keep_for_holder(review: SeatReview, reason: str) -> int:
    """The person who holds the seat needs it; returns 1, or 0 where the seat is decided in another way.

    Also when their review has closed by itself: they were asked, and the answer holds as long as the policy
    says, so that no later review asks for the seat meanwhile.
    """
    with transaction.atomic():
        kept = _keep([review.pk], None, reason, None, states=(*CLOSABLE, State.REACTIVATED))
        if kept:
            _decided("seats kept", kept, None, {"reason": reason, "until": None})
    return len(kept)


def keep_no_longer(reviews: QuerySet[SeatReview], by: Any, reason: str) -> int:
    """Take back decisions to keep seats; those that are inactive are reviewed anew. Returns how many.

    What the person who holds the seat has answered stands: it is not for others to take back.
    """
    day = today()
    with transaction.atomic():
        held = Seat.objects.held().filter(reviews__in=reviews.order_by().values("pk"))
        keeping = SeatReview.objects.keeping(day).filter(seat__among=set(held.values_list("pk", flat=True)))
        lifted = dict(keeping.filter(answer="").order_by("pk").values_list("pk", "seat_id"))
        keeping.filter(pk__among=set(lifted), answer="").update(kept_until=day - timedelta(days=1))
        seats = Seat.objects.inactive().filter(pk__among=set(lifted.values())).values_list("pk", "verdict")
        _open([(key, verdict, reason) for key, verdict in seats], day, by)
        if lifted:
            _decided("seats kept no longer", list(lifted), by, {"reason": reason})
    return len(lifted)


# --- One account's seats ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Open:
    """What closing an open review depends on."""

    key: int
    state: str
    verdict: str
    opened_on: date
    told_on: date | None
    by_hand: bool


@dataclass(frozen=True, slots=True)
class _Closing:
    state: str
    decision: str


def _review_account(stood: Sequence[SeatStanding], day: date, *, dry_run: bool) -> Counter[str]:
    counts: Counter[str] = Counter(str(one.judgement.verdict) for one in stood)
    with transaction.atomic():
        account = stood[0].account
        # In this order: what is kept meanwhile is in the one or the other.
        known = _open_reviews(account)
        kept = set(_of(account).keeping(day).values_list("seat_id", flat=True))
        new = [
            (one.seat.pk, one.judgement.verdict, one.judgement.reason)
            for one in stood
            if one.judgement.is_inactive and one.seat.pk not in known and one.seat.pk not in kept
        ]
        settled = {
            known[one.seat.pk].key: closing
            for one in stood
            if one.seat.pk in known and (closing := _settled(known[one.seat.pk], one.judgement, day))
        }
        # What would be on a day that is still to come is on the desk from today on, and may leave it.
        counts["opened"] = len(new) if dry_run else _open(new, min(day, today()), None)
        counts["closed"] = len(settled) if dry_run else _close(settled)
        if not dry_run:
            _record(account, day, counts["opened"], counts["closed"])
    return counts


def _settled(known: _Open, now: Judgement, day: date) -> _Closing | None:
    """How the review ends that the facts have overtaken; None: it goes on."""
    if known.state not in CLOSABLE or known.opened_on > day:
        return None  # a past day says nothing of what was opened since
    if now.is_inactive:
        # Used since the person was told: they are told anew, by a review of its own.
        used_since = known.told_on and now.last_evidence_on and now.last_evidence_on > known.told_on
        return _Closing(State.REACTIVATED, now.reason) if used_since else None
    if now.verdict in (Verdict.PENDING, Verdict.EXEMPT):
        if now.verdict == known.verdict:
            return None  # flagged by hand although it was so
        return _Closing(State.KEPT if now.verdict == Verdict.EXEMPT else State.ENDED, now.reason)
    # Whoever flagged it by hand knew of everything until then.
    if known.by_hand and (now.last_evidence_on is None or now.last_evidence_on <= known.opened_on):
        return None
    return _Closing(State.REACTIVATED, now.reason)


def _open_reviews(account: Account) -> Mapping[int, _Open]:
    """The open reviews of the account's seats, by seat; without those GitHub is being asked about."""
    rows = _undecided(_of(account).open()).values_list(
        "seat_id", "pk", "state", "verdict", "opened_on", "notified_at", "opened_by_id"
    )
    return {
        seat_id: _Open(key, state, verdict, opened_on, told.date() if told else None, by_hand=by is not None)
        for seat_id, key, state, verdict, opened_on, told, by in rows
    }


def _of(account: Account) -> SeatReviewQuerySet:
    return SeatReview.objects.filter(seat__account=account).order_by()


def _undecided(reviews: SeatReviewQuerySet) -> SeatReviewQuerySet:
    """Leaves out what GitHub was asked and has not answered yet: the answer decides."""
    return reviews.filter(~Exists(Revocation.objects.unanswered().filter(review=OuterRef("pk"))))


# --- Writing ----------------------------------------------------------------------------------


def _open(seats: Iterable[tuple[int, str, str]], day: date, by: Any) -> int:
    """Open reviews of seats (key, verdict, reason), in one order; those that have one are left out."""
    now, opener = timezone.now(), by.pk if by else None
    rows = [
        (key, key, State.FLAGGED, verdict, reason, day, opener, now, *("" for _ in EMPTY))
        for key, verdict, reason in sorted(seats)
    ]
    return insert_rows(SeatReview, [*COLUMNS, *EMPTY], rows, ignore_conflicts=True)


def _close(settled: Mapping[int, _Closing]) -> int:
    """Close those of these reviews that nobody decided meanwhile."""
    now, closed = timezone.now(), 0
    for some in _chunks(sorted(settled)):
        keys = _locked(some)
        update_values(
            SeatReview,
            ["state", "decision", "open_key", "closed_at"],
            [(settled[key].state, settled[key].decision[:500], None, now, key) for key in keys],
        )
        closed += len(keys)
    return closed


def _end(account: Account | None, *, dry_run: bool) -> int:
    """Close the reviews of seats that ended."""
    over = _undecided(SeatReview.objects.filter(state__in=CLOSABLE, seat__ended_at__isnull=False)).order_by()
    if account is not None:
        over = over.filter(Q(seat__account=account) | Q(seat__account__parent=account))
    with transaction.atomic():
        keys = sorted(over.values_list("pk", flat=True))
        if dry_run or not keys:
            return len(keys)
        closing = _Closing(State.ENDED, "The seat ended: a complete seat list no longer shows it.")
        closed = _close(dict.fromkeys(keys, closing))
        _record(account, today(), 0, closed)
    return closed


def _keep(
    keys: Sequence[int], by: Any, reason: str, until: date | None, states: Sequence[str] = CLOSABLE
) -> list[int]:
    locked = _locked(keys, states)
    days = SeatReview.objects.filter(pk__among=locked).values_list("pk", "seat__policy__keep_days").order_by()
    now, day, decider = timezone.now(), today(), by.pk if by else None
    rows = []
    for key, keep_days in sorted(days):
        last = until or day + timedelta(days=KEEP_DAYS if keep_days is None else keep_days)
        rows.append((State.KEPT, None, now, decider, reason, last, key))
    columns = ["state", "open_key", "closed_at", "decided_by", "decision", "kept_until"]
    update_values(SeatReview, columns, rows)
    return locked


def _locked(keys: Sequence[int], states: Sequence[str] = CLOSABLE) -> list[int]:
    """Those of these reviews that may be closed, locked until the transaction ends.

    Whoever asks GitHub locks the review first: what was asked meanwhile shows only after the lock.
    """
    reviews = SeatReview.objects.filter(pk__among=keys, state__in=states).order_by("pk")
    locked = set(reviews.select_for_update().values_list("pk", flat=True))
    free = _undecided(SeatReview.objects.filter(pk__among=locked))
    return sorted(free.order_by().values_list("pk", flat=True))


def _decided(action: str, reviews: list[int], by: Any, detail: dict[str, Any]) -> None:
    """One entry in the audit for all of them, which names each."""
    AuditEntry.objects.record(
        action,
        subject=f"review:{reviews[0]}" if len(reviews) == 1 else "",
        actor=by,
        detail={"seats": len(reviews), "reviews": reviews, **detail},
    )


def _record(account: Account | None, day: date, opened: int, closed: int) -> None:
    if opened or closed:
        AuditEntry.objects.record(
            "seats reviewed",
            subject=account.subject if account else "",
            detail={"as_of": day.isoformat(), "opened": opened, "closed": closed},
        )


def _chunks(keys: Sequence[int]) -> Iterable[Sequence[int]]:
    return (keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK))
