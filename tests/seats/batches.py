"""Batches to look at, as propose and execute leave them, without going through either."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from portal.models import Connection
from seats import verdicts
from seats.models import Account, InactivityPolicy, Revocation, RevocationBatch, Seat, SeatCall
from tests.seats.holding import NOON

State = Revocation.State


def willing(account: Account, **policy: Any) -> None:
    """Let no brake of the account hold, and none of a flagged seat that was idle for long."""
    account.connection = Connection.objects.create(name=account.login, secret_env="TOKEN_OF_THE_TESTS")
    account.save()
    lenient = {
        "mode": "propose", "notice_days": 0, "min_watched_days": 0, "needs_usage_reports": False,
        "max_percent_per_run": 100, "max_percent_per_day": 100, "max_idle_jump": 100,
    }  # fmt: skip
    InactivityPolicy.objects.update(**{**lenient, **policy})
    verdicts.refresh()


def batch_of(
    account: Account, seats: Iterable[Seat], *, by: Any = None, state: str = "proposed", **fields: Any
) -> RevocationBatch:
    """A batch in which each of these seats is proposed."""
    if state not in ("proposed", "withdrawn", "expired"):
        fields = {"approved_by": by, "approved_at": timezone.now(), **fields}
    batch = RevocationBatch.objects.create(
        account=account, state=state, digest="0" * 64, seats_held=100, proposed_by=by, **fields
    )
    Revocation.objects.bulk_create(_frozen(batch, seat, State.PROPOSED) for seat in seats)
    return batch


def left_out(batch: RevocationBatch, seat: Seat, brake: str, says: str) -> Revocation:
    """A seat that was looked at and not taken into the batch."""
    row = _frozen(batch, seat, State.LEFT_OUT, brake=brake, says=says)
    row.save()
    return row


def taken_back(batch: RevocationBatch, *logins: str, ends_on: date | None = date(2026, 12, 1)) -> SeatCall:
    """GitHub was asked for these at once, and did it."""
    call = SeatCall.objects.create(
        action="revoke",
        account=batch.account,
        path=f"/orgs/{batch.account.login}/copilot/billing/selected_users",
        logins=list(logins),
        state="answered",
        answered_at=NOON,
        status=200,
        seats_changed=len(logins),
        said="200 OK",
    )
    now = timezone.now()
    batch.revocations.filter(login__in=logins).update(
        state=State.REVOKED, call=call, revoked_at=now, pending_cancellation_date=ends_on
    )
    return call


def _frozen(batch: RevocationBatch, seat: Seat, state: str, **fields: Any) -> Revocation:
    return Revocation(
        batch=batch,
        seat=seat,
        state=state,
        live_key=seat.pk if state in Revocation.LIVE else None,
        login=seat.user.login,
        verdict=seat.verdict,
        reason="Last use was 60 days ago; the policy allows 30.",
        last_evidence_on=(NOON - timedelta(days=60)).date(),
        last_evidence_source="seat",
        granted_by=seat.granted_by,
        plan_type=seat.plan_type,
        **{"monthly_saving": Decimal("19.00"), "currency": "USD", **fields},
    )
