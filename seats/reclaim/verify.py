"""After a seat was taken back: what do GitHub's lists show of it, and who has a seat again, by which path?

A whole list decides. One that shows the seat with a date of cancellation, or no longer shows it, bears the
revocation out. One that still shows it without a date is believed only an hour after the call: lists may lag.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from portal.models import AuditEntry
from seats.accounts import lock
from seats.models import Account, Revocation, Seat, SeatReview, SeatRoster
from seats.reclaim import tasks_for_owners

LISTS_MAY_LAG = timedelta(hours=1)
NOT_CANCELLED = "GitHub's list still shows the seat without a date of cancellation"
State = Revocation.State


@transaction.atomic
def after_roster(account: Account) -> Counter[str]:
    """Compare what was taken back in this account's family with what its lists show now.

    Returns how many revocations are `verified`, how many people `came_back`, and how many `tasks` of team
    owners are done. Safe to repeat: a second run finds nothing to do.
    """
    lock(Q(pk=account.pk) | Q(parent=account))
    family = Account.objects.family(account)
    tally: Counter[str] = Counter(verified=0, came_back=0, tasks=0)
    tally["verified"], lost = _verify(family)
    tally["came_back"] = lost + _find_returned(family)
    tally["tasks"] = tasks_for_owners.settle(account)
    return tally


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the newest whole list says of a seat that was taken back."""

    revocation: Revocation
    ends_on: date | None
    is_gone: bool

    @property
    def bears_out(self) -> bool:
        return self.is_gone or self.ends_on is not None


def _verify(family: QuerySet[Account]) -> tuple[int, int]:
    """How many revocations are borne out, and how many seats never were cancelled."""
    waiting = Revocation.objects.filter(state=State.REVOKED, seat__account__in=family)
    shown = list(_shown(waiting))
    verified = [one for one in shown if one.bears_out]
    lost = [one.revocation for one in shown if not one.bears_out]
    now = timezone.now()
    by_end: dict[date | None, list[int]] = defaultdict(list)
    for one in verified:
        by_end[one.ends_on or one.revocation.pending_cancellation_date].append(one.revocation.pk)
    for ends_on, keys in by_end.items():
        Revocation.objects.filter(pk__among=set(keys), state=State.REVOKED).update(
            state=State.VERIFIED, live_key=None, verified_at=now, pending_cancellation_date=ends_on
        )
    _close_reviews([one.revocation for one in verified], now)
    ends = {key: day for day, keys in by_end.items() for key in keys}
    _record("revocations verified", [one.revocation for one in verified], ends_on=ends)
    _mark_returned(lost, NOT_CANCELLED)
    _reopen_reviews(lost)
    return len(verified), len(lost)


def _shown(waiting: QuerySet[Revocation]) -> Iterable[_Shown]:
    rows = list(waiting.select_related("seat__account", "batch"))
    if not rows:
        return
    accounts = {row.seat.account_id: row.seat.account for row in rows}
    whole = SeatRoster.objects.ending().moments_by_account(accounts.values())
    listed = _listed_at([row.seat_id for row in rows])
    for row in rows:
        seat, made_at = row.seat, row.revoked_at
        moments = whole[seat.account_id]
        if made_at is None or not moments or moments[-1] <= made_at:
            continue
        if seat.ended_at is not None:
            yield _Shown(row, None, is_gone=True)
        elif listed[row.seat_id] < moments[-1]:
            # Not on the newest list, and not ended: that list was held back.
            continue
        elif seat.pending_cancellation_date is not None:
            yield _Shown(row, seat.pending_cancellation_date, is_gone=False)
        elif moments[-1] >= made_at + LISTS_MAY_LAG:
            yield _Shown(row, None, is_gone=False)


def _listed_at(seat_ids: Iterable[int]) -> dict[int, datetime]:
    seats: Any = Seat.objects.filter(pk__among=set(seat_ids)).with_listed_at()
    rows = seats.order_by().values_list("pk", "listed_at", "last_seen_at")
    return {pk: max(listed_at or seen_at, seen_at) for pk, listed_at, seen_at in rows}


