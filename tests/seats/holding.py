"""Seats to look at, taken in the way a seat list is: roster, evidence, verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from seats import roster, verdicts
from seats.models import Account, Seat, Team, TeamMembership
from seats.roster import ReportedGrant, Roster

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def ago(days: int) -> datetime:
    return NOON - timedelta(days=days)


def grant(
    number: int, login: str, used: int | None = None, created: int = 300, **fields: Any
) -> ReportedGrant:
    """A seat last used `used` days ago (None: never told) and granted `created` days ago."""
    return ReportedGrant(
        number=number,
        assignee_id=number,
        assignee_login=login,
        created_at=ago(created),
        last_activity_at=None if used is None else ago(used),
        **{"plan_type": "business", **fields},
    )


def hold(account: Account, *grants: ReportedGrant, at: datetime = NOON) -> list[Seat]:
    """Take in a complete roster; the seats it shows, in the order of ids."""
    roster.apply(Roster(account, at, grants, is_complete=True, is_confirmed=True))
    verdicts.refresh()
    return list(Seat.objects.held().filter(account=account).order_by("user__github_id"))


def join(team: Team, seats: Iterable[Seat]) -> None:
    TeamMembership.objects.bulk_create(
        TeamMembership(team=team, user_id=seat.user_id, seen_on=NOON.date()) for seat in seats
    )


def organization(login: str = "acme", **fields: Any) -> Account:
    return Account.objects.create(kind="organization", login=login, **fields)
