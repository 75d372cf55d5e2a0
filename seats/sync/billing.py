"""What GitHub itself says of an organization's seats today, kept beside our own counts."""

from __future__ import annotations

from datetime import UTC

from django.utils import timezone

from portal.github.client import GitHub
from portal.github.payloads import Billing
from seats.models import Account, BillingSummary
from seats.sync.tally import Reporter, Tally

COUNTS = (
    "total",
    "added_this_cycle",
    "pending_cancellation",
    "pending_invitation",
    "active_this_cycle",
    "inactive_this_cycle",
)
SETTINGS = (
    "plan_type",
    "seat_management_setting",
    "public_code_suggestions",
    "ide_chat",
    "platform_chat",
    "cli",
)
LARGEST = 2**31 - 1
LONGEST = 40


def sync(account: Account, github: GitHub, run: Reporter) -> Tally:
    """Keep the day's summary of this organization; the last answer of a day is the one that stays."""
    tally = Tally.since_now(github)
    run.progress(0, 1, "billing")
    billing = github.billing(account.login)
    now = timezone.now()
    facts = _facts(billing)
    day = now.astimezone(UTC).date()
    known = BillingSummary.objects.filter(account=account, day=day).first()
    tally.rows_seen = 1
    if known is None:
        tally.rows_new = 1
    elif all(getattr(known, name) == value for name, value in facts.items()):
        tally.rows_unchanged = 1
    else:
        tally.rows_changed = 1
    BillingSummary.objects.update_or_create(account=account, day=day, defaults={"observed_at": now, **facts})
    tally.count(github)
    return tally


def _facts(billing: Billing) -> dict[str, int | str | None]:
    counts = {name: _count(getattr(billing.seat_breakdown, name)) for name in COUNTS}
    return {**counts, **{name: (getattr(billing, name) or "")[:LONGEST] for name in SETTINGS}}


def _count(value: int | None) -> int | None:
    return value if value is not None and 0 <= value <= LARGEST else None
