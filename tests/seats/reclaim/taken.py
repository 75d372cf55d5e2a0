"""Seats as they stand once GitHub has said that it cancelled them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from seats.models import Revocation, RevocationBatch, Seat, SeatCall, SeatReview
from tests.seats.holding import NOON


def take_back(
    *seats: Seat,
    at: datetime = NOON,
    saving: str | None = "19.00",
    ends_on: date | None = date(2026, 12, 1),
    state: str = "revoked",
    **fields: Any,
) -> list[Revocation]:
    """A batch of these seats of one account, executed at this moment; each with its review."""
    account = seats[0].account
    batch = RevocationBatch.objects.create(
        account=account, state="done", seats_held=10, approved_at=at, proposed_at=at, finished_at=at
    )
    call = SeatCall.objects.create(
        action="revoke", account=account, path="/orgs/acme/copilot/billing/selected_users",
        logins=[seat.user.login for seat in seats], state="answered", intended_at=at, answered_at=at,
        status=200, seats_changed=len(seats),
    )  # fmt: skip
    is_live = state in Revocation.LIVE
    # Who comes back had lost the seat first, unless a test says otherwise.
    verified = {"verified_at": fields.pop("verified_at", at)} if state in ("verified", "came_back") else {}
    return [
        Revocation.objects.create(
            batch=batch, seat=seat, call=call, state=state, live_key=seat.pk if is_live else None,
            review=SeatReview.objects.create(
                seat=seat, state="revoked", open_key=seat.pk, verdict="idle", opened_on=at.date()
            ),
            login=seat.user.login, verdict="idle", reason="Idle.", plan_type=seat.plan_type,
            monthly_saving=None if saving is None else Decimal(saving), currency="USD",
            revoked_at=at, pending_cancellation_date=ends_on,
            **verified, **fields,
        )
        for seat in seats
    ]  # fmt: skip
