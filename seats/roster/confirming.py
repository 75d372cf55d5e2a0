"""End the seats that a held-back roster no longer lists, because somebody, or a second list, confirms it."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from portal.models import AuditEntry
from seats import current_rosters, verdicts
from seats.accounts import lock
from seats.models import Account, Seat, SeatObservation, SeatRoster
from seats.roster.reported import Applied, Roster
from seats.roster.seat_rows import Changes, rows_of
from seats.roster.timelines import AnyMoment, Said
from seats.roster.writing import settle_endings


class NothingToConfirm(Exception):
    """The roster holds nothing back: it was confirmed already, or never ended anything."""


def missing_from(roster: SeatRoster) -> QuerySet[Seat]:
    """The held seats that a held-back roster, and every one since, no longer lists."""
    return Seat.objects.held().of_family(roster.account).filter(last_seen_at__lt=roster.observed_at)


@transaction.atomic
def confirm(roster: SeatRoster, by: Any) -> list[str]:
    """Believe a held-back roster: the seats it does not list ended at its moment. Returns whose.

    Raises NothingToConfirm where somebody else was faster.
    """
    accounts = lock(Q(pk=roster.account_id) | Q(parent=roster.account_id))
    roster = SeatRoster.objects.select_related("account").get(pk=roster.pk)
    if not SeatRoster.objects.held_back().filter(pk=roster.pk).exists():
        raise NothingToConfirm(f"The list of {roster} holds no seat back.")
    current_rosters.release([account.pk for account in accounts])
    ended = end_missing(roster)
    AuditEntry.objects.record(
        "seat roster confirmed",
        subject=roster.account.subject,
        actor=by,
        detail={"roster": roster.pk, "observed_at": roster.observed_at.isoformat(), "ended": sorted(ended)},
    )
    verdicts.refresh(accounts=accounts)
    return ended


def end_missing(known: SeatRoster) -> list[str]:
    """Let this roster end seats, as if it had been believed at once; returns the logins of those it ended."""
    known.is_confirmed, known.held_back = True, 0
    known.save(update_fields=["is_confirmed", "held_back"])
    accounts = list(Account.objects.family(known.account))
    ours = rows_of(Seat.objects.filter(account_id__in=[account.pk for account in accounts]))
    roster = Roster(known.account, known.observed_at, (), is_complete=True, is_confirmed=True)
    timeline, applied = AnyMoment(roster, accounts, is_logged=True), Applied()
    timeline.load(ours.values())
    listed = _listed_by(known, accounts)
    changes = Changes(ours.values())
    settle_endings(ours.values(), timeline, applied)
    changes.write()
    absent = [row for row in ours.values() if row.observed_at is not None and row.pk not in listed]
    timeline.write([Said(row, False, {}) for row in absent])
    timeline.forget_repeated(listed)
    return applied.ended


def _listed_by(roster: SeatRoster, accounts: list[Account]) -> set[int]:
    """The seats it shows: a roster that ends nothing leaves a row in the history of each."""
    rows = SeatObservation.objects.filter(
        seat__account__in=accounts, observed_at=roster.observed_at, is_present=True
    )
    return set(rows.order_by().values_list("seat_id", flat=True))
