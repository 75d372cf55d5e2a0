"""Freeze a selection of an account's seats for somebody to approve: who, why, and what is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from portal.bulk import insert_rows
from portal.models import AuditEntry
from seats.accounts import lock
from seats.figures import Cost, Money
from seats.models import Account, InactivityPolicy, Revocation, RevocationBatch, Seat, SeatReview
from seats.policy_sql import today
from seats.reclaim import bill, brakes, tasks_for_owners
from seats.reclaim.effects import Effect
from seats.reclaim.frozen import digest_of as digest_of
from seats.reclaim.refusals import Brake, Refusal, Refused
from seats.reclaim.seat_check import SeatCheck
from seats.standing import SeatStanding, standing

PERMISSION = "seats.propose_revocationbatch"
# Reviews of which somebody may propose to take the seat back, once the notice is over.
READY = (SeatReview.State.NOTIFIED, SeatReview.State.APPROVED, SeatReview.State.FAILED)
# What a team's owner can do something about.
OF_TEAMS = (Brake.WRONG_PATH, Brake.SEVERAL_GRANTS)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A seat that passes every check; `saving` is what a month costs less, None without a known price."""

    standing: SeatStanding
    review: SeatReview | None
    effect: Effect
    saving: Money | None

    @property
    def seat(self) -> Seat:
        return self.standing.seat

    @property
    def policy(self) -> InactivityPolicy | None:
        return self.standing.policy


