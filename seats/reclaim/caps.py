"""How many seats may be taken back at once: per run, per day, and never the last one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from seats.models import Account, InactivityPolicy, Revocation, RevocationBatch, Seat
from seats.policy_sql import midnight, today
from seats.reclaim.refusals import Brake, Refusal


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many seats may still be taken back; `refusal` says why it is no more, where fewer than wanted."""

    seats: int
    refusal: Refusal | None = None


def of_caps(
    account: Account,
    policies: Collection[InactivityPolicy],
    *,
    wanted: int,
    in_run: int = 0,
    taken: int | None = None,
) -> Allowance:
    """How many of `wanted` seats the strictest of these policies lets go now.

    `in_run` were taken back in this run before; `taken` today, which is counted where it is not given. Of
    a share in percent at least one seat is left over, unless it is 0 %.
    """
    if not policies:
        return Allowance(0, Refusal.of(Brake.NO_POLICY))
    held = Seat.objects.held().filter(account=account).count()
    today_already = taken_today(account) if taken is None else taken
    limits = [
        (brake, limit - already, f"{says}, {already:,} taken back already." if already else f"{says}.")
        for policy in policies
        for brake, limit, already, says in _limits(policy, held, in_run, today_already)
    ]
    brake, left, says = min(limits, key=lambda one: one[1])
    left = max(left, 0)
    return Allowance(wanted) if wanted <= left else Allowance(left, Refusal.of(brake, says))


def _limits(
    policy: InactivityPolicy, held: int, in_run: int, taken: int
) -> list[tuple[Brake, int, int, str]]:
    per_run, per_day = policy.max_percent_per_run, policy.max_percent_per_day
    return [
        (
            Brake.CAP_RUN_COUNT, policy.max_seats_per_run, in_run,
            f"The policy {policy} allows {policy.max_seats_per_run:,} seats in a run",
        ),
        (
            Brake.CAP_RUN_PERCENT, share(held, per_run), in_run,
            f"The policy {policy} allows {per_run} % of {held:,} seats in a run",
        ),
        (
            Brake.CAP_DAY_COUNT, policy.max_seats_per_day, taken,
            f"The policy {policy} allows {policy.max_seats_per_day:,} seats in a day",
        ),
        (
            Brake.CAP_DAY_PERCENT, share(held, per_day), taken,
            f"The policy {policy} allows {per_day} % of {held:,} seats in a day",
        ),
    ]  # fmt: skip


def share(seats: int, percent: int) -> int:
    """So many percent of the seats, whole ones: at least one, unless it is 0 %."""
    return max(seats * percent // 100, 1) if percent else 0


def taken_today(account: Account) -> int:
    """Seats of the account that GitHub was asked today (UTC) to take back, and did not refuse."""
    asked = Revocation.objects.filter(
        batch__account=account, state__in=[Revocation.State.INTENDED, *Revocation.TAKEN_BACK]
    )
    return asked.filter(call__intended_at__gte=midnight(today())).count()


def of_last_seat(
    account: Account, *, wanted: int, batch: RevocationBatch | None = None, remaining: int | None = None
) -> Allowance:
    """How many of `wanted` seats may go so that one remains: GitHub cancels a plan without a seat.

    `remaining` is how many do not end already, where GitHub has just told. What other batches are about to
    take back does not remain; `batch` is the one that asks.
    """
    left = max((_remaining(account, batch) if remaining is None else remaining) - 1, 0)
    if wanted <= left:
        return Allowance(wanted)
    return Allowance(left, Refusal.of(Brake.LAST_SEAT))


def _remaining(account: Account, batch: RevocationBatch | None) -> int:
    going = Revocation.objects.filter(live_key=OuterRef("pk"))
    if batch is not None:
        going = going.exclude(batch=batch)
    lasting = Seat.objects.held().filter(
        account=account, pending_cancellation_date=None, observed_at__isnull=False
    )
    return lasting.filter(~Exists(going)).count()
