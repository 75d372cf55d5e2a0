"""Seats that a team grants: whoever owns the team is asked to let the person go, since we remove nobody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from portal.bulk import insert_rows
from portal.models import AuditEntry
from seats.models import Account, RemovalTask, Seat, SeatGrant, SeatReview
from seats.models.seat import INACTIVE
from seats.policy_sql import today

# The ways of granting that end when the person leaves the team.
OF_TEAMS = (SeatGrant.Route.TEAM, SeatGrant.Route.ENTERPRISE_TEAM)
State = RemovalTask.State

COLUMNS = ["seat_id", "team_id", "review_id", "open_key", "state", "reason", "opened_by_id", "opened_at"]


@transaction.atomic
def open_tasks(seats: Iterable[Seat], by: Any, reason: str) -> int:
    """Ask the owners of every team that grants one of these seats; how many tasks are new.

    A seat and team that are asked about already are not asked about twice.
    """
    keys = {seat.pk for seat in seats}
    grants = SeatGrant.objects.filter(seat_id__among=keys, route__in=OF_TEAMS, assigning_team__isnull=False)
    wanted = {
        f"{seat_id}:{team_id}": (seat_id, team_id)
        for seat_id, team_id in grants.order_by("pk").values_list("seat_id", "assigning_team_id")
    }
    known = RemovalTask.objects.filter(open_key__among=set(wanted)).values_list("open_key", flat=True)
    reviews = SeatReview.objects.filter(open_key__among=keys).values_list("open_key", "pk")
    review_of = dict(reviews)
    now = timezone.now()
    rows = [
        (seat_id, team_id, review_of.get(seat_id), key, State.OPEN, reason, by.pk if by else None, now)
        for key, (seat_id, team_id) in wanted.items()
        if key not in set(known)
    ]
    made = insert_rows(RemovalTask, COLUMNS, rows, ignore_conflicts=True)
    if made:
        AuditEntry.objects.record(
            "team owners asked", actor=by, detail={"tasks": made, "seats": len(keys), "reason": reason}
        )
    return made


@transaction.atomic
def settle(account: Account) -> int:
    """Close the tasks of this account's family that are over; how many.

    Done: the team grants the seat no longer, or its end is set. No longer wanted: the person uses it again,
    or answered that they need it, or somebody else decided to keep it.
    """
    tasks = RemovalTask.objects.filter(
        state=State.OPEN, seat__account__in=Account.objects.family(account)
    ).order_by()
    granted = SeatGrant.objects.filter(
        seat=OuterRef("seat_id"),
        assigning_team=OuterRef("team_id"),
        pending_cancellation_date=None,
        seat__ended_at=None,
    )
    done = _close(tasks.filter(~Exists(granted)), State.DONE)
    kept = SeatReview.objects.keeping(today()).filter(seat=OuterRef("seat_id"))
    unwanted = _close(
        tasks.filter(Exists(granted)).filter(~Q(seat__verdict__in=INACTIVE) | Exists(kept)), State.WITHDRAWN
    )
    if done or unwanted:
        AuditEntry.objects.record(
            "team owners' tasks closed",
            subject=account.subject,
            detail={"done": len(done), "withdrawn": len(unwanted), "tasks": sorted([*done, *unwanted])},
        )
    return len(done) + len(unwanted)


def withdraw(tasks: Iterable[RemovalTask], by: Any, reason: str = "") -> int:
    """These owners need do nothing; how many tasks were open."""
    closed = _close(RemovalTask.objects.filter(pk__among={task.pk for task in tasks}), State.WITHDRAWN)
    if closed:
        AuditEntry.objects.record(
            "team owners' tasks withdrawn", actor=by, detail={"tasks": sorted(closed), "reason": reason}
        )
    return len(closed)


def _close(tasks: QuerySet[RemovalTask], state: str) -> list[int]:
    keys = list(tasks.filter(state=State.OPEN).values_list("pk", flat=True))
    RemovalTask.objects.filter(Q(pk__among=set(keys)) & Q(state=State.OPEN)).update(
        state=state, open_key=None, closed_at=timezone.now()
    )
    return keys