@dataclass(slots=True)
class Proposal:
    """What would be proposed. With `refusals`, which are of the whole account, nothing can be."""

    account: Account
    as_of: date
    chosen: list[Candidate] = field(default_factory=list)
    left_out: list[tuple[SeatStanding | Seat, Refusal]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def saving(self) -> Cost:
        """What a month costs less without all of the chosen."""
        return bill.total(one.saving for one in self.chosen)

    @property
    def left_out_counts(self) -> dict[str, int]:
        """How many are left out, by brake."""
        return dict(Counter(refusal.brake.value for _, refusal in self.left_out))

    @property
    def policies(self) -> list[InactivityPolicy]:
        """The policies of the chosen seats."""
        return policies_of(one.policy for one in self.chosen)


def preview(
    account: Account,
    seats: Iterable[Seat] | None,
    *,
    by: Any,
    automatic: bool = False,
    as_of: date | None = None,
    batch: RevocationBatch | None = None,
) -> Proposal:
    """What `propose` would freeze; nothing is written.

    `seats` are hand-picked ones of this account; None: all whose notice is over. `by` None is the portal
    itself, which `automatic` allows to approve, too. `batch` is one that holds these seats already.
    """
    day = as_of or today()
    picked = ready(account, day) if seats is None else _own(account, seats)
    keys = {seat.pk for seat in picked}
    stood = [one for one in standing(day, account, only=keys) if one.seat.pk in keys] if keys else []
    check = SeatCheck(
        account,
        day,
        automatic,
        seats=picked,
        batch=batch,
        by_portal=(by if batch is None else batch.proposed_by_id) is None,
        executing=automatic,
    )
    proposal = Proposal(account, day)
    passing: list[SeatStanding] = []
    for one in stood:
        if refusal := check(one):
            proposal.left_out.append((one, refusal))
        else:
            passing.append(one)
    known = {one.seat.pk for one in stood}
    proposal.left_out += [(seat, Refusal.of(Brake.SEAT_ENDED)) for seat in picked if seat.pk not in known]
    _choose(proposal, sorted(passing, key=_idlest), check, automatic, batch)
    concerned = policies_of(one.policy for one in passing) or None
    proposal.refusals = brakes.of_account(
        account, automatic=automatic, policies=concerned, executing=automatic
    )
    return proposal


def propose(
    account: Account,
    seats: Iterable[Seat] | None,
    *,
    by: Any,
    automatic: bool = False,
    as_of: date | None = None,
    reason: str = "",
) -> RevocationBatch:
    """Freeze what `preview` shows as a batch that waits to be approved. Raises Refused; nothing is then.

    Of seats that a team grants, the team's owner is asked, also where no other seat is left.
    """
    if by is not None and not by.has_perm(PERMISSION):
        raise Refused(
            Refusal.of(Brake.MISSING_PERMISSION, f"{by.get_username()} may not propose to take seats back.")
        )
    if seats is not None:
        seats = list(seats)
    with transaction.atomic():
        # Whoever else proposes or decides over this account's seats waits.
        lock(Q(pk=account.pk))
        proposal = preview(account, seats, by=by, automatic=automatic, as_of=as_of)
        if proposal.refusals:
            raise Refused(*proposal.refusals)
        _ask_owners(proposal, by, reason)
        batch = _freeze(proposal, by, automatic, reason) if proposal.chosen else None
    if batch is None:
        raise Refused(_nothing_left(proposal))
    return batch


def policies_of(policies: Iterable[InactivityPolicy | None]) -> list[InactivityPolicy]:
    """Each once."""
    return list({policy.pk: policy for policy in policies if policy is not None}.values())


# --- Choosing ---------------------------------------------------------------------------------


def ready(account: Account, day: date) -> list[Seat]:
    """Seats of open reviews whose notice is over, or of which the policy asks for none."""
    is_over = Q(state__in=READY, notice_ends_on__lt=day)
    needs_none = Q(
        state__in=[SeatReview.State.FLAGGED, *READY], seat__policy__notice_days=0, notified_at=None
    )
    reviews = SeatReview.objects.filter(is_over | needs_none, seat__account=account)
    seats = Seat.objects.filter(pk__in=reviews.values("seat_id")).select_related("user")
    return list(seats.order_by("pk"))


def _own(account: Account, seats: Iterable[Seat]) -> list[Seat]:
    picked = {seat.pk: seat for seat in seats}
    if strangers := [seat for seat in picked.values() if seat.account_id != account.pk]:
        raise ValueError(f"A batch is of one account: {strangers[0]} is no seat of {account.label}.")
    return list(picked.values())


def _idlest(stood: SeatStanding) -> tuple[date, int]:
    """Of seats that are too many, those go first that were used last the longest ago."""
    return stood.last_evidence_on or date.min, stood.seat.pk


def _choose(
    proposal: Proposal,
    passing: Sequence[SeatStanding],
    check: SeatCheck,
    automatic: bool,
    batch: RevocationBatch | None,
) -> None:
    """As many as the caps let go, and never the last one; the others are left out."""
    account = proposal.account
    last = brakes.of_last_seat(account, wanted=len(passing), batch=batch)
    caps = brakes.of_caps(
        account,
        policies_of(one.policy for one in passing),
        wanted=last.seats,
        # A batch that waits for people is carried out on another day, maybe; it is asked again then.
        taken=None if automatic else 0,
    )
    going = passing[: caps.seats]
    if caps.refusal is not None:
        proposal.left_out += [(one, caps.refusal) for one in passing[caps.seats : last.seats]]
    if last.refusal is not None:
        proposal.left_out += [(one, last.refusal) for one in passing[last.seats :]]
    saved = bill.savings_of([one.seat for one in going])
    proposal.chosen = [
        Candidate(one, check.review(one.seat), check.effect(one.seat), saved[one.seat.pk]) for one in going
    ]


# --- Freezing ---------------------------------------------------------------------------------


def _freeze(proposal: Proposal, by: Any, automatic: bool, reason: str) -> RevocationBatch:
    account = proposal.account
    batch = RevocationBatch(
        account=account,
        is_automatic=automatic,
        reason=reason,
        seats_held=Seat.objects.held().filter(account=account).count(),
        proposed_by=by,
    )
    chosen = [_row(one) for one in proposal.chosen]
    batch.digest = digest_of(batch, chosen)
    batch.save()
    left_out = [_left_out_row(stood, refusal) for stood, refusal in proposal.left_out]
    for row in (*chosen, *left_out):
        row.batch = batch
    try:
        with transaction.atomic():
            _insert([*chosen, *left_out])
    except IntegrityError as error:
        raise Refused(
            Refusal.of(
                Brake.IN_ANOTHER_BATCH,
                "Another batch has taken some of these seats just now.",
                "Look at it, and propose what remains.",
            )
        ) from error
    made = batch.revocations.filter(state=Revocation.State.PROPOSED).order_by("pk")
    AuditEntry.objects.record(
        "seats proposed",
        subject=batch.subject,
        actor=by,
        detail={
            "account": account.subject,
            "seats": len(chosen),
            "revocations": list(made.values_list("pk", flat=True)),
            "left_out": proposal.left_out_counts,
            "digest": batch.digest,
            "automatic": automatic,
            "reason": reason,
        },
    )
    return batch


def _insert(rows: Sequence[Revocation]) -> None:
    """Thousands in one statement; raises IntegrityError where another batch has one of the seats."""
    columns = [field.attname for field in Revocation._meta.concrete_fields if not field.primary_key]
    insert_rows(Revocation, columns, [[getattr(row, column) for column in columns] for row in rows])


def _row(one: Candidate) -> Revocation:
    return Revocation(
        live_key=one.seat.pk,
        state=Revocation.State.PROPOSED,
        **_as_it_stands(one.standing, one.review),
        monthly_saving=one.saving.amount if one.saving else None,
        currency=one.saving.currency if one.saving else "",
    )


def _left_out_row(stood: SeatStanding | Seat, refusal: Refusal) -> Revocation:
    if isinstance(stood, Seat):
        fields = {"seat": stood, "login": stood.user.login, "verdict": stood.verdict, "reason": ""}
    else:
        fields = _as_it_stands(stood, None)
    return Revocation(state=Revocation.State.LEFT_OUT, brake=refusal.brake.value, says=str(refusal), **fields)


def _as_it_stands(stood: SeatStanding, review: SeatReview | None) -> dict[str, Any]:
    return {
        "seat": stood.seat,
        "review": review,
        "login": stood.user.login,
        "verdict": stood.judgement.verdict,
        "reason": stood.judgement.reason,
        "policy": stood.policy,
        "last_evidence_on": stood.last_evidence_on,
        "last_evidence_source": stood.last_evidence_source,
        "granted_by": stood.granted_by,
        "plan_type": stood.plan_type,
    }


def _ask_owners(proposal: Proposal, by: Any, reason: str) -> None:
    asked = [
        stood.seat
        for stood, refusal in proposal.left_out
        if not isinstance(stood, Seat) and refusal.brake in OF_TEAMS
    ]
    if asked:
        tasks_for_owners.open_tasks(asked, by, reason)


def _nothing_left(proposal: Proposal) -> Refusal:
    """Why there is no batch: the reason that most of the seats are left out for."""
    counts = Counter(refusal.brake for _, refusal in proposal.left_out)
    if not counts:
        return Refusal.of(Brake.NOTICE_MISSING, "There is no seat whose notice is over.")
    brake, count = counts.most_common(1)[0]
    first = next(refusal for _, refusal in proposal.left_out if refusal.brake == brake)
    if len(proposal.left_out) == 1:
        return first
    return Refusal.of(
        brake,
        f"None of {len(proposal.left_out):,} seats can be proposed; of {count:,} this is why: {first.says}",
    )
