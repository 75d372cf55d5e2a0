"""Decide over a batch: one person approves what is frozen, or two; or it is withdrawn, or grows too old.

Before anybody's word counts, every seat is judged again. Who came back to life since drops out, and what
remains has to be confirmed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from portal.bulk import update_values
from portal.models import AuditEntry
from seats.accounts import lock
from seats.models import Account, InactivityPolicy, Revocation, RevocationBatch, Seat, SeatReview
from seats.reclaim.propose import Candidate, digest_of, preview
from seats.reclaim.refusals import Brake, Refusal, Refused
from seats.standing import SeatStanding

PERMISSION = "seats.approve_revocationbatch"
PROPOSING = "seats.propose_revocationbatch"
# So long a proposal waits for approval, and an approval to be carried out.
STANDS_FOR = timedelta(days=7)

State = RevocationBatch.State
UNDECIDED = (State.PROPOSED, State.HALF_APPROVED)
# Nothing of it is under way.
AT_REST = (*UNDECIDED, State.APPROVED, State.STOPPED)


@dataclass(frozen=True, slots=True)
class Needs:
    """What approval takes: the number to type, None where none is; whether two people approve."""

    typed: int | None
    second_person: bool


def needs(batch: RevocationBatch) -> Needs:
    """By the strictest of the policies of its seats, those of today and those it was proposed by."""
    return _needs(batch, _to_do(batch).count())


def approve(batch: RevocationBatch, by: Any, reason: str, typed: int | None = None) -> RevocationBatch:
    """Somebody approves what remains of the batch; the batch as it is then. Raises Refused.

    Where seats dropped out just now, it is refused unless `typed` is how many remain: whoever approves has
    seen something else.
    """
    if by is None or not by.has_perm(PERMISSION):
        name = by.get_username() if by is not None else "The portal"
        raise Refused(Refusal.of(Brake.MISSING_PERMISSION, f"{name} may not approve batches."))
    if not reason.strip():
        raise Refused(Refusal.of(Brake.NOT_CONFIRMED, "No reason was given.", "Say why."))
    return _decide(batch, by, reason.strip(), typed)


def approve_automatically(batch: RevocationBatch) -> RevocationBatch:
    """The policy approves what it proposed, as it stands now. Raises Refused."""
    if not batch.is_automatic or batch.proposed_by_id is not None:
        raise Refused(
            Refusal.of(
                Brake.MISSING_PERMISSION, "The portal approves what the automatic mode proposed alone."
            )
        )
    return _decide(batch, None, "By the policy, in automatic mode.", None)


def withdraw(batch: RevocationBatch, by: Any, reason: str) -> RevocationBatch:
    """Nothing more is taken back by this batch; its seats may be proposed anew. Raises Refused.

    Whoever may approve may withdraw, and whoever proposed it.
    """
    is_own = batch.proposed_by_id is not None and batch.proposed_by_id == by.pk
    if not (by.has_perm(PERMISSION) or (is_own and by.has_perm(PROPOSING))):
        raise Refused(
            Refusal.of(Brake.MISSING_PERMISSION, f"{by.get_username()} may not withdraw this batch.")
        )
    if not reason.strip():
        raise Refused(Refusal.of(Brake.NOT_CONFIRMED, "No reason was given.", "Say why."))
    with transaction.atomic():
        batch = _locked(batch)
        if batch.state not in AT_REST:
            raise Refused(_not_open(batch))
        if _is_unanswered(batch):
            raise Refused(_not_settled())
        _end(batch, State.WITHDRAWN, reason.strip(), "batch withdrawn", by)
    return batch


def expire_old(account: Account | None = None) -> int:
    """End batches that waited for too long, to be approved or to be carried out; how many."""
    waiting = RevocationBatch.objects.filter(state__in=AT_REST).order_by("pk")
    if account is not None:
        waiting = waiting.filter(account=account)
    expired = 0
    for batch in waiting:
        if expiry(batch) is None:
            continue
        with transaction.atomic():
            batch = _locked(batch)
            refusal = expiry(batch)
            # What GitHub was asked, and has not answered, is settled first.
            if batch.state in AT_REST and refusal and not _is_unanswered(batch):
                _end(batch, State.EXPIRED, refusal.says, "batch expired", None)
                expired += 1
    return expired


def expiry(batch: RevocationBatch) -> Refusal | None:
    """Whether too much time has passed since it was proposed or, once that is done, approved."""
    if batch.state in UNDECIDED:
        since, what = batch.proposed_at, "proposed"
    else:
        since, what = batch.second_approved_at or batch.approved_at or batch.proposed_at, "approved"
    if timezone.now() - since <= STANDS_FOR:
        return None
    return Refusal.of(
        Brake.BATCH_EXPIRED, f"It was {what} on {since:%Y-%m-%d}, more than {STANDS_FOR.days} days ago."
    )


# --- Approving --------------------------------------------------------------------------------


def _decide(batch: RevocationBatch, by: Any, reason: str, typed: int | None) -> RevocationBatch:
    """What drops out stays out also where approval is refused for it."""
    with transaction.atomic():
        batch = _locked(batch)
        if refusal := _of_batch(batch, by):
            if refusal.brake == Brake.BATCH_EXPIRED:
                _end(batch, State.EXPIRED, refusal.says, "batch expired", None)
            refusals: Sequence[Refusal] = [refusal]
        else:
            refusals = _approve_rest(batch, by, reason, typed)
    if refusals:
        raise Refused(*refusals)
    return batch


def _of_batch(batch: RevocationBatch, by: Any) -> Refusal | None:
    if batch.state not in UNDECIDED:
        return _not_open(batch)
    if refusal := expiry(batch):
        return refusal
    if by is not None and (refusal := _of_person(batch, by)):
        return refusal
    if digest_of(batch, batch.revocations.all()) != batch.digest:
        return Refusal.of(
            Brake.CHANGED_SINCE_PROPOSED,
            "Its rows are not those that were frozen: somebody changed them in the database.",
            "Withdraw it, find out who did, and propose anew.",
        )
    return None


def _of_person(batch: RevocationBatch, by: Any) -> Refusal | None:
    if batch.state != State.HALF_APPROVED and not needs(batch).second_person:
        return None
    if by.pk == batch.proposed_by_id:
        return Refusal.of(Brake.OWN_APPROVAL)
    if batch.state == State.HALF_APPROVED and by.pk == batch.approved_by_id:
        return Refusal.of(Brake.SAME_PERSON_TWICE)
    return None


def _approve_rest(batch: RevocationBatch, by: Any, reason: str, typed: int | None) -> Sequence[Refusal]:
    rows = list(_to_do(batch).select_related("seat__user"))
    own = [row.seat for row in rows if row.seat.account_id == batch.account_id]
    proposal = preview(batch.account, own, by=by, automatic=batch.is_automatic, batch=batch)
    if proposal.refusals:
        return proposal.refusals
    chosen = {one.seat.pk: one for one in proposal.chosen}
    refused = {_key(stood): why for stood, why in proposal.left_out}
    for row in rows:
        if row.seat_id in chosen:
            changed = _changed(row, chosen[row.seat_id])
        else:
            changed = None if row.seat_id in refused else Refusal.of(Brake.CHANGED_SINCE_PROPOSED)
        if changed is not None:
            refused[row.seat_id] = changed
    dropped = [(row, refused[row.seat_id]) for row in rows if row.seat_id in refused]
    remaining = len(rows) - len(dropped)
    _drop(batch, dropped, by)
    if not remaining:
        why = f"None of its {len(rows):,} seats may be taken back any more."
        _end(batch, State.WITHDRAWN, why, "batch withdrawn", None)
        return [Refusal.of(Brake.CHANGED_SINCE_PROPOSED, why, "Its rows say why.")]
    if by is not None and (refusal := _confirmed(batch, len(dropped), remaining, typed)):
        return [refusal]
    _note_approval(batch, by, reason, remaining)
    return []


def _key(stood: SeatStanding | Seat) -> int:
    return stood.pk if isinstance(stood, Seat) else stood.seat.pk


def _changed(row: Revocation, now: Candidate) -> Refusal | None:
    """What whoever approves has read must still be all that is known."""
    used_on = now.standing.last_evidence_on
    if used_on is not None and (row.last_evidence_on is None or used_on > row.last_evidence_on):
        return Refusal.of(
            Brake.CHANGED_SINCE_PROPOSED, f"A use on {used_on} became known after it was proposed."
        )
    if now.standing.granted_by != row.granted_by:
        return Refusal.of(
            Brake.CHANGED_SINCE_PROPOSED,
            f"It was granted {row.granted_by or 'nobody knows how'}, and is {now.standing.granted_by} now.",
        )
    return None


def _confirmed(batch: RevocationBatch, dropped: int, remaining: int, typed: int | None) -> Refusal | None:
    if dropped and typed != remaining:
        return Refusal.of(
            Brake.CHANGED_SINCE_PROPOSED,
            f"{dropped:,} of {dropped + remaining:,} seats dropped out, since something has changed; "
            f"{remaining:,} remain.",
            "Look at what remains, and approve that.",
        )
    wanted = _needs(batch, remaining).typed
    if (wanted is not None or typed is not None) and typed != remaining:
        said = "nothing was typed" if typed is None else f"{typed:,} was typed"
        return Refusal.of(Brake.NOT_CONFIRMED, f"{remaining:,} seats are to be taken back, and {said}.")
    return None


def _note_approval(batch: RevocationBatch, by: Any, reason: str, seats: int) -> None:
    now = timezone.now()
    if batch.state == State.HALF_APPROVED:
        batch.state, batch.second_approved_by, batch.second_approved_at = State.APPROVED, by, now
        action = "batch approved by a second person"
    else:
        is_half = by is not None and _needs(batch, seats).second_person
        batch.state = State.HALF_APPROVED if is_half else State.APPROVED
        batch.approved_by, batch.approved_at, batch.approval_reason = by, now, reason
        action = "batch approved"
    batch.save()
    if batch.state == State.APPROVED:
        reviews = SeatReview.objects.open().filter(pk__in=_to_do(batch).values("review_id"))
        reviews.update(state=SeatReview.State.APPROVED)
    AuditEntry.objects.record(
        action,
        subject=batch.subject,
        actor=by,
        detail={
            "seats": seats,
            "revocations": list(_to_do(batch).values_list("pk", flat=True)),
            "reason": reason,
            "digest": batch.digest,
            "state": batch.state,
        },
    )


# --- What all decisions do --------------------------------------------------------------------


def _locked(batch: RevocationBatch) -> RevocationBatch:
    """The batch as it is now, for nobody else to decide over until the transaction ends."""
    lock(Q(pk=batch.account_id))
    RevocationBatch.objects.select_for_update().get(pk=batch.pk)
    whole = RevocationBatch.objects.select_related("account__connection", "account__parent__connection")
    return whole.get(pk=batch.pk)


def _to_do(batch: RevocationBatch) -> QuerySet[Revocation]:
    return Revocation.objects.to_do().filter(batch=batch).order_by("pk")


def _is_unanswered(batch: RevocationBatch) -> bool:
    return Revocation.objects.unanswered().filter(batch=batch).exists()


def _needs(batch: RevocationBatch, seats: int) -> Needs:
    concerned = batch.revocations.exclude(state=Revocation.State.LEFT_OUT).order_by()
    policies = InactivityPolicy.objects.filter(
        Q(pk__in=concerned.values("policy_id")) | Q(pk__in=concerned.values("seat__policy_id"))
    )
    most = min((policy.confirm_above for policy in policies), default=0)
    return Needs(
        typed=seats if seats > most else None,
        second_person=any(policy.needs_second_person for policy in policies),
    )


def _not_open(batch: RevocationBatch) -> Refusal:
    return Refusal.of(
        Brake.CHANGED_SINCE_PROPOSED,
        f"Batch {batch.pk} is not open any more: {batch.get_state_display()}.",
        "Look at its page; somebody else was faster.",
    )


def _not_settled() -> Refusal:
    return Refusal.of(
        Brake.CHANGED_SINCE_PROPOSED,
        "GitHub was asked to take back some of its seats, and nobody knows yet what came of it.",
        "Execute it once more: that finds out first.",
    )


def _drop(batch: RevocationBatch, dropped: Collection[tuple[Revocation, Refusal]], by: Any) -> None:
    """Refused rows stay to be seen, and let go of their seats."""
    if not dropped:
        return
    rows = [(Revocation.State.REFUSED.value, None, why.brake.value, str(why), row.pk) for row, why in dropped]
    update_values(Revocation, ["state", "live_key", "brake", "says"], rows)
    counts = Counter(why.brake.value for _, why in dropped)
    AuditEntry.objects.record(
        "seats dropped from batch",
        subject=batch.subject,
        actor=by,
        detail={"revocations": [row.pk for row, _ in dropped], "brakes": dict(counts)},
    )


def _end(batch: RevocationBatch, state: State, why: str, action: str, by: Any) -> None:
    """Let go of every seat that was not taken back; reviews that were approved wait for a decision again."""
    rows = _to_do(batch)
    keys = list(rows.values_list("pk", flat=True))
    reviews = SeatReview.objects.filter(pk__in=rows.values("review_id"), state=SeatReview.State.APPROVED)
    reviews.exclude(notified_at=None).update(state=SeatReview.State.NOTIFIED)
    # Where the policy asked for no notice then, it may ask for one now.
    reviews.filter(notified_at=None).update(state=SeatReview.State.FLAGGED)
    rows.order_by().update(state=Revocation.State.DROPPED, live_key=None, says=why)
    batch.state, batch.says, batch.finished_at = state, why, timezone.now()
    batch.save()
    AuditEntry.objects.record(
        action,
        subject=batch.subject,
        actor=by,
        detail={"reason": why, "seats": len(keys), "revocations": keys},
    )