def _find_returned(family: QuerySet[Account]) -> int:
    """People whose seat was verified as taken back, and who hold one of the same enterprise again."""
    verified = Revocation.objects.filter(state=State.VERIFIED, seat__account__in=family)
    same = verified.filter(
        seat__ended_at=None,
        seat__pending_cancellation_date=None,
        seat__last_seen_at__gt=F("verified_at"),
    )
    returned = {row: _path(row.seat) for row in _with_grants(same)}
    for row in _with_grants(verified.filter(Exists(_newer_seats()))):
        if row not in returned:
            returned[row] = _path_elsewhere(row)
    for row, path in returned.items():
        _mark_returned([row], path)
    _record("seats came back", returned, by={row.pk: path for row, path in returned.items()})
    return len(returned)


def _with_grants(rows: QuerySet[Revocation]) -> QuerySet[Revocation]:
    related = rows.select_related("seat__account__parent", "batch")
    return related.prefetch_related("seat__grants__assigning_team")


def _newer_seats() -> QuerySet[Seat]:
    """Seats that the same person was given since, by another account of the same enterprise."""
    enterprise = OuterRef("seat__account__parent")
    others = Seat.objects.held().filter(
        Q(account__parent=enterprise) | Q(account=enterprise) | Q(account__parent=OuterRef("seat__account")),
        user=OuterRef("seat__user"),
        pending_cancellation_date=None,
        created_at__gt=OuterRef("revoked_at"),
    )
    return others.exclude(pk=OuterRef("seat_id"))


def _path_elsewhere(row: Revocation) -> str:
    account = row.seat.account
    payer = account.parent or account
    others = (
        Seat.objects.held().of_family(payer).filter(user=row.seat.user_id, pending_cancellation_date=None)
    )
    newer = others.filter(created_at__gt=row.revoked_at).exclude(pk=row.seat_id)
    found = newer.select_related("account").prefetch_related("grants__assigning_team").order_by("pk").first()
    return f"in {found.account}: {_path(found)}"[:200] if found else "in another account"


def _path(seat: Seat) -> str:
    """By which way the person has the seat again."""
    ways = []
    for grant in seat.grants.all():
        way = f"{grant.get_route_display()} {grant.assigning_team or ''}".strip()
        ways.append(f"{way}, on {grant.created_at:%Y-%m-%d}" if grant.created_at else way)
    return "; ".join(ways)[:200] or "in a way no list tells"


def _mark_returned(rows: Iterable[Revocation], path: str) -> None:
    Revocation.objects.filter(pk__among={row.pk for row in rows}, state__in=Revocation.TAKEN_BACK).update(
        state=State.CAME_BACK, live_key=None, came_back_at=timezone.now(), came_back_by=path
    )


def _close_reviews(rows: Iterable[Revocation], now: datetime) -> None:
    reviews = SeatReview.objects.filter(
        pk__among={row.review_id for row in rows if row.review_id}, state=SeatReview.State.REVOKED
    )
    reviews.update(
        state=SeatReview.State.VERIFIED, open_key=None, closed_at=now, decision="GitHub's list bears it out."
    )


def _reopen_reviews(rows: Collection[Revocation]) -> None:
    """A revocation that did not hold is on somebody's desk again."""
    reviews = SeatReview.objects.filter(
        pk__among={row.review_id for row in rows if row.review_id}, state=SeatReview.State.REVOKED
    )
    reviews.update(state=SeatReview.State.FAILED, decision="GitHub's list shows the seat as before.")
    _record("seats came back", rows, by={row.pk: NOT_CANCELLED for row in rows})


def _record(
    action: str,
    rows: Iterable[Revocation],
    *,
    ends_on: Mapping[int, date | None] | None = None,
    by: Mapping[int, str] | None = None,
) -> None:
    """One entry for each batch, with what it says of each seat."""
    by_batch: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        by_batch[row.batch.subject].append(row.pk)
    for subject, keys in sorted(by_batch.items()):
        detail: dict[str, Any] = {"revocations": sorted(keys)}
        if ends_on is not None:
            days: dict[str, list[int]] = defaultdict(list)
            for key in sorted(keys):
                day = ends_on[key]
                days[day.isoformat() if day else ""].append(key)
            detail["ends_on"] = days
        if by is not None:
            detail["by"] = {str(key): by[key] for key in sorted(keys)}
        AuditEntry.objects.record(action, subject=subject, detail=detail)
